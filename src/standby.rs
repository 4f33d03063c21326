//! Who is in the group beside the Writer, where it holds members. Pure.
//!
//! ```text
//!  the members' look-up   the member that would be promoted next   beside the Writer
//!  is awaited                                                       whoever is in stays
//!  fails for 10 s                                                   nobody: unguarded
//!  shows no guard                                                   nobody: unguarded
//!  shows the guard        there is none                             nobody
//!                         is in                                     it
//!                         is not in, the Writer is recent           whoever is in and as good as any
//!                         is not in                                 it, on a look-up of this run
//! ```
//!
//! The guard has to be seen on the Writer and on the other: each is a reader once the other is the
//! Writer. Until a Writer is confirmed, the one that a statement names is the standby.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::address::NoAddress;
use crate::decide::Context;
use crate::guard::{self, Unguarded};
use crate::members::{LookUp, Members, Surveyed};
use crate::promotion::State;
use crate::route::InstanceId;
use crate::world::Target;

/// How long the Writer must have been confirmed before a standby comes in. A load balancer takes up
/// to two minutes to act on a deregistration (containers-roadmap #470), and one that is taken back
/// sooner cuts no connection.
const CONFIRMED_FOR: TimeDelta = TimeDelta::minutes(3);
/// How old a look-up of the members may be that leaves the Writer alone: the remedy may be under
/// way.
const LOOK_UP_SOON: TimeDelta = TimeDelta::minutes(5);

/// Who is in the group beside the Writer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Standby {
    /// Nobody; why, where the group could hold one.
    Nobody(Option<Alone>),
    /// That is not known yet: these stay, and none comes in.
    Open {
        /// Those that stay.
        stay: BTreeSet<Target>,
        /// Whether a look-up of the members would tell.
        asks: bool,
    },
    /// This one, on which the guard was seen.
    Holds {
        /// The member.
        instance: InstanceId,
        /// Its target.
        target: Target,
    },
}

/// Why the Writer is alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Alone {
    /// The guard is not seen.
    #[error("unguarded")]
    Unguarded(#[from] Unguarded),
    /// There is no other member that is available and has an address.
    #[error("no other member could be promoted")]
    NoMember,
    /// The Writer is confirmed for too short a time.
    #[error("the Writer has been confirmed for less than three minutes")]
    Recent,
}

impl Standby {
    /// The target of the one that it is.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Holds { target, .. } => Some(target),
            Self::Nobody(_) | Self::Open { .. } => None,
        }
    }

    /// Whether a target that is in the group may stay.
    #[must_use]
    pub fn may_stay(&self, registered: &Target) -> bool {
        match self {
            Self::Nobody(_) => false,
            Self::Open { stay, .. } => stay.contains(registered),
            Self::Holds { target, .. } => registered == target,
        }
    }

    /// Whether a target that is in the group stays only until it is known whether it may.
    #[must_use]
    pub(crate) fn is_unsure_of(&self, registered: &Target) -> bool {
        matches!(self, Self::Open { stay, .. } if stay.contains(registered))
    }

    /// Itself as long as it is open; else nobody.
    #[must_use]
    pub(crate) fn only_open(&self) -> Self {
        match self {
            Self::Open { .. } => self.clone(),
            Self::Nobody(_) | Self::Holds { .. } => Self::Nobody(None),
        }
    }

    /// Whether a look-up of the members is awaited.
    #[must_use]
    pub fn asks(&self) -> bool {
        matches!(self, Self::Open { asks: true, .. })
    }
}

