//! The cluster's parameters: a binlog to replicate from, and readers that let no replica in.

use super::finding::{Checkup, Severity, Wrong};
use super::survey::Survey;
use crate::world::audit::{Attributes, ClusterDetails};

pub(super) fn examine(survey: &Survey, cluster: &ClusterDetails, checkup: &mut Checkup) {
    match &survey.parameters {
        None => binlog(survey, cluster, None, checkup),
        Some(answer) => {
            if let Some(set) = checkup.answer("cluster: parameters", answer) {
                binlog(survey, cluster, Some(set), checkup);
                guard(cluster, set, checkup);
            }
        }
    }
    in_effect(survey, cluster, checkup);
}

/// `set` is what somebody has set; `None` in AWS's own group, in which nobody can.
fn binlog(
    survey: &Survey,
    cluster: &ClusterDetails,
    set: Option<&Attributes>,
    checkup: &mut Checkup,
) {
    let format = set.and_then(|set| set.get("binlog_format"));
    let format = format.map_or("OFF", String::as_str);
    let is_off = format.eq_ignore_ascii_case("OFF");
    checkup.expect(
        "cluster: binlog_format",
        format.eq_ignore_ascii_case("ROW"),
        || Wrong {
            severity: if is_off {
                Severity::Error
            } else {
                Severity::Warning
            },
            is: format!("{format}, in {}", cluster.parameter_group),
            should: "ROW".to_owned(),
            why: "OFF, Aurora's default, writes no binlog, so that nobody can replicate; HeatWave needs ROW. It takes a reboot of each instance, and the Writer's interrupts the database for some seconds: choose the time",
            mend: set_binlog_format(survey, cluster),
        },
    );
}

/// Whether readers refuse the replica: the one thing that helps while the load balancer is slow (docs/drill.md).
fn guard(cluster: &ClusterDetails, set: &Attributes, checkup: &mut Checkup) {
    let is_guarded = set
        .get("init_connect")
        .is_some_and(|held| held.contains("innodb_read_only"));
    checkup.expect("cluster: init_connect", is_guarded, || Wrong {
        severity: Severity::Note,
        is: format!("nothing in {} keeps a replica from a reader", cluster.parameter_group),
        should: "an init_connect that lets the replication user in at the Writer only".to_owned(),
        why: "the load balancer leads to the old Writer for up to two minutes after the switch, and a replica that reconnects to it in \
              that time stops for good",
        mend: "try docs/drill.md, \"Guard the readers\", on a clone of the cluster first".to_owned(),
    });
}

fn in_effect(survey: &Survey, cluster: &ClusterDetails, checkup: &mut Checkup) {
    let waiting = &cluster.pending_reboot;
    checkup.expect("cluster: parameters in effect", waiting.is_empty(), || {
        let ids: Vec<&str> = waiting.iter().map(String::as_str).collect();
        Wrong {
            severity: Severity::Warning,
            is: format!("{} has not taken them in", ids.join(", ")),
            should: "in-sync".to_owned(),
            why: "what was set in the parameter group, binlog_format among it, begins with the instance's next reboot; the Writer's interrupts the database for some seconds, so choose the time",
            mend: reboot(survey, ids),
        }
    });
}

/// Reboots one instance after the other, the Writer last.
fn reboot(survey: &Survey, mut ids: Vec<&str>) -> String {
    let writer = survey.sighting.api.as_ref().ok().and_then(Option::as_ref);
    ids.sort_by_key(|id| writer.is_some_and(|writer| writer.as_str() == *id));
    if ids.is_empty() {
        ids.push("EACH_INSTANCE_THE_WRITER_LAST");
    }
    let one = |id: &str| {
        format!(
            "aws rds reboot-db-instance --db-instance-identifier {id} && aws rds wait db-instance-available --db-instance-identifier {id}"
        )
    };
    ids.into_iter().map(one).collect::<Vec<_>>().join(" && ")
}

/// The commands that switch the binlog on: in a parameter group of one's own, which is made where there is none.
fn set_binlog_format(survey: &Survey, cluster: &ClusterDetails) -> String {
    let id = &survey.route.cluster;
    let set = |group: &str| {
        format!(
            "aws rds modify-db-cluster-parameter-group --db-cluster-parameter-group-name {group} --parameters \
             ParameterName=binlog_format,ParameterValue=ROW,ApplyMethod=pending-reboot"
        )
    };
    let ids = survey.instances.iter().flatten().map(|one| one.id.as_str());
    let reboot = format!(
        "aws rds wait db-cluster-available --db-cluster-identifier {id} && {}",
        reboot(survey, ids.collect())
    );
    let Some(family) = cluster.parameter_group.strip_prefix("default.") else {
        return format!("{} && {reboot}", set(&cluster.parameter_group));
    };
    let own = format!("{id}-binlog");
    format!(
        "aws rds create-db-cluster-parameter-group --db-cluster-parameter-group-name {own} --db-parameter-group-family {family} \
         --description 'binlog for replicas' && {} && aws rds modify-db-cluster --db-cluster-identifier {id} \
         --db-cluster-parameter-group-name {own} --apply-immediately && {reboot}",
        set(&own)
    )
}
