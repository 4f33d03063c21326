//! An instance that a route follows: what it is, whether it can fail over, and its parameters.

use super::ask::{Attributes, Engine, Instance, Seen};
use super::audit::Audit;
use super::parameters::LOGICAL;
use crate::route::InstanceId;
use crate::source::SourceId;
use crate::world::Cause;

const CALL: &str = "rds:DescribeDBInstances";

pub(super) fn examine(seen: &Seen, id: &InstanceId, audit: &mut Audit) {
    audit.about(id);
    let Some(answer) = seen.database.alone.get(id) else {
        return;
    };
    if answer
        .as_ref()
        .is_err_and(|error| error.cause == Cause::NotFound)
    {
        return audit.find("instance", format!("RDS knows no instance `{id}`"));
    }
    let Some(instance) = audit.answer(CALL, answer) else {
        return;
    };
    if let Some(cluster) = &instance.cluster {
        audit.set("cluster", cluster);
        return audit.find(
            "instance (of a cluster)",
            format!("a member of `{cluster}`"),
        );
    }
    let engine = seen.database.engine(&SourceId::Instance(id.clone()));
    let is_known = engine != Some(Engine::Other);
    audit.expect("instance: engine", is_known, &instance.engine);
    audit.equal("instance: status", &instance.status);
    audit.expect("instance: Multi-AZ", instance.multi_az, "one zone");
}

/// Judges its parameters, and the backups, without which MySQL has no binlog.
pub(super) fn parameters(seen: &Seen, id: &InstanceId, audit: &mut Audit) {
    let Some(instance) = seen.database.alone(id).filter(|one| one.cluster.is_none()) else {
        return;
    };
    audit.about(id);
    let waits = format!("{id} waits for a restart");
    audit.list("each", [id]);
    audit.expect(
        "instance: parameters in effect",
        !instance.pending_reboot,
        waits,
    );
    let nothing = Attributes::new();
    let set = match seen
        .database
        .instance_parameters
        .get(&instance.parameter_group)
    {
        Some(answer) => audit.answer("rds:DescribeDBParameters", answer),
        None => Some(&nothing), // AWS's own, in which nothing is set
    };
    let Some(set) = set else {
        return;
    };
    match seen.database.engine(&SourceId::Instance(id.clone())) {
        Some(Engine::MySql) => {
            let days = instance.backup_retention;
            audit.expect(
                "instance: backups",
                days > 0,
                format!("kept for {days} days"),
            );
            value(instance, set, "binlog_format", "ROW", audit);
        }
        Some(Engine::PostgreSql) => value(instance, set, LOGICAL, "1", audit),
        _ => {}
    }
}

fn value(instance: &Instance, set: &Attributes, key: &str, expected: &str, audit: &mut Audit) {
    let held = set.get(key).map_or("not set", String::as_str);
    let actual = format!("{held}, in {}", instance.parameter_group);
    let name = format!("instance: {key}");
    audit.expect(&name, held.eq_ignore_ascii_case(expected), actual);
}
