//! The real `bootstrap` under AWS's Lambda emulator, against moto and a real DNS server.
//!
//! Each test is a scenario with a cloud of its own. moto forgets a deregistered target at once, where
//! AWS shows it draining for a while: what hangs on that is in `scenarios.rs`. moto asks for no permission,
//! so that the gateway has to deny; and it tells all clusters in one answer, where AWS's end at a hundred:
//! what hangs on that is in `src/world/together.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use local_cloud::{
    Answer, CLUSTER, Cloud, Fault, Function, INSTANCE_1, INSTANCE_2, Invocation, LambdaError,
    TARGET_1, TARGET_2, announce,
};
use serde_json::{Value, json};

fn event(name: &str) -> Value {
    let path = format!("{}/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// An event file as of so many seconds ago.
fn ago(name: &str, seconds: u64) -> Value {
    announce(&event(name), Duration::from_secs(seconds))
}

/// The function with short waits, and the environment that a scenario adds.
async fn function(cloud: &Cloud, env: &[(&str, &str)]) -> Function {
    let builder = cloud
        .function(env!("CARGO_BIN_EXE_bootstrap"))
        .env("POLL_INTERVAL_MS", "200")
        .env("WATCH_SECONDS", "3");
    let builder = env
        .iter()
        .fold(builder, |builder, (name, value)| builder.env(name, *value));
    builder.start().await.unwrap()
}

async fn invoke(function: &Function, payload: &Value) -> Invocation {
    function.invoke(payload).await.unwrap()
}

/// The one route of a report.
#[track_caller]
fn route(invocation: &Invocation) -> &Value {
    let report = invocation
        .outcome
        .as_ref()
        .unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(report["routes"].as_array().map(Vec::len), Some(1));
    &report["routes"][0]
}

#[track_caller]
fn error(invocation: &Invocation) -> &LambdaError {
    invocation
        .outcome
        .as_ref()
        .expect_err("the invocation should have failed")
}

async fn assert_group(cloud: &Cloud, targets: &[&str]) {
    let held: Vec<String> = cloud.targets().await.unwrap().into_iter().collect();
    assert_eq!(held, targets);
}

#[track_caller]
fn assert_nothing_written(cloud: &Cloud) {
    let writes = cloud.gateway().writes();
    assert!(writes.is_empty(), "{writes:?}");
}

/// The writes, in order, as `RegisterTargets 10.0.1.11:3306`.
fn writes(cloud: &Cloud) -> Vec<String> {
    let calls = cloud.gateway().writes();
    let line = |call: &local_cloud::Call| format!("{} {}", call.action, call.targets().join(" "));
    calls.iter().map(line).collect()
}

#[tokio::test]
async fn nothing_to_do_writes_nothing_and_looks_once() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[]).await;
    for payload in [event("schedule"), event("manual")] {
        let done = invoke(&function, &payload).await;
        let route = route(&done);
        assert_eq!(route["outcome"], "unchanged");
        assert_eq!(route["looks"], 1);
        assert_eq!(route["writer"], INSTANCE_1);
        assert_eq!(
            route["witnesses"],
            json!({"api": INSTANCE_1, "dns": INSTANCE_1, "hint": null})
        );
        assert_eq!(route["targets"], json!([TARGET_1]));
    }
    assert_nothing_written(&cloud);
    assert_group(&cloud, &[TARGET_1]).await;
}

#[tokio::test]
async fn a_failover_announced_by_0073_before_the_cname_moves() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[("WATCH_SECONDS", "60")]).await;
    let announced = ago("failover", 1);
    let (done, ()) = tokio::join!(invoke(&function, &announced), async {
        // The Writer moves once the function has emptied the group, as it would some seconds after the announcement.
        while !cloud.targets().await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cloud.fail_over(INSTANCE_2).await.unwrap();
    });
    let report = done.outcome.as_ref().unwrap();
    let trigger = &report["triggers"][0];
    assert_eq!(trigger["kind"], "moving");
    assert_eq!(trigger["eventId"], "RDS-EVENT-0073");
    assert_eq!(trigger["sourceId"], CLUSTER);
    assert_eq!(trigger["hint"], INSTANCE_2);
    assert!(
        (1.0..5.0).contains(&trigger["ageSeconds"].as_f64().unwrap()),
        "{trigger}"
    );
    let route = route(&done);
    assert_eq!(route["dbClusterIdentifier"], CLUSTER);
    assert_eq!(route["targetGroupArn"], cloud.target_group_arn());
    assert_eq!(route["outcome"], "switched");
    assert_eq!(route["writer"], INSTANCE_2);
    assert_eq!(
        route["witnesses"],
        json!({"api": INSTANCE_2, "dns": INSTANCE_1, "hint": INSTANCE_2})
    );
    assert_eq!(route["deregistered"], json!([TARGET_1]));
    assert_eq!(route["registered"], json!([TARGET_2]));
    assert_eq!(route["targets"], json!([TARGET_2]));
    assert!(route["looks"].as_u64() >= Some(3) && route["elapsedMs"].is_u64());
    let expected = [
        format!("DeregisterTargets {TARGET_1}"),
        format!("RegisterTargets {TARGET_2}"),
    ];
    assert_eq!(writes(&cloud), expected);
    assert_group(&cloud, &[TARGET_2]).await;
}

