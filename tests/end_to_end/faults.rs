//! RDS, DNS and the load balancer at their worst.

use std::time::Duration;

use local_cloud::{Answer, CLUSTER, Cloud, Fault, INSTANCE_1, INSTANCE_2, TARGET_1, TARGET_2};
use serde_json::json;

use crate::function::{
    ago, assert_group, assert_nothing_written, error, event, function, hurried, invoke, metrics,
    route,
};

#[tokio::test]
async fn the_rds_api_down() {
    let cloud = Cloud::start().await.unwrap();
    cloud.move_cname(INSTANCE_2);
    cloud
        .gateway()
        .inject("DescribeDBClusters", Fault::unavailable());
    let function = hurried(&cloud, &[]).await;
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

    let without = hurried(&cloud, &[]).await;
    assert_eq!(
        error(&invoke(&without, &completed).await).error_type,
        "Undecided"
    );
    assert_nothing_written(&cloud);

    let endpoint = cloud.cluster_endpoint().to_owned();
    let given = [("DB_CLUSTER_ENDPOINT", endpoint.as_str())];
    let function = hurried(&cloud, &given).await;
    assert_eq!(
        error(&invoke(&function, &event("schedule")).await).error_type,
        "Undecided"
    );
    assert_nothing_written(&cloud);
    let function = crate::function::function(&cloud, &given).await;
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
    let function = hurried(&cloud, &[]).await;
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
    let function = hurried(&cloud, &[]).await;
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
        let function = hurried(&cloud, &[]).await;
        let done = invoke(&function, &ago("failover-completed", 1)).await;
        assert_eq!(error(&done).error_type, "AddressUnknown", "{answer:?}");
        assert_nothing_written(&cloud);
        assert_group(&cloud, &[TARGET_1]).await;
    }
}

#[tokio::test]
async fn a_resolver_that_lies_about_the_writer_moves_nothing() {
    let lies = [
        "aurora-source-instance-2.evil.example",
        "evil.example",
        "aurora-source-instance-9.xyz.rds.amazonaws.com",
    ];
    let runs = lies.map(async |lie| {
        let cloud = Cloud::start().await.unwrap();
        let endpoint = cloud.cluster_endpoint().to_owned();
        cloud.dns().set(&endpoint, Answer::Cname(lie.to_owned()));
        let elsewhere = vec!["10.6.6.6".parse().unwrap()];
        cloud.dns().set(lie, Answer::A(elsewhere));
        let function = function(&cloud, &[]).await;
        let done = invoke(&function, &event("schedule")).await;
        let stands = "the API has kept to its answer";
        assert_eq!(route(&done)["outcome"], "unchanged", "{lie}: {stands}");
        assert_eq!(route(&done)["writer"], INSTANCE_1);
        assert_nothing_written(&cloud);
        assert_group(&cloud, &[TARGET_1]).await;
    });
    let [one, two, three] = runs;
    tokio::join!(one, two, three);
}

/// The Writer is known, and the announcement names another: without the API, a new process knows
/// from the cluster endpoint who is registered.
#[tokio::test]
async fn an_announcement_while_the_rds_api_is_down_from_the_start() {
    let cloud = Cloud::start().await.unwrap();
    for action in [
        "DescribeDBClusters",
        "DescribeDBInstances",
        "DescribeEvents",
    ] {
        cloud.gateway().inject(action, Fault::unavailable());
    }
    let endpoint = cloud.cluster_endpoint().to_owned();
    let function = hurried(&cloud, &[("DB_CLUSTER_ENDPOINT", &endpoint)]).await;
    let done = invoke(&function, &ago("failover", 1)).await;
    assert_eq!(error(&done).error_type, "FailoverPending");
    assert_group(&cloud, &[]).await;
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
async fn a_public_address_is_not_registered_and_does_not_keep_the_old_writer_in() {
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
        "this run deregistered 10.0.1.11:3306; the group is empty",
    ] {
        assert!(
            error(&done).message.contains(part),
            "{}",
            error(&done).message
        );
    }
    assert_group(&cloud, &[]).await;
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
