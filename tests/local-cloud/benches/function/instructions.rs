//! How many instructions a start and a run take, under valgrind's callgrind.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, process};

use anyhow::{Context, Result, ensure};
use local_cloud::{Cloud, INSTANCE_1, INSTANCE_2, TARGET_1, announce};

use crate::lambda::Function;

const COMPLETED: &str = include_str!("../../../../events/failover-completed.json");
const SCHEDULE: &str = include_str!("../../../../events/schedule.json");

pub(crate) async fn measure(bootstrap: &Path) -> Result<()> {
    println!("\n## Instructions\n");
    let installed = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !installed.is_ok_and(|status| status.success()) {
        println!("valgrind is not installed");
        return Ok(());
    }
    let cloud = Cloud::start().await?;
    let start = count(&cloud, bootstrap, 0, false).await?;
    let one = count(&cloud, bootstrap, 1, false).await?;
    let eleven = count(&cloud, bootstrap, 11, false).await?;
    let switch = count(&cloud, bootstrap, 1, true).await?;
    println!("| | millions of instructions |\n|---|--:|");
    let line = |what: &str, count: u64| {
        let hundredths = count / 10_000;
        println!("| {what} | {}.{:02} |", hundredths / 100, hundredths % 100);
    };
    line("start, until the first invocation is asked for", start);
    line("the first run", one.saturating_sub(start));
    line(
        "a quiet run after it, mean of 10",
        eleven.saturating_sub(one) / 10,
    );
    line("a switch in a run after it", switch.saturating_sub(one));
    Ok(())
}

/// Instructions of a process that starts, makes so many quiet runs, switches if it should, and
/// ends.
async fn count(cloud: &Cloud, bootstrap: &Path, runs: usize, switches: bool) -> Result<u64> {
    let log = env::temp_dir().join(format!("callgrind-{}-{runs}-{switches}", process::id()));
    let out = "--callgrind-out-file=/dev/null";
    let log_file = format!("--log-file={}", log.display());
    let command = ["valgrind", "--tool=callgrind", out, &log_file].map(Path::new);
    let command: Vec<&Path> = command.into_iter().chain([bootstrap]).collect();
    let mut function = Function::start(&command, &cloud.environment()).await?;
    for _ in 0..runs {
        let (report, _) = function.invoke(SCHEDULE).await?;
        ensure!(
            report["routes"][0]["looks"] == 1,
            "not a quiet run: {report}"
        );
    }
    if switches {
        cloud.fail_over(INSTANCE_2).await?;
        let event = announce(&serde_json::from_str(COMPLETED)?, Duration::from_secs(1));
        let (report, _) = function.invoke(&event.to_string()).await?;
        ensure!(
            report["routes"][0]["outcome"] == "switched",
            "no switch: {report}"
        );
        cloud.fail_over(INSTANCE_1).await?;
        cloud.set_targets(&[TARGET_1]).await?;
    }
    function.end().await?;
    let said = fs::read_to_string(&log)?;
    fs::remove_file(&log)?;
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = collected.with_context(|| format!("callgrind counted nothing: {said}"))?;
    Ok(count.trim().parse()?)
}
