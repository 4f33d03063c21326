//! The load balancers that lead to the groups, and their listeners.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::{Balancer, Instance, Listener, Seen};
use super::audit::Audit;

/// A Network Load Balancer's default, in seconds, and also `PrivateLink`'s own idle timeout.
const IDLE: u32 = 350;

pub(super) fn examine(seen: &Seen, audit: &mut Audit) {
    audit.about("load balancers");
    let answer = audit.answer(
        "elasticloadbalancing:DescribeLoadBalancers",
        &seen.path.balancers,
    );
    for balancer in answer.into_iter().flatten() {
        audit.about(&balancer.arn);
        audit.equal("load balancer: type", &balancer.kind);
        audit.equal("load balancer: scheme", &balancer.scheme);
        audit.equal("load balancer: state", &balancer.state);
        audit.answer(
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            &balancer.attributes,
        );
        zones(seen, balancer, audit);
        security_groups(seen, balancer, audit);
        let answer = audit.answer(
            "elasticloadbalancing:DescribeListeners",
            &balancer.listeners,
        );
        for listener in answer.into_iter().flatten() {
            audit.about(&listener.arn);
            examine_listener(seen, listener, audit);
        }
    }
}

/// Whether the load balancer is enabled where the instances are. `set-subnets` replaces the list,
/// so the command names all that it has, too.
fn zones(seen: &Seen, balancer: &Balancer, audit: &mut Audit) {
    let groups: BTreeSet<&String> = balancer.groups().collect();
    let routes = seen.routes.iter();
    let ours = routes.filter(|route| groups.iter().any(|arn| *arn == route.group.as_str()));
    let behind = ours.flat_map(|route| seen.database.members(&route.source));
    let mut missing: BTreeMap<&String, Vec<&Instance>> = BTreeMap::new();
    for instance in behind {
        let zone = instance
            .zone
            .iter()
            .filter(|zone| !balancer.zones.contains_key(*zone));
        zone.for_each(|zone| missing.entry(zone).or_default().push(instance));
    }
    let subnet = |(zone, instances): (&&String, &Vec<&Instance>)| {
        let mut subnets = instances.iter().flat_map(|one| one.subnets.clone());
        subnets
            .find(|(_, of)| of == *zone)
            .map(|(subnet, _)| subnet)
    };
    let added: Vec<String> = missing.iter().filter_map(subnet).collect();
    if added.len() == missing.len() {
        audit.list("subnets", balancer.zones.values().chain(&added));
    }
    let there: Vec<&str> = balancer.zones.keys().map(String::as_str).collect();
    let without: Vec<String> = missing
        .iter()
        .flat_map(|(zone, all)| {
            all.iter()
                .map(move |one| format!("{} is in {zone}", one.id))
        })
        .collect();
    let actual = format!("{}; {}", there.join(", "), without.join(", "));
    audit.expect("load balancer: zones", missing.is_empty(), actual);
}

fn security_groups(seen: &Seen, balancer: &Balancer, audit: &mut Audit) {
    const ENFORCED: &str = "load balancer: EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic";
    let groups = &balancer.security_groups;
    audit.expect("load balancer: security groups", !groups.is_empty(), "none");
    if groups.is_empty() {
        return;
    }
    let answer = audit.answer("ec2:DescribeSecurityGroups", &seen.path.lets_in);
    let is_closed = answer.is_some_and(|all| groups.iter().all(|id| all.get(id) == Some(&false)));
    audit.list("groups", groups);
    let closed = format!("{ENFORCED} (nothing is let in)");
    let name = if is_closed { &closed } else { ENFORCED };
    audit.equal(name, &balancer.enforces_on_private_link);
}

fn examine_listener(seen: &Seen, listener: &Listener, audit: &mut Audit) {
    audit.equal("listener: protocol", &listener.protocol);
    let used = listener.groups.iter().filter(|(_, weight)| **weight > 0);
    let is_ours = |arn: &String| seen.routes.iter().any(|route| route.group.as_str() == arn);
    if let Some(ours) = listener.groups.keys().find(|arn| is_ours(arn)) {
        audit.set("group", ours);
        audit.set("action", format!("Type=forward,TargetGroupArn={ours}"));
    }
    let is_shared = used.clone().count() > 1;
    let used: Vec<String> = used
        .map(|(arn, weight)| format!("{arn} by {weight}"))
        .collect();
    audit.expect("listener: forwards", !is_shared, used.join(", "));
    let name = "elasticloadbalancing:DescribeListenerAttributes";
    if let Some(attributes) = audit.answer(name, &listener.attributes) {
        let held = attributes.get("tcp.idle_timeout.seconds");
        let idle = held.and_then(|held| held.parse().ok()).unwrap_or(IDLE);
        audit.expect("listener: tcp.idle_timeout.seconds", idle >= IDLE, idle);
    }
}
