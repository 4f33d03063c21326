//! The load balancer that leads to the group, and its listener.

use std::collections::BTreeSet;

use super::finding::{Checkup, Severity, Wrong};
use super::survey::Survey;
use crate::world::audit::{Balancer, InstanceDetails, Listener};

/// A Network Load Balancer's default, in seconds, and also `PrivateLink`'s own idle timeout.
const IDLE: u32 = 350;

pub(super) fn examine(survey: &Survey, checkup: &mut Checkup) {
    let Some(balancers) = checkup.answer("load balancer", &survey.balancers) else {
        return;
    };
    for balancer in balancers {
        kind(balancer, checkup);
        zones(survey, balancer, checkup);
        security_group(balancer, checkup);
        if let Some(all) = checkup.answer("load balancer: listeners", &balancer.listeners) {
            let group = survey.route.group.as_str();
            for listener in all.iter().filter(|one| one.groups.contains(group)) {
                examine_listener(listener, checkup);
            }
        }
        checkup.answer("load balancer: attributes", &balancer.attributes);
    }
}

fn kind(balancer: &Balancer, checkup: &mut Checkup) {
    let Balancer {
        arn,
        kind,
        scheme,
        state,
        ..
    } = balancer;
    let anew = || "deploy privatelink.yaml, which makes one; neither can be changed".to_owned();
    checkup.expect("load balancer: type", kind == "network", || Wrong {
        severity: Severity::Error,
        is: kind.clone(),
        should: "network".to_owned(),
        why: "an endpoint service takes a Network Load Balancer",
        mend: anew(),
    });
    checkup.expect("load balancer: scheme", scheme == "internal", || Wrong {
        severity: Severity::Error,
        is: scheme.clone(),
        should: "internal".to_owned(),
        why: "the database would be offered to the internet",
        mend: anew(),
    });
    checkup.expect("load balancer: state", state == "active", || Wrong {
        severity: Severity::Error,
        is: state.clone(),
        should: "active".to_owned(),
        why: "it leads nowhere until it is",
        mend: format!("aws elbv2 wait load-balancer-available --load-balancer-arns {arn}"),
    });
}

fn zones(survey: &Survey, balancer: &Balancer, checkup: &mut Checkup) {
    let Ok(instances) = &survey.instances else {
        return; // the cluster's part says why
    };
    let needed: BTreeSet<String> = instances
        .iter()
        .filter_map(|one| one.zone.clone())
        .collect();
    let missing: Vec<&str> = needed
        .difference(&balancer.zones)
        .map(String::as_str)
        .collect();
    let list = |zones: &BTreeSet<String>| zones.iter().cloned().collect::<Vec<_>>().join(", ");
    let in_missing = |one: &&InstanceDetails| {
        one.zone
            .as_deref()
            .is_some_and(|zone| missing.contains(&zone))
    };
    checkup.expect("load balancer: zones", missing.is_empty(), || Wrong {
        severity: Severity::Error,
        is: format!(
            "{}; {} in {}",
            list(&balancer.zones),
            instances.iter().filter(in_missing).map(|one| one.id.as_str()).collect::<Vec<_>>().join(", "),
            missing.join(", ")
        ),
        should: format!("at least {}, where the instances are", list(&needed)),
        why: "a Writer in a zone that the load balancer is not enabled in is an unused target (Target.NotInUse): nobody reaches it",
        mend: format!(
            "aws elbv2 set-subnets --load-balancer-arn {} --subnets ALL_THAT_IT_HAS ONE_IN_{}",
            balancer.arn,
            missing.join(" ONE_IN_")
        ),
    });
}

fn security_group(balancer: &Balancer, checkup: &mut Checkup) {
    const ENFORCED: &str = "load balancer: EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic";
    let Balancer {
        arn,
        security_groups,
        enforces_on_private_link,
        ..
    } = balancer;
    if security_groups.is_empty() {
        checkup.find("load balancer: security groups", Wrong {
            severity: Severity::Warning,
            is: "none".to_owned(),
            should: "one, that lets nothing in and goes out to the database only".to_owned(),
            why: "it limits what a wrong target could be; one cannot be added to a load balancer that was made without",
            mend: "deploy privatelink.yaml, which makes a load balancer with one".to_owned(),
        });
        return;
    }
    checkup.pass("load balancer: security groups");
    checkup.expect(ENFORCED, enforces_on_private_link == "off", || Wrong {
        severity: Severity::Warning,
        is: enforces_on_private_link.clone(),
        should: "off".to_owned(),
        why: "the consumer's addresses are in a network that you don't know; only a rule that lets everybody in would let them in",
        mend: format!(
            "aws elbv2 set-security-groups --load-balancer-arn {arn} --security-groups {} \
             --enforce-security-group-inbound-rules-on-private-link-traffic off",
            security_groups.join(" ")
        ),
    });
}

fn examine_listener(listener: &Listener, checkup: &mut Checkup) {
    const KEY: &str = "tcp.idle_timeout.seconds";
    let Listener {
        arn,
        protocol,
        attributes,
        ..
    } = listener;
    checkup.expect("listener: protocol", protocol == "TCP", || Wrong {
        severity: Severity::Error,
        is: protocol.clone(),
        should: "TCP".to_owned(),
        why: "MySQL begins in plain text and negotiates TLS itself, end to end",
        mend: format!("aws elbv2 modify-listener --listener-arn {arn} --protocol TCP"),
    });
    let Some(attributes) = checkup.answer("listener: attributes", attributes) else {
        return;
    };
    let idle = attributes
        .get(KEY)
        .and_then(|held| held.parse().ok())
        .unwrap_or(IDLE);
    checkup.expect(&format!("listener: {KEY}"), idle >= IDLE, || Wrong {
        severity: Severity::Warning,
        is: idle.to_string(),
        should: format!("{IDLE} or more"),
        why: "a replica's connection is idle between two heartbeats, and cut where that takes longer",
        mend: format!(
            "aws elbv2 modify-listener-attributes --listener-arn {arn} --attributes Key={KEY},Value={IDLE}"
        ),
    });
}
