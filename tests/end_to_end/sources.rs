//! Every kind of source that RDS has, but for Aurora MySQL's clusters, which the other files are
//! about.

use std::time::Duration;

use local_cloud::{Answer, CLUSTER, Cloud, Function, INSTANCE_1};
use serde_json::{Value, json};

use crate::function::{ago, error, event, function, invoke, logs, metrics, route};

const ALONE: &str = "rds-source";
const STANDBY: [u8; 4] = [10, 0, 2, 22];

/// The function that follows this instance.
async fn following_instance(cloud: &Cloud, instance: &str, group: &str) -> Function {
    let env = [
        ("DB_CLUSTER_IDENTIFIER", ""),
        ("DB_INSTANCE_IDENTIFIER", instance),
        ("TARGET_GROUP_ARN", group),
        ("WATCH_SECONDS", "20"),
    ];
    function(cloud, &env).await
}

async fn following_cluster(cloud: &Cloud, cluster: &str, group: &str) -> Function {
    let env = [
        ("DB_CLUSTER_IDENTIFIER", cluster),
        ("TARGET_GROUP_ARN", group),
    ];
    function(cloud, &env).await
}

async fn held(cloud: &Cloud, group: &str) -> Vec<String> {
    cloud.targets_in(group).await.unwrap().into_iter().collect()
}

#[tokio::test]
async fn an_instance_whose_standby_takes_over() {
    let cloud = Cloud::start().await.unwrap();
    let added = cloud.add_alone(ALONE, [10, 0, 1, 21].into()).await.unwrap();
    let function = following_instance(&cloud, ALONE, &added.group).await;
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(route(&done)["dbInstanceIdentifier"], ALONE);
    assert_eq!(route(&done).get("dbClusterIdentifier"), None);
    assert_eq!(route(&done)["outcome"], "unchanged");
    assert_eq!(route(&done)["looks"], 1);
    assert_eq!(
        route(&done)["witnesses"],
        json!({"api": ALONE, "dns": ALONE, "hint": null})
    );

    let begun = ago("instance-failover", 1);
    let (done, ()) = tokio::join!(invoke(&function, &begun), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        cloud
            .dns()
            .set(&added.endpoint, Answer::A(vec![STANDBY.into()]));
    });
    assert_eq!(
        done.outcome.as_ref().unwrap()["triggers"][0]["kind"],
        "moving"
    );
    assert_eq!(route(&done)["outcome"], "switched");
    assert_eq!(route(&done)["registered"], json!(["10.0.2.22:3306"]));
    assert!(
        route(&done)["elapsedMs"].as_u64() >= Some(6_000),
        "two answers further apart than a resolver keeps one"
    );
    assert_eq!(held(&cloud, &added.group).await, ["10.0.2.22:3306"]);
    let metrics = metrics(&function);
    assert_eq!(metrics["DBInstanceIdentifier"], ALONE);
    assert_eq!(
        metrics["_aws"]["CloudWatchMetrics"][0]["Dimensions"],
        json!([
            ["DBInstanceIdentifier"],
            ["DBInstanceIdentifier", "FunctionName"]
        ])
    );
}

