//! What `privatelink.yaml` makes is what the documents say of it.

use local_cloud::{Cloud, PORT, Stack};

use crate::stacks::{Database, ask, database, deploy_path};
use crate::xml::{keys_and_values, text, texts};

const ELB: &str = "elasticloadbalancing";

async fn deployed() -> (Cloud, Database, Stack) {
    let cloud = Cloud::start_with_cloudformation().await.unwrap();
    let database = database(&cloud).await;
    let path = deploy_path(&cloud, &database, &[]).await;
    (cloud, database, path)
}

#[tokio::test]
async fn the_target_group_cuts_an_old_writer_off_at_once_and_an_unhealthy_one_never() {
    let (cloud, database, path) = deployed().await;
    let arn = &*path.outputs["TargetGroupArn"];
    let attributes = [("TargetGroupArn", arn)];
    let attributes = ask(&cloud, ELB, "DescribeTargetGroupAttributes", &attributes).await;
    let attributes = keys_and_values(&attributes);
    for (key, value) in [
        ("deregistration_delay.timeout_seconds", "0"),
        (
            "deregistration_delay.connection_termination.enabled",
            "true",
        ),
        (
            "target_health_state.unhealthy.connection_termination.enabled",
            "false",
        ),
        (
            "load_balancing.cross_zone.enabled",
            "use_load_balancer_configuration",
        ),
        ("proxy_protocol_v2.enabled", "false"),
        ("preserve_client_ip.enabled", "false"),
    ] {
        assert_eq!(
            attributes.get(key).map(String::as_str),
            Some(value),
            "{key}"
        );
    }

    let group = [("TargetGroupArns.member.1", arn)];
    let group = ask(&cloud, ELB, "DescribeTargetGroups", &group).await;
    for (tag, value) in [
        ("TargetType", "ip"),
        ("Protocol", "TCP"),
        ("Port", &*PORT.to_string()),
        ("VpcId", &database.vpc),
        ("HealthCheckProtocol", "TCP"),
        ("HealthCheckPort", "40000"),
        ("HealthCheckEnabled", "true"),
    ] {
        assert_eq!(text(&group, tag), value, "{tag}");
    }
}

#[tokio::test]
async fn the_load_balancer_is_internal_in_every_zone_and_leads_to_the_group() {
    let (cloud, database, path) = deployed().await;
    let arn = &*path.outputs["LoadBalancerArn"];
    let listed = [("LoadBalancerArns.member.1", arn)];
    let told = ask(&cloud, ELB, "DescribeLoadBalancers", &listed).await;
    assert_eq!(text(&told, "Type"), "network");
    assert_eq!(text(&told, "Scheme"), "internal");
    assert_eq!(texts(&told, "SubnetId").join(","), database.subnets);
    let named = [("LoadBalancerArn", arn)];
    let attributes = ask(&cloud, ELB, "DescribeLoadBalancerAttributes", &named).await;
    let attributes = keys_and_values(&attributes);
    assert_eq!(attributes["load_balancing.cross_zone.enabled"], "true");
    assert_eq!(attributes["deletion_protection.enabled"], "false");

    let listener = ask(&cloud, ELB, "DescribeListeners", &named).await;
    assert_eq!(text(&listener, "Protocol"), "TCP");
    assert_eq!(text(&listener, "Port"), PORT.to_string());
    let group = text(&listener, "TargetGroupArn");
    assert_eq!(group, path.outputs["TargetGroupArn"]);
}

#[tokio::test]
async fn the_endpoint_service_takes_heatwave_and_asks_first() {
    let (cloud, _, path) = deployed().await;
    let id = &*path.outputs["EndpointServiceId"];
    let describe = "DescribeVpcEndpointServiceConfigurations";
    let told = ask(&cloud, "ec2", describe, &[("ServiceId.1", id)]).await;
    assert_eq!(text(&told, "acceptanceRequired"), "true");
    assert_eq!(
        text(&told, "serviceName"),
        path.outputs["EndpointServiceName"]
    );
    assert!(told.contains(&path.outputs["LoadBalancerArn"]), "{told}");
    let describe = "DescribeVpcEndpointServicePermissions";
    let told = ask(&cloud, "ec2", describe, &[("ServiceId", id)]).await;
    let heatwave = "arn:aws:iam::612981981079:root";
    assert_eq!(texts(&told, "principal"), [heatwave]);
}

#[tokio::test]
async fn the_security_groups_let_nobody_in_and_the_load_balancer_out_to_the_database_only() {
    let (cloud, database, path) = deployed().await;
    let own = &*path.outputs["LoadBalancerSecurityGroupId"];
    let told = security_group(&cloud, own).await;
    assert_eq!(text(&told, "ipPermissions"), "", "nobody comes in");
    let out = text(&told, "ipPermissionsEgress");
    assert_eq!(texts(out, "groupId"), [&*database.security_group]);

    let told = security_group(&cloud, &database.security_group).await;
    let inward = text(&told, "ipPermissions");
    assert_eq!(texts(inward, "groupId"), [own]);

    let port = PORT.to_string();
    for rule in [out, inward] {
        let traffic = ["ipProtocol", "fromPort", "toPort"].map(|tag| text(rule, tag));
        assert_eq!(traffic, ["tcp", &port, &port]);
        assert!(!rule.contains("cidrIp"), "{rule}");
    }
}

async fn security_group(cloud: &Cloud, id: &str) -> String {
    ask(cloud, "ec2", "DescribeSecurityGroups", &[("GroupId.1", id)]).await
}
