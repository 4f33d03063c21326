//! What wakes the function, and what the group holds then.

use local_cloud::{CLUSTER, Cloud, Fault, INSTANCE_1, INSTANCE_2, TARGET_1, TARGET_2};
use serde_json::json;

use crate::function::{
    ago, assert_group, assert_nothing_written, event, function, invoke, logs, route, writes,
};

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
    assert!(cloud.gateway().calls().is_empty(), "no service was asked");
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
    let deep = "[".repeat(200) + &"]".repeat(200);
    for bytes in [
        &b"not JSON"[..],
        b"{\"Records\": [",
        b"\xff\xfe",
        b"\"\\ud800\"",
        b"1e999",
        deep.as_bytes(),
    ] {
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
async fn an_empty_group_without_a_known_reason_is_filled_after_half_a_minute() {
    let cloud = Cloud::start().await.unwrap();
    cloud.set_targets(&[]).await.unwrap();
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &event("manual")).await;
    assert_eq!(route(&done)["registered"], json!([TARGET_1]));
    let elapsed = route(&done)["elapsedMs"].as_u64();
    assert!(
        (Some(30_000)..Some(45_000)).contains(&elapsed),
        "{elapsed:?}"
    );
    assert_group(&cloud, &[TARGET_1]).await;
}

#[tokio::test]
async fn an_empty_group_is_filled_at_once_where_the_log_says_who_the_writer_is() {
    let cloud = Cloud::start().await.unwrap();
    cloud.set_targets(&[]).await.unwrap();
    let message = format!("Completed failover to DB instance: {INSTANCE_1}");
    let log = Fault::event_log(CLUSTER, &[(&message, 2)]);
    cloud.gateway().inject("DescribeEvents", log);
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(route(&done)["registered"], json!([TARGET_1]));
    assert_eq!(route(&done)["looks"], 2);
    assert_group(&cloud, &[TARGET_1]).await;
}

#[tokio::test]
async fn an_event_of_another_account_or_region_is_ignored() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[]).await;
    for name in ["failover", "eventbridge-failover"] {
        for place in ["ap-northeast-1:210987654321", "ap-northeast-3:123456789012"] {
            let own = "arn:aws:rds:ap-northeast-1:123456789012";
            let foreign = format!("arn:aws:rds:{place}");
            let foreign = ago(name, 1).to_string().replace(own, &foreign);
            let done = invoke(&function, &serde_json::from_str(&foreign).unwrap()).await;
            assert_eq!(route(&done)["outcome"], "ignored");
        }
    }
    assert!(cloud.gateway().calls().is_empty(), "no service was asked");
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
