//! The Writer moves, in every way that it can, and the group with it.

use std::time::Duration;

use local_cloud::{CLUSTER, Cloud, Fault, INSTANCE_1, INSTANCE_2, TARGET_1, TARGET_2};
use serde_json::{Value, json};

use crate::function::{
    ago, assert_group, assert_nothing_written, event, function, invoke, metrics, route, writes,
};

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
        // The Writer moves once the function has emptied the group, as it would some seconds after
        // the announcement.
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
    assert!(metrics["FunctionName"].is_string(), "{metrics}");
    assert_eq!(
        metrics["_aws"]["CloudWatchMetrics"][0]["Dimensions"],
        json!([
            ["DBClusterIdentifier"],
            ["DBClusterIdentifier", "FunctionName"]
        ]),
        "a function's own, and the first as it was, so that nobody's alarm falls silent"
    );
    assert_eq!(
        metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"],
        "FailoverFollower"
    );
}

#[tokio::test]
async fn witnesses_that_disagree_leave_it_to_an_api_that_keeps_to_its_answer_for_half_a_minute() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(route(&done)["outcome"], "switched");
    assert!(
        route(&done)["elapsedMs"].as_u64() >= Some(30_000),
        "not before half a minute"
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
    // The first reads the log again so late that the second, however slowly it starts, comes before.
    let slow = [("WATCH_SECONDS", "20"), ("POLL_INTERVAL_MS", "8000")];
    let first = function(&cloud, &slow).await;
    let second = function(&cloud, &[]).await;
    let started = ago("failover", 1);
    let (watching, back) = tokio::join!(invoke(&first, &started), async {
        while !cloud.targets().await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let back = ago("failover-back", 0);
        let message = format!("Promoting previous primary again: {INSTANCE_1}");
        let log = Fault::event_log(CLUSTER, &[(&message, 0)]);
        cloud.gateway().inject("DescribeEvents", log);
        invoke(&second, &back).await
    });
    assert_eq!(route(&back)["outcome"], "switched");
    assert_eq!(route(&watching)["outcome"], "switched");
    let mut writes = writes(&cloud);
    writes.dedup();
    let expected = [
        format!("DeregisterTargets {TARGET_1}"),
        format!("RegisterTargets {TARGET_1}"),
    ];
    assert_eq!(writes, expected, "the two don't fight");
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
