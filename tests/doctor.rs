//! The doctor on the real `bootstrap`: it finds what is broken in moto's installation, and changes nothing.
//!
//! moto does not tell a load balancer's `EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic`; a rewritten
//! answer does here. What is made of every answer that AWS could give is in `diagnosis.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::Arc;

use local_cloud::{
    ANY, Answer, CLUSTER, Cloud, Fault, Function, INSTANCE_1, INSTANCE_2, TARGET_1, TARGET_2,
};
use serde_json::{Value, json};

/// The function's ARN under AWS's Lambda emulator.
const FUNCTION: &str = "arn:aws:lambda:us-east-1:012345678912:function:test_function";
const HEATWAVE: &str = "arn:aws:iam::612981981079:root";

async fn function(cloud: &Cloud) -> Function {
    let builder = cloud.function(env!("CARGO_BIN_EXE_bootstrap")).timeout(180);
    builder.start().await.unwrap()
}

async fn examine(function: &Function) -> Value {
    let path = format!("{}/events/doctor.json", env!("CARGO_MANIFEST_DIR"));
    let payload = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    function.invoke(&payload).await.unwrap().outcome.unwrap()
}

/// Severity and check of each finding.
fn found(diagnosis: &Value) -> Vec<String> {
    let findings = diagnosis["findings"].as_array().unwrap();
    let line = |finding: &Value| {
        let [severity, check] = ["severity", "check"].map(|key| finding[key].as_str().unwrap());
        format!("{severity} {check}")
    };
    findings.iter().map(line).collect()
}

/// A change to the installation: service, action, parameters. `GROUP`, `BALANCER`, `LISTENER`, `SERVICE`,
/// `SERVICE_NAME`, `TOPIC` and `VPC` stand for what they name.
type Change<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// An installation in which all is well.
struct Installation {
    cloud: Cloud,
    service: String,
    listener: String,
    topic: String,
    vpc: String,
}

impl Installation {
    async fn start() -> Self {
        let cloud = Cloud::start().await.unwrap();
        let balancer = cloud.load_balancer_arn().to_owned();
        let ask = async |service: &str, action: &str, parameters: &[(&str, &str)], tag: &str| {
            let xml = cloud.api(service, action, parameters).await.unwrap();
            let (_, rest) = xml.split_once(&format!("<{tag}>")).expect("the tag");
            rest.split_once('<').unwrap().0.to_owned()
        };
        let elb = "elasticloadbalancing";
        let of_balancer = [("LoadBalancerArn", &*balancer)];
        let listener = ask(elb, "DescribeListeners", &of_balancer, "ListenerArn").await;
        let services = "DescribeVpcEndpointServiceConfigurations";
        let service = ask("ec2", services, &[], "serviceId").await;
        let topic = ask("sns", "CreateTopic", &[("Name", "events")], "TopicArn").await;
        let vpc = ask(elb, "DescribeTargetGroups", &[], "VpcId").await;
        let group = [
            ("GroupName", "balancer"),
            ("GroupDescription", "balancer"),
            ("VpcId", &*vpc),
        ];
        let security_group = ask("ec2", "CreateSecurityGroup", &group, "groupId").await;
        let installation = Self {
            cloud,
            service,
            listener,
            topic,
            vpc,
        };
        let security_group = [
            ("LoadBalancerArn", "BALANCER"),
            ("SecurityGroups.member.1", &*security_group),
        ];
        installation
            .change(("elasticloadbalancing", "SetSecurityGroups", &security_group))
            .await;
        for change in MAKE_WELL {
            installation.change(change).await;
        }
        installation
            .cloud
            .gateway()
            .inject("DescribeLoadBalancers", off_for_private_link());
        installation
    }

