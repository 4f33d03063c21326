//! Many routes in one scheduled run.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use local_cloud::Cloud;
use serde_json::{Value, json};

use crate::chorus::{Chorus, LATENCY, Rights, cluster};
use crate::lambda::Function;

const SCHEDULE: &str = include_str!("../../../../events/schedule.json");

pub(crate) async fn measure(bootstrap: &Path) -> Result<()> {
    println!("\n## Routes\n");
    println!(
        "Each call takes {} ms; 1024 file descriptors, as in Lambda.\n",
        LATENCY.as_millis()
    );
    println!(
        "| routes | may ask for | run | DescribeDBClusters | DescribeDBInstances | DescribeEvents \
         | DescribeTargetHealth | seconds | routes that failed | connections at a time | peak memory |"
    );
    println!("|--:|---|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    let mut complaint = None;
    let all = [1, 10, 100, 1000].map(|count| (count, Rights::All));
    let each = [100, 1000].map(|count| (count, Rights::Each));
    for (count, rights) in all.into_iter().chain(each) {
        let cloud = Cloud::start().await?;
        let chorus = Chorus::start(&cloud, count, rights).await?;
        let mut environment = cloud.environment();
        environment.retain(|name, _| {
            !["DB_CLUSTER_IDENTIFIER", "TARGET_GROUP_ARN"].contains(&name.as_str())
        });
        environment.insert("AWS_ENDPOINT_URL".to_owned(), chorus.url.clone());
        environment.insert("ROUTES".to_owned(), routes(count));
        environment.insert("LOG_LEVEL".to_owned(), "error".to_owned());
        let mut function = Function::start(&[bootstrap], &environment).await?;
        for run in ["first", "second"] {
            let (answer, took) = function.invoke(SCHEDULE).await?;
            let calls = chorus.take_calls();
            let told = answer["errorMessage"].as_str().unwrap_or_default();
            complaint = complaint.or_else(|| told.lines().next().map(str::to_owned));
            let of = |action: &str| calls.get(action).copied().unwrap_or_default();
            println!(
                "| {count} | {rights:?} | {run} | {} | {} | {} | {} | {:.2} | {} | {} | {:.1} MB |",
                of("DescribeDBClusters"),
                of("DescribeDBInstances"),
                of("DescribeEvents"),
                of("DescribeTargetHealth"),
                took.as_secs_f64(),
                told.lines().count(),
                chorus.most_connections(),
                peak_memory(function.pid())?,
            );
        }
    }
    if let Some(complaint) = complaint {
        println!("\nThe first that failed said: {complaint}");
    }
    println!(
        "\nLambda gives a function 4 KB for all of its environment; `ROUTES` of 1000 routes is {} KB \
         here, with names as short as can be.",
        routes(1000).len() / 1000
    );
    Ok(())
}

/// `ROUTES`, with names so short that a thousand fit into what Linux gives one variable.
fn routes(count: usize) -> String {
    let route = |number| {
        let group = format!(
            "arn:aws:elasticloadbalancing:r:1:targetgroup/{}/1",
            cluster(number)
        );
        json!({"dbClusterIdentifier": cluster(number), "targetGroupArn": group})
    };
    Value::from((1..=count).map(route).collect::<Vec<Value>>()).to_string()
}

/// Megabytes of resident memory at their highest.
fn peak_memory(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: f64 = line
        .context("no VmHWM")?
        .trim()
        .trim_end_matches(" kB")
        .parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}
