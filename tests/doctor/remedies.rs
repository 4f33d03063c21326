//! Each remedy's commands, pasted into a shell: the AWS CLI knows them, and on moto's installation
//! they make the finding go away.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use futures_util::stream::iter;
use local_cloud::{Answer, parse_commands};

use crate::cases::CASES;
use crate::installation::{Installation, found};
use crate::world::World;

/// Installations, and shells, at a time.
const AT_A_TIME: usize = 2;

/// What is broken on moto, past the function, and the finding.
type Broken = (&'static [&'static str], &'static str);

const BROKEN: &[Broken] = &[
    (
        &[
            "elasticloadbalancing ModifyTargetGroupAttributes TargetGroupArn=GROUP \
           Attributes.member.1.Key=deregistration_delay.timeout_seconds \
           Attributes.member.1.Value=300",
        ],
        "error target group: deregistration_delay.timeout_seconds",
    ),
    (
        &[
            "elasticloadbalancing ModifyTargetGroupAttributes TargetGroupArn=GROUP \
           Attributes.member.1.Key=deregistration_delay.connection_termination.enabled \
           Attributes.member.1.Value=false",
        ],
        "error target group: deregistration_delay.connection_termination.enabled",
    ),
    (
        &[
            "elasticloadbalancing ModifyTargetGroupAttributes TargetGroupArn=GROUP \
           Attributes.member.1.Key=target_health_state.unhealthy.connection_termination.enabled \
           Attributes.member.1.Value=true",
        ],
        "error target group: target_health_state.unhealthy.connection_termination.enabled",
    ),
    (
        &[
            "elasticloadbalancing ModifyTargetGroupAttributes TargetGroupArn=GROUP \
           Attributes.member.1.Key=proxy_protocol_v2.enabled Attributes.member.1.Value=true",
        ],
        "error target group: proxy_protocol_v2.enabled",
    ),
    (
        &[
            "elasticloadbalancing ModifyTargetGroupAttributes TargetGroupArn=GROUP \
           Attributes.member.1.Key=load_balancing.cross_zone.enabled \
           Attributes.member.1.Value=false",
        ],
        "error target group: load_balancing.cross_zone.enabled",
    ),
    (
        &["elasticloadbalancing ModifyTargetGroup TargetGroupArn=GROUP HealthCheckPort=3306"],
        "error target group: health check port",
    ),
    (
        &[
            "elasticloadbalancing ModifyListenerAttributes ListenerArn=LISTENER \
           Attributes.member.1.Key=tcp.idle_timeout.seconds Attributes.member.1.Value=60",
        ],
        "warning listener: tcp.idle_timeout.seconds",
    ),
    (
        &[
            "elasticloadbalancing CreateTargetGroup Name=another Protocol=TCP Port=3306 VpcId=VPC \
             TargetType=ip ANOTHER=TargetGroupArn",
            "elasticloadbalancing ModifyListener ListenerArn=LISTENER \
             DefaultActions.member.1.Type=forward \
             DefaultActions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn=GROUP \
             DefaultActions.member.1.ForwardConfig.TargetGroups.member.1.Weight=1 \
             DefaultActions.member.1.ForwardConfig.TargetGroups.member.2.TargetGroupArn=ANOTHER \
             DefaultActions.member.1.ForwardConfig.TargetGroups.member.2.Weight=1",
        ],
        "error listener: forwards",
    ),
    (
        &[
            "ec2 DescribeSubnets Filter.1.Name=cidr-block Filter.1.Value.1=10.0.1.0/24 \
             SUBNET=subnetId",
            "ec2 CreateSubnet VpcId=VPC CidrBlock=10.0.9.0/24 AvailabilityZone=ap-northeast-1d \
             ANOTHER=subnetId",
            "elasticloadbalancing SetSubnets LoadBalancerArn=BALANCER Subnets.member.1=SUBNET \
             Subnets.member.2=ANOTHER",
        ],
        "error load balancer: zones",
    ),
    (
        &["ec2 ModifyVpcEndpointServiceConfiguration ServiceId=SERVICE AcceptanceRequired=false"],
        "warning endpoint service: acceptance",
    ),
    (
        &["ec2 ModifyVpcEndpointServicePermissions ServiceId=SERVICE \
           RemoveAllowedPrincipals.1=HEATWAVE"],
        "error endpoint service: principals",
    ),
    (
        &["ec2 ModifyVpcEndpointServicePermissions ServiceId=SERVICE AddAllowedPrincipals.1=*"],
        "error endpoint service: principals",
    ),
    (
        &["ec2 DeleteVpcEndpointServiceConfigurations ServiceId.1=SERVICE"],
        "error endpoint service",
    ),
    (
        &["rds DeleteEventSubscription SubscriptionName=clusters"],
        "warning events: subscription",
    ),
    (
        &[
            "rds DeleteEventSubscription SubscriptionName=clusters",
            "rds CreateEventSubscription SubscriptionName=clusters SnsTopicArn=TOPIC \
             SourceType=db-cluster EventCategories.EventCategory.1=failover Enabled=true",
        ],
        "warning events: subscription",
    ),
    (
        &[
            "sns SetTopicAttributes TopicArn=TOPIC AttributeName=KmsMasterKeyId \
           AttributeValue=alias/aws/sns",
        ],
        "warning events: topic's key",
    ),
    (
        &[
            "rds ModifyDBClusterParameterGroup DBClusterParameterGroupName=replicated \
           Parameters.Parameter.1.ParameterName=binlog_format \
           Parameters.Parameter.1.ParameterValue=MIXED",
        ],
        "warning cluster: binlog_format",
    ),
    (
        &[
            "rds ModifyDBClusterParameterGroup DBClusterParameterGroupName=replicated \
           Parameters.Parameter.1.ParameterName=init_connect \
           Parameters.Parameter.1.ParameterValue=SET@a=1",
        ],
        "warning readers' guard: init_connect",
    ),
    (
        &[
            "rds ModifyDBClusterParameterGroup DBClusterParameterGroupName=replicated \
           Parameters.Parameter.1.ParameterName=init_connect \
           Parameters.Parameter.1.ParameterValue=SIGNAL",
        ],
        "error readers' guard: init_connect",
    ),
    (
        &[
            "rds ModifyDBInstance DBInstanceIdentifier=aurora-source-instance-2 \
           PubliclyAccessible=true",
        ],
        "note instance: publicly accessible",
    ),
    (
        &["rds DeleteDBInstance DBInstanceIdentifier=aurora-source-instance-2"],
        "warning cluster: instances",
    ),
];

