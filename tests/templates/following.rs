//! The function, run as its stack says, in what the stacks made.

use std::collections::BTreeSet;
use std::time::Duration;

use local_cloud::{Cloud, INSTANCE_2, Stack, TARGET_1, TARGET_2, announce};
use serde_json::Value;

use crate::payload::event;
use crate::room::emptied;
use crate::sealed::{in_a_room, start};
use crate::stacks::{configuration, database, deploy_function, deploy_path, schedule};

/// What the stack's schedule sends, with what EventBridge Scheduler puts in for its own names.
async fn tick(cloud: &Cloud, stack: &Stack) -> Value {
    let target = schedule(cloud, stack).await["Target"].clone();
    let input = target["Input"].as_str().unwrap();
    let filled = input
        .replace("<aws.scheduler.execution-id>", "d32c5kddcf5bb8c3")
        .replace("<aws.scheduler.scheduled-time>", "2026-11-01T03:01:00Z")
        .replace(
            "<aws.scheduler.schedule-arn>",
            "arn:aws:scheduler:x:1:schedule/default/x",
        );
    assert!(!filled.contains("<aws."), "{filled}");
    serde_json::from_str(&filled).unwrap()
}

#[test]
fn the_function_of_a_deployment_fills_its_group_by_the_schedule_and_follows_a_failover() {
    in_a_room(async |room| follow(&room.start_cloud().await.unwrap()).await);
}

async fn follow(cloud: &Cloud) {
    // Short, since a scheduled run that finds the group empty waits before it fills it.
    let short = [("WatchSeconds", "4"), ("PollIntervalMs", "200")];
    let path = deploy_path(cloud, &database(cloud).await, &[]).await;
    let group = &path.outputs["TargetGroupArn"];
    let stack = deploy_function(cloud, group, &short).await;
    let targets = async || cloud.targets_in(group).await.unwrap();
    assert_eq!(targets().await, BTreeSet::new(), "nobody is in it at first");

    let configuration = configuration(cloud, &stack).await;
    let function = start(cloud, &configuration).await;
    let tick = tick(cloud, &stack).await;
    let report = function.invoke(&tick).await.unwrap().outcome.unwrap();
    assert_eq!(report["triggers"][0]["kind"], "schedule", "{report}");
    assert_eq!(report["routes"][0]["targetGroupArn"], **group);
    assert_eq!(report["routes"][0]["outcome"], "switched");
    assert_eq!(targets().await, [TARGET_1.to_owned()].into());

    let announced = announce(&event("failover"), Duration::from_secs(1));
    let (done, ()) = tokio::join!(function.invoke(&announced), async {
        emptied(async || targets().await.is_empty()).await;
        cloud.fail_over(INSTANCE_2).await.unwrap();
    });
    let report = done.unwrap().outcome.unwrap();
    assert_eq!(report["routes"][0]["outcome"], "switched", "{report}");
    assert_eq!(targets().await, [TARGET_2.to_owned()].into());
    cloud.move_cname(INSTANCE_2);
    let report = function.invoke(&tick).await.unwrap().outcome.unwrap();
    assert_eq!(report["routes"][0]["outcome"], "unchanged", "{report}");

    // The doctor finds what moto's cluster and the emulator's name for the function bring, and what
    // moto doesn't tell.
    let doctor = function.invoke(&event("doctor")).await.unwrap();
    let diagnosis = doctor.outcome.unwrap();
    let checks = diagnosis["findings"].as_array().unwrap().iter();
    let checks: Vec<&str> = checks.map(|one| one["check"].as_str().unwrap()).collect();
    let brought = [
        "cluster: binlog_format",
        "load balancer: EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
        "readers' guard: init_connect",
        "events: subscription",
        "events: subscription",
        "events: subscription",
        "endpoint service: connections",
    ];
    assert_eq!(checks, brought, "{diagnosis:#}");

    let untouched = cloud.targets().await.unwrap();
    assert_eq!(untouched, [TARGET_1.to_owned()].into(), "another group");
}