#[tokio::test]
async fn the_same_failover_by_eventbridge_with_wait_leaves_the_old_writer_until_the_new_one_is_confirmed()
 {
    let cloud = Cloud::start().await.unwrap();
    let env = [("WATCH_SECONDS", "60"), ("ON_FAILOVER_START", "wait")];
    let function = function(&cloud, &env).await;
    let announced = ago("eventbridge-failover", 1);
    let (done, ()) = tokio::join!(invoke(&function, &announced), async {
        while cloud.gateway().calls_of("DescribeTargetHealth").len() < 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_group(&cloud, &[TARGET_1]).await;
        cloud.fail_over(INSTANCE_2).await.unwrap();
    });
    assert_eq!(route(&done)["outcome"], "switched");
    assert_group(&cloud, &[TARGET_2]).await;
}

#[tokio::test]
async fn a_failover_announced_by_0071_alone() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &ago("failover-completed", 2)).await;
    assert_eq!(route(&done)["outcome"], "switched");
    assert_eq!(route(&done)["looks"], 2, "one to see it, one to verify it");
    assert_eq!(
        route(&done)["witnesses"]["dns"],
        INSTANCE_1,
        "the CNAME still lags"
    );
    assert_group(&cloud, &[TARGET_2]).await;
}

#[tokio::test]
async fn a_failover_that_was_missed_is_found_by_the_schedule() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    cloud.move_cname(INSTANCE_2);
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(route(&done)["outcome"], "switched");
    assert_group(&cloud, &[TARGET_2]).await;

    let metrics = metrics(&function);
    assert_eq!(metrics["Switches"], 1);
    assert_eq!(metrics["WrongTargets"], 1);
    assert_eq!(metrics["DBClusterIdentifier"], CLUSTER);
    assert_eq!(
        metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"],
        "FailoverFollower"
    );
}

#[tokio::test]
async fn witnesses_that_disagree_to_the_end_leave_it_to_the_api() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(route(&done)["outcome"], "switched");
    assert!(
        route(&done)["elapsedMs"].as_u64() >= Some(3000),
        "not before the watch ended"
    );
    assert_eq!(metrics(&function)["Disagreements"], 1);
    assert_group(&cloud, &[TARGET_2]).await;
}

#[tokio::test]
async fn an_event_ten_minutes_late_that_names_the_old_writer() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    cloud.move_cname(INSTANCE_2);
    cloud.set_targets(&[TARGET_2]).await.unwrap();
    let function = function(&cloud, &[]).await;
    for name in ["failover-back", "failover", "eventbridge-failover"] {
        let late = ago(name, 600).to_string().replace(
            "instance: aurora-source-instance-2",
            &format!("instance: {INSTANCE_1}"),
        );
        let done = invoke(&function, &serde_json::from_str(&late).unwrap()).await;
        let report = done.outcome.as_ref().unwrap();
        assert_eq!(report["triggers"][0]["hint"], INSTANCE_1, "it names it");
        assert_eq!(route(&done)["outcome"], "unchanged");
        assert_eq!(
            route(&done)["witnesses"]["hint"],
            Value::Null,
            "and is not heard"
        );
    }
    assert_nothing_written(&cloud);
    assert_group(&cloud, &[TARGET_2]).await;
}

#[tokio::test]
async fn a_failover_that_fails_and_goes_back() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &ago("failover", 1)).await;
    assert_eq!(route(&done)["deregistered"], json!([TARGET_1]));
    assert_eq!(route(&done)["registered"], json!([TARGET_1]));
    assert_group(&cloud, &[TARGET_1]).await;

    let done = invoke(&function, &ago("failover-back", 1)).await;
    assert_eq!(route(&done)["outcome"], "unchanged");
    let done = invoke(&function, &ago("failover-failed", 1)).await;
    assert_eq!(route(&done)["outcome"], "unchanged");
    assert_group(&cloud, &[TARGET_1]).await;
}

#[tokio::test]
async fn the_event_of_the_way_back_fills_the_group_while_the_first_run_still_watches() {
    let cloud = Cloud::start().await.unwrap();
    let first = function(&cloud, &[("WATCH_SECONDS", "8")]).await;
    let second = function(&cloud, &[]).await;
    let started = ago("failover", 1);
    let (watching, back) = tokio::join!(invoke(&first, &started), async {
        while !cloud.targets().await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        invoke(&second, &ago("failover-back", 1)).await
    });
    assert_eq!(route(&back)["outcome"], "switched");
    assert_eq!(route(&watching)["outcome"], "switched");
    let expected = [
        format!("DeregisterTargets {TARGET_1}"),
        format!("RegisterTargets {TARGET_1}"),
    ];
    assert_eq!(writes(&cloud), expected, "the two don't fight");
    assert_group(&cloud, &[TARGET_1]).await;
}

