//! The interface: configuration, log, calls.

use std::time::Duration;

use local_cloud::{CLUSTER, Cloud, Fault, INSTANCE_2};
use serde_json::Value;

use crate::function::{ago, error, event, function, invoke, logs, route};

#[tokio::test]
async fn a_wrong_configuration_fails_the_start_and_names_the_variable() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[("WATCH_SECONDS", "two minutes")]).await;
    let done = invoke(&function, &event("manual")).await;
    let error = error(&done);
    assert_eq!(error.error_type, "Configuration");
    let expected = "WATCH_SECONDS holds \"two minutes\"; it should hold a whole number of seconds";
    assert!(error.message.contains(expected), "{}", error.message);
}

/// As the template sets them; the variable for every service points to this machine.
#[tokio::test]
async fn an_empty_endpoint_of_a_service_counts_as_unset() {
    let cloud = Cloud::start().await.unwrap();
    let empty = [
        "AWS_ENDPOINT_URL_EC2",
        "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2",
        "AWS_ENDPOINT_URL_RDS",
        "AWS_ENDPOINT_URL_SNS",
        "AWS_ENDPOINT_URL_STS",
    ];
    let function = function(&cloud, &empty.map(|variable| (variable, ""))).await;
    let done = invoke(&function, &event("manual")).await;
    assert_eq!(route(&done)["outcome"], "unchanged");
    let diagnosis = invoke(&function, &event("doctor")).await;
    assert!(diagnosis.outcome.is_ok(), "{diagnosis:?}");
}

#[tokio::test]
async fn the_last_line_of_a_run_is_its_report_and_the_others_bear_request_and_route() {
    let cloud = Cloud::start().await.unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    let function = function(&cloud, &[]).await;
    let done = invoke(&function, &ago("failover-completed", 1)).await;
    let logs = logs(&function);
    assert_eq!(logs.last(), done.outcome.as_ref().ok());
    let looked: Vec<&Value> = logs
        .iter()
        .filter(|line| line["message"] == "looked")
        .collect();
    assert_eq!(
        looked.len(),
        2,
        "one line for each look that changed something: {logs:#?}"
    );
    for line in looked {
        let text = line.to_string();
        assert!(
            text.contains("requestId") && text.contains(CLUSTER),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_look_asks_side_by_side_and_a_switch_takes_three_round_trips() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud, &[]).await;
    invoke(&function, &event("manual")).await; // the process learns the names
    cloud.fail_over(INSTANCE_2).await.unwrap();
    cloud.gateway().forget();
    let added = Duration::from_millis(300);
    cloud
        .gateway()
        .inject(local_cloud::ANY, Fault::Delay(added));
    invoke(&function, &ago("failover-completed", 1)).await;
    let calls = cloud.gateway().calls();
    let mut actions: Vec<&str> = calls.iter().map(|call| call.action.as_str()).collect();
    for look in [0..3, 5..8] {
        actions[look].sort_unstable();
    }
    let look = [
        "DescribeDBClusters",
        "DescribeEvents",
        "DescribeTargetHealth",
    ];
    let writes = ["DeregisterTargets", "RegisterTargets"];
    let switch: Vec<&str> = [&look[..], &writes, &look].concat();
    assert_eq!(actions, switch, "a look, two writes, a look");
    // Sequential round trips, counted by which arrived before which was answered.
    let asked = |look: usize| calls[look..look + 3].iter().map(|call| call.at);
    for look in [0, 5] {
        let (first, last) = (asked(look).min().unwrap(), asked(look).max().unwrap());
        assert!(
            last < first + added,
            "a look's questions are asked side by side"
        );
    }
    for pair in [(0, 3), (3, 4), (4, 5)] {
        assert!(
            calls[pair.1].at >= calls[pair.0].at + added,
            "{pair:?} one after the other"
        );
    }
}
