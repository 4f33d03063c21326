//! What to make of all that a run has seen: who the Writer is, and what the group should hold.
//! Pure.
//!
//! ```text
//!  API now   statement that counts      besides                                 the Writer is
//!  a         none                       CNAME a, or the API a for half a minute a
//!  a         none                       the CNAME turned from a since           not confirmed
//!  a         completed a                                                        a, explained
//!  a         completed b                the API turned from b to a since        as with none
//!  a         completed b                                                        not confirmed; only b may stay
//!  a         announced a                the API turned to a since               a, explained
//!  a         announced a                a newer completion than the API's turn  not confirmed
//!  a         announced a                                                        as with none
//!  any       announced b                                                        not confirmed; only b may stay
//!  silent    completed a, 30 s or less  CNAME a                                 a, explained if recent
//!  silent    completed a                                                        not confirmed; only a may stay
//!  no Writer                            for a minute                            not there; members leave
//!  silent    none                       it is an instance's route               the instance
//!  any other combination                                                        not confirmed
//! ```
//!
//! A statement counts for a minute (`statement.rs`). "Only b may stay" clears the group of all
//! others each time it is seen so; for an announcement only with `ON_FAILOVER_START=detach`.
//!
//! *Explained* is about a group that was found empty, or that another hand changed: it may be so
//! for a reason that this run does not know. Unless a statement explains it, its members are left
//! as they are until a log that was read half a minute later shows no reason, or for a minute where
//! there is no log.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::address::NoAddress;
use crate::config::OnFailoverStart;
use crate::decision::{Decision, Pending};
use crate::evidence::Evidence;
use crate::observe::Observation;
use crate::route::InstanceId;
use crate::standby::Standby;
use crate::statement::Standing;
use crate::world::{Cause, Target};

/// How long the API must have listed a Writer, and no other, to be believed without a second
/// source.
const API_ALONE: TimeDelta = TimeDelta::seconds(30);
/// How long the API must have listed no Writer before members leave.
const NO_WRITER: TimeDelta = TimeDelta::seconds(60);
/// The API is silent only if it has not contradicted within this time: one failed call is not
/// silence.
const SILENT: TimeDelta = TimeDelta::seconds(10);
/// How old a completion may be that decides together with DNS while the API is silent.
const DECIDES_ALONE: TimeDelta = TimeDelta::seconds(30);
/// How long a turn of the CNAME speaks against what it turned from.
const TURNED: TimeDelta = TimeDelta::seconds(60);
/// How much older than the disturbance of the group a statement may be that explains it.
const EXPLAINS: TimeDelta = TimeDelta::seconds(10);
/// How long after a disturbance the log has to be silent about it: an entry may be half a minute
/// late.
const LOG_SILENT: TimeDelta = TimeDelta::seconds(30);
/// How long a disturbed group is left as it is where the log can't be read.
const WITHOUT_LOG: TimeDelta = TimeDelta::seconds(60);

/// Everything that a decision rests on.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What the last look saw.
    pub seen: &'a Observation,
    /// What the run has seen before, that look included.
    pub evidence: &'a Evidence,
    /// What an announcement does.
    pub on_failover_start: OnFailoverStart,
    /// When.
    pub now: DateTime<Utc>,
}

/// What is known of the Writer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Confirmed { writer: InstanceId, explained: bool },
    Awaited(Pending),
}

/// Decides what the group should hold. The same context always gives the same decision.
#[must_use]
pub fn decide(context: &Context<'_>) -> Decision {
    match context.verdict() {
        Verdict::Confirmed { writer, explained } => context.follow(writer, explained),
        Verdict::Awaited(pending) => context.clear(pending),
    }
}

