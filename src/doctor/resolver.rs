//! The resolver: whether the cluster's names lead where RDS says. Nothing that touches the database
//! is ever the remedy for a resolver.

use super::ask::{Instance, Seen, probe};
use super::audit::Audit;
use crate::address::NoAddress;
use crate::source::SourceId;
use crate::world::Cause;

/// The entry with the commands that look for an override.
const OVERRIDE: &str = "look for an override";

pub(super) fn examine(seen: &Seen, source: &SourceId, audit: &mut Audit) {
    let (Some(name), Ok(_)) = (seen.database.endpoint(source), &seen.database.instances) else {
        return; // RDS's silence is a finding of its own
    };
    let members = seen.database.members(source);
    let writer = seen.database.writer(source);
    let vpc = members
        .first()
        .map(|one| one.vpc.as_str())
        .unwrap_or_default();
    audit.about(name);
    audit.set("vpc", vpc);
    if source.cluster().is_some() {
        endpoint(seen, source, name, audit);
    }
    nonexistent(seen, name, audit);
    for instance in members {
        audit.about(&instance.id);
        audit.set("vpc", vpc);
        address(seen, instance, writer == Some(&instance.id), audit);
    }
}

/// Whether the cluster endpoint is an alias of the Writer, and leads to the same address; or has
/// its address, where it is no alias.
fn endpoint(seen: &Seen, source: &SourceId, name: &str, audit: &mut Audit) {
    const CHECK: &str = "resolver: cluster endpoint";
    let (Some(writer), Some(answer)) =
        (seen.database.writer(source), seen.database.names.get(name))
    else {
        return;
    };
    audit.set("writer", writer);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return audit.find("resolver: cluster endpoint (silent)", error),
    };
    let named = seen.database.named_by_dns(source);
    let Some(alias) = answer.aliases.first() else {
        let actual = format!("{:?}, and no alias", answer.addresses);
        if let Some(named) = named {
            return audit.expect_with(CHECK, named.id == *writer, actual, OVERRIDE);
        }
        return audit.expect_with(
            "resolver: cluster endpoint (no alias)",
            false,
            actual,
            OVERRIDE,
        );
    };
    let actual = format!("an alias of {alias}");
    match named {
        None => {
            let name = "resolver: cluster endpoint (no member)";
            audit.expect_with(name, false, actual, OVERRIDE);
        }
        Some(named) if named.id != *writer => audit.expect_with(CHECK, false, actual, OVERRIDE),
        Some(named) => {
            audit.pass(CHECK);
            let direct = seen.database.addresses(named);
            let actual = format!("{:?}, and {direct:?} by {alias}", answer.addresses);
            let holds = direct.is_empty() || *direct == answer.addresses;
            audit.expect_with("resolver: address", holds, actual, OVERRIDE);
        }
    }
}

/// Whether the resolver makes answers up.
fn nonexistent(seen: &Seen, name: &str, audit: &mut Audit) {
    const CHECK: &str = "resolver: a name that does not exist";
    match probe(name).and_then(|name| seen.database.names.get(&name)) {
        None => {}
        Some(Err(error)) if error.cause == Cause::NotFound => audit.pass(CHECK),
        Some(Err(error)) => audit.find("resolver: a name that does not exist (silent)", error),
        Some(Ok(answer)) => {
            audit.expect_with(CHECK, false, format!("{:?}", answer.addresses), OVERRIDE);
        }
    }
}

/// Whether the address of an instance can be registered once it is the Writer.
fn address(seen: &Seen, instance: &Instance, is_writer: bool, audit: &mut Audit) {
    let held = seen.database.addresses(instance);
    // Others may still be an instance's; these are of the machine that asks.
    let is_public = matches!(held, [one] if !one.is_loopback() && !one.is_link_local());
    match seen.database.address(instance) {
        None => {}
        Some(Ok(address)) => {
            audit.pass("instance: address");
            let actual = format!("it is; {address} inside the VPC");
            let holds = !instance.publicly_accessible;
            audit.expect("instance: publicly accessible", holds, actual);
        }
        Some(Err(NoAddress::Silent(error))) => {
            let [other, writers] = [
                "instance: address (silent)",
                "instance: address (silent, the Writer's)",
            ];
            audit.find(if is_writer { writers } else { other }, error);
        }
        Some(Err(NoAddress::Unsuitable(_))) if instance.publicly_accessible && is_public => {
            let name = "instance: publicly accessible (and refused)";
            audit.find(name, format!("{held:?}"));
        }
        Some(Err(NoAddress::Unsuitable(_))) => {
            let [other, writers] = ["instance: address", "instance: address (the Writer's)"];
            let name = if is_writer { writers } else { other };
            audit.expect_with(name, false, format!("{held:?}"), OVERRIDE);
        }
    }
}
