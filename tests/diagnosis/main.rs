//! What the doctor makes of what it sees: an installation in which all is well, and every way in which it may not be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod patient;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use chrono::TimeDelta;
use failover_follower::address::suitable;
use failover_follower::doctor::{Check, Finding, Severity, diagnose};
use failover_follower::route::TargetGroupArn;
use failover_follower::world::{Answer, Cause, Target};

use crate::patient::{
    GROUP, Seen, TOPIC, address, diagnosis, failure, healthy, id, map, set, subscription,
};

#[test]
fn nothing_is_found_where_all_is_well_and_what_was_looked_at_is_told() {
    let diagnosis = diagnosis(&healthy());
    assert_eq!(diagnosis.findings, []);
    assert_eq!(
        diagnosis.summary,
        format!(
            "0 errors, 0 warnings, 0 unknown, 0 notes; {} checks passed",
            diagnosis.passed.len()
        )
    );
    assert!(diagnosis.passed.len() > 35, "{:?}", diagnosis.passed);
    let distinct: BTreeSet<&Check> = diagnosis.passed.iter().collect();
    assert_eq!(
        distinct.len(),
        diagnosis.passed.len(),
        "each check has its own name"
    );
}

/// A way to be unwell: what has changed, and the one finding that it makes.
type Ill = (fn(&mut Seen), Severity, &'static str);

const TARGET_GROUP: [Ill; 15] = [
    (
        |seen| seen.group().target_type = "instance".into(),
        Severity::Error,
        "target group: type",
    ),
    (
        |seen| seen.group().protocol = "TLS".into(),
        Severity::Error,
        "target group: protocol",
    ),
    (
        |seen| seen.group().address_type = "ipv6".into(),
        Severity::Error,
        "target group: IP address type",
    ),
    (
        |seen| seen.group().port = Some(3307),
        Severity::Note,
        "target group: port",
    ),
    (
        |seen| seen.group().health_check_port = "traffic-port".into(),
        Severity::Error,
        "target group: health check port",
    ),
    (
        |seen| seen.group().health_check_port = "3306".into(),
        Severity::Error,
        "target group: health check port",
    ),
    (
        |seen| seen.attribute("deregistration_delay.timeout_seconds", "300"),
        Severity::Error,
        "target group: deregistration_delay.timeout_seconds",
    ),
    (
        |seen| {
            seen.attribute(
                "deregistration_delay.connection_termination.enabled",
                "false",
            );
        },
        Severity::Error,
        "target group: deregistration_delay.connection_termination.enabled",
    ),
    (
        // AWS's default is the wrong one.
        |seen| {
            drop(
                seen.survey
                    .attributes
                    .as_mut()
                    .unwrap()
                    .remove("target_health_state.unhealthy.connection_termination.enabled"),
            );
        },
        Severity::Error,
        "target group: target_health_state.unhealthy.connection_termination.enabled",
    ),
    (
        |seen| seen.attribute("proxy_protocol_v2.enabled", "true"),
        Severity::Error,
        "target group: proxy_protocol_v2.enabled",
    ),
    (
        |seen| seen.attribute("load_balancing.cross_zone.enabled", "false"),
        Severity::Error,
        "target group: load_balancing.cross_zone.enabled",
    ),
    (
        |seen| {
            seen.balancer().attributes = Ok(map([("load_balancing.cross_zone.enabled", "false")]));
        },
        Severity::Error,
        "target group: load_balancing.cross_zone.enabled",
    ),
    (
        |seen| seen.survey.sighting.targets = Ok(BTreeSet::new()),
        Severity::Error,
        "target group: targets",
    ),
    (
        |seen| seen.survey.sighting.targets = Ok([Target::new(address(2), 3306)].into()),
        Severity::Error,
        "target group: targets",
    ),
    (
        |seen| {
            seen.survey.sighting.targets = Ok([1, 2]
                .map(|number| Target::new(address(number), 3306))
                .into());
        },
        Severity::Error,
        "target group: targets",
    ),
];

const PATH: [Ill; 14] = [
    (
        |seen| seen.balancer().kind = "application".into(),
        Severity::Error,
        "load balancer: type",
    ),
    (
        |seen| seen.balancer().scheme = "internet-facing".into(),
        Severity::Error,
        "load balancer: scheme",
    ),
    (
        |seen| seen.balancer().state = "provisioning".into(),
        Severity::Error,
        "load balancer: state",
    ),
    (
        |seen| seen.balancer().zones = set(["eu-west-1a"]),
        Severity::Error,
        "load balancer: zones",
    ),
    (
        |seen| seen.balancer().security_groups.clear(),
        Severity::Warning,
        "load balancer: security groups",
    ),
    (
        |seen| seen.balancer().enforces_on_private_link = "on".into(),
        Severity::Warning,
        "load balancer: EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
    ),
    (
        |seen| seen.listener().protocol = "TLS".into(),
        Severity::Error,
        "listener: protocol",
    ),
    (
        |seen| seen.listener().attributes = Ok(map([("tcp.idle_timeout.seconds", "60")])),
        Severity::Warning,
        "listener: tcp.idle_timeout.seconds",
    ),
    (
        |seen| seen.survey.services = Ok(Vec::new()),
        Severity::Error,
        "endpoint service",
    ),
    (
        |seen| seen.service().state = "Failed".into(),
        Severity::Error,
        "endpoint service: state",
    ),
    (
        |seen| seen.service().acceptance_required = false,
        Severity::Warning,
        "endpoint service: acceptance",
    ),
    (
        |seen| seen.service().principals = Ok(set(["*"])),
        Severity::Error,
        "endpoint service: principals",
    ),
    (
        |seen| seen.service().principals = Ok(set(["arn:aws:iam::123456789012:root"])),
        Severity::Note,
        "endpoint service: principals",
    ),
    (
        |seen| {
            seen.service().connections = Ok(map([
                ("vpce-1", "available"),
                ("vpce-2", "pendingAcceptance"),
            ]));
        },
        Severity::Warning,
        "endpoint service: connections",
    ),
];

const CLUSTER: [Ill; 17] = [
    (
        |seen| seen.survey.cluster = Err(failure("rds:DescribeDBClusters", Cause::NotFound)),
        Severity::Error,
        "cluster",
    ),
    (
        |seen| seen.cluster().engine = "aurora-postgresql".into(),
        Severity::Error,
        "cluster: engine",
    ),
    (
        |seen| seen.cluster().status = "failing-over".into(),
        Severity::Warning,
        "cluster: status",
    ),
    (
        |seen| seen.cluster().pending_reboot = set(["aurora-1"]),
        Severity::Warning,
        "cluster: parameters in effect",
    ),
    (
        |seen| drop(seen.parameters().remove("binlog_format")),
        Severity::Error,
        "cluster: binlog_format",
    ),
    (
        |seen| {
            drop(
                seen.parameters()
                    .insert("binlog_format".into(), "MIXED".into()),
            );
        },
        Severity::Warning,
        "cluster: binlog_format",
    ),
    (
        |seen| drop(seen.parameters().remove("init_connect")),
        Severity::Note,
        "cluster: init_connect",
    ),
    (
        |seen| {
            seen.survey.parameters = Some(Err(failure(
                "rds:DescribeDBClusterParameters",
                Cause::Denied,
            )));
        },
        Severity::Unknown,
        "cluster: parameters",
    ),
    (
        |seen| {
            seen.cluster().parameter_group = "default.aurora-mysql8.0".into();
            seen.survey.parameters = None;
        },
        Severity::Error,
        "cluster: binlog_format",
    ),
    (
        |seen| seen.instances().truncate(1),
        Severity::Warning,
        "cluster: instances",
    ),
    (
        |seen| seen.instances()[1].publicly_accessible = true,
        Severity::Note,
        "cluster: publicly accessible",
    ),
    (
        |seen| {
            seen.instances()[1].publicly_accessible = true;
            let public = suitable(&id(2), &[Ipv4Addr::new(54, 1, 2, 3)]);
            seen.survey.sighting.addresses.insert(id(2), public);
        },
        Severity::Error,
        "cluster: publicly accessible",
    ),
    (
        |seen| seen.survey.sighting.api = Ok(None),
        Severity::Error,
        "cluster: Writer",
    ),
    (
        |seen| seen.survey.sighting.dns = Ok(id(2)),
        Severity::Warning,
        "resolver: cluster endpoint",
    ),
    (
        |seen| seen.survey.sighting.dns = Err(failure("dns", Cause::TimedOut)),
        Severity::Error,
        "resolver: cluster endpoint",
    ),
    (
        |seen| {
            drop(
                seen.survey
                    .sighting
                    .addresses
                    .insert(id(1), suitable(&id(1), &[])),
            );
        },
        Severity::Error,
        "cluster: address",
    ),
    (
        |seen| seen.survey.nobody = Some(Ok(Answer::default())),
        Severity::Error,
        "resolver: a name that nobody has",
    ),
];

const FUNCTION_AND_EVENTS: [Ill; 16] = [
    (|seen| seen.patient.arn = None, Severity::Unknown, "events"),
    (
        |seen| seen.settings.dry_run = true,
        Severity::Warning,
        "function: DRY_RUN",
    ),
    (
        |seen| seen.patient.time = Duration::from_secs(3),
        Severity::Warning,
        "function: timeout",
    ),
    (
        |seen| seen.around.caller.as_mut().unwrap().clock_ahead = Some(TimeDelta::seconds(7)),
        Severity::Warning,
        "clock",
    ),
    (
        |seen| seen.around.caller.as_mut().unwrap().clock_ahead = Some(TimeDelta::seconds(-90)),
        Severity::Error,
        "clock",
    ),
    (
        |seen| seen.subscription().enabled = false,
        Severity::Warning,
        "events: db-cluster",
    ),
    (
        |seen| seen.subscription().status = "no-permission".into(),
        Severity::Warning,
        "events: db-cluster",
    ),
    (
        |seen| seen.subscription().categories = set(["failover"]),
        Severity::Warning,
        "events: db-cluster",
    ),
    (
        |seen| seen.subscription().sources = set(["another"]),
        Severity::Warning,
        "events: db-cluster",
    ),
    (
        |seen| seen.subscription().topic = "of somebody else".into(),
        Severity::Warning,
        "events: db-cluster",
    ),
    (
        |seen| {
            seen.subscription().topic = "of somebody else".into();
            let denied = Err(failure("sns:ListSubscriptionsByTopic", Cause::Denied));
            seen.around
                .functions
                .insert("of somebody else".into(), denied);
        },
        Severity::Warning, // ours is read, so this one is not ours
        "events: db-cluster",
    ),
    (
        |seen| {
            seen.around.subscriptions =
                Err(failure("rds:DescribeEventSubscriptions", Cause::Denied));
        },
        Severity::Unknown,
        "events: subscriptions",
    ),
    (
        |seen| {
            seen.survey.sighting.targets = Err(failure(
                "elasticloadbalancing:DescribeTargetHealth",
                Cause::Denied,
            ));
        },
        Severity::Error,
        "permission elasticloadbalancing:DescribeTargetHealth",
    ),
    (
        |seen| {
            seen.survey.register = Some(Err(failure(
                "elasticloadbalancing:RegisterTargets",
                Cause::Denied,
            )));
        },
        Severity::Error,
        "permission elasticloadbalancing:RegisterTargets",
    ),
    (
        |seen| {
            seen.survey.deregister = Some(Err(failure(
                "elasticloadbalancing:DeregisterTargets",
                Cause::Throttled,
            )));
        },
        Severity::Unknown,
        "permission elasticloadbalancing:DeregisterTargets",
    ),
    (
        // The permission is one finding, and what hangs on it no other.
        |seen| seen.survey.instances = Err(failure("rds:DescribeDBInstances", Cause::Denied)),
        Severity::Error,
        "permission rds:DescribeDBInstances",
    ),
];

#[test]
fn every_way_to_be_unwell_is_found_and_nothing_else_with_it() {
    for (number, (change, severity, check)) in
        [&TARGET_GROUP[..], &PATH, &CLUSTER, &FUNCTION_AND_EVENTS]
            .concat()
            .into_iter()
            .enumerate()
    {
        let mut seen = healthy();
        change(&mut seen);
        let diagnosis = diagnosis(&seen);
        let found: Vec<(Severity, &str)> = diagnosis
            .findings
            .iter()
            .map(|one| (one.severity, one.of.check.as_str()))
            .collect();
        assert_eq!(found, [(severity, check)], "way {number}: {diagnosis}");
        let finding = &diagnosis.findings[0];
        for part in [&finding.is, &finding.should, &finding.why, &finding.mend] {
            assert!(!part.is_empty(), "{finding}");
        }
    }
}

#[test]
fn nobody_is_told_to_fill_a_group_while_a_failover_is_under_way() {
    let mut seen = healthy();
    let mend = |seen: &Seen| diagnosis(seen).findings[0].mend.clone();
    seen.survey.sighting.targets = Ok([Target::new(address(2), 3306)].into());
    assert!(mend(&seen).starts_with("aws lambda invoke --function-name follower "));
    seen.survey.sighting.targets = Ok(BTreeSet::new());
    assert!(mend(&seen).starts_with("wait a minute"), "{}", mend(&seen));
    seen.cluster().status = "failing-over".into();
    assert!(mend(&seen).starts_with("wait "), "{}", mend(&seen));
}

#[test]
fn what_the_group_leaves_to_a_load_balancer_that_did_not_answer_is_not_judged() {
    let mut seen = healthy();
    let denied = failure(
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        Cause::Denied,
    );
    seen.balancer().attributes = Err(denied);
    let diagnosis = diagnosis(&seen);
    let found: Vec<&str> = diagnosis
        .findings
        .iter()
        .map(|one| one.of.check.as_str())
        .collect();
    assert_eq!(found, ["load balancer: attributes"], "{diagnosis}");
}

#[test]
fn a_target_group_that_is_gone_is_one_finding() {
    let mut seen = healthy();
    seen.survey.group = Err(failure(
        "elasticloadbalancing:DescribeTargetGroups",
        Cause::NotFound,
    ));
    seen.survey.attributes = Err(failure(
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        Cause::NotFound,
    ));
    seen.survey.sighting.targets = Err(failure(
        "elasticloadbalancing:DescribeTargetHealth",
        Cause::NotFound,
    ));
    seen.survey.deregister = Some(Err(failure(
        "elasticloadbalancing:DeregisterTargets",
        Cause::NotFound,
    )));
    seen.survey.register = None;
    seen.survey.balancers = Ok(Vec::new());
    seen.survey.services = Ok(Vec::new());
    let diagnosis = diagnosis(&seen);
    let found: Vec<&str> = diagnosis
        .findings
        .iter()
        .map(|one| one.of.check.as_str())
        .collect();
    assert_eq!(found, ["target group"], "{diagnosis}");
}

#[test]
fn a_second_subscription_that_is_as_it_should_be_is_enough() {
    let mut seen = healthy();
    seen.subscription().enabled = false;
    seen.around
        .subscriptions
        .as_mut()
        .unwrap()
        .push(subscription("db-cluster"));
    assert_eq!(diagnosis(&seen).findings, []);
}

/// In a new process the Writer's question takes both calls, and fails by the one that is denied.
#[test]
fn of_a_question_that_takes_two_calls_the_denied_one_is_named() {
    let mut seen = healthy();
    let denied = failure("rds:DescribeDBInstances", Cause::Denied);
    seen.survey.sighting.api = Err(denied.clone());
    seen.survey.instances = Err(denied);
    let diagnosis = diagnosis(&seen);
    let found: Vec<&str> = diagnosis
        .findings
        .iter()
        .map(|one| one.of.check.as_str())
        .collect();
    assert_eq!(found, ["permission rds:DescribeDBInstances"], "{diagnosis}");
}

#[test]
fn a_topic_that_nobody_could_read_leaves_events_unknown_and_one_that_is_gone_does_not() {
    for (cause, severity, checks) in [
        (Cause::Denied, Severity::Unknown, 1),
        (Cause::NotFound, Severity::Warning, 3),
    ] {
        let mut seen = healthy();
        let answer = Err(failure("sns:ListSubscriptionsByTopic", cause));
        seen.around.functions.insert(TOPIC.to_owned(), answer);
        let diagnosis = diagnosis(&seen);
        let events =
            |one: &&Finding| one.severity == severity && one.of.check.starts_with("events: ");
        assert_eq!(
            diagnosis.findings.iter().filter(events).count(),
            checks,
            "{diagnosis}"
        );
        assert_eq!(diagnosis.findings.len(), checks, "{diagnosis}");
    }
}

#[test]
fn instances_are_rebooted_one_after_the_other_and_the_writer_last() {
    for change in [
        (|seen| seen.cluster().pending_reboot = set(["aurora-1", "aurora-2"])) as fn(&mut Seen),
        |seen| drop(seen.parameters().remove("binlog_format")),
    ] {
        let mut seen = healthy();
        change(&mut seen);
        let mend = &diagnosis(&seen).findings[0].mend;
        let at = |id: &str| mend.find(&format!("reboot-db-instance --db-instance-identifier {id}"));
        assert!(
            at("aurora-2").is_some() && at("aurora-2") < at("aurora-1"),
            "{mend}"
        );
    }
}

#[test]
fn two_routes_of_one_cluster_are_told_apart() {
    let mut seen = healthy();
    let denied = failure("elasticloadbalancing:RegisterTargets", Cause::Denied);
    seen.survey.register = Some(Err(denied));
    let mut other = seen.survey.clone();
    other.route.group = TargetGroupArn::parse(&GROUP.replace("/writer/", "/other/")).unwrap();
    let surveys = [seen.survey, other];
    let diagnosis = diagnose(&seen.around, &surveys, seen.settings, &seen.patient);
    let groups: Vec<&str> = diagnosis
        .findings
        .iter()
        .filter(|one| one.of.check.starts_with("permission "))
        .map(|one| one.of.target_group_arn.as_ref().unwrap().name())
        .collect();
    assert_eq!(groups, ["writer", "other"], "{diagnosis}");
}

#[test]
fn the_worst_stands_first_and_a_missing_permission_names_the_role_and_the_resource() {
    let mut seen = healthy();
    seen.settings.dry_run = true;
    seen.survey.register = Some(Err(failure(
        "elasticloadbalancing:RegisterTargets",
        Cause::Denied,
    )));
    let diagnosis = diagnosis(&seen);
    let severities: Vec<Severity> = diagnosis.findings.iter().map(|one| one.severity).collect();
    assert_eq!(severities, [Severity::Error, Severity::Warning]);
    let mend = &diagnosis.findings[0].mend;
    for part in [
        "--role-name follower-role ",
        "\"elasticloadbalancing:RegisterTargets\"",
        GROUP,
    ] {
        assert!(mend.contains(part), "{mend}");
    }
}