#[tokio::test]
async fn an_instance_that_changes_its_address() {
    let cloud = Cloud::start().await.unwrap();
    cloud.set_address(INSTANCE_1, "10.0.1.99".parse().unwrap());
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &ago("instance-class-changed", 1)).await;
    assert_eq!(route(&done)["outcome"], "switched");
    assert_eq!(route(&done)["registered"], json!(["10.0.1.99:3306"]));
    assert_group(&cloud, &["10.0.1.99:3306"]).await;
}

#[tokio::test]
async fn a_writer_outside_the_load_balancers_vpc() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[]).await;
    cloud.set_address(INSTANCE_1, [10, 9, 1, 11].into());
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(route(&done)["outcome"], "switched");
    assert_group(&cloud, &["10.9.1.11:3306"]).await;
    let zones = cloud.gateway().calls_of("RegisterTargets");
    let zones: Vec<Option<&str>> = zones
        .iter()
        .map(|call| call.parameters.get("Targets.member.1.AvailabilityZone"))
        .map(|zone| zone.map(String::as_str))
        .collect();
    assert_eq!(zones, [None, Some("all")]);
}

#[tokio::test]
async fn a_blue_green_switchover_names_other_instances() {
    let cloud = Cloud::start().await.unwrap();
    cloud
        .add_instance("aurora-source-green", "10.0.2.77".parse().unwrap())
        .await
        .unwrap();
    cloud.fail_over("aurora-source-green").await.unwrap();
    cloud.move_cname("aurora-source-green");
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &ago("blue-green-switchover", 1)).await;
    assert_eq!(route(&done)["writer"], "aurora-source-green");
    assert_group(&cloud, &["10.0.2.77:3306"]).await;
}

#[tokio::test]
async fn a_second_identical_event_does_nothing() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    let function = function(&cloud, &[]).await;
    let completed = ago("failover-completed", 1);
    assert_eq!(
        route(&invoke(&function, &completed).await)["outcome"],
        "switched"
    );
    cloud.gateway().forget();
    let again = invoke(&function, &completed).await;
    assert_eq!(route(&again)["outcome"], "unchanged");
    assert_eq!(route(&again)["looks"], 1);
    assert_nothing_written(&cloud);
    assert_group(&cloud, &[TARGET_2]).await;
}

#[tokio::test]
async fn several_records_make_one_run() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &ago("several-records", 1)).await;
    let kinds: Vec<&Value> = done.outcome.as_ref().unwrap()["triggers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trigger| &trigger["kind"])
        .collect();
    assert_eq!(kinds, ["moving", "moved", "recheck"]);
    assert_eq!(route(&done)["outcome"], "switched");
    assert_eq!(writes(&cloud).len(), 2);
    assert_group(&cloud, &[TARGET_2]).await;
}

#[tokio::test]
async fn an_event_for_another_cluster_and_one_about_a_backup_are_ignored() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    let function = function(&cloud, &[]).await;
    let other = ago("failover-completed", 1)
        .to_string()
        .replace("aurora-source", "another");
    for payload in [serde_json::from_str(&other).unwrap(), ago("backup", 1)] {
        let done = invoke(&function, &payload).await;
        assert_eq!(route(&done)["outcome"], "ignored");
        assert_eq!(route(&done)["looks"], 0);
    }
    assert!(cloud.gateway().calls().is_empty(), "nobody was asked");
    assert_group(&cloud, &[TARGET_1]).await;
}

#[tokio::test]
async fn what_is_not_understood_is_a_reason_to_look() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    cloud.move_cname(INSTANCE_2);
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &event("malformed")).await;
    assert_eq!(
        done.outcome.as_ref().unwrap()["triggers"][0]["kind"],
        "unrecognized"
    );
    assert_eq!(route(&done)["outcome"], "switched");
    let done = invoke(&function, &event("subscription-confirmed")).await;
    assert_eq!(route(&done)["outcome"], "unchanged");
    for bytes in [&b"not JSON"[..], b"{\"Records\": [", b"\xff\xfe"] {
        let done = function.invoke_raw(bytes.to_vec()).await.unwrap();
        assert_eq!(route(&done)["outcome"], "unchanged", "{bytes:?}");
    }
    let logs = logs(&function);
    assert!(
        logs.iter()
            .any(|line| line["level"] == "WARN" && line["why"].is_string()),
        "{logs:#?}"
    );
}

#[tokio::test]
async fn an_empty_group_is_filled() {
    let cloud = Cloud::start().await.unwrap();
    cloud.set_targets(&[]).await.unwrap();
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &event("manual")).await;
    assert_eq!(route(&done)["registered"], json!([TARGET_1]));
    assert_group(&cloud, &[TARGET_1]).await;

    cloud.set_targets(&[]).await.unwrap();
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(route(&done)["outcome"], "switched");
    assert_group(&cloud, &[TARGET_1]).await;
}

