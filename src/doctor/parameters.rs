//! The parameters: a binlog to replicate from, and readers that let no replica in.

use serde_json::json;

use super::ask::{Attributes, Cluster, DEFAULT, Engine, Instance, Seen};
use super::audit::Audit;
use crate::guard::{self, Guard};
use crate::route::{ClusterId, InstanceId};
use crate::source::SourceId;

const GUARD: &str = "init_connect";
/// What `PostgreSQL` needs to be set for logical replication.
pub(super) const LOGICAL: &str = "rds.logical_replication";

/// Judges a cluster's parameters; `user` is the replication user, where it was given.
pub(super) fn examine(seen: &Seen, id: &ClusterId, user: Option<&str>, audit: &mut Audit) {
    let Some(cluster) = seen.database.cluster(id) else {
        return; // RDS's silence is a finding of its own
    };
    let source = SourceId::Cluster(id.clone());
    let members = seen.database.members(&source);
    let of = Of {
        id,
        cluster,
        members,
    };
    audit.about(id);
    in_effect(&of, audit);
    let nothing = Attributes::new();
    let all = &seen.database.cluster_parameters;
    let set = match all.get(&cluster.parameter_group) {
        Some(answer) => audit.answer("rds:DescribeDBClusterParameters", answer),
        None => Some(&nothing), // AWS's own, in which nothing is set
    };
    let Some(set) = set else {
        return;
    };
    let value = |key, default| set.get(key).map_or(default, String::as_str);
    match seen.database.engine(&source) {
        Some(Engine::AuroraMySql) => binlog(&of, value("binlog_format", "OFF"), audit),
        Some(Engine::MySql) => return binlog(&of, value("binlog_format", "not set"), audit),
        Some(Engine::PostgreSql) => {
            return logical_replication(&of, value(LOGICAL, "0"), audit);
        }
        Some(Engine::Other) | None => return,
    }
    // Where both have one, the instance's counts.
    let mut inherits = members.is_empty();
    for instance in members {
        audit.about(&instance.id);
        let all = &seen.database.instance_parameters;
        let own = all.get(&instance.parameter_group);
        let own = own.and_then(|answer| audit.answer("rds:DescribeDBParameters", answer));
        match own.and_then(|own| own.get(GUARD)) {
            Some(own) => guard(&of, own, user, Some(instance), audit),
            None => inherits = true,
        }
    }
    if inherits {
        audit.about(id);
        guard(&of, value(GUARD, ""), user, None, audit);
    }
}

fn logical_replication(of: &Of<'_>, held: &str, audit: &mut Audit) {
    let commands = of.set(audit, LOGICAL, "1");
    let actual = format!("{held}, in {}", of.cluster.parameter_group);
    let is_on = held == "1";
    audit.expect_with("cluster: rds.logical_replication", is_on, actual, commands);
}

/// Which cluster it is about.
struct Of<'a> {
    id: &'a ClusterId,
    cluster: &'a Cluster,
    members: &'a [Instance],
}

fn binlog(of: &Of<'_>, format: &str, audit: &mut Audit) {
    let name = match format.to_ascii_uppercase().as_str() {
        "ROW" => return audit.pass("cluster: binlog_format"),
        "OFF" => "cluster: binlog_format",
        _ => "cluster: binlog_format (not ROW)",
    };
    let commands = of.set(audit, "binlog_format", "ROW");
    let actual = format!("{format}, in {}", of.cluster.parameter_group);
    audit.expect_with(name, false, actual, commands);
}

/// Whether readers refuse the replica: the one thing that helps while the load balancer is slow.
fn guard(
    of: &Of<'_>,
    statement: &str,
    user: Option<&str>,
    overriding: Option<&Instance>,
    audit: &mut Audit,
) {
    let name = match guard::judge(statement) {
        Guard::Right(held) if user.is_none_or(|user| user == held) => {
            // One that waits for a restart is a finding of its own, and nothing to rely on.
            if of.waiting().is_empty() {
                audit.pass("readers' guard: init_connect");
            }
            return;
        }
        Guard::Absent => "readers' guard: init_connect",
        Guard::Right(_) => "readers' guard: init_connect (another user)",
        Guard::Unknown => "readers' guard: init_connect (unknown)",
        Guard::LocksOut(how) => {
            audit.set("how", how);
            "readers' guard: init_connect (locks out)"
        }
    };
    let commands = match (user, overriding) {
        (None, _) => "name the replication user",
        (Some(user), None) => of.set(audit, GUARD, &guard::statement(user)),
        (Some(_), Some(instance)) => {
            audit.set("group", &instance.parameter_group);
            let reset = format!("ParameterName={GUARD},ApplyMethod=pending-reboot");
            audit.set("reset", reset);
            audit.list("each", [&instance.id]);
            "reset a parameter"
        }
    };
    let any = || "one that lets the replication user in at the Writer only".to_owned();
    audit.set("statement", user.map_or_else(any, guard::statement));
    let actual = Some(statement).filter(|one| !one.is_empty());
    audit.expect_with(name, false, actual.unwrap_or("none"), commands);
}

fn in_effect(of: &Of<'_>, audit: &mut Audit) {
    let waiting = of.waiting();
    let names: Vec<&str> = waiting.iter().map(|id| id.as_str()).collect();
    let actual = format!("{} waits for a restart", names.join(", "));
    audit.list("each", &waiting);
    audit.expect("cluster: parameters in effect", waiting.is_empty(), actual);
}

impl<'a> Of<'a> {
    /// The instances that wait for a restart, the Writer last.
    fn waiting(&self) -> Vec<&'a InstanceId> {
        let pending = &self.cluster.pending_reboot;
        self.in_turn(|one| one.pending_reboot || pending.contains(&one.id))
    }

    /// The instances, the Writer last.
    fn in_turn(&self, keep: impl Fn(&Instance) -> bool) -> Vec<&'a InstanceId> {
        let kept = self.members.iter().filter(|one| keep(one));
        let mut ids: Vec<&InstanceId> = kept.map(|one| &one.id).collect();
        ids.sort_by_key(|id| self.cluster.writer.as_ref() == Some(*id));
        ids
    }

    /// The commands that set a parameter, in a group of the cluster's own, which is made where
    /// there is none.
    fn set(&self, audit: &mut Audit, key: &str, value: &str) -> &'static str {
        let held = &self.cluster.parameter_group;
        let parameter =
            json!({"ParameterName": key, "ParameterValue": value, "ApplyMethod": "pending-reboot"});
        audit.set("parameters", json!([parameter]));
        audit.list("each", self.in_turn(|_| true));
        audit.set("cluster", self.id);
        audit.set("group", held);
        let Some(family) = held.strip_prefix(DEFAULT) else {
            return "set a parameter";
        };
        audit.set("family", family);
        audit.set("group", format!("{}-replicated", self.id));
        "set a parameter (in a group that is made)"
    }
}