    async fn change(&self, (service, action, parameters): Change<'_>) {
        let value = |text: &str| match text {
            "GROUP" => self.cloud.target_group_arn().to_owned(),
            "BALANCER" => self.cloud.load_balancer_arn().to_owned(),
            "LISTENER" => self.listener.clone(),
            "SERVICE" => self.service.clone(),
            "SERVICE_NAME" => self.cloud.endpoint_service().to_owned(),
            "TOPIC" => self.topic.clone(),
            "VPC" => self.vpc.clone(),
            text => text.to_owned(),
        };
        let parameters: Vec<(&str, String)> = parameters
            .iter()
            .map(|(key, text)| (*key, value(text)))
            .collect();
        let parameters: Vec<(&str, &str)> = parameters
            .iter()
            .map(|(key, text)| (*key, text.as_str()))
            .collect();
        self.cloud.api(service, action, &parameters).await.unwrap();
    }
}

/// Says what moto leaves out.
fn off_for_private_link() -> Fault {
    Fault::Rewrite(Arc::new(|xml: String| {
        let said = "<EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic>off</EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic>";
        xml.replace("</SecurityGroups>", &format!("</SecurityGroups>{said}"))
    }))
}

const MAKE_WELL: [Change<'_>; 12] = [
    (
        "elasticloadbalancing",
        "ModifyTargetGroupAttributes",
        &[
            ("TargetGroupArn", "GROUP"),
            (
                "Attributes.member.1.Key",
                "deregistration_delay.timeout_seconds",
            ),
            ("Attributes.member.1.Value", "0"),
            (
                "Attributes.member.2.Key",
                "deregistration_delay.connection_termination.enabled",
            ),
            ("Attributes.member.2.Value", "true"),
            (
                "Attributes.member.3.Key",
                "target_health_state.unhealthy.connection_termination.enabled",
            ),
            ("Attributes.member.3.Value", "false"),
        ],
    ),
    (
        "elasticloadbalancing",
        "ModifyLoadBalancerAttributes",
        &[
            ("LoadBalancerArn", "BALANCER"),
            (
                "Attributes.member.1.Key",
                "load_balancing.cross_zone.enabled",
            ),
            ("Attributes.member.1.Value", "true"),
        ],
    ),
    (
        "ec2",
        "ModifyVpcEndpointServicePermissions",
        &[
            ("ServiceId", "SERVICE"),
            ("AddAllowedPrincipals.1", HEATWAVE),
        ],
    ),
    (
        "rds",
        "CreateDBClusterParameterGroup",
        &[
            ("DBClusterParameterGroupName", "binlog"),
            ("DBParameterGroupFamily", "aurora-mysql8.0"),
            ("Description", "binlog"),
        ],
    ),
    (
        "rds",
        "ModifyDBClusterParameterGroup",
        &[
            ("DBClusterParameterGroupName", "binlog"),
            ("Parameters.Parameter.1.ParameterName", "binlog_format"),
            ("Parameters.Parameter.1.ParameterValue", "ROW"),
            ("Parameters.Parameter.1.ApplyMethod", "pending-reboot"),
        ],
    ),
    (
        "rds",
        "ModifyDBCluster",
        &[
            ("DBClusterIdentifier", CLUSTER),
            ("DBClusterParameterGroupName", "binlog"),
        ],
    ),
    (
        "sns",
        "Subscribe",
        &[
            ("TopicArn", "TOPIC"),
            ("Protocol", "lambda"),
            ("Endpoint", FUNCTION),
        ],
    ),
    (
        "rds",
        "CreateEventSubscription",
        &[
            ("SubscriptionName", "clusters"),
            ("SnsTopicArn", "TOPIC"),
            ("SourceType", "db-cluster"),
            ("Enabled", "true"),
        ],
    ),
    (
        "rds",
        "CreateEventSubscription",
        &[
            ("SubscriptionName", "instances"),
            ("SnsTopicArn", "TOPIC"),
            ("SourceType", "db-instance"),
            ("Enabled", "true"),
        ],
    ),
    (
        "rds",
        "CreateEventSubscription",
        &[
            ("SubscriptionName", "deployments"),
            ("SnsTopicArn", "TOPIC"),
            ("SourceType", "blue-green-deployment"),
            ("Enabled", "true"),
        ],
    ),
    (
        "ec2",
        "CreateVpcEndpoint",
        &[
            ("VpcId", "VPC"),
            ("ServiceName", "SERVICE_NAME"),
            ("VpcEndpointType", "Interface"),
        ],
    ),
    (
        "elasticloadbalancing",
        "ModifyListenerAttributes",
        &[
            ("ListenerArn", "LISTENER"),
            ("Attributes.member.1.Key", "tcp.idle_timeout.seconds"),
            ("Attributes.member.1.Value", "350"),
        ],
    ),
];