#[tokio::test]
async fn a_foreign_target_and_one_on_another_port_leave_the_group() {
    let cloud = Cloud::start().await.unwrap();
    cloud
        .set_targets(&["10.0.1.200:3306", "10.0.1.11:3307"])
        .await
        .unwrap();
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(route(&done)["outcome"], "switched");
    assert_eq!(
        writes(&cloud),
        [
            "DeregisterTargets 10.0.1.11:3307 10.0.1.200:3306",
            "RegisterTargets 10.0.1.11:3306"
        ]
    );
    assert_group(&cloud, &[TARGET_1]).await;
}

#[tokio::test]
async fn a_dry_run_plans_and_changes_nothing() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    let function = function(&cloud, &[("DRY_RUN", "true")]).await;
    let done = invoke(&function, &ago("failover-completed", 1)).await;
    assert_eq!(route(&done)["outcome"], "planned");
    assert_eq!(route(&done)["deregistered"], json!([TARGET_1]));
    assert_eq!(route(&done)["registered"], json!([TARGET_2]));
    assert_eq!(route(&done)["targets"], json!([TARGET_1]));
    assert_nothing_written(&cloud);
    assert_group(&cloud, &[TARGET_1]).await;
}

#[tokio::test]
async fn the_rds_api_down() {
    let cloud = Cloud::start().await.unwrap();
    cloud.move_cname(INSTANCE_2);
    cloud
        .gateway()
        .inject("DescribeDBClusters", Fault::unavailable());
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &event("schedule")).await;
    let error = error(&done);
    assert_eq!(error.error_type, "Undecided");
    for part in [
        CLUSTER,
        cloud.target_group_arn(),
        "ServiceUnavailable",
        TARGET_1,
        "api silent",
    ] {
        assert!(error.message.contains(part), "{part}: {}", error.message);
    }
    assert_nothing_written(&cloud);
    assert_group(&cloud, &[TARGET_1]).await;
    assert_eq!(metrics(&function)["Failures"], 1);
}

#[tokio::test]
async fn the_rds_api_down_from_the_start_with_the_cluster_endpoint_given() {
    let cloud = Cloud::start().await.unwrap();
    cloud.move_cname(INSTANCE_2);
    cloud
        .gateway()
        .inject("DescribeDBClusters", Fault::unavailable());
    cloud
        .gateway()
        .inject("DescribeDBInstances", Fault::unavailable());
    let completed = ago("failover-completed", 1);

    let without = function(&cloud, &[]).await;
    assert_eq!(
        error(&invoke(&without, &completed).await).error_type,
        "Undecided"
    );
    assert_nothing_written(&cloud);

    let endpoint = cloud.cluster_endpoint().to_owned();
    let function = function(&cloud, &[("DB_CLUSTER_ENDPOINT", &endpoint)]).await;
    assert_eq!(
        error(&invoke(&function, &event("schedule")).await).error_type,
        "Undecided"
    );
    assert_nothing_written(&cloud);
    let done = invoke(&function, &completed).await;
    assert_eq!(route(&done)["outcome"], "switched");
    assert_eq!(
        route(&done)["witnesses"],
        json!({"api": null, "dns": INSTANCE_2, "hint": INSTANCE_2})
    );
    assert_group(&cloud, &[TARGET_2]).await;
}

#[tokio::test]
async fn the_rds_api_falling_silent_after_a_process_has_learned_the_names() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[]).await;
    assert_eq!(
        route(&invoke(&function, &event("schedule")).await)["outcome"],
        "unchanged"
    );
    cloud.gateway().inject("DescribeDBClusters", Fault::Cut);
    cloud.move_cname(INSTANCE_2);
    let done = invoke(&function, &ago("failover-completed", 1)).await;
    assert_eq!(route(&done)["outcome"], "switched");
    assert_group(&cloud, &[TARGET_2]).await;
}

#[tokio::test]
async fn any_call_may_go_wrong_once_in_any_way_and_the_end_is_the_same() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[]).await;
    let actions = [
        "DescribeDBClusters",
        "DescribeTargetHealth",
        "DeregisterTargets",
        "RegisterTargets",
    ];
    let faults = [
        Fault::Delay(Duration::from_millis(700)),
        Fault::unavailable(),
        Fault::error(500, "InternalFailure", "oops"),
        Fault::throttled(),
        Fault::Cut,
        Fault::Half,
    ];
    for action in actions {
        for fault in &faults {
            cloud.fail_over(INSTANCE_2).await.unwrap();
            cloud.set_targets(&[TARGET_1]).await.unwrap();
            cloud.gateway().inject_times(action, 1, fault.clone());
            let done = invoke(&function, &ago("failover-completed", 1)).await;
            assert_eq!(route(&done)["outcome"], "switched", "{action}");
            assert_group(&cloud, &[TARGET_2]).await;
        }
    }
}

