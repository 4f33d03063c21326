//! Groups of members as a look finds them: what the members' look-up answers.

use failover_follower::guard::statement;
use failover_follower::members::Memory;
use failover_follower::observe::Observation;
use failover_follower::standby::Alone;
use failover_follower::world::{CallError, Cause, Member, Survey};

use crate::scene::{MEMBERS, Scene, USER, id, logs, seen, target, targets};

/// A member on which the guard is seen.
pub(crate) fn guarded() -> Member {
    Member {
        tier: Some(1),
        class: "db.r7g.large".to_owned(),
        status: "available".to_owned(),
        init_connect: Some(statement(USER)),
        pending: None,
    }
}

/// A look-up in which one member differs.
pub(crate) fn survey(differs: &str, how: impl Fn(&mut Member)) -> Survey {
    let member = |name: &&str| {
        let mut member = guarded();
        if *name == differs {
            how(&mut member);
        }
        (id(name), member)
    };
    Survey {
        engine: "aurora-mysql".to_owned(),
        members: MEMBERS.iter().map(member).collect(),
    }
}

pub(crate) fn all_guarded() -> Survey {
    survey("", |_| ())
}

/// A look that asks for the members too, and for the log, which is empty.
pub(crate) fn surveyed(seen: Observation, survey: Survey) -> Observation {
    Observation {
        survey: Some(Ok(survey)),
        ..logs(seen, &[])
    }
}

pub(crate) fn failing(seen: Observation, cause: Cause) -> Observation {
    let error = CallError::new("rds:DescribeDBClusterParameters", cause, "");
    Observation {
        survey: Some(Err(error)),
        ..logs(seen, &[])
    }
}

/// A run of the schedule in a new process, whose second look asks for the members.
pub(crate) fn scene(group: &str, survey: Survey) -> Scene {
    let first = Scene::of_members(&[], logs(seen("a", "a", group), &[]));
    first.look(1, surveyed(seen("a", "a", group), survey))
}

/// What leaves, and what comes in beside the Writer.
#[track_caller]
pub(crate) fn assert_plan(scene: &Scene, leave: &str, standby: Option<&str>) {
    let plan = scene.plan();
    assert_eq!(plan.deregister, targets(leave), "{plan}");
    assert_eq!(plan.standby, standby.map(target), "{plan}");
}

pub(crate) fn unguarded(scene: &Scene) -> String {
    match scene.decide().alone() {
        Some(Alone::Unguarded(why)) => why.to_string(),
        other => panic!("{other:?}"),
    }
}

/// What the runs so far have left, the last of which ended as this scene did, so long ago.
pub(crate) fn remembered(scene: Scene) -> Memory {
    scene.evidence.members.unwrap().memory().clone()
}

/// A run of the schedule in the process that has this memory.
pub(crate) fn later(memory: Memory, seconds: i64, look: Observation) -> Scene {
    Scene::later(seconds, &[], memory, look)
}
