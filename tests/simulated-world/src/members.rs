//! The members beyond where they are: who would be promoted next, and which refuse the replica.

use std::collections::{BTreeMap, BTreeSet};

use failover_follower::guard::statement;
use failover_follower::route::InstanceId;
use failover_follower::world::{Member, Survey, Target};

use crate::fault::Fault;
use crate::state::{Health, State};

/// The replica's MySQL user.
pub const USER: &str = "rpluser001";

/// What is so of the members.
#[derive(Clone, Debug)]
pub struct Members {
    /// Whether the group should hold them: the judge then goes by the guard.
    pub held: bool,
    /// Those on which the guard is in effect.
    pub guarded: BTreeSet<InstanceId>,
    /// Each one's promotion tier; 1 where none is given.
    pub tiers: BTreeMap<InstanceId, i32>,
    /// Each one's status; `available` where none is given.
    pub statuses: BTreeMap<InstanceId, &'static str>,
    /// How RDS answers a look-up of the members.
    pub health: Health,
}

impl Members {
    pub(crate) fn new() -> Self {
        Self {
            held: false,
            guarded: BTreeSet::new(),
            tiers: BTreeMap::new(),
            statuses: BTreeMap::new(),
            health: Health::Up,
        }
    }
}

impl State {
    /// Has the group hold members, each with the guard.
    pub fn hold_members(&mut self) {
        self.members.held = true;
        self.members.guarded = self.addresses.keys().cloned().collect();
    }

    /// What a look-up of the members answers.
    pub(crate) fn survey(&self, fault: Option<Fault>) -> Survey {
        let member = |id: &InstanceId| {
            let guarded =
                self.members.guarded.contains(id) || fault == Some(Fault::TrustParameters);
            Member {
                tier: Some(self.members.tiers.get(id).copied().unwrap_or(1)),
                class: "db.r7g.large".to_owned(),
                status: self
                    .members
                    .statuses
                    .get(id)
                    .unwrap_or(&"available")
                    .to_string(),
                init_connect: guarded.then(|| statement(USER)),
                pending: None,
            }
        };
        let members = self.addresses.keys();
        Survey {
            engine: "aurora-mysql".to_owned(),
            members: members.map(|id| (id.clone(), member(id))).collect(),
        }
    }

    /// Whether a target may be in beside the Writer: a member's that refuses the replica.
    pub(crate) fn may_stand_by(&self, target: &Target) -> bool {
        self.members.held
            && self
                .owner(target)
                .is_some_and(|owner| self.members.guarded.contains(owner))
    }

    /// Whether the group may hold these: the Writer, and beside it one that may be.
    pub(crate) fn may_hold(&self, held: &[Target]) -> bool {
        let right = self.right();
        let mut others = held.iter().filter(|target| **target != right);
        let beside = others.next();
        let writer_refuses = self.may_stand_by(&right); // as a reader, after the next failover
        held.contains(&right)
            && others.next().is_none()
            && beside.is_none_or(|one| writer_refuses && self.may_stand_by(one))
    }

    /// Whether the group holds a standby, where one may be in. Without a log, a process that has
    /// just begun does not know for how long the Writer has been one.
    pub(crate) fn has_its_standby(&self) -> bool {
        let others = self.addresses.keys().filter(|id| **id != self.writer);
        let refuses = |id: &InstanceId| self.members.guarded.contains(id);
        let could = self.members.held
            && !self.log.denied
            && self.addresses.len() > 1
            && refuses(&self.writer)
            && others.clone().all(refuses);
        !could || self.registered().len() == 2
    }

    /// Whose address a target is.
    pub(crate) fn owner(&self, target: &Target) -> Option<&InstanceId> {
        let mut addresses = self.addresses.iter();
        let found = addresses.find(|(_, address)| address.to_string() == target.id);
        found.map(|(id, _)| id)
    }
}
