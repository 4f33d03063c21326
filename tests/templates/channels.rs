//! What `template.yaml` makes around the function: every channel leads to it, and what fails to the
//! dead-letter queue.

use local_cloud::{Cloud, REGION, Stack};
use serde_json::{Value, json};

use crate::intrinsic::ACCOUNT;
use crate::payload::event;
use crate::plain::TEMPLATE;
use crate::stacks::{ask, configuration, deploy_all_in_one, deploy_function, schedule};
use crate::xml::{entry, text, texts};

async fn deployed() -> (Cloud, Stack) {
    let cloud = Cloud::start_with_cloudformation().await.unwrap();
    let group = cloud.target_group_arn().to_owned();
    let stack = deploy_function(&cloud, &group, &[]).await;
    (cloud, stack)
}

fn dead_letter_queue(stack: &Stack) -> String {
    let url = &stack.outputs["DeadLetterQueueUrl"];
    let (_, name) = url.rsplit_once('/').unwrap();
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

#[tokio::test]
async fn all_in_one_hands_the_group_of_the_path_to_the_function() {
    let cloud = Cloud::start_with_cloudformation().await.unwrap();
    let (path, function) = deploy_all_in_one(&cloud).await;
    let configuration = configuration(&cloud, &function).await;
    let handed = &configuration["Environment"]["Variables"]["TARGET_GROUP_ARN"];
    assert_eq!(*handed, *path.outputs["TargetGroupArn"]);
}

#[tokio::test]
async fn rds_tells_the_topic_of_everything_and_nobody_else_may() {
    let (cloud, stack) = deployed().await;
    let topic = &*stack.outputs["TopicArn"];
    let told = ask(&cloud, "rds", "DescribeEventSubscriptions", &[]).await;
    let mut types = texts(&told, "SourceType");
    types.sort_unstable();
    let all = ["blue-green-deployment", "db-cluster", "db-instance"];
    assert_eq!(types, all);
    assert_eq!(texts(&told, "SnsTopicArn"), [topic; 3]);
    assert_eq!(texts(&told, "Enabled"), ["true"; 3]);
    for narrower in ["SourceId", "EventCategory"] {
        assert!(texts(&told, narrower).is_empty(), "{told}");
    }

    let named = [("TopicArn", topic)];
    let attributes = ask(&cloud, "sns", "GetTopicAttributes", &named).await;
    let policy = entry(&attributes, "Policy");
    let statements = policy["Statement"].as_array().unwrap().iter();
    let rules: Vec<_> = statements
        .map(|rule| json!([rule["Effect"], rule["Principal"], rule["Condition"]]))
        .collect();
    let rds = json!({"Service": "events.rds.amazonaws.com"});
    let here = json!({"StringEquals": {"aws:SourceAccount": ACCOUNT}});
    let no_service =
        json!({"Bool": {"aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false"}});
    assert_eq!(
        rules,
        [
            json!(["Allow", rds, here]),
            json!(["Deny", "*", no_service])
        ]
    );
}

#[tokio::test]
async fn the_topic_and_the_schedule_invoke_the_function_and_else_fill_the_queue() {
    let (cloud, stack) = deployed().await;
    let function = &*stack.outputs["FunctionArn"];
    let queue = dead_letter_queue(&stack);

    let topic = [("TopicArn", &*stack.outputs["TopicArn"])];
    let told = ask(&cloud, "sns", "ListSubscriptionsByTopic", &topic).await;
    assert_eq!(text(&told, "Protocol"), "lambda");
    assert_eq!(text(&told, "Endpoint"), function);
    let subscription = [("SubscriptionArn", text(&told, "SubscriptionArn"))];
    let attributes = ask(&cloud, "sns", "GetSubscriptionAttributes", &subscription).await;
    let redrive = entry(&attributes, "RedrivePolicy");
    assert_eq!(redrive, json!({"deadLetterTargetArn": queue}));

    let schedule = schedule(&cloud, &stack).await;
    assert_eq!(schedule["ScheduleExpression"], "rate(1 minute)");
    assert_eq!(schedule["State"], "ENABLED");
    assert_eq!(schedule["Target"]["Arn"], function);
    assert_eq!(schedule["Target"]["DeadLetterConfig"]["Arn"], queue);
}

/// moto's rules lead to queues, not to functions, so the stack's rule is given its queue for a
/// target.
#[tokio::test]
async fn the_rule_lets_every_event_through_but_those_that_never_move_the_writer() {
    let (cloud, stack) = deployed().await;
    let rule = stack.resource("FollowerRdsEvent").unwrap();
    let events = async |action: &str, asked: Value| {
        let action = format!("AWSEvents.{action}");
        cloud.post("events", &action, &asked).await.unwrap()
    };
    let told = events("ListTargetsByRule", json!({"Rule": rule})).await;
    let mut target = told["Targets"][0].clone();
    assert_eq!(target["Arn"], *stack.outputs["FunctionArn"]);
    target["Arn"] = dead_letter_queue(&stack).into();
    events("PutTargets", json!({"Rule": rule, "Targets": [target]})).await;

    let about = |categories: &[&str]| {
        let mut event = event("eventbridge-failover");
        event["detail"]["EventCategories"] = json!(categories);
        event
    };
    for (through, event) in [
        (true, event("eventbridge-failover")),
        (true, event("eventbridge-instance")),
        (true, event("eventbridge-blue-green")),
        (true, event("eventbridge-empty-category")),
        (true, about(&["notification"])),
        (true, about(&["backup", "failover"])),
        (false, about(&["backup"])),
        (false, about(&["low storage", "backup"])),
    ] {
        let before = waiting(&cloud, &stack).await;
        let entry = json!({"Source": event["source"], "DetailType": event["detail-type"],
            "Detail": event["detail"].to_string()});
        events("PutEvents", json!({"Entries": [entry]})).await;
        let came = waiting(&cloud, &stack).await - before;
        assert_eq!(came, u32::from(through), "{event}");
    }
}

/// How many messages are in the stack's queue.
async fn waiting(cloud: &Cloud, stack: &Stack) -> u32 {
    let count = [
        ("QueueUrl", &*stack.outputs["DeadLetterQueueUrl"]),
        ("AttributeName.1", "ApproximateNumberOfMessages"),
    ];
    let count = ask(cloud, "sqs", "GetQueueAttributes", &count).await;
    text(&count, "Value").parse().unwrap()
}

#[tokio::test]
async fn only_this_topic_and_this_rule_may_invoke_the_function() {
    let (cloud, stack) = deployed().await;
    let name = &stack.outputs["FunctionName"];
    let policy = format!("/2015-03-31/functions/{name}/policy");
    let policy = cloud.get("lambda", &policy).await.unwrap();
    let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap().iter();
    let mut callers: Vec<_> = statements
        .map(|statement| {
            let service = statement["Principal"]["Service"].as_str().unwrap();
            let arn = &statement["Condition"]["ArnLike"]["AWS:SourceArn"];
            (service, arn.as_str().unwrap())
        })
        .collect();
    callers.sort_unstable();
    let rule = stack.resource("FollowerRdsEvent").unwrap();
    let rule = format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}");
    let topic = &*stack.outputs["TopicArn"];
    let expected = [
        ("events.amazonaws.com", &*rule),
        ("sns.amazonaws.com", topic),
    ];
    assert_eq!(callers, expected);
}

#[tokio::test]
async fn the_longest_watch_fits_into_a_run_and_three_runs_into_the_age_of_an_event() {
    let (cloud, stack) = deployed().await;
    let timeout = configuration(&cloud, &stack).await["Timeout"].as_u64();
    let timeout = timeout.unwrap();
    let watch = &TEMPLATE["Parameters"]["WatchSeconds"];
    let longest = watch["MaxValue"].as_u64().unwrap();
    assert_eq!(timeout, longest + 30, "as README.md asks");

    let name = &stack.outputs["FunctionName"];
    let invoke = format!("/2019-09-25/functions/{name}/event-invoke-config");
    let invoke = cloud.get("lambda", &invoke).await.unwrap();
    let failed = &invoke["DestinationConfig"]["OnFailure"]["Destination"];
    assert_eq!(*failed, dead_letter_queue(&stack));
    assert_eq!(invoke["MaximumRetryAttempts"], 2);
    let age = invoke["MaximumEventAgeInSeconds"].as_u64().unwrap();
    let waits = 60 + 120; // before the second try, and before the third
    assert!(age >= 3 * timeout + waits, "{age} s");
}