#[tokio::test]
async fn a_switchover_of_an_instance_with_greens_coordinates() {
    let cloud = Cloud::start().await.unwrap();
    let added = cloud.add_alone(ALONE, [10, 0, 1, 21].into()).await.unwrap();
    let arn = format!("arn:aws:rds:ap-northeast-1:123456789012:db:{ALONE}");
    let made = [("BlueGreenDeploymentName", "upgrade"), ("Source", &*arn)];
    let made = cloud.api("rds", "CreateBlueGreenDeployment", &made).await;
    let made = made.unwrap();
    let within = |tag: &str| {
        let (_, rest) = made.split_once(&format!("<{tag}>")).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let green = within("Target").rsplit(':').next().unwrap().to_owned();
    let id = within("BlueGreenDeploymentIdentifier");
    let switchover = [("BlueGreenDeploymentIdentifier", &*id)];
    cloud
        .api("rds", "SwitchoverBlueGreenDeployment", &switchover)
        .await
        .unwrap();
    // The name leads to green, and blue's new name to blue.
    let blue = added.endpoint.replace(ALONE, &format!("{ALONE}-old1"));
    cloud
        .dns()
        .set(&blue, Answer::A(vec![[10, 0, 1, 21].into()]));
    cloud
        .dns()
        .set(&added.endpoint, Answer::A(vec![STANDBY.into()]));

    let function = following_instance(&cloud, ALONE, &added.group).await;
    let file = ago("blue-green-coordinates", 1).to_string();
    let of = |name: &str| -> Value {
        serde_json::from_str(&file.replace("aurora-source-instance-1-green-p7wq2d", name)).unwrap()
    };
    let expected = json!({"file": "mysql-bin-changelog.000003", "position": 40_134_574});
    let done = invoke(&function, &of(&green)).await;
    let report = done.outcome.as_ref().unwrap();
    assert_eq!(report["triggers"][0]["binlogCoordinates"], expected);
    assert_eq!(route(&done)["binlogCoordinates"], expected);
    assert_eq!(held(&cloud, &added.group).await, ["10.0.2.22:3306"]);
    let typed = "SOURCE_LOG_FILE = 'mysql-bin-changelog.000003', SOURCE_LOG_POS = 40134574";
    assert!(
        logs(&function)
            .iter()
            .any(|line| line.to_string().contains(typed))
    );

    let stranger = invoke(&function, &of("another-green-p7wq2d")).await;
    assert_eq!(route(&stranger).get("binlogCoordinates"), None);
    assert_eq!(
        cloud
            .gateway()
            .calls_of("DescribeBlueGreenDeployments")
            .len(),
        2
    );

    // A resolver that goes back to blue.
    let held_now = [
        ("TargetGroupArn", &*added.group),
        ("Targets.member.1.Id", "10.0.2.22"),
        ("Targets.member.1.Port", "3306"),
    ];
    let elb = "elasticloadbalancing";
    cloud
        .api(elb, "DeregisterTargets", &held_now)
        .await
        .unwrap();
    cloud
        .dns()
        .set(&added.endpoint, Answer::A(vec![[10, 0, 1, 21].into()]));
    let payload = ago("instance-failover-completed", 1);
    let (back, ()) = tokio::join!(invoke(&function, &payload), async {
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert_eq!(held(&cloud, &added.group).await, [""; 0]);
        cloud
            .dns()
            .set(&added.endpoint, Answer::A(vec![STANDBY.into()]));
    });
    assert_eq!(route(&back)["registered"], json!(["10.0.2.22:3306"]));
}

#[tokio::test]
async fn a_clusters_identifier_for_an_instance_and_the_other_way_round_are_told_as_that() {
    let cloud = Cloud::start().await.unwrap();
    let added = cloud.add_alone(ALONE, [10, 0, 1, 21].into()).await.unwrap();

    let function = following_instance(&cloud, CLUSTER, &added.group).await;
    let failed = invoke(&function, &event("schedule")).await;
    assert_eq!(error(&failed).error_type, "InstanceNotFound");
    let message = &error(&failed).message;
    assert!(
        message.contains("is a cluster, not a DB instance"),
        "{message}"
    );

    let function = following_instance(&cloud, INSTANCE_1, &added.group).await;
    let failed = invoke(&function, &event("schedule")).await;
    assert_eq!(error(&failed).error_type, "InstanceNotFound");
    let message = &error(&failed).message;
    assert!(
        message.contains("is a member of the cluster `aurora-source`"),
        "{message}"
    );

    let function = following_cluster(&cloud, ALONE, &added.group).await;
    let failed = invoke(&function, &event("schedule")).await;
    assert_eq!(error(&failed).error_type, "ClusterNotFound");
    let message = &error(&failed).message;
    assert!(
        message.contains("is a DB instance, not a cluster"),
        "{message}"
    );

    let function = following_cluster(&cloud, "nobody", &added.group).await;
    let failed = invoke(&function, &event("schedule")).await;
    assert_eq!(error(&failed).error_type, "ClusterNotFound");
    assert_eq!(held(&cloud, &added.group).await, ["10.0.1.21:3306"]);
}

#[tokio::test]
async fn an_aurora_postgresql_cluster_at_its_own_port() {
    let cloud = Cloud::start().await.unwrap();
    let added = cloud.add_cluster_of("aurora-postgresql", 5432, "postgres", 31);
    let added = added.await.unwrap();
    let function = following_cluster(&cloud, "postgres", &added.group).await;
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(route(&done)["outcome"], "unchanged");
    assert_eq!(route(&done)["targets"], json!(["10.0.1.31:5432"]));
    cloud
        .fail_over_in("postgres", "postgres-instance-2")
        .await
        .unwrap();
    let writer = cloud.instance_endpoint("postgres-instance-2");
    cloud.dns().set(&added.endpoint, Answer::Cname(writer));
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(route(&done)["registered"], json!(["10.0.2.31:5432"]));
    assert_eq!(held(&cloud, &added.group).await, ["10.0.2.31:5432"]);
}

#[tokio::test]
async fn a_multi_az_cluster_whose_endpoint_is_no_alias() {
    let cloud = Cloud::start().await.unwrap();
    let added = cloud.add_cluster_of("mysql", 3306, "three-zones", 41);
    let added = added.await.unwrap();
    let leads_to = |address: [u8; 4]| {
        cloud
            .dns()
            .set(&added.endpoint, Answer::A(vec![address.into()]));
    };
    leads_to([10, 0, 1, 41]);
    let function = following_cluster(&cloud, "three-zones", &added.group).await;
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(route(&done)["witnesses"]["dns"], "three-zones-instance-1");
    assert_eq!(route(&done)["outcome"], "unchanged");
    let second = "three-zones-instance-2";
    cloud.fail_over_in("three-zones", second).await.unwrap();
    leads_to([10, 0, 2, 41]);
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(
        route(&done)["witnesses"],
        json!({"api": second, "dns": second, "hint": null})
    );
    assert_eq!(route(&done)["looks"], 2, "one to see it, one to verify it");
    assert_eq!(held(&cloud, &added.group).await, ["10.0.2.41:3306"]);
}
