//! A group that holds members, or could: whether the guard is seen on each, by the rule of the run.

use super::ask::Seen;
use super::audit::Audit;
use crate::guard;
use crate::route::{ClusterId, GroupHolds, Route};
use crate::source::SourceId;
use crate::world::{Member, Survey, Target};

const CHECK: &str = "target group: members";

/// Judges whether a group can hold members; where it could and does not, says what that would gain.
pub(super) fn examine(seen: &Seen, route: &Route, audit: &mut Audit) {
    let (Some(id), Some(user)) = (route.source.cluster(), route.replication_user.as_deref()) else {
        return;
    };
    let Some(survey) = survey(seen, id) else {
        return; // RDS's silence is a finding of its own
    };
    let mut judged = survey.members.keys();
    let unguarded = judged.find_map(|one| guard::seen(&survey, one, user).err());
    audit.about(&route.group);
    match (route.holds, unguarded) {
        (GroupHolds::Members, Some(why)) => audit.find(CHECK, why),
        (GroupHolds::Members, None) => {
            audit.pass(CHECK);
            audit.leave("consumer: retry interval and count");
        }
        (GroupHolds::Writer, None) if survey.members.len() > 1 => {
            audit.leave("consumer: retry interval and count (with the Writer alone)");
        }
        (GroupHolds::Writer, _) => {}
    }
}

/// Whether the group may hold this target beside the Writer's.
pub(super) fn may_stand_by(seen: &Seen, route: &Route, target: &Target) -> bool {
    let (Some(user), Some(id)) = (route.guarded_user(), route.source.cluster()) else {
        return false;
    };
    let port = seen.database.port(&route.source);
    let mut members = seen.database.members(&route.source).iter();
    members.any(|one| {
        let address = seen.database.address(one).and_then(Result::ok);
        let own = address.zip(port).map(|(ip, port)| Target::new(ip, port));
        let survey = survey(seen, id);
        own.as_ref() == Some(target)
            && survey.is_some_and(|survey| guard::seen(&survey, &one.id, user).is_ok())
    })
}

/// What a run's look-up would find; `None` where a question was not answered.
fn survey(seen: &Seen, id: &ClusterId) -> Option<Survey> {
    let cluster = seen.database.cluster(id)?;
    let set = |answer| match answer {
        Some(Ok(set)) => Some(Some(set)),
        Some(Err(_)) => None,
        None => Some(None), // AWS's own, in which nothing is set
    };
    let statement = |set: Option<&super::ask::Attributes>| set?.get("init_connect").cloned();
    let of_cluster = seen
        .database
        .cluster_parameters
        .get(&cluster.parameter_group);
    let of_cluster = statement(set(of_cluster.map(Result::as_ref))?);
    let mut survey = Survey {
        engine: cluster.engine.clone(),
        ..Survey::default()
    };
    for one in seen.database.members(&SourceId::Cluster(id.clone())) {
        let own = seen.database.instance_parameters.get(&one.parameter_group);
        let own = statement(set(own.map(Result::as_ref))?);
        let waits = one.pending_reboot || cluster.pending_reboot.contains(&one.id);
        let member = Member {
            init_connect: own.or_else(|| of_cluster.clone()),
            pending: waits.then(|| "it waits for a restart".to_owned()),
            ..Member::default()
        };
        survey.members.insert(one.id.clone(), member);
    }
    Some(survey)
}
