//! The target group: what kind it is, its attributes, and what it holds.

use std::collections::BTreeSet;

use super::Patient;
use super::finding::{Checkup, Severity, Wrong};
use super::survey::Survey;
use crate::world::Cause;
use crate::world::audit::{Attributes, Group};

/// The attributes the path needs: key, what it should hold, AWS's default, and why.
/// Source of keys and defaults: API reference of `TargetGroupAttribute`.
const ATTRIBUTES: [(&str, &str, &str, &str); 4] = [
    (
        "deregistration_delay.timeout_seconds",
        "0",
        "300",
        "for so long a replica stays connected to the demoted Writer after a failover and gets nothing from it",
    ),
    (
        "deregistration_delay.connection_termination.enabled",
        "true",
        "false",
        "without it a replica stays connected to the demoted Writer for as long as that lives, and gets nothing from it",
    ),
    (
        "target_health_state.unhealthy.connection_termination.enabled",
        "false",
        "true",
        "the target is unhealthy by design, and so every connection to it would be cut",
    ),
    (
        "proxy_protocol_v2.enabled",
        "false",
        "false",
        "MySQL takes the header for a broken client, and nobody can connect",
    ),
];

pub(super) fn examine(survey: &Survey, patient: &Patient, checkup: &mut Checkup) {
    if !exists(survey, checkup) {
        return;
    }
    if let Some(group) = checkup.answer("target group", &survey.group) {
        kind(survey, group, checkup);
        health_check(survey, group, checkup);
        listener(survey, group, checkup);
    }
    if let Some(held) = checkup.answer("target group: attributes", &survey.attributes) {
        attributes(survey, held, checkup);
    }
    targets(survey, patient, checkup);
}

fn exists(survey: &Survey, checkup: &mut Checkup) -> bool {
    let arn = &survey.route.group;
    let is_missing = survey
        .group
        .as_ref()
        .is_err_and(|failure| failure.cause == Cause::NotFound);
    if is_missing {
        checkup.find(
            "target group",
            Wrong {
                severity: Severity::Error,
                is: format!("there is no {arn}"),
                should: "the ARN of a target group in this account and Region".to_owned(),
                why: "there is nowhere to register the Writer",
                mend: "aws elbv2 describe-target-groups --query 'TargetGroups[].TargetGroupArn', then deploy with TargetGroupArn \
                       set to one of them; privatelink.yaml makes one"
                    .to_owned(),
            },
        );
    }
    !is_missing
}

fn listener(survey: &Survey, group: &Group, checkup: &mut Checkup) {
    let is_led_to = !group.load_balancers.is_empty();
    checkup.expect("target group: load balancer", is_led_to, || Wrong {
        severity: Severity::Error,
        is: "no load balancer leads to it".to_owned(),
        should: "a listener of a Network Load Balancer that forwards to it".to_owned(),
        why: "its targets are unused (Target.NotInUse): nobody reaches the Writer",
        mend: format!(
            "aws elbv2 create-listener --load-balancer-arn LOAD_BALANCER_ARN --protocol TCP --port {} \
             --default-actions Type=forward,TargetGroupArn={}",
            port(survey),
            survey.route.group
        ),
    });
}

/// The cluster's port, or Aurora's own where nobody tells it.
fn port(survey: &Survey) -> u16 {
    survey
        .sighting
        .topology
        .as_ref()
        .map_or(3306, |topology| topology.port)
}

fn kind(survey: &Survey, group: &Group, checkup: &mut Checkup) {
    let anew = || {
        format!(
            "aws elbv2 create-target-group --name NEW_NAME --target-type ip --protocol TCP --port {} --vpc-id VPC_ID \
             --health-check-port 40000, then have the listener forward to it and the function follow it (TargetGroupArn); \
             a group's kind cannot be changed",
            port(survey)
        )
    };
    let fixed = [
        (
            "type",
            &group.target_type,
            "ip",
            "only an address can be registered, and an Aurora instance is no EC2 instance",
        ),
        (
            "protocol",
            &group.protocol,
            "TCP",
            "the replica's connection has to pass through untouched",
        ),
        (
            "IP address type",
            &group.address_type,
            "ipv4",
            "the function registers IPv4 addresses",
        ),
    ];
    for (what, is, should, why) in fixed {
        checkup.expect(&format!("target group: {what}"), is == should, || Wrong {
            severity: Severity::Error,
            is: is.clone(),
            should: should.to_owned(),
            why,
            mend: anew(),
        });
    }
    checkup.expect("target group: port", group.port == Some(i32::from(port(survey))), || Wrong {
        severity: Severity::Note,
        is: group.port.map_or("none".to_owned(), |port| port.to_string()),
        should: format!("{}, the cluster's", port(survey)),
        why: "the function names the cluster's port with each target, so nothing breaks; whoever registers by hand may forget to",
        mend: anew(),
    });
}

