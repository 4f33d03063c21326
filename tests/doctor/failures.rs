//! The function on moto: what it asks, and what it makes of answers that are none.

use std::collections::BTreeMap;

use local_cloud::{ANY, Answer, CLUSTER, Cloud, Fault, INSTANCE_1, INSTANCE_2, TARGET_1, TARGET_2};
use serde_json::{Value, json};

use crate::installation::{Installation, examine, found, function, off_for_private_link};

#[tokio::test]
async fn a_sound_installation_has_no_finding_and_is_left_as_it_was() {
    let installation = Installation::sound().await;
    let diagnosis = installation.examine().await;
    assert_eq!(found(&diagnosis), [""; 0], "{diagnosis:#}");
    assert!(
        diagnosis["counts"]["passed"].as_u64().unwrap() > 55,
        "{diagnosis:#}"
    );
    assert!(!diagnosis["notChecked"].as_array().unwrap().is_empty());
    // A write is tried with the probe target alone, and only the one that cannot take effect.
    let writes = installation.cloud.gateway().writes().into_iter();
    let writes = writes.filter(|call| !is_read(&call.action));
    let writes: Vec<_> = writes
        .map(|call| (call.action.clone(), call.targets()))
        .collect();
    assert_eq!(
        writes,
        [(
            "DeregisterTargets".to_owned(),
            vec!["127.0.0.1:9".to_owned()]
        )]
    );
    assert_eq!(
        installation.cloud.targets().await.unwrap(),
        [TARGET_1.to_owned()].into()
    );
}

fn is_read(action: &str) -> bool {
    ["Describe", "Get", "List"]
        .iter()
        .any(|verb| action.starts_with(verb))
}

#[tokio::test]
async fn a_dry_run_tries_no_write() {
    let cloud = Cloud::start().await.unwrap();
    let diagnosis = examine(&function(&cloud, &[("DRY_RUN", "true")]).await).await;
    let found = found(&diagnosis);
    assert!(
        found.contains(&"warning function: DRY_RUN".to_owned()),
        "{diagnosis:#}"
    );
    let mut calls = cloud.gateway().calls().into_iter();
    assert!(calls.all(|call| is_read(&call.action)));
}

#[tokio::test]
async fn names_and_addresses_are_asked_of_the_functions_own_resolver() {
    let installation = Installation::sound().await;
    let cloud = &installation.cloud;
    let probe = cloud.instance_endpoint("failover-follower-probe");
    let endpoint = cloud.cluster_endpoint().to_owned();
    let private = Answer::A(vec![[10, 0, 6, 6].into()]);
    cloud.move_cname(INSTANCE_2);
    let diagnosis = installation.examine().await;
    assert_eq!(
        found(&diagnosis),
        ["warning resolver: cluster endpoint"],
        "{diagnosis:#}"
    );
    cloud.dns().set(&endpoint, private.clone());
    let diagnosis = installation.examine().await;
    assert_eq!(
        found(&diagnosis),
        ["warning resolver: cluster endpoint"],
        "{diagnosis:#}"
    );
    cloud.move_cname(INSTANCE_1);
    cloud.set_address(INSTANCE_1, [54, 1, 2, 3].into());
    let diagnosis = installation.examine().await;
    assert_eq!(
        found(&diagnosis),
        ["error instance: address"],
        "{diagnosis:#}"
    );
    cloud.set_address(INSTANCE_1, [10, 0, 1, 11].into());
    cloud.dns().set(&probe, private);
    let diagnosis = installation.examine().await;
    let expected = ["error resolver: a name that does not exist"];
    assert_eq!(found(&diagnosis), expected, "{diagnosis:#}");
}

#[tokio::test]
async fn each_missing_permission_is_named_by_its_call() {
    let installation = Installation::sound().await;
    let gateway = installation.cloud.gateway();
    installation.examine().await;
    let mut asked: Vec<(String, String)> = gateway
        .calls()
        .into_iter()
        .map(|call| (call.service, call.action))
        .collect();
    asked.sort();
    asked.dedup();
    assert!(asked.len() >= 20, "{asked:?}");
    for (service, action) in asked {
        let call = format!("{service}:{action}");
        gateway.inject(&action, Fault::access_denied(&call));
        let diagnosis = installation.examine().await;
        let named = found(&diagnosis)
            .into_iter()
            .find(|one| one.ends_with(&format!(" call {call}")));
        let severity = match action.as_str() {
            "DescribeDBClusters"
            | "DescribeDBInstances"
            | "DescribeTargetHealth"
            | "DeregisterTargets" => "error",
            "DescribeEvents" => "warning",
            _ => "unknown",
        };
        assert_eq!(
            named,
            Some(format!("{severity} call {call}")),
            "{diagnosis:#}"
        );
        gateway.clear(&action);
        if action == "DescribeLoadBalancers" {
            gateway.inject(&action, off_for_private_link());
        }
    }
    assert_eq!(
        installation.cloud.targets().await.unwrap(),
        [TARGET_1.to_owned()].into()
    );
}

