//! The doctor on the real `bootstrap`: it finds what is broken in moto's installation, and changes nothing.
//! The function finds moto by two local settings, `AWS_ENDPOINT_URL` and `DNS_SERVER`.
//!
//! moto does not tell a load balancer's `EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic`; a rewritten
//! answer does here. What is made of every answer that AWS could give is in `diagnosis/`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod installation;

use local_cloud::{
    ANY, Answer, Cloud, Fault, Function, INSTANCE_1, INSTANCE_2, TARGET_1, TARGET_2,
};
use serde_json::{Value, json};

use crate::installation::{Installation, off_for_private_link};

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
    let attribute = |key, value| {
        format!(
            "elasticloadbalancing ModifyTargetGroupAttributes TargetGroupArn=GROUP Attributes.member.1.Key={key} \
             Attributes.member.1.Value={value}"
        )
    };
    let idle = |seconds| {
        format!(
            "elasticloadbalancing ModifyListenerAttributes ListenerArn=LISTENER \
             Attributes.member.1.Key=tcp.idle_timeout.seconds Attributes.member.1.Value={seconds}"
        )
    };
    let health_check = |port| {
        format!(
            "elasticloadbalancing ModifyTargetGroup TargetGroupArn=GROUP HealthCheckPort={port}"
        )
    };
    let acceptance = |required| {
        format!(
            "ec2 ModifyVpcEndpointServiceConfiguration ServiceId=SERVICE_ID AcceptanceRequired={required}"
        )
    };
    let principals = |change| {
        format!(
            "ec2 ModifyVpcEndpointServicePermissions ServiceId=SERVICE_ID {change}AllowedPrincipals.1=HEATWAVE"
        )
    };
    let subscription = |change| format!("rds {change} SubscriptionName=clusters");
    let reader = |change| {
        format!("elasticloadbalancing {change} TargetGroupArn=GROUP Targets.member.1.Id=10.0.2.12")
    };
    let ills = [
        (
            attribute("deregistration_delay.timeout_seconds", "300"),
            attribute("deregistration_delay.timeout_seconds", "0"),
            "error target group: deregistration_delay.timeout_seconds",
        ),
        (
            attribute("proxy_protocol_v2.enabled", "true"),
            attribute("proxy_protocol_v2.enabled", "false"),
            "error target group: proxy_protocol_v2.enabled",
        ),
        (
            health_check("3306"),
            health_check("40000"),
            "error target group: health check port",
        ),
        (
            idle("60"),
            idle("350"),
            "warning listener: tcp.idle_timeout.seconds",
        ),
        (
            acceptance("false"),
            acceptance("true"),
            "warning endpoint service: acceptance",
        ),
        (
            principals("Remove"),
            principals("Add"),
            "error endpoint service: principals",
        ),
        (
            subscription("DeleteEventSubscription"),
            subscription(
                "CreateEventSubscription SnsTopicArn=TOPIC SourceType=db-cluster Enabled=true",
            ),
            "warning events: db-cluster",
        ),
        (
            reader("RegisterTargets"),
            reader("DeregisterTargets"),
            "error target group: targets",
        ),
    ];
    for (breaks, mends, finding) in ills {
        installation.change(&breaks).await;
        let diagnosis = examine(&function).await;
        assert_eq!(found(&diagnosis), [finding], "{diagnosis:#}");
        installation.change(&mends).await;
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
        "ERROR  target group: deregistration_delay.timeout_seconds  [aurora-source → aurora-source]\n  is         300\n  should be  0\n",
        "\n  mend       aws elbv2 modify-target-group-attributes --target-group-arn arn:",
        "\nok  target group: targets  [aurora-source → aurora-source]\n",
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
