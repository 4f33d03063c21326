//! An installation in moto in which all is well, the function in it, and changes to it.

use std::sync::Arc;

use failover_follower::guard::statement;
use local_cloud::{Cloud, Fault, Function};
use serde_json::{Value, json};

use crate::world::USER;

/// The installation.
pub(crate) struct Installation {
    pub(crate) cloud: Cloud,
    pub(crate) function: Function,
    /// What a change calls GROUP, BALANCER and so on, by that name.
    names: Vec<(String, String)>,
}

/// What makes moto's installation sound: a service, an action and its parameters a line.
const MAKE_SOUND: [&str; 16] = [
    "elasticloadbalancing SetSecurityGroups LoadBalancerArn=BALANCER \
     SecurityGroups.member.1=SECURITY_GROUP",
    "elasticloadbalancing ModifyTargetGroupAttributes TargetGroupArn=GROUP \
     Attributes.member.1.Key=deregistration_delay.timeout_seconds Attributes.member.1.Value=0",
    "elasticloadbalancing ModifyTargetGroupAttributes TargetGroupArn=GROUP \
     Attributes.member.1.Key=deregistration_delay.connection_termination.enabled \
     Attributes.member.1.Value=true",
    "elasticloadbalancing ModifyTargetGroupAttributes TargetGroupArn=GROUP \
     Attributes.member.1.Key=target_health_state.unhealthy.connection_termination.enabled \
     Attributes.member.1.Value=false",
    "elasticloadbalancing ModifyLoadBalancerAttributes LoadBalancerArn=BALANCER \
     Attributes.member.1.Key=load_balancing.cross_zone.enabled Attributes.member.1.Value=true",
    "ec2 ModifyVpcEndpointServicePermissions ServiceId=SERVICE AddAllowedPrincipals.1=HEATWAVE",
    "ec2 CreateVpcEndpoint VpcId=VPC ServiceName=SERVICE_NAME VpcEndpointType=Interface",
    "rds CreateDBClusterParameterGroup DBClusterParameterGroupName=replicated \
     DBParameterGroupFamily=aurora-mysql8.0 Description=binlog",
    "rds ModifyDBClusterParameterGroup DBClusterParameterGroupName=replicated \
     Parameters.Parameter.1.ParameterName=binlog_format Parameters.Parameter.1.ParameterValue=ROW \
     Parameters.Parameter.1.ApplyMethod=pending-reboot",
    "rds ModifyDBClusterParameterGroup DBClusterParameterGroupName=replicated \
     Parameters.Parameter.1.ParameterName=init_connect Parameters.Parameter.1.ParameterValue=GUARD \
     Parameters.Parameter.1.ApplyMethod=pending-reboot",
    "rds ModifyDBCluster DBClusterIdentifier=aurora-source DBClusterParameterGroupName=replicated",
    "sqs CreateQueue QueueName=undelivered",
    "sns Subscribe TopicArn=TOPIC Protocol=lambda Endpoint=FUNCTION Attributes.entry.1.key=RedrivePolicy \
     Attributes.entry.1.value=REDRIVE",
    "rds CreateEventSubscription SubscriptionName=clusters SnsTopicArn=TOPIC SourceType=db-cluster \
     Enabled=true",
    "rds CreateEventSubscription SubscriptionName=instances SnsTopicArn=TOPIC \
     SourceType=db-instance Enabled=true",
    "rds CreateEventSubscription SubscriptionName=deployments SnsTopicArn=TOPIC \
     SourceType=blue-green-deployment Enabled=true",
];

/// Its other names.
const NAMES: [&str; 5] = [
    "ec2 DescribeVpcEndpointServiceConfigurations SERVICE=serviceId",
    "elasticloadbalancing DescribeListeners LoadBalancerArn=BALANCER LISTENER=ListenerArn",
    "elasticloadbalancing DescribeTargetGroups TargetGroupArns.member.1=GROUP VPC=VpcId",
    "ec2 CreateSecurityGroup GroupName=nlb GroupDescription=nlb VpcId=VPC SECURITY_GROUP=groupId",
    "sns CreateTopic Name=events TOPIC=TopicArn",
];

