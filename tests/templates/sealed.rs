//! The function as it is deployed, in a sealed room: the binary that `sam build` makes, with the
//! variables that the stack has, those that Lambda sets, and no others.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use local_cloud::{Cloud, Function, Room, no_room};
use serde_json::Value;

use crate::plain::{PRIVATELINK, TEMPLATE};

/// The binary that a deployment uploads.
pub(crate) static BOOTSTRAP: LazyLock<PathBuf> = LazyLock::new(|| {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/build-function");
    // It tells of a build that takes minutes.
    let output = Command::new(build).stderr(Stdio::inherit()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "tools/build-function");
    String::from_utf8(output.stdout).unwrap().trim().into()
});

/// Runs a case in a sealed room. Where none can be had, this is skipped and says so; with
/// `ROOM_REQUIRED=1`, which CI sets, that is a failure.
pub(crate) fn in_a_room(case: impl AsyncFnOnce(Room) + Send + 'static) {
    if let Some(reason) = no_room() {
        let required = std::env::var("ROOM_REQUIRED").is_ok_and(|required| required == "1");
        assert!(!required, "{reason}");
        // Past the test harness, which keeps what a passing test prints to itself.
        let line = format!("SKIPPED: {reason}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    }
    // What is built and installed is so outside.
    let _ = (&*BOOTSTRAP, &*TEMPLATE, &*PRIVATELINK);
    Room::enter(case).unwrap();
}

/// The variables of the function that a stack has made.
pub(crate) fn variables(configuration: &Value) -> BTreeMap<String, String> {
    let variables = configuration["Environment"]["Variables"].as_object();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let variables = variables.unwrap().iter();
    variables
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

/// The function that a stack has made, about to be invoked.
pub(crate) async fn start(cloud: &Cloud, configuration: &Value) -> Function {
    start_program(&BOOTSTRAP, cloud, configuration).await
}

/// The same, of a program that was uploaded.
pub(crate) async fn start_program(
    program: &Path,
    cloud: &Cloud,
    configuration: &Value,
) -> Function {
    let timeout = configuration["Timeout"].as_u64().unwrap();
    let function = cloud.deployed(program, variables(configuration));
    let function = function.timeout(u32::try_from(timeout).unwrap());
    function.start().await.unwrap()
}
