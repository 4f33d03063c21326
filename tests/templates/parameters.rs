//! Every parameter of the templates, given: no condition is left untried, and the function takes
//! what it is handed.

use std::collections::BTreeSet;

use local_cloud::{CLUSTER, Cloud, REGION};
use serde_json::{Value, json};

use crate::intrinsic::ACCOUNT;
use crate::plain::{PRIVATELINK, TEMPLATE};
use crate::sealed::{in_a_room, start};
use crate::stacks::{ask, configuration, database, deploy_function, deploy_path};
use crate::xml::keys_and_values;

#[tokio::test]
async fn of_the_path() {
    let cloud = Cloud::start_with_cloudformation().await.unwrap();
    let database = database(&cloud).await;
    let further = [
        ("DatabaseRule", "print"),
        ("DatabasePort", "3307"),
        (
            "ConsumerPrincipals",
            "arn:aws:iam::111122223333:root,arn:aws:iam::444455556666:role/reader",
        ),
        ("AcceptanceRequired", "false"),
        ("HealthCheckPort", "40001"),
        ("DeletionProtection", "true"),
        ("LogBucket", "access-logs"),
        ("LogPrefix", "nlb"),
    ];
    assert_all_given(
        &PRIVATELINK,
        &[&database.parameters()[..], &further].concat(),
    );
    let path = deploy_path(&cloud, &database, &further).await;

    let elb = "elasticloadbalancing";
    let balancer = [("LoadBalancerArn", &*path.outputs["LoadBalancerArn"])];
    let attributes = ask(&cloud, elb, "DescribeLoadBalancerAttributes", &balancer).await;
    let attributes = keys_and_values(&attributes);
    assert_eq!(attributes["access_logs.s3.bucket"], "access-logs");
    assert_eq!(attributes["access_logs.s3.prefix"], "nlb");
    assert_eq!(attributes["deletion_protection.enabled"], "true");
}

#[test]
fn of_the_function() {
    in_a_room(async |room| all_of_the_function(&room.start_cloud().await.unwrap()).await);
}

async fn all_of_the_function(cloud: &Cloud) {
    let database = database(cloud).await;
    let endpoint = format!("{}:3306", cloud.cluster_endpoint());
    let topic = format!("arn:aws:sns:{REGION}:{ACCOUNT}:people");
    let key = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd");
    let boundary = format!("arn:aws:iam::{ACCOUNT}:policy/boundary");
    ask(cloud, "sns", "CreateTopic", &[("Name", "people")]).await;
    let group = cloud.target_group_arn();
    let further = [
        ("DBClusterEndpoint", &*endpoint),
        ("OnFailoverStart", "wait"),
        ("WatchSeconds", "60"),
        ("PollIntervalMs", "500"),
        ("ScheduleExpression", "rate(5 minutes)"),
        ("DryRun", "true"),
        ("GroupHolds", "members"),
        ("ReplicationUser", "rpluser001"),
        ("Architecture", "arm64"),
        ("ReservedConcurrency", "20"),
        ("SubnetIds", &database.subnets),
        ("SecurityGroupIds", &database.security_group),
        ("NotificationEmail", "somebody@example.com"),
        ("NotificationTopicArn", &topic),
        ("MaxSecondsToFollow", "120"),
        ("MaxMinutesWithoutRun", "10"),
        ("Dashboard", "false"),
        ("LogLevel", "debug"),
        ("LogRetentionDays", "30"),
        ("TopicKmsKeyArn", &key),
        ("KmsKeyArn", &key),
        ("PermissionsBoundaryArn", &boundary),
        ("RolePath", "/service/"),
        ("FunctionRoleArn", ""), // company.rs: a role of one's own leaves others out
        ("ScheduleRoleArn", ""),
        ("RdsEventTopicArn", ""), // beside a key for the stack's own it is refused
    ];
    let route = [("DBClusterIdentifier", CLUSTER), ("TargetGroupArn", group)];
    let other = [("DBInstanceIdentifier", "")]; // beside a cluster it is refused
    assert_all_given(&TEMPLATE, &[&route[..], &other, &further].concat());
    let stack = deploy_function(cloud, group, &further).await;
    for made in ["FollowerCodeMayNot", "NoticeEmail", "SwitchNotice"] {
        stack.resource(made).unwrap();
    }
    for left_out in ["NoticeTopic", "NoticeTopicPolicy", "FollowerDashboard"] {
        stack.resource(left_out).unwrap_err();
    }

    let configuration = configuration(cloud, &stack).await;
    assert_eq!(configuration["Architectures"], json!(["arm64"]));
    let variables = &configuration["Environment"]["Variables"];
    assert_eq!(variables["REPLICATION_USER"], "rpluser001");
    cloud.set_targets(&[]).await.unwrap();
    let function = start(cloud, &configuration).await;
    let report = function.invoke(&json!({})).await.unwrap().outcome.unwrap();
    assert_eq!(report["routes"][0]["outcome"], "planned", "{report}");
    assert_eq!(cloud.targets().await.unwrap(), BTreeSet::new());
}

#[track_caller]
fn assert_all_given(template: &Value, parameters: &[(&str, &str)]) {
    let declared = template["Parameters"].as_object().unwrap().keys();
    let given: BTreeSet<&str> = parameters.iter().map(|(name, _)| *name).collect();
    assert_eq!(declared.map(String::as_str).collect::<BTreeSet<_>>(), given);
}
