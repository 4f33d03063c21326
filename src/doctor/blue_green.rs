//! A blue/green deployment that is yet to be switched over: whether a replica will find its place.

use super::ask::{Attributes, Engine, Seen};
use super::audit::Audit;
use crate::source::SourceId;

/// A deployment that was switched over, or is being deleted, is behind us.
const OVER: [&str; 2] = ["SWITCHOVER_COMPLETED", "DELETING"];

pub(super) fn examine(seen: &Seen, source: &SourceId, audit: &mut Audit) {
    audit.about(source.as_str());
    let call = "rds:DescribeBlueGreenDeployments";
    let Some(all) = audit.answer(call, &seen.database.deployments) else {
        return;
    };
    let is_ahead = |status: &str| !OVER.contains(&status);
    let mut ahead = all
        .iter()
        .filter(|one| one.is_of(source) && is_ahead(&one.status));
    let Some(deployment) = ahead.next() else {
        return;
    };
    let engine = seen.database.engine(source);
    if !matches!(engine, Some(Engine::AuroraMySql | Engine::MySql)) {
        return audit.leave("blue/green: replication slots");
    }
    let green = deployment.target.as_ref().map_or("green", SourceId::as_str);
    audit.set("green", green);
    if let Some(mode) = gtid_mode(seen, source) {
        audit.expect("blue/green: GTID", mode.eq_ignore_ascii_case("ON"), mode);
    }
    audit.leave("blue/green: binlog retention");
    audit.leave("blue/green: the replica's patience");
    audit.leave("blue/green: the order");
}

/// The parameter `gtid-mode`, which is off unless it is set; `None` where it could not be read.
fn gtid_mode(seen: &Seen, source: &SourceId) -> Option<String> {
    let database = &seen.database;
    let (all, group) = match source {
        SourceId::Cluster(id) => (
            &database.cluster_parameters,
            &database.cluster(id)?.parameter_group,
        ),
        SourceId::Instance(id) => (
            &database.instance_parameters,
            &database.alone(id)?.parameter_group,
        ),
    };
    let nothing = Attributes::new();
    let set = match all.get(group) {
        Some(answer) => answer.as_ref().ok()?,
        None => &nothing,
    };
    let held = set.get("gtid-mode").or_else(|| set.get("gtid_mode"));
    Some(held.map_or("not set", String::as_str).to_owned())
}