#[tokio::test]
async fn a_sound_installation_has_no_finding_and_is_left_as_it_was() {
    let installation = Installation::start().await;
    let cloud = &installation.cloud;
    let function = function(cloud).await;
    let diagnosis = examine(&function).await;
    assert_eq!(found(&diagnosis), [""; 0], "{diagnosis:#}");
    assert!(
        diagnosis["passed"].as_array().unwrap().len() > 35,
        "{diagnosis:#}"
    );
    assert!(!diagnosis["notChecked"].as_array().unwrap().is_empty());
    // Writing is tried with a target that no group can hold, and with nothing else.
    let writes = cloud.gateway().writes();
    let writes: Vec<String> = writes
        .iter()
        .map(|call| format!("{} {}", call.action, call.targets().join(" ")))
        .filter(|call| !call.starts_with("GetCallerIdentity"))
        .collect();
    assert_eq!(
        writes,
        [
            "DeregisterTargets 127.0.0.1:9",
            "RegisterTargets 127.0.0.1:9"
        ]
    );
    assert_eq!(
        cloud
            .targets()
            .await
            .unwrap()
            .into_iter()
            .collect::<Vec<_>>(),
        [TARGET_1]
    );
}

#[tokio::test]
async fn a_dry_run_tries_no_write() {
    let cloud = Cloud::start().await.unwrap();
    let builder = cloud
        .function(env!("CARGO_BIN_EXE_bootstrap"))
        .env("DRY_RUN", "true");
    let diagnosis = examine(&builder.start().await.unwrap()).await;
    assert!(
        found(&diagnosis).contains(&"warning function: DRY_RUN".to_owned()),
        "{diagnosis:#}"
    );
    assert!(cloud.gateway().writes().is_empty());
}

