//! What a company's rules ask for: roles that are bounded or its own, one key for everything, a
//! security group that is left alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use local_cloud::{CLUSTER, Cloud, REGION};
use serde_json::{Value, json};

use crate::iam::{Statement, matches, statements};
use crate::intrinsic::{ACCOUNT, Template};
use crate::permissions::{KEY, everything, role_named};
use crate::plain::TEMPLATE;
use crate::seen::seen;
use crate::stacks::{ask, configuration, database, deploy_function, deploy_path};
use crate::xml::{text, texts};

const GROUP: &str =
    "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/writer/0123456789abcdef";
const FUNCTION_ROLE: &str = "arn:aws:iam::123456789012:role/service/follower";
const SCHEDULE_ROLE: &str = "arn:aws:iam::123456789012:role/service/tick";

fn with(parameters: &[(&str, &str)]) -> Template {
    let route = [("DBClusterIdentifier", CLUSTER), ("TargetGroupArn", GROUP)];
    Template::new(&TEMPLATE, &[&route[..], parameters].concat())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What `tools/role-policy` says of a stack called `follower`.
fn role_policy(arguments: &[&str], parameters: &[(&str, &str)]) -> Output {
    let stack = ["--stack", "follower", "--region", REGION];
    let account = ["--account", ACCOUNT];
    let given = parameters
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    Command::new(root().join("tools/role-policy"))
        .args(arguments)
        .args(stack)
        .args(account)
        .args(given)
        .output()
        .unwrap()
}

fn printed(role: &str, parameters: &[(&str, &str)]) -> Vec<Statement> {
    let output = role_policy(&[role], parameters);
    assert!(output.status.success(), "{output:?}");
    statements(&serde_json::from_slice(&output.stdout).unwrap())
}

/// What the tool calls a resource that is not made yet, by what the template's tests do.
fn as_printed(mut statements: Vec<Statement>) -> Vec<Statement> {
    let arn = |service: &str, rest: &str| format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}");
    let names = [
        (
            Template::attribute("RdsEventTopic", "Ref"),
            arn("sns", "follower-RdsEventTopic-*"),
        ),
        (
            Template::attribute("DeadLetterQueue", "Arn"),
            arn("sqs", "follower-DeadLetterQueue-*"),
        ),
        (
            Template::attribute("Follower", "Arn"),
            arn("lambda", "function:follower-Follower-*"),
        ),
        (
            Template::attribute("FollowerLogs", "Arn"),
            arn("logs", "log-group:/aws/lambda/follower:*"),
        ),
    ];
    for statement in &mut statements {
        for text in statement.texts_mut() {
            if let Some((_, name)) = names.iter().find(|(before, _)| before == text) {
                name.clone_into(text);
            }
        }
    }
    statements
}

#[tokio::test]
async fn the_printed_policies_are_those_of_the_roles_that_the_stack_makes() {
    let seen = seen().await;
    let least = [
        ("DBClusterIdentifier", CLUSTER),
        ("TargetGroupArn", &*seen.target_group_arn),
    ];
    for parameters in [&least[..], &everything(seen)] {
        let template = Template::new(&TEMPLATE, parameters);
        // Which role will be used doesn't change what it needs.
        let given = [("FunctionRoleArn", FUNCTION_ROLE)];
        for (role, name) in [("function", "FollowerRole"), ("schedule", "TickRole")] {
            let own = as_printed(role_named(name, &template));
            assert_eq!(printed(role, parameters), own);
            assert_eq!(printed(role, &[parameters, &given].concat()), own);

            let output = role_policy(&[role, "--trust"], parameters);
            let trust: Value = serde_json::from_slice(&output.stdout).unwrap();
            let own = &template.resources("AWS::IAM::Role")[name]["AssumeRolePolicyDocument"];
            assert_eq!(trust, *own);
        }
    }
}

#[test]
fn the_tool_says_what_it_is_not_given_and_what_is_none() {
    let cluster = ("DBClusterIdentifier", CLUSTER);
    for (parameters, sentence) in [
        (&[cluster][..], "TargetGroupArn=… is missing: ARN of"),
        (
            &[("DBClusterIdentifier", "Aurora")],
            "DBClusterIdentifier holds Aurora; it should hold a cluster identifier",
        ),
        (&[("Cluster", "a")], "the template has no parameter Cluster"),
        (
            &[],
            "one of DBClusterIdentifier=… and DBInstanceIdentifier=…",
        ),
    ] {
        let output = role_policy(&["function"], parameters);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && said.contains(sentence),
            "{said}"
        );
    }
}