#[tokio::test]
async fn what_ails_every_call_is_one_finding_and_nothing_fails() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[]).await;
    let expired = "The security token included in the request is expired";
    for (fault, causes) in [
        (
            Fault::error(403, "ExpiredToken", expired),
            vec!["error call"],
        ),
        (
            Fault::rewrite(|_| "<!DOCTYPE html><title>Sign in</title>".to_owned()),
            vec!["unknown call"],
        ),
        (
            Fault::error(503, "ServiceUnavailable", "down"),
            vec!["unknown call"; 10],
        ),
    ] {
        cloud.gateway().inject(ANY, fault);
        let diagnosis = examine(&function).await;
        let found = found(&diagnosis);
        assert_eq!(found.len(), causes.len(), "{diagnosis:#}");
        for (found, cause) in found.iter().zip(causes) {
            assert!(found.starts_with(cause), "{diagnosis:#}");
        }
        cloud.gateway().clear(ANY);
    }
}

#[tokio::test]
async fn a_hundred_routes_cost_little_more_than_one() {
    let installation = Installation::sound().await;
    let cloud = &installation.cloud;
    cloud.add_cluster("another", 21).await.unwrap();
    let mut routes = Vec::new();
    for number in 0..100 {
        let name = format!("group-{number}");
        let group = cloud
            .add_group(&name, [10, 0, 1, 11].into(), 3306)
            .await
            .unwrap();
        let cluster = if number == 0 { "another" } else { CLUSTER };
        routes.push(json!({"dbClusterIdentifier": cluster, "targetGroupArn": group}));
    }
    let routes = Value::from(routes).to_string();
    let none = [
        ("DB_CLUSTER_IDENTIFIER", ""),
        ("TARGET_GROUP_ARN", ""),
        ("ROUTES", &routes),
    ];
    let function = function(cloud, &none).await;
    cloud.gateway().forget();
    let diagnosis = examine(&function).await;
    assert!(
        diagnosis["counts"]["passed"].as_u64().unwrap() > 1000,
        "{}",
        diagnosis["counts"]
    );
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for call in cloud.gateway().calls() {
        *calls.entry(call.action).or_default() += 1;
    }
    // Of each group by itself, as AWS answers about no two.
    for action in [
        "DescribeTargetHealth",
        "DescribeTargetGroupAttributes",
        "DeregisterTargets",
    ] {
        assert_eq!(calls.remove(action), Some(100), "{action}");
    }
    // Once, however many there are, or once a page.
    for (action, count) in calls {
        assert!(count <= 2, "{action}: {count}");
    }
}

#[tokio::test]
async fn for_people_it_is_text_and_another_format_is_refused() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[]).await;
    let text = json!({"action": "doctor", "format": "text"});
    let text = function.invoke(&text).await.unwrap().outcome.unwrap();
    let text = text.as_str().unwrap();
    let group = cloud.target_group_arn();
    for part in [
        "errors, ".to_owned(),
        format!(
            "ERROR  target group: deregistration_delay.timeout_seconds  [{group}]\n  \
             actual     300\n  expected   0\n"
        ),
        format!("\n  $ aws elbv2 modify-target-group-attributes --target-group-arn {group} "),
        format!("\nok  target group: targets  [{group}]\n"),
        "\nnot checked, look yourself:\n".to_owned(),
    ] {
        assert!(text.contains(&part), "{part:?} is not in\n{text}");
    }
    let failed = function
        .invoke(&json!({"action": "doctor", "format": "xml"}))
        .await
        .unwrap();
    let error = failed.outcome.unwrap_err();
    assert_eq!(error.error_type, "UnknownFormat");
    assert_eq!(
        error.message,
        r#"`format` holds "xml"; it should hold "json" or "text""#
    );
    let other = function
        .invoke(&json!({"action": "surgeon"}))
        .await
        .unwrap()
        .outcome
        .unwrap();
    let kind = &other["triggers"][0]["kind"];
    assert_eq!(kind, "unrecognized", "another action is a reason to look");
    cloud.fail_over(INSTANCE_2).await.unwrap();
    cloud.move_cname(INSTANCE_2);
    function.invoke(&json!({})).await.unwrap().outcome.unwrap();
    assert_eq!(cloud.targets().await.unwrap(), [TARGET_2.to_owned()].into());
}
