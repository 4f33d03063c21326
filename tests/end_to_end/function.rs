//! The function under test, and what is asked of it and of the cloud.

use std::time::Duration;

use local_cloud::{Cloud, Function, Invocation, LambdaError, announce};
use serde_json::Value;

pub(crate) fn event(name: &str) -> Value {
    let path = format!("{}/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// An event file as of so many seconds ago.
pub(crate) fn ago(name: &str, seconds: u64) -> Value {
    announce(&event(name), Duration::from_secs(seconds))
}

/// The function with short waits, and the environment that a scenario adds.
pub(crate) async fn function(cloud: &Cloud, env: &[(&str, &str)]) -> Function {
    let builder = cloud
        .function(env!("CARGO_BIN_EXE_bootstrap"))
        .env("POLL_INTERVAL_MS", "200")
        .env("WATCH_SECONDS", "3");
    let builder = env
        .iter()
        .fold(builder, |builder, (name, value)| builder.env(name, *value));
    builder.start().await.unwrap()
}

/// The same with a timeout of six seconds: for a run that fails in the end, and would take 75 s to.
pub(crate) async fn hurried(cloud: &Cloud, env: &[(&str, &str)]) -> Function {
    let builder = cloud
        .function(env!("CARGO_BIN_EXE_bootstrap"))
        .timeout(6)
        .env("POLL_INTERVAL_MS", "200");
    let builder = env
        .iter()
        .fold(builder, |builder, (name, value)| builder.env(name, *value));
    builder.start().await.unwrap()
}

pub(crate) async fn invoke(function: &Function, payload: &Value) -> Invocation {
    function.invoke(payload).await.unwrap()
}

/// The one route of a report.
#[track_caller]
pub(crate) fn route(invocation: &Invocation) -> &Value {
    let report = invocation
        .outcome
        .as_ref()
        .unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(report["routes"].as_array().map(Vec::len), Some(1));
    &report["routes"][0]
}

#[track_caller]
pub(crate) fn error(invocation: &Invocation) -> &LambdaError {
    invocation
        .outcome
        .as_ref()
        .expect_err("the invocation should have failed")
}

pub(crate) async fn assert_group(cloud: &Cloud, targets: &[&str]) {
    let held: Vec<String> = cloud.targets().await.unwrap().into_iter().collect();
    assert_eq!(held, targets);
}

#[track_caller]
pub(crate) fn assert_nothing_written(cloud: &Cloud) {
    let writes = cloud.gateway().writes();
    assert!(writes.is_empty(), "{writes:?}");
}

/// The writes, in order, as `RegisterTargets 10.0.1.11:3306`.
pub(crate) fn writes(cloud: &Cloud) -> Vec<String> {
    let calls = cloud.gateway().writes();
    let line = |call: &local_cloud::Call| format!("{} {}", call.action, call.targets().join(" "));
    calls.iter().map(line).collect()
}

/// The log's lines that are JSON.
pub(crate) fn logs(function: &Function) -> Vec<Value> {
    let lines = function.logs();
    lines
        .iter()
        .filter_map(|line| serde_json::from_str(&line.text).ok())
        .collect()
}

/// The last line of metrics.
pub(crate) fn metrics(function: &Function) -> Value {
    let line = logs(function)
        .into_iter()
        .rfind(|line| line.get("_aws").is_some());
    line.expect("a line of metrics")
}
