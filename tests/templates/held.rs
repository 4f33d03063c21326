//! What the templates themselves are held to, read as `CloudFormation` reads them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use local_cloud::{CLUSTER, REGION};
use serde_json::{Value, json};

use crate::intrinsic::{ACCOUNT, Template};
use crate::plain::{ALL_IN_ONE, PRIVATELINK, TEMPLATE};

const GROUP: &str =
    "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/writer/0123456789abcdef";

fn with(parameters: &[(&str, &str)]) -> Template {
    let route = [("DBClusterIdentifier", CLUSTER), ("TargetGroupArn", GROUP)];
    Template::new(&TEMPLATE, &[&route[..], parameters].concat())
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn what_others_depend_on_is_always_made_or_left_out_with_them() {
    for template in [&*TEMPLATE, &*PRIVATELINK, &*ALL_IN_ONE] {
        let resources = template["Resources"].as_object().unwrap();
        for (name, resource) in resources {
            let on = match &resource["DependsOn"] {
                Value::Null => continue,
                Value::Array(many) => many.clone(),
                one => vec![one.clone()],
            };
            for on in on.iter().map(|on| on.as_str().unwrap()) {
                let condition = &resources[on]["Condition"];
                let is_safe = condition.is_null() || *condition == resource["Condition"];
                assert!(is_safe, "{name} depends on {on}, made only if {condition}");
            }
        }
    }
}

#[test]
fn the_function_and_its_configuration_wait_for_the_role_with_all_of_its_permissions() {
    let resources = &TEMPLATE["Resources"];
    let role = &resources["Follower"]["Properties"]["Role"]["Fn::If"][1];
    assert_eq!(*role, json!({"Fn::GetAtt": ["FollowerRole", "Arn"]}));
    let function = &resources["FollowerInvokeConfig"]["Properties"]["FunctionName"];
    assert_eq!(*function, json!({"Ref": "Follower"}));

    let policies = |parameters: &[(&str, &str)]| {
        let roles = with(parameters).resources("AWS::IAM::Role")["FollowerRole"].clone();
        let policies = roles["Policies"].as_array().unwrap().iter();
        policies
            .map(|policy| policy["PolicyName"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let always = ["follow", "doctor", "report"];
    assert_eq!(policies(&[]), always);
    let told = [("NotificationEmail", "on-call@example.com")];
    assert_eq!(policies(&told), [&always[..], &["send-reports"]].concat());
    let attached = [("SubnetIds", "subnet-0a"), ("SecurityGroupIds", "sg-0a")];
    assert_eq!(
        policies(&attached),
        [&always[..], &["attach-to-vpc"]].concat()
    );
}

#[test]
fn there_is_no_transform_but_sams() {
    for file in ["template.yaml", "privatelink.yaml", "all-in-one.yaml"] {
        let text = read(file);
        let transforms = text.lines().filter(|line| line.contains("Transform:"));
        for transform in transforms {
            assert_eq!(transform, "Transform: AWS::Serverless-2016-10-31", "{file}");
        }
        for extension in ["Fn::ForEach", "Fn::Length", "!Length", "ToJsonString"] {
            assert!(
                !text.contains(extension),
                "{file} needs AWS::LanguageExtensions"
            );
        }
    }
}

#[test]
fn subnets_without_security_groups_are_refused_with_a_sentence() {
    let subnets = ("SubnetIds", "subnet-0a,subnet-0b");
    let groups = ("SecurityGroupIds", "sg-0a");
    for accepted in [&[][..], &[subnets, groups], &[groups]] {
        assert_eq!(with(accepted).refusals(), [""; 0], "{accepted:?}");
    }
    let refused = with(&[subnets]);
    let refusals = refused.refusals();
    assert_eq!(refusals.len(), 1);
    assert!(refusals[0].starts_with("SubnetIds without SecurityGroupIds: "));
}

#[test]
fn a_stack_follows_one_cluster_or_one_instance() {
    let group = ("TargetGroupArn", GROUP);
    let (cluster, instance) = (
        ("DBClusterIdentifier", CLUSTER),
        ("DBInstanceIdentifier", "db"),
    );
    let template = |given: &[_]| Template::new(&TEMPLATE, &[&[group], given].concat());
    for accepted in [[cluster], [instance]] {
        assert_eq!(template(&accepted).refusals(), [""; 0], "{accepted:?}");
    }
    for refused in [&[][..], &[cluster, instance]] {
        let template = template(refused);
        let refusals = template.refusals();
        assert!(refusals[0].starts_with("DBClusterIdentifier and DBInstanceIdentifier: "));
    }
    let endpoint = (
        "DBClusterEndpoint",
        "a.cluster-b.eu-west-1.rds.amazonaws.com",
    );
    let refusal = template(&[instance, endpoint]);
    assert!(refusal.refusals()[0].starts_with("DBClusterEndpoint with DBInstanceIdentifier: "));
}

#[test]
fn members_need_the_user_that_they_refuse_and_a_cluster() {
    let group = ("TargetGroupArn", GROUP);
    let (cluster, instance) = (
        ("DBClusterIdentifier", CLUSTER),
        ("DBInstanceIdentifier", "db"),
    );
    let members = ("GroupHolds", "members");
    let user = ("ReplicationUser", "rpluser001");
    let template = |given: &[_]| Template::new(&TEMPLATE, &[&[group, members], given].concat());
    assert_eq!(template(&[cluster, user]).refusals(), [""; 0]);
    for (given, said) in [
        (
            &[cluster][..],
            "GroupHolds=members without ReplicationUser: ",
        ),
        (
            &[instance, user],
            "GroupHolds=members with DBInstanceIdentifier: ",
        ),
    ] {
        assert!(template(given).refusals()[0].starts_with(said), "{said}");
    }
}

#[test]
fn an_instances_stack_reads_no_cluster_and_watches_its_metrics() {
    let given = [("DBInstanceIdentifier", "db"), ("TargetGroupArn", GROUP)];
    let template = Template::new(&TEMPLATE, &given);
    let role = &template.resources("AWS::IAM::Role")["FollowerRole"];
    assert!(!role.to_string().contains("DescribeDBClusters\""), "{role}");
    assert!(role.to_string().contains("rds:DescribeDBInstances"));
    let function = &template.resources("AWS::Lambda::Function")["Follower"];
    let variables = &function["Environment"]["Variables"];
    assert_eq!(variables["DB_INSTANCE_IDENTIFIER"], "db");
    assert_eq!(variables["DB_CLUSTER_IDENTIFIER"], "");
    let alarms = template.resources("AWS::CloudWatch::Alarm");
    let own = alarms
        .values()
        .filter(|alarm| alarm["Namespace"] == "FailoverFollower");
    let dimension = json!({"Name": "DBInstanceIdentifier", "Value": "db"});
    for alarm in own {
        assert_eq!(alarm["Dimensions"][0], dimension, "{alarm}");
    }
}

#[test]
fn people_are_told_of_greens_coordinates_and_what_to_type() {
    let template = with(&[("NotificationEmail", "on-call@example.com")]);
    let rules = template.resources("AWS::Events::Rule");
    let notice = &rules["CoordinatesNotice"]["Targets"][0]["InputTransformer"];
    let text = notice["InputTemplate"].as_str().unwrap();
    let typed =
        "CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE = '<file>', SOURCE_LOG_POS = <position>";
    assert!(text.contains(typed) && text.contains("HeatWave"), "{text}");
    let paths = notice["InputPathsMap"].as_object().unwrap();
    for name in paths.keys() {
        assert!(text.contains(&format!("<{name}>")), "{name}");
    }
    let policy = &template.resources("AWS::SNS::TopicPolicy")["NoticeTopicPolicy"];
    let policy = policy.to_string();
    assert!(policy.contains("CoordinatesNotice"), "{policy}");
}

#[test]
fn a_health_check_at_the_database_is_refused_with_a_sentence() {
    let required = [
        ("VpcId", "vpc-0a"),
        ("SubnetIds", "subnet-0a"),
        ("DatabaseSecurityGroupId", "sg-0a"),
    ];
    let ports = [("DatabasePort", "3306"), ("HealthCheckPort", "3306")];
    let template = |further: &[_]| Template::new(&PRIVATELINK, &[&required[..], further].concat());
    assert_eq!(template(&[]).refusals(), [""; 0]);
    assert!(template(&ports).refusals()[0].starts_with("HealthCheckPort is DatabasePort: "));
}

#[test]
fn the_rule_takes_events_of_this_account_and_region_only() {
    let rules = with(&[]).resources("AWS::Events::Rule")["FollowerRdsEvent"].clone();
    assert_eq!(rules["EventPattern"]["account"], json!([ACCOUNT]));
    assert_eq!(rules["EventPattern"]["region"], json!([REGION]));
}

#[test]
fn a_topic_for_notices_is_one_of_this_account_and_region() {
    let actions = |topic: &str| {
        let template = with(&[("NotificationTopicArn", topic)]);
        template.resources("AWS::CloudWatch::Alarm")["ErrorsAlarm"]["AlarmActions"].clone()
    };
    let here = format!("arn:aws:sns:{REGION}:{ACCOUNT}:people");
    assert_eq!(actions(&here), json!([here]));
    assert_eq!(actions(""), Value::Null);
    for elsewhere in [
        format!("arn:aws:sns:us-east-1:{ACCOUNT}:people"),
        format!("arn:aws:sns:{REGION}:210987654321:people"),
    ] {
        // No ARN, which CloudWatch refuses.
        let sentence = "NotificationTopicArn is not of this account and Region";
        assert_eq!(actions(&elsewhere), json!([sentence]), "{elsewhere}");
    }
}

#[test]
fn an_existing_topic_makes_no_topic_and_no_subscription_to_rds() {
    let topic = format!("arn:aws:sns:{REGION}:{ACCOUNT}:rds");
    let subscriptions =
        |template: &Template| template.resources("AWS::RDS::EventSubscription").len();
    assert_eq!(subscriptions(&with(&[])), 3);
    let shared = with(&[("RdsEventTopicArn", &topic)]);
    assert_eq!(subscriptions(&shared), 0);
    for kind in ["AWS::SNS::Topic", "AWS::SNS::TopicPolicy"] {
        assert!(shared.resources(kind).is_empty(), "{kind}");
    }
    let function = &shared.resources("AWS::SNS::Subscription")["FollowerNotification"];
    assert_eq!(function["TopicArn"], *topic);
    let permission = &shared.resources("AWS::Lambda::Permission")["FollowerNotificationPermission"];
    assert_eq!(permission["SourceArn"], *topic);
    let queue = &shared.resources("AWS::SQS::QueuePolicy")["DeadLetterQueuePolicy"];
    let source = &queue["PolicyDocument"]["Statement"][0]["Condition"]["ArnEquals"];
    assert_eq!(source["aws:SourceArn"], *topic);

    let key = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd");
    let both = [("RdsEventTopicArn", &*topic), ("TopicKmsKeyArn", &key)];
    assert!(with(&both).refusals()[0].starts_with("RdsEventTopicArn with TopicKmsKeyArn: "));
}

#[test]
fn two_stacks_on_one_cluster_have_alarms_of_their_own() {
    let function = json!({"Name": "FunctionName", "Value": Template::attribute("Follower", "Ref")});
    let cluster = json!({"Name": "DBClusterIdentifier", "Value": CLUSTER});
    let template = with(&[]);
    let alarms = template.resources("AWS::CloudWatch::Alarm");
    let own = alarms
        .values()
        .filter(|alarm| alarm["Namespace"] == "FailoverFollower");
    assert_eq!(own.clone().count(), 5);
    for alarm in own {
        assert_eq!(alarm["Dimensions"], json!([cluster, function]), "{alarm}");
    }
}

/// A new alarm is in `INSUFFICIENT_DATA`, and only a change rings. Before the first run, what it
/// watches is missing: as `breaching`, that would be a change.
#[test]
fn no_alarm_rings_for_want_of_data_on_the_day_of_deployment() {
    for (name, alarm) in with(&[]).resources("AWS::CloudWatch::Alarm") {
        let missing = alarm["TreatMissingData"].as_str().unwrap();
        let expected = if name == "NoRunAlarm" {
            "missing"
        } else {
            "notBreaching"
        };
        assert_eq!(missing, expected, "{name}");
    }
    let told = with(&[("NotificationEmail", "on-call@example.com")]);
    let silence = &told.resources("AWS::CloudWatch::Alarm")["NoRunAlarm"];
    let people = json!([Template::attribute("NoticeTopic", "Ref")]);
    assert_eq!(silence["InsufficientDataActions"], people);
}

#[test]
fn two_runs_of_a_schedule_fit_into_the_silence_that_rings_and_each_minutes_rings_early() {
    let silence = |parameters: &[(&str, &str)]| {
        let template = with(parameters);
        let alarms = template.resources("AWS::CloudWatch::Alarm");
        alarms["NoRunAlarm"]["EvaluationPeriods"].clone()
    };
    // A registration takes up to three minutes, and a replica at MySQL's defaults stops after nine.
    let by_default = silence(&[]).as_u64().unwrap();
    assert!((2 + 1..=9 - 3 - 1).contains(&by_default), "{by_default}");
    let every_five = [("ScheduleExpression", "rate(5 minutes)")];
    assert!(silence(&every_five).as_u64().unwrap() > 2 * 5);
    assert_eq!(silence(&[("MaxMinutesWithoutRun", "7")]), "7");
}

/// A replica at MySQL's defaults stops for good after nine minutes: an alarm that runs into it says
/// so, and rings before the last three, which a registration may take.
#[test]
fn the_alarms_of_an_outage_ring_before_a_replica_stops_and_say_so() {
    let template = with(&[]);
    let function = &template.resources("AWS::Lambda::Function")["Follower"];
    let timeout = function["Timeout"].as_u64().unwrap();
    let alarms = template.resources("AWS::CloudWatch::Alarm");
    for (name, longest_run, rings) in [
        (
            "ErrorsAlarm",
            timeout,
            "six if runs end in their 180 s timeout",
        ),
        (
            "EmptyAlarm",
            120,
            "three to four minutes after the failover",
        ),
    ] {
        let alarm = &alarms[name];
        let number = |key: &str| alarm[key].as_u64().unwrap();
        // The runs that count begin a minute apart; the alarm looks each minute.
        let further_runs = 60 * (number("DatapointsToAlarm") - 1);
        let at_most = longest_run + further_runs + 2 * number("Period");
        assert!(at_most <= 6 * 60, "{name}: {at_most} s");
        let description = alarm["AlarmDescription"].as_str().unwrap();
        assert!(description.contains(rings), "{name}");
        assert!(description.contains("(60 s x 10)"), "{name}");
        assert!(description.contains("nine minutes"), "{name}");
    }
}

/// The logical IDs of the first `template.yaml` that could be deployed. What goes from an update is
/// deleted, so it goes with a word to those who update.
#[test]
fn an_update_keeps_every_resource_or_the_changelog_says_why_not() {
    let function = "\
        BlueGreenEvents ClusterEvents DeadLetterQueue DeadLetterQueuePolicy DeadLettersAlarm \
        ErrorsAlarm Follower FollowerCodeMayNot FollowerDashboard FollowerInvokeConfig \
        FollowerLogs FollowerMayAttach FollowerMayTell FollowerNotification \
        FollowerNotificationPermission FollowerRdsEvent FollowerRdsEventPermission \
        FollowerRole FollowerTick InstanceEvents NoRunAlarm NoticeEmail NoticeTopic \
        NoticeTopicPolicy RdsEventTopic RdsEventTopicPolicy SlowAlarm SwitchNotice TickRole \
        UndecidedAlarm UndecidedRuns WrongTargetAlarm";
    let path = "\
        DatabaseIngress EndpointService EndpointServicePermissions Listener LoadBalancer \
        LoadBalancerSecurityGroup TargetGroup";
    let changelog = read("CHANGELOG.md");
    for (template, ids) in [
        (&*TEMPLATE, function),
        (&*PRIVATELINK, path),
        (&*ALL_IN_ONE, "Function Path"),
    ] {
        let gone = ids
            .split_whitespace()
            .filter(|id| template["Resources"][*id].is_null());
        let unsaid: BTreeSet<&str> = gone
            .filter(|id| !changelog.contains(&format!("`{id}`")))
            .collect();
        assert_eq!(unsaid, BTreeSet::new());
    }
}