/// What is broken, through moto's own API, and the finding; each is put right again by the second change.
#[tokio::test]
async fn what_is_broken_is_found_and_is_gone_once_mended() {
    let installation = Installation::start().await;
    let function = function(&installation.cloud).await;
    let attribute = |key: &'static str, value: &'static str| {
        [
            ("TargetGroupArn", "GROUP"),
            ("Attributes.member.1.Key", key),
            ("Attributes.member.1.Value", value),
        ]
    };
    let idle = |value: &'static str| {
        [
            ("ListenerArn", "LISTENER"),
            ("Attributes.member.1.Key", "tcp.idle_timeout.seconds"),
            ("Attributes.member.1.Value", value),
        ]
    };
    let elb = "elasticloadbalancing";
    let ills: [(Change<'_>, Change<'_>, &str); 8] = [
        (
            (
                elb,
                "ModifyTargetGroupAttributes",
                &attribute("deregistration_delay.timeout_seconds", "300"),
            ),
            (
                elb,
                "ModifyTargetGroupAttributes",
                &attribute("deregistration_delay.timeout_seconds", "0"),
            ),
            "error target group: deregistration_delay.timeout_seconds",
        ),
        (
            (
                elb,
                "ModifyTargetGroupAttributes",
                &attribute("proxy_protocol_v2.enabled", "true"),
            ),
            (
                elb,
                "ModifyTargetGroupAttributes",
                &attribute("proxy_protocol_v2.enabled", "false"),
            ),
            "error target group: proxy_protocol_v2.enabled",
        ),
        (
            (
                elb,
                "ModifyTargetGroup",
                &[("TargetGroupArn", "GROUP"), ("HealthCheckPort", "3306")],
            ),
            (
                elb,
                "ModifyTargetGroup",
                &[("TargetGroupArn", "GROUP"), ("HealthCheckPort", "40000")],
            ),
            "error target group: health check port",
        ),
        (
            (elb, "ModifyListenerAttributes", &idle("60")),
            (elb, "ModifyListenerAttributes", &idle("350")),
            "warning listener: tcp.idle_timeout.seconds",
        ),
        (
            (
                "ec2",
                "ModifyVpcEndpointServiceConfiguration",
                &[("ServiceId", "SERVICE"), ("AcceptanceRequired", "false")],
            ),
            (
                "ec2",
                "ModifyVpcEndpointServiceConfiguration",
                &[("ServiceId", "SERVICE"), ("AcceptanceRequired", "true")],
            ),
            "warning endpoint service: acceptance",
        ),
        (
            (
                "ec2",
                "ModifyVpcEndpointServicePermissions",
                &[
                    ("ServiceId", "SERVICE"),
                    ("RemoveAllowedPrincipals.1", HEATWAVE),
                ],
            ),
            (
                "ec2",
                "ModifyVpcEndpointServicePermissions",
                &[
                    ("ServiceId", "SERVICE"),
                    ("AddAllowedPrincipals.1", HEATWAVE),
                ],
            ),
            "error endpoint service: principals",
        ),
        (
            (
                "rds",
                "DeleteEventSubscription",
                &[("SubscriptionName", "clusters")],
            ),
            (
                "rds",
                "CreateEventSubscription",
                &[
                    ("SubscriptionName", "clusters"),
                    ("SnsTopicArn", "TOPIC"),
                    ("SourceType", "db-cluster"),
                    ("Enabled", "true"),
                ],
            ),
            "warning events: db-cluster",
        ),
        (
            (
                elb,
                "RegisterTargets",
                &[
                    ("TargetGroupArn", "GROUP"),
                    ("Targets.member.1.Id", "10.0.2.12"),
                ],
            ),
            (
                elb,
                "DeregisterTargets",
                &[
                    ("TargetGroupArn", "GROUP"),
                    ("Targets.member.1.Id", "10.0.2.12"),
                ],
            ),
            "error target group: targets",
        ),
    ];
    for (breaks, mends, finding) in ills {
        installation.change(breaks).await;
        let diagnosis = examine(&function).await;
        assert_eq!(found(&diagnosis), [finding], "{diagnosis:#}");
        installation.change(mends).await;
    }
    let diagnosis = examine(&function).await;
    assert_eq!(found(&diagnosis), [""; 0], "{diagnosis:#}");
}

#[tokio::test]
async fn names_and_addresses_are_asked_of_the_functions_own_resolver() {
    let installation = Installation::start().await;
    let cloud = &installation.cloud;
    let function = function(cloud).await;

    cloud.move_cname(INSTANCE_2);
    let diagnosis = examine(&function).await;
    assert_eq!(
        found(&diagnosis),
        ["warning resolver: cluster endpoint"],
        "{diagnosis:#}"
    );
    cloud.move_cname(INSTANCE_1);

    cloud.set_address(INSTANCE_1, [54, 1, 2, 3].into());
    let diagnosis = examine(&function).await;
    assert_eq!(
        found(&diagnosis),
        ["error cluster: address"],
        "{diagnosis:#}"
    );
    cloud.set_address(INSTANCE_1, [10, 0, 1, 11].into());

    let nobody = cloud.instance_endpoint("nobody-has-this-name");
    cloud
        .dns()
        .set(&nobody, Answer::A(vec![[10, 0, 6, 6].into()]));
    let diagnosis = examine(&function).await;
    assert_eq!(
        found(&diagnosis),
        ["error resolver: a name that nobody has"],
        "{diagnosis:#}"
    );
}