#[tokio::test]
async fn the_rds_api_throttling_to_the_end_and_then_only_once() {
    let cloud = Cloud::start().await.unwrap();
    cloud
        .gateway()
        .inject("DescribeDBClusters", Fault::throttled());
    let function = function(&cloud, &[]).await;
    assert_eq!(
        error(&invoke(&function, &event("schedule")).await).error_type,
        "Throttled"
    );
    cloud.gateway().clear("DescribeDBClusters");
    cloud
        .gateway()
        .inject_times("DescribeDBClusters", 1, Fault::throttled());
    assert_eq!(
        route(&invoke(&function, &event("schedule")).await)["looks"],
        1,
        "tried again within the look"
    );
    assert_nothing_written(&cloud);
}

#[tokio::test]
async fn the_rds_api_listing_no_writer() {
    let cloud = Cloud::start().await.unwrap();
    cloud
        .gateway()
        .inject("DescribeDBClusters", Fault::no_writer());
    let function = function(&cloud, &[]).await;
    assert_eq!(
        error(&invoke(&function, &event("schedule")).await).error_type,
        "NoWriter"
    );
    assert_nothing_written(&cloud);
    assert_group(&cloud, &[TARGET_1]).await;
}

#[tokio::test]
async fn the_cluster_gone() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[("DB_CLUSTER_IDENTIFIER", "no-such-cluster")]).await;
    let done = invoke(&function, &event("manual")).await;
    assert_eq!(error(&done).error_type, "ClusterNotFound");
    assert!(error(&done).message.contains("no-such-cluster"));
    assert_nothing_written(&cloud);
}

#[tokio::test]
async fn dns_down() {
    for answer in [
        Answer::ServFail,
        Answer::NxDomain,
        Answer::Empty,
        Answer::Silence,
    ] {
        let cloud = Cloud::start().await.unwrap();
        cloud.fail_over(INSTANCE_2).await.unwrap();
        cloud.dns().set(cloud.cluster_endpoint(), answer.clone());
        for instance in [INSTANCE_1, INSTANCE_2] {
            cloud
                .dns()
                .set(&cloud.instance_endpoint(instance), answer.clone());
        }
        let function = function(&cloud, &[]).await;
        let done = invoke(&function, &ago("failover-completed", 1)).await;
        assert_eq!(error(&done).error_type, "AddressUnknown", "{answer:?}");
        assert_nothing_written(&cloud);
        assert_group(&cloud, &[TARGET_1]).await;
    }
}

#[tokio::test]
async fn a_resolver_that_lies_about_the_writer_moves_nothing() {
    for lie in [
        "aurora-source-instance-2.evil.example",
        "evil.example",
        "aurora-source-instance-9.xyz.rds.amazonaws.com",
    ] {
        let cloud = Cloud::start().await.unwrap();
        let endpoint = cloud.cluster_endpoint().to_owned();
        cloud.dns().set(&endpoint, Answer::Cname(lie.to_owned()));
        cloud
            .dns()
            .set(lie, Answer::A(vec!["10.6.6.6".parse().unwrap()]));
        let function = function(&cloud, &[]).await;
        let done = invoke(&function, &event("schedule")).await;
        assert_eq!(
            route(&done)["outcome"],
            "unchanged",
            "{lie}: the API's word stands"
        );
        assert_eq!(route(&done)["writer"], INSTANCE_1);
        assert_nothing_written(&cloud);
        assert_group(&cloud, &[TARGET_1]).await;
    }
}

#[tokio::test]
async fn the_load_balancer_throttling_the_write() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    // Enough to fail the call with all its retries, so that the next look has to try again.
    cloud
        .gateway()
        .inject_times("RegisterTargets", 4, Fault::throttled());
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &ago("failover-completed", 1)).await;
    assert_eq!(route(&done)["outcome"], "switched");
    assert_group(&cloud, &[TARGET_2]).await;
}

#[tokio::test]
async fn the_load_balancer_throttling_to_the_end() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    cloud
        .gateway()
        .inject("DeregisterTargets", Fault::throttled());
    let builder = cloud.function(env!("CARGO_BIN_EXE_bootstrap"));
    let function = builder.timeout(6).start().await.unwrap();
    let done = invoke(&function, &ago("failover-completed", 1)).await;
    assert_eq!(error(&done).error_type, "Throttled");
    assert!(
        error(&done)
            .message
            .contains("elasticloadbalancing:DeregisterTargets")
    );
    assert!(
        done.elapsed < Duration::from_secs(7),
        "before Lambda would have killed it"
    );
    assert!(
        cloud.gateway().calls_of("RegisterTargets").is_empty(),
        "empty beats wrong, and wrong beats both"
    );
    assert_group(&cloud, &[TARGET_1]).await;
}

#[tokio::test]
async fn the_target_group_gone() {
    let cloud = Cloud::start().await.unwrap();
    let gone = cloud
        .target_group_arn()
        .replace("targetgroup/", "targetgroup/not-");
    let function = function(&cloud, &[("TARGET_GROUP_ARN", &gone)]).await;
    let done = invoke(&function, &event("manual")).await;
    assert_eq!(error(&done).error_type, "TargetGroupNotFound");
    assert!(
        error(&done).message.contains(&gone),
        "{}",
        error(&done).message
    );
    assert_nothing_written(&cloud);
}