#[tokio::test]
async fn each_remedy_makes_the_finding_go_away() {
    let cases = BROKEN
        .iter()
        .map(|(breaks, finding)| remedied(breaks, finding));
    let failed: Vec<String> = iter(cases)
        .buffer_unordered(AT_A_TIME)
        .filter_map(async |it| it)
        .collect()
        .await;
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Breaks an installation and remedies it; what went wrong.
async fn remedied(breaks: &[&str], finding: &str) -> Option<String> {
    let mut installation = Installation::sound().await;
    for change in breaks {
        installation.change(change).await;
    }
    let diagnosis = installation.examine().await;
    if found(&diagnosis) != [finding] {
        return Some(format!("{breaks:?} is not {finding}: {diagnosis:#}"));
    }
    // A reader that a remedy makes gets its name from RDS.
    let cloud = &installation.cloud;
    let made = cloud.instance_endpoint("aurora-source-1c");
    cloud
        .dns()
        .set(&made, Answer::A(vec![[10, 0, 2, 13].into()]));
    for command in diagnosis["findings"][0]["remedy"]["commands"]
        .as_array()
        .unwrap()
    {
        if let Err(error) = cloud.shell(command.as_str().unwrap()).await {
            return Some(format!("the remedy of {finding} failed: {error:#}"));
        }
    }
    let after = installation.examine().await;
    let is_there = found(&after).iter().any(|one| one == finding);
    is_there.then(|| format!("{finding} is still there: {after:#}"))
}

/// Against botocore's models, in the AWS CLI's own words.
#[tokio::test]
async fn every_command_has_options_that_the_aws_cli_knows() {
    let mut commands = BTreeSet::new();
    for (change, _, _) in CASES.iter().copied().flatten() {
        for default in [false, true] {
            let mut world = World::with(change);
            if default {
                // In AWS's own parameter group nothing can be set, and one has to be made.
                if let Some(Ok(cluster)) = world.seen.database.clusters.values_mut().next() {
                    "default.aurora-mysql8.0".clone_into(&mut cluster.parameter_group);
                }
            }
            let diagnosis = world.diagnosis();
            let remedies = diagnosis.findings.iter().map(|one| &one.remedy);
            let remedies = remedies.chain(diagnosis.not_checked.iter().map(|one| &one.remedy));
            commands.extend(remedies.flat_map(|remedy| remedy.commands.clone()));
        }
    }
    assert!(commands.len() > 50, "{commands:#?}");
    for command in &commands {
        assert!(command.ends_with(" --region eu-west-1"), "{command}");
        assert!(
            !command.replace("{\"", "").contains(['{', '<']),
            "{command}"
        );
    }
    let unknown = parse_commands(&commands).await.unwrap();
    assert!(unknown.is_empty(), "{}", unknown.join("\n\n"));
}
