//! What the function asks of AWS, written down by the gateway while it does everything that it can
//! do, with local settings that have it find the gateway and make haste.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::join_all;
use local_cloud::{
    CLUSTER, Call, Cloud, Function, INSTANCE_1, INSTANCE_2, TARGET_1, TARGET_2, announce,
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::intrinsic::Template;
use crate::payload::{event, events};
use crate::request::Request;

/// Payloads besides those of `events/`.
fn payloads() -> [Value; 1] {
    [json!("not an event")]
}

/// What the function asked for, and the group it was given.
pub(crate) struct Seen {
    pub(crate) requests: BTreeSet<Request>,
    pub(crate) target_group_arn: String,
}

/// The function is run once for all tests.
pub(crate) async fn seen() -> &'static Seen {
    static SEEN: OnceCell<Seen> = OnceCell::const_new();
    SEEN.get_or_init(everything_it_does).await
}

async fn everything_it_does() -> Seen {
    let cloud = Cloud::start().await.unwrap();
    let topic = deployed(&cloud).await;

    // A new process, and a second run of it with nothing to do.
    let function = start(&cloud, &[]).await;
    for _ in 0..2 {
        run(&function, &json!({})).await;
    }
    // A switch, a target outside the load balancer's VPC, a foreign one, an instance that is new.
    cloud.fail_over(INSTANCE_2).await.unwrap();
    run(&function, &event("failover-completed")).await;
    cloud.set_address(INSTANCE_2, Ipv4Addr::new(172, 31, 2, 12));
    run(&function, &event("instance-class-changed")).await;
    cloud.set_targets(&[TARGET_1, TARGET_2]).await.unwrap();
    run(&function, &event("schedule")).await;
    let green = "aurora-source-green";
    cloud
        .add_instance(green, Ipv4Addr::new(10, 0, 1, 33))
        .await
        .unwrap();
    cloud.fail_over(green).await.unwrap();
    run(&function, &event("blue-green-switchover")).await;
    cloud.fail_over(INSTANCE_1).await.unwrap();
    cloud.move_cname(INSTANCE_1);

    // Every event there is, and every way of running: side by side, since many wait for half a
    // minute.
    let endpoint = cloud.cluster_endpoint();
    let usual = events().into_iter().chain(payloads());
    let ways = [
        ("ON_FAILOVER_START", "wait"),
        ("DRY_RUN", "true"),
        ("GROUP_HOLDS", "members"),
        ("DB_CLUSTER_ENDPOINT", endpoint),
    ];
    let others = ways.into_iter().flat_map(|way| {
        let payloads = ["failover", "schedule", "doctor"].map(event);
        payloads.map(|payload| (Some(way), payload))
    });
    let runs = usual.map(|payload| (None, payload)).chain(others);
    let runs = join_all(runs.map(|(way, payload)| run_alone(way, payload))).await;

    let mut calls = cloud.gateway().calls();
    calls.extend(runs.into_iter().flatten());
    let zones = calls
        .iter()
        .filter_map(|call| call.parameters.get("Targets.member.1.AvailabilityZone"));
    assert_eq!(
        zones.collect::<BTreeSet<_>>(),
        BTreeSet::from([&"all".to_owned()]),
        "it has tried again for a target outside the VPC"
    );
    let needs_permission = |request: &Request| request.action != "sts:GetCallerIdentity";
    let of_the_stack = |mut request: Request| {
        if request.resource == topic {
            request.resource = Template::attribute("RdsEventTopic", "Ref");
        }
        if request.resource == QUEUE {
            request.resource = Template::attribute("DeadLetterQueue", "Arn");
        }
        request
    };
    Seen {
        requests: calls
            .iter()
            .map(Request::from)
            .filter(needs_permission)
            .map(of_the_stack)
            .collect(),
        target_group_arn: cloud.target_group_arn().to_owned(),
    }
}