#[test]
fn roles_of_ones_own_are_used_and_none_is_made() {
    let attached = [("SubnetIds", "subnet-0a"), ("SecurityGroupIds", "sg-0a")];
    let own = [
        ("FunctionRoleArn", FUNCTION_ROLE),
        ("ScheduleRoleArn", SCHEDULE_ROLE),
    ];
    let template = with(&[&attached[..], &own].concat());
    for kind in ["AWS::IAM::Role", "AWS::IAM::Policy"] {
        assert!(template.resources(kind).is_empty(), "{kind}");
    }
    let function = &template.resources("AWS::Lambda::Function")["Follower"];
    assert_eq!(function["Role"], FUNCTION_ROLE);
    let schedule = &template.resources("AWS::Scheduler::Schedule")["FollowerTick"];
    assert_eq!(schedule["Target"]["RoleArn"], SCHEDULE_ROLE);

    // One without the other: the stack makes what it is not given.
    let template = with(&own[..1]);
    let made = template.resources("AWS::IAM::Role");
    assert_eq!(made.into_keys().collect::<Vec<_>>(), ["TickRole"]);
}

#[test]
fn a_boundary_and_a_path_are_every_roles() {
    let boundary = "arn:aws:iam::123456789012:policy/boundary";
    let given = [
        ("PermissionsBoundaryArn", boundary),
        ("RolePath", "/service/"),
    ];
    for (name, role) in with(&given).resources("AWS::IAM::Role") {
        assert_eq!(role["PermissionsBoundary"], boundary, "{name}");
        assert_eq!(role["Path"], "/service/", "{name}");
    }
    for (name, role) in with(&[]).resources("AWS::IAM::Role") {
        assert_eq!(role["PermissionsBoundary"], Value::Null, "{name}");
        assert_eq!(role["Path"], "/", "{name}");
    }
}

/// The key policy of docs/security.md, for the stack `follower`.
fn key_policy() -> Vec<Value> {
    let document = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let (_, after) = document.split_once("## One key for everything").unwrap();
    let (_, block) = after.split_once("```json\n").unwrap();
    let policy = block.split_once("```").unwrap().0;
    let policy = policy
        .replace("REGION", REGION)
        .replace("ACCOUNT", ACCOUNT)
        .replace("STACK", "follower");
    let policy: Value = serde_json::from_str(&policy).unwrap();
    policy["Statement"].as_array().unwrap().clone()
}

fn list(value: &Value) -> Vec<&str> {
    let one = value.as_str().into_iter();
    let many = value.as_array().into_iter().flatten();
    one.chain(many.map(|one| one.as_str().unwrap())).collect()
}

/// Whether a key policy lets a principal of a kind (`Service`, `AWS`) do something.
fn lets(policy: &[Value], (kind, principal): (&str, &str), action: &str) -> bool {
    policy.iter().any(|statement| {
        let actions = list(&statement["Action"]);
        statement["Effect"] == "Allow"
            && list(&statement["Principal"][kind]).contains(&principal)
            && actions.iter().any(|pattern| matches(pattern, action))
    })
}

/// What a service has to be let do with the key of what it sends to, as the guides of SNS and SQS
/// have it.
const OF_A_SENDER: [&str; 2] = ["kms:GenerateDataKey", "kms:Decrypt"];
/// And CloudWatch Logs with that of a log group ("Encrypt log data in CloudWatch Logs").
const OF_LOGS: [&str; 5] = [
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:GenerateDataKey",
    "kms:DescribeKey",
];
/// And the account itself: the deployment makes Lambda's grant, and both roles' policies count.
const OF_THE_ACCOUNT: [&str; 4] = [
    "kms:CreateGrant",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:Decrypt",
];

/// The services that the stack's own policies let send to a topic or queue with the key.
fn senders(template: &Template) -> BTreeSet<String> {
    let mut senders = BTreeSet::new();
    for (kind, policies, target, name) in [
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics", "Ref"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues", "Ref"),
    ] {
        for (resource, properties) in template.resources(kind) {
            assert_eq!(properties["KmsMasterKeyId"], KEY, "{resource}");
            let id = json!([Template::attribute(resource, name)]);
            let policies = template.resources(policies);
            let own = policies.values().filter(|policy| policy[target] == id);
            for policy in own {
                let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
                let services = statements.iter().filter(|one| one["Effect"] == "Allow");
                let services = services.flat_map(|one| list(&one["Principal"]["Service"]));
                senders.extend(services.map(str::to_owned));
            }
        }
    }
    senders
}