#[tokio::test]
async fn each_missing_permission_is_named_with_the_command_that_grants_it() {
    let installation = Installation::start().await;
    let cloud = &installation.cloud;
    let function = function(cloud).await;
    examine(&function).await;
    let mut asked: Vec<(String, String)> = cloud
        .gateway()
        .calls()
        .into_iter()
        .map(|call| (call.service, call.action))
        .collect();
    asked.sort();
    asked.dedup();
    assert!(asked.len() >= 17, "{asked:?}");
    for (service, action) in asked {
        if action == "GetCallerIdentity" {
            continue; // needs none
        }
        let permission = format!("{service}:{action}");
        cloud
            .gateway()
            .inject(&action, Fault::access_denied(&permission));
        let diagnosis = examine(&function).await;
        let findings = diagnosis["findings"].as_array().unwrap();
        let named = findings.iter().find(|finding| {
            finding["mend"]
                .as_str()
                .unwrap()
                .contains(&format!("\"Action\":\"{permission}\""))
        });
        let named = named.unwrap_or_else(|| panic!("{permission}: {diagnosis:#}"));
        let is_a_runs = named["check"] == format!("permission {permission}");
        assert_eq!(
            named["severity"],
            if is_a_runs { "error" } else { "unknown" },
            "{named:#}"
        );
        cloud.gateway().clear(&action);
        if action == "DescribeLoadBalancers" {
            cloud.gateway().inject(&action, off_for_private_link());
        }
    }
    assert_eq!(
        cloud
            .targets()
            .await
            .unwrap()
            .into_iter()
            .collect::<Vec<_>>(),
        [TARGET_1]
    );
}

#[tokio::test]
async fn with_aws_down_everything_is_unknown_and_nothing_fails() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud).await;
    cloud
        .gateway()
        .inject(ANY, Fault::error(503, "ServiceUnavailable", "down"));
    let diagnosis = examine(&function).await;
    let found = found(&diagnosis);
    assert!(
        found.iter().all(|line| line.starts_with("unknown ")),
        "{diagnosis:#}"
    );
    assert!(found.len() >= 8, "{found:?}");
}

#[tokio::test]
async fn for_people_it_is_text_and_another_format_is_refused() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud).await;
    let text = json!({"action": "doctor", "format": "text"});
    let text = function.invoke(&text).await.unwrap().outcome.unwrap();
    let text = text.as_str().unwrap();
    for part in [
        "errors, ",
        "ERROR  target group: deregistration_delay.timeout_seconds  [aurora-source]\n  is         300\n  should be  0\n",
        "\n  mend       aws elbv2 modify-target-group-attributes --target-group-arn arn:",
        "\nok  target group: targets\n",
        "\nnot checked, look yourself:\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let failed = function
        .invoke(&json!({"action": "doctor", "format": "xml"}))
        .await
        .unwrap();
    let error = failed.outcome.unwrap_err();
    assert_eq!(error.error_type, "NoFormat");
    assert_eq!(
        error.message,
        "`format` holds \"xml\", it should hold \"json\" or \"text\""
    );
    let other = function
        .invoke(&json!({"action": "surgeon"}))
        .await
        .unwrap()
        .outcome
        .unwrap();
    assert_eq!(
        other["triggers"][0]["kind"], "unrecognized",
        "another action is a reason to look"
    );
    cloud.fail_over(INSTANCE_2).await.unwrap();
    cloud.move_cname(INSTANCE_2);
    function.invoke(&json!({})).await.unwrap().outcome.unwrap();
    assert_eq!(
        cloud
            .targets()
            .await
            .unwrap()
            .into_iter()
            .collect::<Vec<_>>(),
        [TARGET_2]
    );
}