#[tokio::test]
async fn access_denied_names_the_missing_permission() {
    for (action, permission) in [
        ("DescribeDBClusters", "rds:DescribeDBClusters"),
        ("DescribeDBInstances", "rds:DescribeDBInstances"),
        (
            "DescribeTargetHealth",
            "elasticloadbalancing:DescribeTargetHealth",
        ),
        (
            "DeregisterTargets",
            "elasticloadbalancing:DeregisterTargets",
        ),
        ("RegisterTargets", "elasticloadbalancing:RegisterTargets"),
    ] {
        let cloud = Cloud::start().await.unwrap();
        cloud.fail_over(INSTANCE_2).await.unwrap();
        cloud
            .gateway()
            .inject(action, Fault::access_denied(permission));
        let function = function(&cloud, &[]).await;
        let done = invoke(&function, &ago("failover-completed", 1)).await;
        assert_eq!(error(&done).error_type, "AccessDenied");
        let lacks = format!("lacks the permission {permission}");
        assert!(
            error(&done).message.contains(&lacks),
            "{}",
            error(&done).message
        );
    }
}

#[tokio::test]
async fn a_public_address_is_refused_and_touches_nothing() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    cloud.move_cname(INSTANCE_2);
    cloud.set_address(INSTANCE_2, "54.250.1.2".parse().unwrap());
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &ago("failover-completed", 1)).await;
    assert_eq!(error(&done).error_type, "AddressRefused");
    for part in [
        "54.250.1.2",
        "the cluster is publicly accessible and the function is outside its VPC",
        TARGET_1,
    ] {
        assert!(
            error(&done).message.contains(part),
            "{}",
            error(&done).message
        );
    }
    assert_nothing_written(&cloud);
    assert_group(&cloud, &[TARGET_1]).await;
}

#[tokio::test]
async fn a_deadline_that_runs_out() {
    let cloud = Cloud::start().await.unwrap();
    let builder = cloud.function(env!("CARGO_BIN_EXE_bootstrap"));
    let function = builder.timeout(4).start().await.unwrap();
    let done = invoke(&function, &ago("failover", 1)).await;
    assert_eq!(error(&done).error_type, "FailoverPending");
    assert!(
        error(&done).message.contains("the group is empty"),
        "{}",
        error(&done).message
    );
    assert!(done.elapsed < Duration::from_secs(5));
    assert_group(&cloud, &[]).await;
}

#[tokio::test]
async fn an_api_that_never_answers_does_not_hold_the_run_beyond_its_deadline() {
    let cloud = Cloud::start().await.unwrap();
    cloud.gateway().inject("DescribeTargetHealth", Fault::Never);
    let builder = cloud.function(env!("CARGO_BIN_EXE_bootstrap"));
    let function = builder.timeout(8).start().await.unwrap();
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(error(&done).error_type, "TargetsUnknown");
    assert!(done.elapsed < Duration::from_secs(9), "{:?}", done.elapsed);
    assert_nothing_written(&cloud);
}

#[tokio::test]
async fn routes_run_side_by_side_and_one_that_fails_stops_no_other() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    cloud.move_cname(INSTANCE_2);
    let gone = cloud
        .target_group_arn()
        .replace("targetgroup/", "targetgroup/not-");
    let routes = [
        ("no-such-cluster", gone.as_str()),
        (CLUSTER, cloud.target_group_arn()),
    ];
    let function = function_of(&cloud, &routes).await;
    let done = invoke(&function, &event("manual")).await;
    let error = error(&done);
    assert_eq!(error.error_type, "TargetGroupNotFound");
    assert!(
        error.message.contains("no-such-cluster") && !error.message.contains("`aurora-source`"),
        "{}",
        error.message
    );
    assert_group(&cloud, &[TARGET_2]).await;
}

/// The function of several routes.
async fn function_of(cloud: &Cloud, routes: &[(&str, &str)]) -> Function {
    let route = |(cluster, group): &(&str, &str)| json!({"dbClusterIdentifier": cluster, "targetGroupArn": group});
    let routes: Vec<Value> = routes.iter().map(route).collect();
    let builder = cloud
        .function(env!("CARGO_BIN_EXE_bootstrap"))
        .without_env("DB_CLUSTER_IDENTIFIER")
        .without_env("TARGET_GROUP_ARN")
        .env("ROUTES", Value::from(routes).to_string())
        .env("POLL_INTERVAL_MS", "200");
    builder.start().await.unwrap()
}

/// The outcome of each route.
#[track_caller]
fn outcomes(invocation: &Invocation) -> Vec<&str> {
    let report = invocation
        .outcome
        .as_ref()
        .unwrap_or_else(|error| panic!("{error:?}"));
    let routes = report["routes"].as_array().unwrap();
    routes
        .iter()
        .map(|route| route["outcome"].as_str().unwrap())
        .collect()
}

