//! Several routes in one function.

use std::time::Duration;

use local_cloud::{Answer, CLUSTER, Cloud, Fault, Function, INSTANCE_2, Invocation, TARGET_2};
use serde_json::{Value, json};

use crate::function::{ago, assert_group, error, event, invoke};

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
        .filter(|call| call.service == "rds" && call.action != "DescribeEvents")
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
