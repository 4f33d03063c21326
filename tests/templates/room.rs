//! A deployment in a sealed room, where nothing stands between what is tested and what is deployed.
//!
//! The names of AWS's services are AWS's own and lead to moto by DNS, with TLS; so the SDK's own
//! endpoints, the system's resolver, its trust store and the default credentials are what these
//! cases go through.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use local_cloud::{Cloud, Function, INSTANCE_1, INSTANCE_2, Stack, TARGET_2, announce, host};
use serde_json::{Value, json};

use crate::payload::event;
use crate::sealed::{in_a_room, start, variables};
use crate::stacks::{ask, configuration, deploy_function};
use crate::xml::text;

/// The function of a stack with these parameters, for moto's cluster and group.
pub(crate) async fn deployed(cloud: &Cloud, parameters: &[(&str, &str)]) -> (Stack, Function) {
    let group = cloud.target_group_arn().to_owned();
    let stack = deploy_function(cloud, &group, parameters).await;
    let function = start(cloud, &configuration(cloud, &stack).await).await;
    (stack, function)
}

/// The record that the template's subscription hands over for an event of RDS.
async fn delivered(cloud: &Cloud, stack: &Stack, mut event: Value) -> Value {
    let topic = &*stack.outputs["TopicArn"];
    let told = ask(
        cloud,
        "sns",
        "ListSubscriptionsByTopic",
        &[("TopicArn", topic)],
    )
    .await;
    assert_eq!(text(&told, "Endpoint"), stack.outputs["FunctionArn"]);
    let subscription = text(&told, "SubscriptionArn");
    let named = [("SubscriptionArn", subscription)];
    let attributes = ask(cloud, "sns", "GetSubscriptionAttributes", &named).await;
    // A filter would have to be applied here.
    assert!(
        !attributes.contains("<key>FilterPolicy</key>"),
        "{attributes}"
    );
    let record = &mut event["Records"][0];
    record["EventSubscriptionArn"] = subscription.into();
    record["Sns"]["TopicArn"] = topic.into();
    announce(&event, Duration::from_secs(1))
}

/// Waits until the function has emptied its group; a minute at most, lest a broken one is waited
/// for.
pub(crate) async fn emptied(is_empty: impl AsyncFn() -> bool) {
    let emptied = async {
        while !is_empty().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_mins(1), emptied).await;
}

pub(crate) async fn targets(cloud: &Cloud) -> Vec<String> {
    cloud.targets().await.unwrap().into_iter().collect()
}

#[test]
fn with_default_parameters_it_looks_and_has_nothing_to_do() {
    in_a_room(async |room| {
        let cloud = room.start_cloud().await.unwrap();
        let (_, function) = deployed(&cloud, &[]).await;
        let report = function.invoke(&json!({})).await.unwrap().outcome.unwrap();
        assert_eq!(report["routes"][0]["outcome"], "unchanged", "{report}");
        let witnesses = &report["routes"][0]["witnesses"];
        assert_eq!(
            (&witnesses["api"], &witnesses["dns"]),
            (&json!(INSTANCE_1), &json!(INSTANCE_1))
        );

        let hosts = cloud.gateway().calls().into_iter().map(|call| call.host);
        let expected = ["elasticloadbalancing", "rds"].map(host);
        assert_eq!(hosts.collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    });
}

#[test]
fn its_variables_are_the_templates_and_lambdas_and_no_others() {
    in_a_room(async |room| {
        let cloud = room.start_cloud().await.unwrap();
        let group = cloud.target_group_arn().to_owned();
        let stack = deploy_function(&cloud, &group, &[]).await;
        let configuration = configuration(&cloud, &stack).await;
        let function = start(&cloud, &configuration).await;
        function.invoke(&json!({})).await.unwrap().outcome.unwrap();
        let environ = format!("/proc/{}/environ", function.pid().unwrap());
        let environ = String::from_utf8(std::fs::read(environ).unwrap()).unwrap();
        let environ = environ.split_terminator('\0');
        let environ = environ.map(|variable| variable.split_once('=').unwrap());
        let (lambdas, templates): (Vec<_>, Vec<_>) =
            environ.partition(|(name, _)| is_lambdas(name));
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let templates: BTreeMap<_, _> = templates.into_iter().map(owned).collect();
        assert_eq!(templates, variables(&configuration));
        assert!(
            lambdas.iter().all(|(_, value)| !value.is_empty()),
            "{lambdas:?}"
        );
    });
}

/// Whether Lambda sets it, as its developer guide has it ("Defined runtime environment variables").
fn is_lambdas(variable: &str) -> bool {
    let credentials = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ];
    let place = [
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "LANG",
        "TZ",
        "PATH",
        "LD_LIBRARY_PATH",
    ];
    let families = ["AWS_LAMBDA_", "AWS_XRAY_", "_AWS_XRAY_", "LAMBDA_"];
    credentials.contains(&variable)
        || place.contains(&variable)
        || families.iter().any(|family| variable.starts_with(family))
}

