//! The cluster: what it is, and whether it can fail over.

use std::collections::BTreeSet;

use super::ask::{Cluster, Engine, Instance, Seen};
use super::audit::Audit;
use crate::route::ClusterId;
use crate::source::SourceId;
use crate::world::Cause;

pub(super) fn examine(seen: &Seen, id: &ClusterId, audit: &mut Audit) {
    audit.about(id);
    let Some(answer) = seen.database.clusters.get(id) else {
        return;
    };
    if answer
        .as_ref()
        .is_err_and(|error| error.cause == Cause::NotFound)
    {
        return audit.find("cluster", format!("RDS knows no cluster `{id}`"));
    }
    let Some(cluster) = audit.answer("rds:DescribeDBClusters", answer) else {
        return;
    };
    let source = SourceId::Cluster(id.clone());
    let is_known = seen.database.engine(&source) != Some(Engine::Other);
    audit.expect("cluster: engine", is_known, &cluster.engine);
    audit.equal("cluster: status", &cluster.status);
    audit.expect(
        "cluster: Writer",
        cluster.writer.is_some(),
        "RDS lists none",
    );
    if audit
        .answer("rds:DescribeDBInstances", &seen.database.instances)
        .is_some()
    {
        instances(id, cluster, seen.database.members(&source), audit);
    }
}

fn instances(id: &ClusterId, cluster: &Cluster, all: &[Instance], audit: &mut Audit) {
    let zones: BTreeSet<&String> = all.iter().filter_map(|one| one.zone.as_ref()).collect();
    if let Some(like) = all.first() {
        // A reader like the others, in a zone that has none.
        let mut free = like
            .subnets
            .iter()
            .filter(|(_, zone)| !zones.contains(zone));
        let zone = free
            .next()
            .map(|(_, zone)| zone.as_str())
            .unwrap_or_default();
        audit.set("engine", &cluster.engine);
        audit.set("class", &like.class);
        audit.set("zone", zone);
        audit.set(
            "reader",
            format!("{id}-{}", zone.rsplit('-').next().unwrap_or_default()),
        );
    }
    audit.expect("cluster: instances", all.len() > 1, all.len());
    if let (true, Some(zone)) = (all.len() > 1, zones.first()) {
        audit.expect(
            "cluster: zones",
            zones.len() > 1,
            format!("each instance in {zone}"),
        );
    }
}
