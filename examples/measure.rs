//! Measures what README.md claims: `cargo run --example measure`.
//!
//! Builds `bootstrap` for release and runs it under AWS's Lambda emulator. Times are this machine's;
//! the counts are not.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use local_cloud::{ANY, Call, Cloud, Fault, Function, INSTANCE_2, announce};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

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

    // The same over TLS as far as a plain server lets it: certificates are loaded, the handshake fails.
    let https = cloud.gateway().url().replace("http://", "https://");
    let function = cloud
        .function(&bootstrap)
        .env("AWS_ENDPOINT_URL", https)
        .env("WATCH_SECONDS", "1")
        .start()
        .await?;
    if function.invoke(&json!({})).await?.outcome.is_ok() {
        return Err("a plain server cannot have spoken TLS".into());
    }
    println!("the same, TLS begun     {:.1} MB", peak_memory(&function)?);
    Ok(())
}

/// Builds the executable that is deployed, and tells where it is.
fn build() -> Result<PathBuf> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let command = [
        "build",
        "--release",
        "--bin",
        "bootstrap",
        "--message-format",
        "json-render-diagnostics",
    ];
    let output = Command::new(cargo)
        .args(command)
        .stderr(std::process::Stdio::inherit())
        .output()?;
    let lines = String::from_utf8(output.stdout)?;
    let mut messages = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let path = messages.rfind(|message| message["executable"].is_string());
    let path = path.and_then(|message| message["executable"].as_str().map(PathBuf::from));
    path.ok_or_else(|| "cargo built no bootstrap".into())
}

/// Megabytes of the archive that is uploaded.
fn zipped(bootstrap: &std::path::Path) -> Result<f64> {
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
