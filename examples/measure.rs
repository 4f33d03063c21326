//! Measures what README.md claims: `cargo run --example measure`.
//!
//! Builds `bootstrap` as it is deployed and runs it under AWS's Lambda emulator; what hangs on TLS,
//! in a sealed room, for which it wants root. Times are this machine's; the counts are not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use local_cloud::{
    ANY, CLUSTER, Call, Cloud, Fault, Function, INSTANCE_2, Room, announce, no_room,
};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    let bootstrap = build()?;
    println!("zipped bootstrap        {:.2} MB", zipped(&bootstrap)?);

    let cloud = Cloud::start().await?;
    let mut cold = Vec::new();
    let mut warm = Vec::new();
    for _ in 0..5 {
        let function = cloud.function(&bootstrap).start().await?;
        cold.push(run(&function, &json!({})).await?);
        for _ in 0..5 {
            warm.push(run(&function, &json!({})).await?);
        }
    }
    println!(
        "cold run, median of 5   {} ms",
        median(&mut cold).as_millis()
    );
    println!(
        "warm run, median of 25  {} ms",
        median(&mut warm).as_millis()
    );

    let function = cloud
        .function(&bootstrap)
        .env("WATCH_SECONDS", "5")
        .start()
        .await?;
    cloud.gateway().forget();
    run(&function, &json!({})).await?;
    println!(
        "calls of the first look {}",
        names(&cloud.gateway().calls())
    );
    cloud.gateway().forget();
    run(&function, &json!({})).await?;
    println!(
        "calls of a quiet run    {}",
        names(&cloud.gateway().calls())
    );

    cloud.fail_over(INSTANCE_2).await?;
    cloud.gateway().forget();
    let added = Duration::from_millis(100);
    cloud.gateway().inject(ANY, Fault::Delay(added));
    let event = std::fs::read_to_string("events/failover-completed.json")?;
    run(
        &function,
        &announce(&serde_json::from_str(&event)?, Duration::from_secs(1)),
    )
    .await?;
    let calls = cloud.gateway().calls();
    println!("calls of a switch       {}", names(&calls));
    let began = calls.first().ok_or("no call")?.at;
    let registered = calls
        .iter()
        .find(|call| call.action == "RegisterTargets")
        .ok_or("not registered")?;
    let trips = (registered.at + added - began).as_secs_f64() / added.as_secs_f64();
    println!("round trips to be in    {trips:.1} (100 ms added to each call)");
    println!("peak memory of a run    {:.1} MB", peak_memory(&function)?);

    match no_room() {
        None => Room::enter(async move |room| over_tls(&room, &bootstrap).await)?,
        Some(reason) => Err(reason.into()),
    }
}

/// What a cold start takes as it is deployed: with the template's variables, AWS's names and TLS.
async fn over_tls(room: &Room, bootstrap: &Path) -> Result<()> {
    let cloud = room.start_cloud().await?;
    let configuration = deployed(&cloud).await?;
    let variables: BTreeMap<String, String> =
        serde_json::from_value(configuration["Environment"]["Variables"].clone())?;
    let (mut cold, mut peaks) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let function = cloud.deployed(bootstrap, variables.clone());
        let function = function.timeout(180).start().await?;
        cold.push(run(&function, &json!({})).await?);
        run(&function, &json!({"action": "doctor"})).await?;
        peaks.push(peak_memory(&function)?);
    }
    println!(
        "cold run over TLS       {} ms",
        median(&mut cold).as_millis()
    );
    let peak = peaks.into_iter().fold(0.0, f64::max);
    println!("peak memory over TLS    {peak:.1} MB (the doctor's run included)");
    Ok(())
}

/// What Lambda knows of the function that `template.yaml` makes with its defaults.
async fn deployed(cloud: &Cloud) -> Result<Value> {
    let plain = Command::new("tools/plain-template")
        .args(["template.yaml", &Cloud::staged_at("code")])
        .stderr(Stdio::inherit())
        .output()?;
    let template = serde_json::from_slice(&plain.stdout)?;
    cloud
        .stage(&[("code".to_owned(), "a zip".to_owned())])
        .await?;
    let route = [
        ("DBClusterIdentifier", CLUSTER),
        ("TargetGroupArn", cloud.target_group_arn()),
    ];
    let stack = cloud.create_stack("function", &template, &route).await?;
    let name = &stack.outputs["FunctionName"];
    let path = format!("/2015-03-31/functions/{name}/configuration");
    Ok(cloud.get("lambda", &path).await?)
}

/// Builds the executable that is deployed, and tells where it is.
fn build() -> Result<PathBuf> {
    let output = Command::new("tools/build-function")
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("tools/build-function failed".into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().into())
}

/// Megabytes of the archive that is uploaded.
fn zipped(bootstrap: &Path) -> Result<f64> {
    let script = "import io, sys, zipfile; f = io.BytesIO()
with zipfile.ZipFile(f, 'w', zipfile.ZIP_DEFLATED) as z: z.write(sys.argv[1], 'bootstrap')
print(f.tell())";
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(bootstrap)
        .output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse::<f64>()? / 1e6)
}

async fn run(function: &Function, payload: &Value) -> Result<Duration> {
    let done = function.invoke(payload).await?;
    done.outcome.map_err(|error| format!("{error:?}"))?;
    Ok(done.elapsed)
}

fn median(durations: &mut [Duration]) -> Duration {
    durations.sort_unstable();
    durations[durations.len() / 2]
}

fn names(calls: &[Call]) -> String {
    let names: Vec<&str> = calls.iter().map(|call| call.action.as_str()).collect();
    format!("{} ({})", calls.len(), names.join(", "))
}

/// Megabytes of resident memory at their highest.
fn peak_memory(function: &Function) -> Result<f64> {
    let pid = function.pid().ok_or("bootstrap is not running")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("no VmHWM")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}