fn health_check(survey: &Survey, group: &Group, checkup: &mut Checkup) {
    let knocks_at_the_database = group.health_check_port == "traffic-port"
        || group.health_check_port == port(survey).to_string();
    checkup.expect("target group: health check port", !knocks_at_the_database, || Wrong {
        severity: Severity::Error,
        is: group.health_check_port.clone(),
        should: "a port on which nothing answers, 40000 say".to_owned(),
        why: "each check counts as a failed connection at MySQL, which blocks the load balancer after max_connect_errors of them \
              (error 1129)",
        mend: format!(
            "aws elbv2 modify-target-group --target-group-arn {} --health-check-protocol TCP --health-check-port 40000",
            survey.route.group
        ),
    });
}

fn attributes(survey: &Survey, held: &Attributes, checkup: &mut Checkup) {
    for (key, should, default, why) in ATTRIBUTES {
        let is = held.get(key).map_or(default, String::as_str);
        checkup.expect(&format!("target group: {key}"), is == should, || Wrong {
            severity: Severity::Error,
            is: is.to_owned(),
            should: should.to_owned(),
            why,
            mend: modify(survey, key, should),
        });
    }
    cross_zone(survey, held, checkup);
}

/// Cross-zone balancing: the group's word, or the load balancer's where the group leaves it to that.
fn cross_zone(survey: &Survey, held: &Attributes, checkup: &mut Checkup) {
    const KEY: &str = "load_balancing.cross_zone.enabled";
    let balancers = survey.balancers.iter().flatten();
    let mut of_balancers = balancers.filter_map(|one| one.attributes.as_ref().ok()?.get(KEY));
    let own = held
        .get(KEY)
        .filter(|own| *own == "true" || *own == "false");
    let Some(is) = own.or_else(|| of_balancers.next()) else {
        return; // the load balancer's part says why
    };
    checkup.expect(&format!("target group: {KEY}"), is == "true", || Wrong {
        severity: Severity::Error,
        is: is.clone(),
        should: "true".to_owned(),
        why: "a connection that enters in one zone does not reach a Writer that has moved to another",
        mend: modify(survey, KEY, "true"),
    });
}

fn modify(survey: &Survey, key: &str, value: &str) -> String {
    format!(
        "aws elbv2 modify-target-group-attributes --target-group-arn {} --attributes Key={key},Value={value}",
        survey.route.group
    )
}

/// Whether the group holds the Writer, and nobody else.
fn targets(survey: &Survey, patient: &Patient, checkup: &mut Checkup) {
    const CHECK: &str = "target group: targets";
    let Some(held) = checkup.answer(CHECK, &survey.sighting.targets) else {
        return;
    };
    let Some(writer) = survey.sighting.agreed().cloned() else {
        return; // the cluster's part says why
    };
    let Some(target) = survey.sighting.target(&writer) else {
        return;
    };
    let holds: Vec<String> = held.iter().map(ToString::to_string).collect();
    checkup.expect(CHECK, held.len() == 1 && held.contains(&target), || Wrong {
        severity: Severity::Error,
        is: if holds.is_empty() { "none".to_owned() } else { holds.join(", ") },
        should: format!("{target}, the Writer {writer}, and nobody else"),
        why: "a replica that meets a demoted Writer stops for good; the load balancer shares its traffic among all that are registered",
        mend: wake_unless_under_way(survey, patient),
    });
}

/// A run by hand, which fills an empty group at once. Not while a failover is under way: the group may have been
/// emptied for it.
fn wake_unless_under_way(survey: &Survey, patient: &Patient) -> String {
    let cluster = survey.cluster.as_ref();
    if cluster.is_ok_and(|cluster| cluster.status != "available") {
        return "wait until the cluster is available again, and ask once more: the function follows by itself".to_owned();
    }
    if survey
        .sighting
        .targets
        .as_ref()
        .is_ok_and(BTreeSet::is_empty)
    {
        return "wait a minute: the schedule fills it once the witnesses have agreed for 15 s; if it stays empty, docs/runbook.md, Error types"
            .to_owned();
    }
    format!(
        "aws lambda invoke --function-name {} --cli-binary-format raw-in-base64-out --payload '{{}}' report.json",
        patient.name()
    )
}