/// The calls that ask RDS, each with the clusters it asks about: `DescribeDBClusters one,another`.
fn questions(cloud: &Cloud) -> Vec<String> {
    let of = |call: &local_cloud::Call| {
        let asked = |key: &str| key == "DBClusterIdentifier" || key.contains(".Value.");
        let parameters = call.parameters.iter();
        let ids: Vec<&str> = parameters
            .filter(|(key, _)| asked(key))
            .map(|(_, id)| id.as_str())
            .collect();
        format!("{} {}", call.action, ids.join(","))
    };
    let mut questions: Vec<String> = cloud
        .gateway()
        .calls()
        .iter()
        .filter(|call| call.service == "rds")
        .map(of)
        .collect();
    questions.sort_unstable();
    cloud.gateway().forget();
    questions
}

/// How often both clusters have been asked for in one call.
fn together(cloud: &Cloud) -> usize {
    let calls = cloud.gateway().calls_of("DescribeDBClusters");
    let second = "Filters.Filter.1.Values.Value.2";
    let both = |call: &&local_cloud::Call| call.parameters.contains_key(second);
    calls.iter().filter(both).count()
}

#[tokio::test]
async fn two_routes_ask_together_and_both_are_followed_right_through_a_failover() {
    let cloud = Cloud::start().await.unwrap();
    let other = cloud.add_cluster("other", 21).await.unwrap();
    let routes = [
        (CLUSTER, cloud.target_group_arn()),
        ("other", other.group.as_str()),
    ];
    let function = function_of(&cloud, &routes).await;

    let both = "DescribeDBClusters aurora-source,other";
    let names = "DescribeDBInstances aurora-source,other";
    for expected in [vec![both, names], vec![both]] {
        let done = invoke(&function, &event("schedule")).await;
        assert_eq!(outcomes(&done), ["unchanged", "unchanged"]);
        assert_eq!(cloud.gateway().calls_of("DescribeTargetHealth").len(), 2);
        assert_eq!(questions(&cloud), expected);
    }

    let mut announced = ago("failover", 1);
    let others = announced.to_string().replace(CLUSTER, "other");
    let others: Value = serde_json::from_str(&others).unwrap();
    let records = announced["Records"].as_array_mut().unwrap();
    records.push(others["Records"][0].clone());
    // One is held up in its write, and yet they ask together again.
    let held_up = Fault::Delay(Duration::from_millis(70));
    cloud
        .gateway()
        .inject_times("DeregisterTargets", 1, held_up);
    let (done, ()) = tokio::join!(invoke(&function, &announced), async {
        let met = async {
            while together(&cloud) < 4 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let met = tokio::time::timeout(Duration::from_secs(10), met).await;
        assert_eq!(met, Ok(()), "they ask together again");
        assert_group(&cloud, &[]).await;
        cloud.fail_over(INSTANCE_2).await.unwrap();
        cloud
            .fail_over_in("other", "other-instance-2")
            .await
            .unwrap();
    });
    assert_eq!(outcomes(&done), ["switched", "switched"]);
    assert_group(&cloud, &[TARGET_2]).await;
    let held = cloud.targets_in(&other.group).await.unwrap();
    assert_eq!(Vec::from_iter(held), ["10.0.2.21:3306"]);
    assert_eq!(cloud.gateway().writes().len(), 4);
    cloud.gateway().forget();

    let done = invoke(&function, &ago("failover-completed", 1)).await;
    assert_eq!(outcomes(&done), ["unchanged", "ignored"]);
    assert_eq!(
        questions(&cloud),
        ["DescribeDBClusters aurora-source"],
        "one alone is asked for by name"
    );
}

#[tokio::test]
async fn a_cluster_that_does_not_exist_spoils_no_other_that_is_asked_for_with_it() {
    let cloud = Cloud::start().await.unwrap();
    let other = cloud.add_cluster("other", 21).await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    cloud.move_cname(INSTANCE_2);
    let routes = [
        (CLUSTER, cloud.target_group_arn()),
        ("no-such-cluster", other.group.as_str()),
    ];
    let function = function_of(&cloud, &routes).await;
    let done = invoke(&function, &event("manual")).await;
    assert_eq!(error(&done).error_type, "ClusterNotFound");
    let message = &error(&done).message;
    assert!(
        message.contains("DBCluster no-such-cluster not found")
            && !message.contains("`aurora-source`"),
        "{message}"
    );
    assert_group(&cloud, &[TARGET_2]).await;
}

#[tokio::test]
async fn a_role_that_may_ask_for_each_cluster_alone_is_enough() {
    let cloud = Cloud::start().await.unwrap();
    let other = cloud.add_cluster("other", 21).await.unwrap();
    let routes = [
        (CLUSTER, cloud.target_group_arn()),
        ("other", other.group.as_str()),
    ];
    let function = function_of(&cloud, &routes).await;
    let denied = Fault::access_denied("rds:DescribeDBClusters");
    cloud
        .gateway()
        .inject_times("DescribeDBClusters", 1, denied);
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(outcomes(&done), ["unchanged", "unchanged"]);
    let alone = [
        "DescribeDBClusters aurora-source",
        "DescribeDBClusters other",
    ];
    let expected = [
        alone[0],
        "DescribeDBClusters aurora-source,other",
        alone[1],
        "DescribeDBInstances aurora-source,other",
    ];
    assert_eq!(questions(&cloud), expected);

    cloud.fail_over(INSTANCE_2).await.unwrap();
    cloud.move_cname(INSTANCE_2);
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(outcomes(&done), ["switched", "unchanged"]);
    assert_group(&cloud, &[TARGET_2]).await;
    let expected = [alone[0], alone[0], alone[1]];
    assert_eq!(questions(&cloud), expected, "a denied call is not repeated");
}

#[tokio::test]
async fn a_writer_on_the_second_page_of_instances_is_found() {
    let cloud = Cloud::start().await.unwrap();
    let other = cloud.add_cluster("other", 21).await.unwrap();
    // AWS would allow 15 readers, and a hundred clusters in the question.
    for number in 3..=103 {
        let instance = format!("other-instance-{number:03}");
        let address = "10.0.2.99".parse().unwrap();
        cloud
            .add_instance_to("other", &instance, address)
            .await
            .unwrap();
    }
    let writer = "other-instance-103";
    cloud.fail_over_in("other", writer).await.unwrap();
    let name = cloud.instance_endpoint(writer);
    cloud.dns().set(&other.endpoint, Answer::Cname(name));
    let routes = [
        (CLUSTER, cloud.target_group_arn()),
        ("other", other.group.as_str()),
    ];
    let function = function_of(&cloud, &routes).await;
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(outcomes(&done), ["unchanged", "switched"]);
    let expected = [
        "DescribeDBClusters aurora-source,other",
        "DescribeDBClusters other",
        "DescribeDBInstances aurora-source,other",
        "DescribeDBInstances aurora-source,other",
    ];
    assert_eq!(questions(&cloud), expected);
}

#[tokio::test]
async fn a_wrong_configuration_fails_the_start_and_names_the_variable() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[("WATCH_SECONDS", "two minutes")]).await;
    let done = invoke(&function, &event("manual")).await;
    let error = error(&done);
    assert_eq!(error.error_type, "Configuration");
    let expected = "WATCH_SECONDS holds \"two minutes\"; it should hold a whole number of seconds";
    assert!(error.message.contains(expected), "{}", error.message);
}

