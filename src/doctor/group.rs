//! The target group: what kind it is, its attributes, and what it holds.

use super::ask::{Attributes, Group, GroupDetails, Seen, TargetHealth};
use super::audit::Audit;
use super::members;
use crate::route::Route;
use crate::world::{Cause, Target};

/// The attributes that the path needs: what each is expected to hold, and AWS's default (API
/// reference of `TargetGroupAttribute`).
const ATTRIBUTES: [(&str, &str, &str); 4] = [
    ("deregistration_delay.timeout_seconds", "0", "300"),
    (
        "deregistration_delay.connection_termination.enabled",
        "true",
        "false",
    ),
    (
        "target_health_state.unhealthy.connection_termination.enabled",
        "false",
        "true",
    ),
    ("proxy_protocol_v2.enabled", "false", "false"),
];
/// Where a group leaves it to the load balancer.
const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";

pub(super) fn examine(seen: &Seen, route: &Route, audit: &mut Audit) {
    let Some(group) = seen.path.groups.get(&route.group) else {
        return;
    };
    audit.about(&route.group);
    if matches!(&group.details, Err(error) if error.cause == Cause::NotFound) {
        return audit.find("target group", "it does not exist");
    }
    if let Some(answer) = &group.deregister {
        audit.answer("elasticloadbalancing:DeregisterTargets", answer);
    }
    let call = "elasticloadbalancing:DescribeTargetGroups";
    if let Some(details) = audit.answer(call, &group.details) {
        kind(seen, route, details, audit);
    }
    let call = "elasticloadbalancing:DescribeTargetGroupAttributes";
    if let Some(held) = audit.answer(call, &group.attributes) {
        attributes(seen, route, held, audit);
    }
    targets(seen, route, group, audit);
}

fn kind(seen: &Seen, route: &Route, details: &GroupDetails, audit: &mut Audit) {
    let members = seen.database.members(&route.source);
    let vpc = members.first().map(|one| &one.vpc);
    let vpc = vpc.filter(|vpc| !vpc.is_empty()).unwrap_or(&details.vpc);
    let port = seen.database.port(&route.source);
    let port = port.unwrap_or_else(|| {
        details
            .port
            .and_then(|port| port.try_into().ok())
            .unwrap_or(3306)
    });
    let name: String = route.source.as_str().chars().take(24).collect();
    audit.set("name", format!("{}-writer", name.trim_end_matches('-')));
    audit.set("vpc", vpc);
    audit.set("port", port);
    let held = details.port.map(|port| port.to_string());
    let held = held.unwrap_or("none".to_owned());
    let address_type = &details.address_type;
    for (name, actual, expected) in [
        ("target group: type", &details.target_type, "ip"),
        ("target group: protocol", &details.protocol, "TCP"),
        ("target group: IP address type", address_type, "ipv4"),
        ("target group: port", &held, &port.to_string()),
        ("target group: VPC", &details.vpc, vpc),
    ] {
        audit.expect_with(name, actual == expected, actual, "make a target group");
    }
    let checked = &details.health_check_port;
    let is_the_databases = checked == "traffic-port" || *checked == port.to_string();
    let is_apart = !is_the_databases;
    audit.expect("target group: health check port", is_apart, checked);
    let is_led_to = !details.balancers.is_empty();
    let actual = "no load balancer leads to it";
    audit.expect("target group: load balancer", is_led_to, actual);
}

fn attributes(seen: &Seen, route: &Route, held: &Attributes, audit: &mut Audit) {
    let own = held
        .get(CROSS_ZONE)
        .filter(|own| *own == "true" || *own == "false");
    let leads = seen.path.balancers_of(&route.group);
    let theirs = leads
        .flat_map(|one| &one.attributes)
        .find_map(|one| one.get(CROSS_ZONE));
    let cross_zone = own
        .or(theirs)
        .map(|actual| (CROSS_ZONE, "true", actual.as_str()));
    let actual = |(key, expected, default): (_, _, &'static str)| {
        (key, expected, held.get(key).map_or(default, String::as_str))
    };
    for (key, expected, actual) in ATTRIBUTES.into_iter().map(actual).chain(cross_zone) {
        audit.set("attribute", format!("Key={key},Value={expected}"));
        audit.equal(&format!("target group: {key}"), actual);
    }
}

/// Whether the group holds the Writer and nothing else, and the load balancer uses it.
fn targets(seen: &Seen, route: &Route, group: &Group, audit: &mut Audit) {
    let answer = audit.answer("elasticloadbalancing:DescribeTargetHealth", &group.targets);
    let database = &seen.database;
    let (Some(held), Some(port), Some(status)) = (
        answer,
        database.port(&route.source),
        database.status(&route.source),
    ) else {
        return;
    };
    let named = database.named_by_dns(&route.source);
    let Some(writer) = named.filter(|one| database.writer(&route.source) == Some(&one.id)) else {
        return; // the cluster's and the resolver's parts say why
    };
    let Some(Ok(address)) = seen.database.address(writer) else {
        return;
    };
    let target = Target::new(address, port);
    audit.set("target", &target);
    audit.set("writer", &writer.id);
    let name = match (status, held.len()) {
        ("available", 0) => "target group: targets (empty)",
        ("available", _) => "target group: targets",
        _ => "target group: targets (under way)",
    };
    let holds: Vec<String> = held.iter().map(|one| one.target.to_string()).collect();
    let is_writers = |one: &TargetHealth| one.target == target;
    let stands_by = |one: &TargetHealth| members::may_stand_by(seen, route, &one.target);
    let is_right = match held.as_slice() {
        [one] => is_writers(one),
        [one, other] => is_writers(one) && stands_by(other) || is_writers(other) && stands_by(one),
        _ => false,
    };
    let none = if holds.is_empty() { "none" } else { "" };
    audit.expect(name, is_right, none.to_owned() + &holds.join(", "));
    let is_unused = |one: &&TargetHealth| one.target == target && one.state == "unused";
    match held.iter().find(is_unused) {
        None => audit.pass("target group: use"),
        Some(one) => {
            let actual = format!("{target} is unused: {}", one.reason);
            audit.find("target group: use", actual);
        }
    }
}