#[test]
fn the_key_policy_lets_each_service_in_that_the_stack_needs_and_no_other() {
    let template = with(&[
        ("KmsKeyArn", KEY),
        ("NotificationEmail", "on-call@example.com"),
    ]);
    let policy = key_policy();
    let senders = senders(&template);
    let all = ["cloudwatch", "events", "events.rds", "sns"];
    let all = all.map(|name| format!("{name}.amazonaws.com"));
    assert_eq!(senders, BTreeSet::from(all), "the template's own policies");
    for sender in &senders {
        for action in OF_A_SENDER {
            assert!(
                lets(&policy, ("Service", sender), action),
                "{sender} {action}"
            );
        }
    }
    let account = format!("arn:aws:iam::{ACCOUNT}:root");
    for action in OF_THE_ACCOUNT {
        assert!(lets(&policy, ("AWS", &account), action), "{action}");
    }

    let logs = format!("logs.{REGION}.amazonaws.com");
    for action in OF_LOGS {
        assert!(lets(&policy, ("Service", &logs), action), "{action}");
    }
    let of_logs = policy
        .iter()
        .find(|one| list(&one["Principal"]["Service"]) == [&*logs])
        .unwrap();
    let context = &of_logs["Condition"]["ArnEquals"]["kms:EncryptionContext:aws:logs:arn"];
    let group = &template.resources("AWS::Logs::LogGroup")["FollowerLogs"];
    assert_eq!(group["KmsKeyId"], KEY);
    let name = group["LogGroupName"].as_str().unwrap();
    let arn = format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}");
    assert_eq!(*context, arn);

    let let_in = policy
        .iter()
        .flat_map(|one| list(&one["Principal"]["Service"]));
    let needed: BTreeSet<&str> = senders.iter().map(String::as_str).chain([&*logs]).collect();
    assert_eq!(let_in.collect::<BTreeSet<_>>(), needed, "and no other");
}

#[test]
fn a_key_of_the_topics_own_goes_first_and_one_of_another_region_is_refused_with_a_sentence() {
    let topic_key = "arn:aws:kms:ap-northeast-1:123456789012:key/5678efab";
    let template = with(&[("KmsKeyArn", KEY), ("TopicKmsKeyArn", topic_key)]);
    let topics = template.resources("AWS::SNS::Topic");
    assert_eq!(topics["RdsEventTopic"]["KmsMasterKeyId"], topic_key);
    let queue = &template.resources("AWS::SQS::Queue")["DeadLetterQueue"];
    assert_eq!(queue["KmsMasterKeyId"], KEY);
    assert_eq!(queue["SqsManagedSseEnabled"], Value::Null);

    let elsewhere = KEY.replace(REGION, "us-east-1");
    for name in ["KmsKeyArn", "TopicKmsKeyArn"] {
        let template = with(&[(name, &elsewhere)]);
        let alarms = template.resources("AWS::CloudWatch::Alarm");
        // No ARN, which CloudWatch refuses.
        let sentence = "KmsKeyArn or TopicKmsKeyArn is not of this Region";
        assert_eq!(alarms["ErrorsAlarm"]["AlarmActions"], json!([sentence]));
        let topic = &template.resources("AWS::SNS::Topic")["RdsEventTopic"];
        assert_eq!(topic["KmsMasterKeyId"], Value::Null, "{name}");
    }
}

#[tokio::test]
async fn a_stack_with_a_key_encrypts_what_it_keeps_with_it() {
    let cloud = Cloud::start_with_cloudformation().await.unwrap();
    let group = cloud.target_group_arn().to_owned();
    let people = ("NotificationEmail", "on-call@example.com");
    let stack = deploy_function(&cloud, &group, &[("KmsKeyArn", KEY), people]).await;
    let configuration = configuration(&cloud, &stack).await;
    assert_eq!(configuration["KMSKeyArn"], KEY);
    let queue = [
        ("QueueUrl", &*stack.outputs["DeadLetterQueueUrl"]),
        ("AttributeName.1", "KmsMasterKeyId"),
    ];
    let queue = ask(&cloud, "sqs", "GetQueueAttributes", &queue).await;
    assert_eq!(text(&queue, "Value"), KEY);
    for topic in ["RdsEventTopic", "NoticeTopic"] {
        let topic = [("TopicArn", stack.resource(topic).unwrap())];
        let told = ask(&cloud, "sns", "GetTopicAttributes", &topic).await;
        let (_, key) = told.split_once("<key>KmsMasterKeyId</key>").unwrap();
        assert_eq!(text(key, "value"), KEY);
    }
}

#[tokio::test]
async fn a_security_group_that_is_left_alone_gets_the_same_rule_by_the_printed_command() {
    let cloud = Cloud::start_with_cloudformation().await.unwrap();
    let database = database(&cloud).await;
    let path = deploy_path(&cloud, &database, &[("DatabaseRule", "print")]).await;
    path.resource("DatabaseIngress").unwrap_err();
    let rules = async || {
        let group = [("GroupId.1", &*database.security_group)];
        ask(&cloud, "ec2", "DescribeSecurityGroups", &group).await
    };
    assert_eq!(text(&rules().await, "ipPermissions"), "", "left alone");

    cloud.shell(&path.outputs["DatabaseRule"]).await.unwrap();
    let told = rules().await;
    let inward = text(&told, "ipPermissions");
    let balancer = &*path.outputs["LoadBalancerSecurityGroupId"];
    assert_eq!(texts(inward, "groupId"), [balancer]);
    let traffic = ["ipProtocol", "fromPort", "toPort"].map(|tag| text(inward, tag));
    assert_eq!(traffic, ["tcp", "3306", "3306"]);
}