#[tokio::test]
async fn the_last_line_of_a_run_is_its_report_and_the_others_bear_request_and_route() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &ago("failover-completed", 1)).await;
    let logs = logs(&function);
    assert_eq!(logs.last(), done.outcome.as_ref().ok());
    let looked: Vec<&Value> = logs
        .iter()
        .filter(|line| line["message"] == "looked")
        .collect();
    assert_eq!(
        looked.len(),
        2,
        "one line for each look that changed something: {logs:#?}"
    );
    for line in looked {
        let text = line.to_string();
        assert!(
            text.contains("requestId") && text.contains(CLUSTER),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_look_asks_side_by_side_and_a_switch_takes_three_round_trips() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[]).await;
    invoke(&function, &event("manual")).await; // the process learns the names
    cloud.fail_over(INSTANCE_2).await.unwrap();
    cloud.gateway().forget();
    let added = Duration::from_millis(300);
    cloud
        .gateway()
        .inject(local_cloud::ANY, Fault::Delay(added));
    invoke(&function, &ago("failover-completed", 1)).await;
    let calls = cloud.gateway().calls();
    let actions: Vec<&str> = calls.iter().map(|call| call.action.as_str()).collect();
    let look = ["DescribeDBClusters", "DescribeTargetHealth"];
    let mut first: Vec<&str> = actions[..2].to_vec();
    first.sort_unstable();
    assert_eq!(first, look);
    assert_eq!(actions[2..4], ["DeregisterTargets", "RegisterTargets"]);
    assert_eq!(actions.len(), 6, "a look, two writes, a look: {actions:?}");
    // Sequential round trips, counted by who arrived before whom was answered.
    assert!(
        calls[1].at < calls[0].at + added,
        "the look's questions are asked side by side"
    );
    for pair in [(0, 2), (2, 3), (3, 4)] {
        assert!(
            calls[pair.1].at >= calls[pair.0].at + added,
            "{pair:?} one after the other"
        );
    }
}

/// The log's lines that are JSON.
fn logs(function: &Function) -> Vec<Value> {
    let lines = function.logs();
    lines
        .iter()
        .filter_map(|line| serde_json::from_str(&line.text).ok())
        .collect()
}

/// The last line of metrics.
fn metrics(function: &Function) -> Value {
    let line = logs(function)
        .into_iter()
        .rfind(|line| line.get("_aws").is_some());
    line.expect("a line of metrics")
}
