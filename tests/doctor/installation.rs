//! An installation in moto in which all is well, and changes to it.

use std::sync::Arc;

use local_cloud::{Cloud, Fault};

/// The installation.
pub(crate) struct Installation {
    pub(crate) cloud: Cloud,
    /// What a change calls GROUP, BALANCER and so on, by that name.
    names: Vec<(&'static str, String)>,
}

/// What makes moto's installation well: a service, an action and its parameters a line.
const MAKE_WELL: [&str; 15] = [
    "elasticloadbalancing SetSecurityGroups LoadBalancerArn=BALANCER SecurityGroups.member.1=SECURITY_GROUP",
    "elasticloadbalancing ModifyTargetGroupAttributes TargetGroupArn=GROUP Attributes.member.1.Key=deregistration_delay.timeout_seconds \
     Attributes.member.1.Value=0",
    "elasticloadbalancing ModifyTargetGroupAttributes TargetGroupArn=GROUP \
     Attributes.member.1.Key=deregistration_delay.connection_termination.enabled Attributes.member.1.Value=true",
    "elasticloadbalancing ModifyTargetGroupAttributes TargetGroupArn=GROUP \
     Attributes.member.1.Key=target_health_state.unhealthy.connection_termination.enabled Attributes.member.1.Value=false",
    "elasticloadbalancing ModifyLoadBalancerAttributes LoadBalancerArn=BALANCER \
     Attributes.member.1.Key=load_balancing.cross_zone.enabled Attributes.member.1.Value=true",
    "ec2 ModifyVpcEndpointServicePermissions ServiceId=SERVICE_ID AddAllowedPrincipals.1=HEATWAVE",
    "ec2 CreateVpcEndpoint VpcId=VPC ServiceName=SERVICE_NAME VpcEndpointType=Interface",
    "rds CreateDBClusterParameterGroup DBClusterParameterGroupName=binlog DBParameterGroupFamily=aurora-mysql8.0 Description=binlog",
    "rds ModifyDBClusterParameterGroup DBClusterParameterGroupName=binlog Parameters.Parameter.1.ParameterName=binlog_format \
     Parameters.Parameter.1.ParameterValue=ROW Parameters.Parameter.1.ApplyMethod=pending-reboot",
    "rds ModifyDBClusterParameterGroup DBClusterParameterGroupName=binlog Parameters.Parameter.1.ParameterName=init_connect \
     Parameters.Parameter.1.ParameterValue=SET@demoted=@@innodb_read_only Parameters.Parameter.1.ApplyMethod=pending-reboot",
    "rds ModifyDBCluster DBClusterIdentifier=aurora-source DBClusterParameterGroupName=binlog",
    "sns Subscribe TopicArn=TOPIC Protocol=lambda Endpoint=FUNCTION",
    "rds CreateEventSubscription SubscriptionName=clusters SnsTopicArn=TOPIC SourceType=db-cluster Enabled=true",
    "rds CreateEventSubscription SubscriptionName=instances SnsTopicArn=TOPIC SourceType=db-instance Enabled=true",
    "rds CreateEventSubscription SubscriptionName=deployments SnsTopicArn=TOPIC SourceType=blue-green-deployment Enabled=true",
];

impl Installation {
    pub(crate) async fn start() -> Self {
        let cloud = Cloud::start().await.unwrap();
        let names = vec![
            ("BALANCER", cloud.load_balancer_arn().to_owned()),
            // Under AWS's Lambda emulator.
            (
                "FUNCTION",
                "arn:aws:lambda:us-east-1:012345678912:function:test_function".to_owned(),
            ),
            ("GROUP", cloud.target_group_arn().to_owned()),
            ("HEATWAVE", "arn:aws:iam::612981981079:root".to_owned()),
            ("SERVICE_NAME", cloud.endpoint_service().to_owned()),
        ];
        let mut installation = Self { cloud, names };
        for (name, tag, ask) in [
            (
                "SERVICE_ID",
                "serviceId",
                "ec2 DescribeVpcEndpointServiceConfigurations",
            ),
            (
                "LISTENER",
                "ListenerArn",
                "elasticloadbalancing DescribeListeners LoadBalancerArn=BALANCER",
            ),
            (
                "VPC",
                "VpcId",
                "elasticloadbalancing DescribeTargetGroups TargetGroupArns.member.1=GROUP",
            ),
            (
                "SECURITY_GROUP",
                "groupId",
                "ec2 CreateSecurityGroup GroupName=nlb GroupDescription=nlb VpcId=VPC",
            ),
            ("TOPIC", "TopicArn", "sns CreateTopic Name=events"),
        ] {
            let xml = installation.change(ask).await;
            let (_, rest) = xml.split_once(&format!("<{tag}>")).expect("the tag");
            let value = rest.split('<').next().unwrap().to_owned();
            installation.names.push((name, value));
        }
        for change in MAKE_WELL {
            installation.change(change).await;
        }
        let gateway = installation.cloud.gateway();
        gateway.inject("DescribeLoadBalancers", off_for_private_link());
        installation
    }

    /// Changes something past the function: a service, an action and its parameters.
    pub(crate) async fn change(&self, change: &str) -> String {
        let mut words = change.split_whitespace();
        let (service, action) = (words.next().unwrap(), words.next().unwrap());
        let named = |value: &str| {
            let name = self.names.iter().find(|(name, _)| *name == value);
            name.map_or(value.to_owned(), |(_, meant)| meant.clone())
        };
        let parameters = words.map(|word| word.split_once('=').expect("key=value"));
        let parameters: Vec<(&str, String)> =
            parameters.map(|(key, value)| (key, named(value))).collect();
        let parameters: Vec<(&str, &str)> = parameters
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        self.cloud.api(service, action, &parameters).await.unwrap()
    }
}

/// Says what moto leaves out.
pub(crate) fn off_for_private_link() -> Fault {
    const TAG: &str = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic";
    Fault::Rewrite(Arc::new(|xml: String| {
        xml.replace(
            "</SecurityGroups>",
            &format!("</SecurityGroups><{TAG}>off</{TAG}>"),
        )
    }))
}
