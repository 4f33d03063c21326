//! What the doctor makes of what it sees.

use std::collections::BTreeSet;

use failover_follower::doctor::{Check, Counts, Finding, Severity};
use failover_follower::route::GroupHolds;
use failover_follower::world::Cause;

use crate::cases::CASES;
use crate::world::{GROUP, World, error, found, id, subscription, target};

#[test]
fn a_sound_installation_has_no_finding_and_says_what_was_looked_at() {
    let diagnosis = World::sound().diagnosis();
    assert_eq!(diagnosis.findings, []);
    assert!(diagnosis.passed.len() > 60, "{:?}", diagnosis.passed);
    let passed = diagnosis.passed.len();
    let none = Counts {
        error: 0,
        warning: 0,
        unknown: 0,
        note: 0,
        passed,
    };
    assert_eq!(diagnosis.counts, none);
    let distinct: BTreeSet<&Check> = diagnosis.passed.iter().collect();
    assert_eq!(
        distinct.len(),
        passed,
        "each check has its own name and resource"
    );
    let text = diagnosis.to_string();
    assert!(
        text.starts_with("0 errors, 0 warnings, 0 unknown, 0 notes; "),
        "{text}"
    );
}

#[test]
fn every_way_to_be_wrong_is_one_finding_with_all_its_parts() {
    for (number, (change, severity, check)) in CASES.iter().copied().flatten().enumerate() {
        let diagnosis = World::with(change).diagnosis();
        assert_eq!(
            found(&diagnosis),
            [(*severity, *check)],
            "case {number}: {diagnosis}"
        );
        let Finding {
            of,
            actual,
            expected,
            reason,
            remedy,
            ..
        } = &diagnosis.findings[0];
        for part in [&of.resource, actual, expected, reason] {
            assert!(!part.is_empty(), "{diagnosis}");
        }
        assert!(
            !(remedy.commands.is_empty() && remedy.advice.is_empty()),
            "{diagnosis}"
        );
        for text in remedy
            .commands
            .iter()
            .chain([expected, reason, &remedy.advice])
        {
            assert!(
                !text.replace(r#"{"action": "doctor"}"#, "").contains("{}"),
                "{text}"
            );
        }
        assert!(!diagnosis.passed.contains(of), "{diagnosis}");
    }
}

/// The remedy of the one finding that a change makes.
fn remedy(change: impl FnOnce(&mut World)) -> (Vec<String>, String) {
    let diagnosis = World::with(change).diagnosis();
    let [finding] = diagnosis.findings.as_slice() else {
        panic!("{diagnosis}");
    };
    (
        finding.remedy.commands.clone(),
        finding.remedy.advice.clone(),
    )
}

#[test]
fn nothing_that_touches_the_database_is_the_remedy_for_a_resolver() {
    for (change, _, check) in CASES.iter().copied().flatten() {
        let (commands, advice) = remedy(change);
        if check.starts_with("resolver: ") || *check == "instance: address" {
            assert!(
                commands.iter().all(|one| !one.starts_with("aws rds ")),
                "{commands:?}"
            );
            assert!(!advice.contains("deploy"), "{advice}");
        }
    }
}

#[test]
fn no_command_fills_a_group_that_a_failover_may_have_emptied() {
    let wrong = |it: &mut World| it.group().targets = Ok(vec![target(2)]);
    assert_eq!(
        remedy(wrong).0,
        ["aws lambda invoke --function-name follower report.json --region eu-west-1"]
    );
    let (commands, advice) = remedy(|it| it.group().targets = Ok(Vec::new()));
    assert_eq!(commands, [""; 0], "{advice}");
    let mut world = World::with(wrong);
    world.cluster().status = "failing-over".into();
    let diagnosis = world.diagnosis();
    let targets = diagnosis
        .findings
        .iter()
        .find(|one| one.of.check == "target group: targets");
    assert_eq!(targets.unwrap().remedy.commands, [""; 0]);
}

#[test]
fn the_remedy_for_the_guard_names_its_page_and_the_variable_that_is_not_set() {
    for (change, _, check) in CASES.iter().copied().flatten() {
        let (commands, advice) = remedy(change);
        if check.starts_with("readers' guard: ") {
            assert!(advice.contains("docs/guard.md"), "{advice}");
            let needs_a_user = advice.contains("REPLICATION_USER");
            assert_eq!(commands.is_empty(), needs_a_user, "{advice}: {commands:?}");
        }
    }
}

#[test]
fn subnets_are_added_and_none_is_dropped() {
    let (commands, _) = remedy(|it| {
        it.balancer().zones.remove("eu-west-1b");
    });
    let all = format!(
        "{} --subnets subnet-1 subnet-2 --region eu-west-1",
        crate::world::BALANCER
    );
    assert_eq!(commands.len(), 1);
    assert!(commands[0].ends_with(&all), "{commands:?}");
    // Where no subnet of the database's is known there, no command drops the others.
    let (commands, advice) = remedy(|it| {
        it.balancer().zones.remove("eu-west-1b");
        it.instances()
            .iter_mut()
            .for_each(|one| one.subnets.clear());
    });
    assert_eq!(commands, [""; 0], "{advice}");
}

#[test]
fn instances_are_restarted_one_after_the_other_and_the_writer_last() {
    for change in [
        (|it| it.cluster().pending_reboot = [1, 2].map(id).into()) as fn(&mut World),
        |it| drop(it.parameters().remove("binlog_format")),
        |it| drop(it.parameters().remove("init_connect")),
    ] {
        let (commands, _) = remedy(change);
        let restarted: Vec<&str> = commands
            .iter()
            .filter_map(|one| one.split_once("reboot-db-instance --db-instance-identifier "))
            .map(|(_, rest)| rest.split(' ').next().unwrap())
            .collect();
        assert_eq!(restarted, ["aurora-2", "aurora-1"], "{commands:?}");
    }
}

#[test]
fn a_missing_permission_is_granted_as_narrowly_as_the_template_does() {
    let call = "elasticloadbalancing:DeregisterTargets";
    let (commands, _) = remedy(|it| it.group().deregister = Some(Err(error(call, Cause::Denied))));
    let document = format!(
        r#"'{{"Statement":[{{"Action":"{call}","Effect":"Allow","Resource":"{GROUP}"}}],"Version":"2012-10-17"}}'"#
    );
    let command = format!(
        "aws iam put-role-policy --role-name follower-role \
         --policy-name elasticloadbalancing-DeregisterTargets --policy-document {document} \
         --region eu-west-1"
    );
    assert_eq!(commands, [command]);
}

#[test]
fn a_policy_of_the_organization_is_no_matter_of_the_functions_role() {
    let call = "elasticloadbalancing:DeregisterTargets";
    let detail = "AccessDenied: … with an explicit deny in a service control policy: arn:…";
    let denied = failover_follower::world::CallError::new(call, Cause::Denied, detail);
    let (commands, advice) = remedy(|it| it.group().deregister = Some(Err(denied)));
    assert_eq!(commands, [""; 0]);
    assert!(advice.contains("organization"), "{advice}");
}

#[test]
fn two_groups_of_one_cluster_have_findings_of_their_own() {
    let diagnosis = World::with(|it| {
        let call = "elasticloadbalancing:DeregisterTargets";
        it.group().deregister = Some(Err(error(call, Cause::Denied)));
        it.add_route(&GROUP.replace("/writer/", "/other/"));
    })
    .diagnosis();
    let denied = diagnosis
        .findings
        .iter()
        .filter(|one| one.of.check.starts_with("call "));
    let resources: BTreeSet<&str> = denied.map(|one| one.of.resource.as_str()).collect();
    assert_eq!(resources.len(), 2, "{diagnosis}");
    let engine = diagnosis
        .passed
        .iter()
        .filter(|one| one.check == "cluster: engine");
    assert_eq!(engine.count(), 1, "the cluster is judged once");
}

#[test]
fn registering_is_never_tried_and_a_person_gets_the_command() {
    let diagnosis = World::sound().diagnosis();
    let left = diagnosis.not_checked.iter();
    let register = left.filter(|one| one.of.check == "call elasticloadbalancing:RegisterTargets");
    let register: Vec<_> = register.collect();
    assert_eq!(register.len(), 1);
    let command = format!(
        "aws iam simulate-principal-policy \
         --policy-source-arn arn:aws:iam::123456789012:role/follower-role \
         --action-names elasticloadbalancing:RegisterTargets --resource-arns {GROUP} \
         --region eu-west-1"
    );
    assert_eq!(register[0].remedy.commands, [command]);
}

#[test]
fn a_second_subscription_that_is_right_is_enough() {
    let diagnosis = World::with(|it| {
        it.subscription().enabled = false;
        it.seen
            .events
            .subscriptions
            .as_mut()
            .unwrap()
            .push(subscription("db-cluster"));
    })
    .diagnosis();
    assert_eq!(diagnosis.findings, []);
}

#[test]
fn a_guard_that_waits_for_a_restart_has_not_passed() {
    let guard = |diagnosis: &failover_follower::doctor::Diagnosis| {
        diagnosis
            .passed
            .iter()
            .any(|one| one.check == "readers' guard: init_connect")
    };
    assert!(guard(&World::sound().diagnosis()));
    let waiting = World::with(|it| it.instances()[1].pending_reboot = true).diagnosis();
    assert!(!guard(&waiting), "{waiting}");
}

#[test]
fn the_worst_stands_first() {
    let diagnosis = World::with(|it| {
        it.config.settings.dry_run = true;
        it.details().port = Some(1);
        it.cluster().writer = None;
    })
    .diagnosis();
    let severities: Vec<Severity> = diagnosis.findings.iter().map(|one| one.severity).collect();
    assert_eq!(
        severities,
        [Severity::Error, Severity::Warning, Severity::Note]
    );
    assert_eq!(diagnosis.counts.error, 1);
}

#[test]
fn a_topic_that_cannot_be_read_leaves_events_unknown_and_one_that_is_gone_does_not() {
    for (cause, severity, count) in [
        (Cause::Denied, Severity::Unknown, 1),
        (Cause::NotFound, Severity::Warning, 3),
    ] {
        let call = "sns:ListSubscriptionsByTopic";
        let diagnosis =
            World::with(|it| it.topic().functions = Err(error(call, cause))).diagnosis();
        let found = found(&diagnosis);
        assert_eq!(found.len(), count, "{diagnosis}");
        assert!(found.iter().all(|one| one.0 == severity), "{diagnosis}");
    }
}

/// Has the first route's group hold members, and both members in it.
fn of_members(world: &mut World) {
    world.seen.routes[0].holds = GroupHolds::Members;
    world.group().targets.as_mut().unwrap().push(target(2));
}

#[test]
fn a_group_of_guarded_members_is_right_and_the_replicas_tries_are_left_to_a_person() {
    let diagnosis = World::with(of_members).diagnosis();
    assert_eq!(found(&diagnosis), []);
    let left = |check: &str| {
        diagnosis
            .not_checked
            .iter()
            .any(|one| one.of.check == check)
    };
    assert!(left("consumer: retry interval and count"));
    let alone = World::sound().diagnosis();
    let hint = alone.not_checked.iter();
    let hint = hint.filter(|one| one.of.check == "consumer: retry interval and count");
    let hints: Vec<&str> = hint.map(|one| one.reason.as_str()).collect();
    assert!(
        hints.len() == 1 && hints[0].contains("GROUP_HOLDS=members"),
        "{hints:?}"
    );
}

#[test]
fn members_without_the_guard_are_a_finding_and_so_is_a_second_target() {
    let diagnosis = World::with(|world| {
        of_members(world);
        world.seen.routes[0].replication_user = Some("another".to_owned());
    });
    let diagnosis = diagnosis.diagnosis();
    let checks: BTreeSet<&str> = found(&diagnosis)
        .into_iter()
        .map(|(_, check)| check)
        .collect();
    let expected = [
        "readers' guard: init_connect",
        "target group: members",
        "target group: targets",
    ];
    assert_eq!(checks, expected.into());
}