/// What one run asks in a cloud of its own, whose group holds a wrong target.
async fn run_alone(way: Option<(&str, &str)>, payload: Value) -> Vec<Call> {
    let cloud = Cloud::start().await.unwrap();
    deployed(&cloud).await;
    cloud.set_targets(&[TARGET_2]).await.unwrap();
    let function = start(&cloud, way.as_slice()).await;
    run(&function, &payload).await;
    cloud.gateway().calls()
}

/// What the doctor asks about in an installation that was deployed: a parameter group of its own,
/// and RDS's events. The topic, which is the stack's.
async fn deployed(cloud: &Cloud) -> String {
    let ask = async |service, action, parameters: &[(&str, &str)]| {
        cloud.api(service, action, parameters).await.unwrap()
    };
    let name = ("DBClusterParameterGroupName", "binlog");
    let family = ("DBParameterGroupFamily", "aurora-mysql8.0");
    let group = [name, family, ("Description", "binlog")];
    ask("rds", "CreateDBClusterParameterGroup", &group).await;
    let cluster = [("DBClusterIdentifier", CLUSTER), name];
    ask("rds", "ModifyDBCluster", &cluster).await;
    let xml = ask("sns", "CreateTopic", &[("Name", "events")]).await;
    let (_, topic) = xml.split_once("<TopicArn>").unwrap();
    let topic = topic.split('<').next().unwrap().to_owned();
    let subscription = [
        ("SubscriptionName", "clusters"),
        ("SnsTopicArn", &topic),
        ("SourceType", "db-cluster"),
    ];
    ask("rds", "CreateEventSubscription", &subscription).await;
    ask("sqs", "CreateQueue", &[("QueueName", "undelivered")]).await;
    let redrive = json!({"deadLetterTargetArn": QUEUE}).to_string();
    let delivery = [
        ("TopicArn", topic.as_str()),
        ("Protocol", "lambda"),
        (
            "Endpoint",
            "arn:aws:lambda:ap-northeast-1:123456789012:function:follower",
        ),
        ("Attributes.entry.1.key", "RedrivePolicy"),
        ("Attributes.entry.1.value", &redrive),
    ];
    ask("sns", "Subscribe", &delivery).await;
    let of_instances = [
        ("DBParameterGroupName", "instances"),
        family,
        ("Description", "own"),
    ];
    ask("rds", "CreateDBParameterGroup", &of_instances).await;
    let instance = [("DBInstanceIdentifier", INSTANCE_1), of_instances[0]];
    ask("rds", "ModifyDBInstance", &instance).await;
    let vpc = text(&ask("ec2", "DescribeVpcs", &[]).await, "vpcId");
    let group = [
        ("GroupName", "nlb"),
        ("GroupDescription", "nlb"),
        ("VpcId", &vpc),
    ];
    let group = text(&ask("ec2", "CreateSecurityGroup", &group).await, "groupId");
    let of_balancer = [
        ("LoadBalancerArn", cloud.load_balancer_arn()),
        ("SecurityGroups.member.1", &group),
    ];
    ask("elasticloadbalancing", "SetSecurityGroups", &of_balancer).await;
    topic
}

/// The queue for what the topic cannot deliver, which is the stack's.
const QUEUE: &str = "arn:aws:sqs:ap-northeast-1:123456789012:undelivered";

/// What stands between the first `<tag>` and its end.
fn text(xml: &str, tag: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{tag}>")).unwrap();
    rest.split('<').next().unwrap().to_owned()
}

async fn start(cloud: &Cloud, env: &[(&str, &str)]) -> Function {
    let builder = cloud
        .function(env!("CARGO_BIN_EXE_bootstrap"))
        .env("REPLICATION_USER", "rpluser001")
        .env("POLL_INTERVAL_MS", "20")
        .env("WATCH_SECONDS", "0");
    let builder = env
        .iter()
        .fold(builder, |builder, (name, value)| builder.env(name, *value));
    builder.start().await.unwrap()
}

/// Whether it can do what it wants is not asked here, only what it asks for.
async fn run(function: &Function, payload: &Value) {
    let payload = announce(payload, Duration::from_secs(1));
    let _ = function.invoke(&payload).await.unwrap();
}