impl<'a> Context<'a> {
    /// The statements that count now.
    #[must_use]
    pub fn standing(&self) -> Standing<'a> {
        let statements = &self.evidence.statements;
        statements.standing(self.now, |instance| self.seen.may_be_member(instance))
    }

    fn verdict(&self) -> Verdict {
        let standing = self.standing();
        match &self.seen.api {
            Ok(Some(writer)) => self.listed(writer, standing),
            Ok(None) => Self::awaited(standing).unwrap_or(Verdict::Awaited(Pending::Writer)),
            Err(error) => match self.seen.alone() {
                // An instance is its own Writer, whoever is silent; only DNS knows its address.
                Some(writer) if error.cause != Cause::NotFound => self.confirmed(writer, None),
                _ => self.silent(standing),
            },
        }
    }

    /// The API lists this Writer.
    fn listed(&self, writer: &InstanceId, standing: Standing<'_>) -> Verdict {
        let api = self.evidence.api.as_ref();
        let turned_from =
            |other: &InstanceId, at| api.is_some_and(|api| api.turned_from(other, at));
        let outdated = standing
            .completed
            .filter(|(other, at)| *other != writer && !turned_from(other, *at));
        if let Some((next, _)) = standing.announced.filter(|(next, _)| *next != writer) {
            return Verdict::Awaited(Pending::Failover(next.clone()));
        }
        if let Some((other, _)) = outdated {
            return Verdict::Awaited(Pending::Completion(other.clone()));
        }
        match (standing.announced, standing.completed) {
            (Some((_, at)), _) if api.is_some_and(|api| api.turned_after(at)) => {
                return self.confirmed(writer, Some(at));
            }
            (None, Some((named, at))) if named == writer => {
                return self.confirmed(writer, Some(at));
            }
            _ => {}
        }
        let newest = standing.announced.or(standing.completed).map(|(_, at)| at);
        let alone = api.is_some_and(|api| api.last - api.since >= API_ALONE);
        let seconded = self.seen.dns.as_ref() == Ok(writer) || alone;
        if seconded && !self.dns_turned_from(writer, newest) {
            self.confirmed(writer, None)
        } else {
            Verdict::Awaited(Pending::Confirmation)
        }
    }

    /// The API is silent: a completion decides with DNS, as long as it is recent.
    fn silent(&self, standing: Standing<'_>) -> Verdict {
        let Some((writer, at)) = standing.completed.filter(|_| standing.announced.is_none()) else {
            let awaited = Self::awaited(standing);
            return awaited.unwrap_or(Verdict::Awaited(Pending::Confirmation));
        };
        let contradicted = self.evidence.api.as_ref().is_some_and(|api| {
            api.writer.as_ref() != Some(writer) && self.now - api.last <= SILENT
        });
        let seconded = self.seen.dns.as_ref() == Ok(writer);
        if seconded && !contradicted && self.now - at <= DECIDES_ALONE {
            return self.confirmed(writer, Some(at));
        }
        Verdict::Awaited(Pending::Completion(writer.clone()))
    }

    /// What the statements await, whatever the witnesses say.
    fn awaited(standing: Standing<'_>) -> Option<Verdict> {
        let announced = standing
            .announced
            .map(|(next, _)| Pending::Failover(next.clone()));
        let completed = || {
            standing
                .completed
                .map(|(one, _)| Pending::Completion(one.clone()))
        };
        announced.or_else(completed).map(Verdict::Awaited)
    }

    /// The CNAME was seen to turn from this Writer, later than all that speaks for it, and the
    /// Writer is not registered.
    fn dns_turned_from(&self, writer: &InstanceId, statement: Option<DateTime<Utc>>) -> bool {
        let Some((to, at)) = &self.evidence.dns_turned else {
            return false;
        };
        let later = statement.is_none_or(|statement| *at > statement)
            && self.evidence.api.as_ref().is_none_or(|api| *at > api.since);
        let own = self.seen.target(writer);
        let registered = self.held().any(|target| Some(target) == own.as_ref());
        to != writer && later && self.now - *at <= TURNED && !registered
    }

    /// Confirms; a statement of this time explains it if the group was not disturbed much later.
    fn confirmed(&self, writer: &InstanceId, statement: Option<DateTime<Utc>>) -> Verdict {
        let disturbed = self.disturbed();
        let explains = |at| disturbed.is_none_or(|disturbed| disturbed - at <= EXPLAINS);
        Verdict::Confirmed {
            writer: writer.clone(),
            explained: statement.is_some_and(explains),
        }
    }

    /// The Writer is confirmed.
    fn follow(&self, writer: InstanceId, explained: bool) -> Decision {
        let standby = self.standby(&writer);
        let others = || {
            let mut others = self.known_not_to_be(&writer);
            others.retain(|other| !standby.may_stay(other));
            others
        };
        let Some(target) = self.seen.target(&writer) else {
            return Decision::Evict {
                targets: others(),
                standby: standby.only_open(),
                pending: match self.seen.addresses.get(&writer) {
                    Some(Err(NoAddress::Unsuitable(reason))) => {
                        Pending::Suitable(writer.clone(), reason.clone())
                    }
                    _ => Pending::Address(writer),
                },
            };
        };
        let mut beside = self.held().filter(|held| **held != target);
        let is_right = self.holds(&target) && beside.all(|held| standby.may_stay(held));
        if explained || is_right || self.is_quiet_since(self.disturbed()) {
            return Decision::Follow {
                writer,
                target,
                standby,
            };
        }
        let members = self.seen.members();
        let own = &self.evidence.group;
        let own = own.own_beside_others(&members, self.most());
        let others = others();
        let strangers = others.difference(&members);
        Decision::Evict {
            targets: strangers.chain(own).cloned().collect(),
            pending: Pending::Reason(writer),
            standby: standby.only_open(),
        }
    }

    /// Nobody is confirmed. Those leave that are known not to be awaited.
    fn clear(&self, pending: Pending) -> Decision {
        let detach = self.on_failover_start == OnFailoverStart::Detach;
        let listed_none = self
            .evidence
            .api
            .as_ref()
            .is_some_and(|api| api.writer.is_none() && api.last - api.since >= NO_WRITER);
        let mut targets = match &pending {
            Pending::Failover(next) if detach => self.known_not_to_be(next),
            Pending::Completion(writer) => self.known_not_to_be(writer),
            Pending::Writer if listed_none && !self.may_all_stay() => self.seen.members(),
            _ => BTreeSet::new(),
        };
        let members = self.seen.members();
        let own = &self.evidence.group;
        targets.extend(own.own_beside_others(&members, self.most()).cloned());
        let standby = match &pending {
            Pending::Failover(next) | Pending::Completion(next) => {
                self.standby_named(next, &targets)
            }
            Pending::Writer => self.without_writer(),
            _ => Standby::Nobody(None),
        };
        Decision::Evict {
            targets,
            pending,
            standby,
        }
    }

    /// Whether the group is as it is for no reason that the log will still bring up.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_quiet_since(self.evidence.group.disturbed)
    }

    /// When the group was found empty, or changed by another hand. Of two that may be in, one alone
    /// may be what another hand has left.
    fn disturbed(&self) -> Option<DateTime<Utc>> {
        let group = &self.evidence.group;
        let alone = group.found_alone.filter(|_| self.most() > 1);
        group.disturbed.or(alone)
    }

    fn is_quiet_since(&self, disturbed: Option<DateTime<Utc>>) -> bool {
        let Some(disturbed) = disturbed else {
            return true;
        };
        let read = self.evidence.statements.log_read();
        read.is_some_and(|read| read - disturbed >= LOG_SILENT)
            || self.now - disturbed >= WITHOUT_LOG
    }

    pub(crate) fn held(&self) -> impl Iterator<Item = &'a Target> + use<'a> {
        self.evidence.group.held.iter().flatten()
    }

    /// Whether a target is in the group.
    pub(crate) fn holds(&self, target: &Target) -> bool {
        self.held().any(|held| held == target)
    }

    /// The registered targets that are known not to be `instance`: all others where its address is
    /// known, else those that are another member's. Silence detaches nothing.
    fn known_not_to_be(&self, instance: &InstanceId) -> BTreeSet<Target> {
        if let Some(own) = self.seen.target(instance) {
            return self
                .held()
                .filter(|target| **target != own)
                .cloned()
                .collect();
        }
        let others = self
            .seen
            .addresses
            .keys()
            .filter(|other| *other != instance);
        let of_others: BTreeSet<Target> =
            others.filter_map(|other| self.seen.target(other)).collect();
        self.held()
            .filter(|target| of_others.contains(*target))
            .cloned()
            .collect()
    }
}