/// Variables of the SDK, of TLS and of proxies that a deployment could set, beside the template's
/// own.
const SDKS: [&str; 31] = [
    "AWS_AUTH_SCHEME_PREFERENCE",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DISABLE_CLOCK_SKEW_CORRECTION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_EC2",
    "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2",
    "AWS_ENDPOINT_URL_RDS",
    "AWS_ENDPOINT_URL_SNS",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_MAX_ATTEMPTS",
    "AWS_PROFILE",
    "AWS_RETRY_MODE",
    "AWS_ROLE_ARN",
    "AWS_SDK_UA_APP_ID",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_SIGV4A_SIGNING_REGION_SET",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];

#[test]
fn an_empty_variable_of_the_sdk_counts_as_unset() {
    in_a_room(async |room| {
        let cloud = room.start_cloud().await.unwrap();
        let group = cloud.target_group_arn().to_owned();
        let stack = deploy_function(&cloud, &group, &[("WatchSeconds", "1")]).await;
        let mut emptied = configuration(&cloud, &stack).await;
        for variable in SDKS {
            emptied["Environment"]["Variables"][variable] = json!("");
        }
        let function = start(&cloud, &emptied).await;
        let report = function.invoke(&json!({})).await.unwrap().outcome.unwrap();
        assert_eq!(report["routes"][0]["outcome"], "unchanged", "{report}");
        assert_eq!(unknown(&function).await, Vec::<Value>::new());
    });
}

/// What the doctor could not find out.
async fn unknown(function: &Function) -> Vec<Value> {
    let diagnosis = function.invoke(&event("doctor")).await.unwrap().outcome;
    let mut diagnosis = diagnosis.unwrap();
    let findings = diagnosis["findings"].take();
    let Value::Array(mut findings) = findings else {
        panic!("{diagnosis}");
    };
    findings.retain(|finding| finding["severity"] == "unknown");
    findings
}

#[test]
fn a_whole_failover_by_sns() {
    in_a_room(async |room| {
        let cloud = room.start_cloud().await.unwrap();
        let (stack, function) = deployed(&cloud, &[]).await;
        let announced = delivered(&cloud, &stack, event("failover")).await;
        let (done, ()) = tokio::join!(function.invoke(&announced), async {
            emptied(async || targets(&cloud).await.is_empty()).await;
            cloud.fail_over(INSTANCE_2).await.unwrap();
        });
        let report = done.unwrap().outcome.unwrap();
        assert_eq!(
            report["triggers"][0]["eventId"], "RDS-EVENT-0073",
            "{report}"
        );
        assert_eq!(report["routes"][0]["outcome"], "switched", "{report}");
        assert_eq!(targets(&cloud).await, [TARGET_2]);

        cloud.move_cname(INSTANCE_2);
        let completed = delivered(&cloud, &stack, event("failover-completed")).await;
        let report = function.invoke(&completed).await.unwrap().outcome.unwrap();
        assert_eq!(report["routes"][0]["outcome"], "unchanged", "{report}");
        assert_eq!(targets(&cloud).await, [TARGET_2]);
    });
}

#[test]
fn the_doctor_asks_every_service() {
    in_a_room(async |room| {
        let cloud = room.start_cloud().await.unwrap();
        let (_, function) = deployed(&cloud, &[]).await;
        assert_eq!(unknown(&function).await, Vec::<Value>::new());
        let hosts = cloud.gateway().calls().into_iter().map(|call| call.host);
        let expected = ["ec2", "elasticloadbalancing", "rds", "sns", "sqs", "sts"].map(host);
        assert_eq!(hosts.collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    });
}