impl Context<'_> {
    /// Who is in the group beside this Writer.
    pub(crate) fn standby(&self, writer: &InstanceId) -> Standby {
        let Some(members) = &self.evidence.members else {
            return Standby::Nobody(None);
        };
        let found = match members.look_up(self, writer) {
            LookUp::Answered(found) => found,
            LookUp::Awaited => return self.open(writer, true),
            LookUp::Failed(why) => return Standby::Nobody(Some(why.into())),
        };
        let standby = self.beside(writer, members, found);
        let is_old = found.at < members.began && self.now - found.at >= LOOK_UP_SOON;
        let alone = matches!(
            standby,
            Standby::Nobody(Some(Alone::Unguarded(_) | Alone::NoMember))
        );
        if alone && is_old && !members.has_given_up(self.now) {
            return self.open(writer, true);
        }
        standby
    }

    /// The same by a look-up.
    fn beside(&self, writer: &InstanceId, members: &Members, found: &Surveyed) -> Standby {
        let gave_up = members.has_given_up(self.now);
        let guarded = |instance: &InstanceId| guard::seen(&found.survey, instance, &members.user);
        let candidates = self.candidates(writer, &found.survey);
        let Some(next) = candidates.first() else {
            return Standby::Nobody(Some(Alone::NoMember));
        };
        if let Err(why) = guarded(writer).and_then(|()| guarded(next)) {
            return Standby::Nobody(Some(why.into()));
        }
        let Some(target) = self.seen.target(next) else {
            return if gave_up {
                Standby::Nobody(Some(Alone::NoMember))
            } else {
                self.open(writer, false)
            };
        };
        let holds = |instance: &InstanceId, target| Standby::Holds {
            instance: instance.clone(),
            target,
        };
        let own = self.seen.target(writer);
        let writer_is_in = own.is_some_and(|own| self.holds(&own));
        if self.holds(&target) && (writer_is_in || found.at >= members.began || gave_up) {
            return holds(next, target);
        }
        let comes_in = self.has_long_been_confirmed(writer, members);
        match (comes_in, found.at >= members.began) {
            (true, true) => return holds(next, target),
            (true, false) if !gave_up => return self.open(writer, true),
            _ => {}
        }
        let is_in = |instance: &&&InstanceId| {
            let target = self.seen.target(instance);
            target.is_some_and(|target| self.holds(&target)) && guarded(instance).is_ok()
        };
        let present = candidates.iter().find(is_in);
        let present = present.and_then(|one| Some(holds(one, self.seen.target(one)?)));
        present.unwrap_or(Standby::Nobody(Some(Alone::Recent)))
    }

    /// The standby while no Writer is confirmed, `leaving` leave, and a statement names `next`.
    pub(crate) fn standby_named(&self, next: &InstanceId, leaving: &BTreeSet<Target>) -> Standby {
        let (Some(members), Some(target)) = (&self.evidence.members, self.seen.target(next)) else {
            return Standby::Nobody(None);
        };
        let stay: Vec<&Target> = self
            .held()
            .filter(|held| !leaving.contains(*held))
            .collect();
        let is_beside = |one: &&InstanceId| {
            let target = self.seen.target(one);
            target.is_some_and(|target| stay.contains(&&target))
        };
        let beside: Vec<&InstanceId> = self.seen.addresses.keys().filter(is_beside).collect();
        if self.holds(&target) || stay.len() > 1 || beside.len() < stay.len() {
            return Standby::Nobody(None);
        }
        let found = members.memory.survey.as_ref();
        let Some(found) = found.filter(|found| found.at >= members.began) else {
            return if members.has_given_up(self.now) {
                Standby::Nobody(None)
            } else {
                Standby::Open {
                    stay: BTreeSet::new(),
                    asks: true,
                }
            };
        };
        let guarded = |instance: &InstanceId| guard::seen(&found.survey, instance, &members.user);
        let listed = self.seen.api.as_ref().ok().and_then(Option::as_ref);
        let mut all = beside.into_iter().chain(listed).chain([next]);
        let is_guarded = all.try_for_each(guarded);
        match (is_guarded, found.survey.members.get(next)) {
            (Err(why), _) => Standby::Nobody(Some(why.into())),
            (Ok(()), Some(member)) if State::of(member) == State::Available => Standby::Holds {
                instance: next.clone(),
                target,
            },
            _ => Standby::Nobody(Some(Alone::NoMember)),
        }
    }

    /// The standby while the API lists no Writer: none comes in, and a look-up tells who may stay.
    pub(crate) fn without_writer(&self) -> Standby {
        let asks = self.evidence.members.as_ref().is_some_and(|members| {
            members.memory.survey.is_none() && !members.has_given_up(self.now)
        });
        if !asks {
            return Standby::Nobody(None);
        }
        let stay = self.held().cloned().collect();
        Standby::Open { stay, asks }
    }

    /// Whether the members that are in may stay though the API has long listed no Writer: each
    /// refuses the replica, as an empty group does.
    pub(crate) fn may_all_stay(&self) -> bool {
        let Some(members) = &self.evidence.members else {
            return false;
        };
        let looked = members.memory.survey.is_some() || !members.has_given_up(self.now);
        looked && self.most() > 1 && self.held().count() <= 2
    }

    /// How many members may be in the group: two, where none of them was seen unguarded, and unless
    /// a look-up that nothing was known before has failed.
    pub(crate) fn most(&self) -> usize {
        let Some(members) = &self.evidence.members else {
            return 1;
        };
        if members.memory.survey.is_none() && members.has_given_up(self.now) {
            return 1;
        }
        let in_group = |instance: &&InstanceId| {
            let target = self.seen.target(instance);
            target.is_some_and(|target| self.holds(&target))
        };
        let mut held = self.seen.addresses.keys().filter(in_group);
        if held.any(|instance| members.is_guarded(instance) == Some(false)) {
            1
        } else {
            2
        }
    }

    /// Whether nothing has spoken of another Writer for so long that a standby may come in.
    fn has_long_been_confirmed(&self, writer: &InstanceId, members: &Members) -> bool {
        let is_long_ago = |at: DateTime<Utc>| self.now - at >= CONFIRMED_FOR;
        let statements = &self.evidence.statements;
        let turned = self
            .evidence
            .api
            .as_ref()
            .and_then(|api| api.turned.as_ref());
        let has_log = statements.log_read().is_some();
        let reigns = match &members.memory.reign {
            None => has_log,
            Some(reign) if reign.writer != *writer => false,
            Some(reign) => has_log && !reign.began_here || is_long_ago(reign.since),
        };
        reigns
            && statements.newest().is_none_or(is_long_ago)
            && turned.is_none_or(|(_, at)| is_long_ago(*at))
            && self.is_settled()
    }

    /// An open question: beside the Writer the members that are in stay, and so does a target that
    /// may be one's; not one that was seen unguarded.
    fn open(&self, writer: &InstanceId, asks: bool) -> Standby {
        let own = self.seen.target(writer);
        let whose = |target: &Target| {
            let mut all = self.seen.addresses.keys();
            all.find(|one| self.seen.target(one).as_ref() == Some(target))
        };
        let may_stay = |target: &Target| {
            let guard = self.evidence.members.as_ref().zip(whose(target));
            let is_guarded = guard.and_then(|(members, one)| members.is_guarded(one));
            is_guarded.unwrap_or(true)
        };
        let members = self.seen.members();
        let mut addresses = self.seen.addresses.values();
        let one_is_silent = addresses.any(|one| matches!(one, Err(NoAddress::Silent(_))));
        let may_be_members = |target: &&Target| one_is_silent || members.contains(*target);
        let stay = self.held().filter(may_be_members);
        Standby::Open {
            stay: stay
                .filter(|held| Some(*held) != own.as_ref() && may_stay(held))
                .cloned()
                .collect(),
            asks,
        }
    }
}