impl Installation {
    pub(crate) async fn sound() -> Self {
        let cloud = Cloud::start().await.unwrap();
        let function = function(&cloud, &[]).await;
        let queue = "arn:aws:sqs:ap-northeast-1:123456789012:undelivered";
        let names = [
            ("BALANCER", cloud.load_balancer_arn().to_owned()),
            // Under AWS's Lambda emulator.
            (
                "FUNCTION",
                "arn:aws:lambda:us-east-1:012345678912:function:test_function".to_owned(),
            ),
            ("GROUP", cloud.target_group_arn().to_owned()),
            ("GUARD", statement(USER)),
            ("HEATWAVE", "arn:aws:iam::612981981079:root".to_owned()),
            ("REDRIVE", json!({"deadLetterTargetArn": queue}).to_string()),
            ("SERVICE_NAME", cloud.endpoint_service().to_owned()),
        ];
        let names = names
            .into_iter()
            .map(|(name, meant)| (name.to_owned(), meant))
            .collect();
        let mut installation = Self {
            cloud,
            function,
            names,
        };
        for change in NAMES.iter().chain(&MAKE_SOUND) {
            installation.change(change).await;
        }
        // moto's load balancer has no word of this; AWS's default for one with a security group is
        // `on`.
        let gateway = installation.cloud.gateway();
        gateway.inject("DescribeLoadBalancers", off_for_private_link());
        installation
    }

    /// Changes something past the function: a service, an action and its parameters, each value a
    /// name of the installation's or itself. `NAME=tag` instead gives a new name to what the answer
    /// has in the tag.
    pub(crate) async fn change(&mut self, change: &str) {
        let mut words = change.split_whitespace();
        let (service, action) = (words.next().unwrap(), words.next().unwrap());
        let pairs = words.map(|word| word.split_once('=').expect("key=value"));
        let is_name = |key: &str| key.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        let (names, parameters): (Vec<_>, Vec<_>) = pairs.partition(|(key, _)| is_name(key));
        let parameters: Vec<(&str, &str)> = parameters
            .into_iter()
            .map(|(key, value)| (key, self.named(value)))
            .collect();
        let xml = self.cloud.api(service, action, &parameters).await.unwrap();
        for (name, tag) in names {
            let (_, rest) = xml.split_once(&format!("<{tag}>")).expect("the tag");
            let value = rest.split('<').next().unwrap().to_owned();
            self.names.push((name.to_owned(), value));
        }
    }

    fn named<'a>(&'a self, value: &'a str) -> &'a str {
        let name = self.names.iter().find(|(name, _)| name == value);
        name.map_or(value, |(_, meant)| meant)
    }

    pub(crate) async fn examine(&self) -> Value {
        examine(&self.function).await
    }
}

pub(crate) async fn function(cloud: &Cloud, env: &[(&str, &str)]) -> Function {
    let builder = cloud.function(env!("CARGO_BIN_EXE_bootstrap")).timeout(180);
    let builder = builder.env("REPLICATION_USER", USER);
    let builder = env
        .iter()
        .fold(builder, |builder, (name, value)| builder.env(name, *value));
    builder.start().await.unwrap()
}

pub(crate) async fn examine(function: &Function) -> Value {
    let path = format!("{}/events/doctor.json", env!("CARGO_MANIFEST_DIR"));
    let payload = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    function.invoke(&payload).await.unwrap().outcome.unwrap()
}

/// Severity and check of each finding.
pub(crate) fn found(diagnosis: &Value) -> Vec<String> {
    let findings = diagnosis["findings"].as_array().unwrap().iter();
    let line = |finding: &Value| {
        let [severity, check] = ["severity", "check"].map(|key| finding[key].as_str().unwrap());
        format!("{severity} {check}")
    };
    findings.map(line).collect()
}

/// Has moto's load balancer answer what it leaves out.
pub(crate) fn off_for_private_link() -> Fault {
    const TAG: &str = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic";
    let added = format!("</SecurityGroups><{TAG}>off</{TAG}>");
    Fault::Rewrite(Arc::new(move |xml: String| {
        xml.replace("</SecurityGroups>", &added)
    }))
}
