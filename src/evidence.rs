//! What a run has seen so far: its only memory, gone when it ends.
//!
//! Each witness is remembered as what it showed last, since when, and what it turned from; the
//! group as it was last seen or left, and when another hand last changed it. Nothing here decides.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::decision::Decision;
use crate::members::Members;
use crate::observe::Observation;
use crate::route::InstanceId;
use crate::statement::Statements;
use crate::world::Target;

/// A witness that is silent for longer has not kept to its answer.
const LONGEST_GAP: TimeDelta = TimeDelta::seconds(15);

/// From one read of the event log to the next while a run watches. How often it may be read is not
/// published; a failover's announcement precedes its flip by 8 s.
const LOG_INTERVAL: TimeDelta = TimeDelta::seconds(3);

/// The longest interval, after errors: each doubles it.
const LONGEST_LOG_INTERVAL: TimeDelta = TimeDelta::seconds(30);

/// How long the group's list may take to show a write before it counts as undone; each repetition
/// doubles it. A maintainer of an AWS SDK calls the API eventually consistent (aws-sdk-js #1593).
const LIST_LAG: TimeDelta = TimeDelta::seconds(5);

/// Longer than any run: the list does not show what a dry run has not written.
const NEVER: TimeDelta = TimeDelta::days(1);

/// A run's memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// What the payload and the event log stated.
    pub statements: Statements,
    /// Whom the API lists as the Writer.
    pub api: Option<Listing>,
    /// Whom the CNAME turned to last, and when.
    pub dns_turned: Option<(InstanceId, DateTime<Utc>)>,
    /// The group.
    pub group: Group,
    /// The members, where the group holds them.
    pub members: Option<Members>,
    dns: Option<InstanceId>,
    log: LogReads,
}

/// What the API answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listing {
    /// The Writer it lists; `None` where it lists none.
    pub writer: Option<InstanceId>,
    /// Since when every answer has been this one, with no long gap.
    pub since: DateTime<Utc>,
    /// When it last answered.
    pub last: DateTime<Utc>,
    /// The Writer that it listed before, and when it was seen to list another.
    pub turned: Option<(InstanceId, DateTime<Utc>)>,
    last_named: Option<InstanceId>,
}

/// The group, as last seen or left by this run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Group {
    /// What it holds; `None` until it has been read.
    pub held: Option<BTreeSet<Target>>,
    /// When it was found empty, or last changed by another hand than this run's.
    pub disturbed: Option<DateTime<Utc>>,
    /// When it was found with one target, where it holds two: another hand may have taken the other
    /// out.
    pub found_alone: Option<DateTime<Utc>>,
    /// It holds two.
    holds_two: bool,
    /// This run has taken a disturbed group for its own.
    settled: bool,
    /// This run's writes that the list does not show yet.
    unseen: Vec<OwnWrite>,
    /// What it holds if a write was done whose call failed.
    doubtful: Option<BTreeSet<Target>>,
    /// What this run registered last.
    own: Option<Target>,
}

/// A write of this run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OwnWrite {
    target: Target,
    registers: bool,
    /// When the list should show it.
    due: DateTime<Utc>,
    /// How long it may take to.
    lag: TimeDelta,
}

/// When the event log is due.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct LogReads {
    due: DateTime<Utc>,
    interval: TimeDelta,
}

impl Evidence {
    /// What a run knows that began at `now` with these statements.
    #[must_use]
    pub fn new(statements: Statements, now: DateTime<Utc>) -> Self {
        Self {
            statements,
            api: None,
            dns: None,
            dns_turned: None,
            group: Group::default(),
            members: None,
            log: LogReads {
                due: now,
                interval: LOG_INTERVAL,
            },
        }
    }

    /// The same of a run whose group holds members.
    #[must_use]
    pub fn with(mut self, members: Option<Members>) -> Self {
        self.group.holds_two = members.is_some();
        self.members = members;
        self
    }

    /// Takes in what a look saw whose answers had come by `now`.
    pub fn note(&mut self, seen: &Observation, now: DateTime<Utc>) {
        if let Ok(writer) = &seen.api {
            self.api = Some(Listing::after(self.api.take(), writer.as_ref(), now));
        }
        if let Ok(named) = &seen.dns {
            if self.dns.as_ref().is_some_and(|before| before != named) {
                self.dns_turned = Some((named.clone(), now));
            }
            self.dns = Some(named.clone());
        }
        match &seen.log {
            Some(Ok(entries)) => {
                self.statements.read_log(entries, now);
                self.log.read(now);
            }
            Some(Err(_)) => self.log.missed(now),
            None => {}
        }
        if let Ok(targets) = &seen.targets {
            self.group.note(targets, now);
        }
        if let Some(members) = &mut self.members {
            members.note(seen, now);
        }
    }

    /// Takes in what was decided at `now`.
    pub fn decided(&mut self, decision: &Decision, now: DateTime<Utc>) {
        if let Some(members) = &mut self.members {
            members.decided(decision, now);
        }
    }

    /// Whether the look that begins at `now` should ask for the log: when it is due, and always
    /// while the group is empty, unless it could not be read of late.
    #[must_use]
    pub fn wants_log(&self, now: DateTime<Utc>) -> bool {
        let empty = self.group.held.as_ref().is_none_or(BTreeSet::is_empty);
        now >= self.log.due || empty && self.log.interval == LOG_INTERVAL
    }
}

impl Listing {
    fn after(before: Option<Self>, writer: Option<&InstanceId>, now: DateTime<Utc>) -> Self {
        let Some(before) = before else {
            return Self {
                writer: writer.cloned(),
                since: now,
                last: now,
                turned: None,
                last_named: writer.cloned(),
            };
        };
        let kept = before.writer.as_ref() == writer && now - before.last <= LONGEST_GAP;
        let turned = match (&before.last_named, writer) {
            (Some(from), Some(to)) if from != to => Some((from.clone(), now)),
            _ => before.turned,
        };
        Self {
            writer: writer.cloned(),
            since: if kept { before.since } else { now },
            last: now,
            turned,
            last_named: writer.cloned().or(before.last_named),
        }
    }

    /// Whether it was seen to turn to the Writer that it lists, from another and after `time`.
    #[must_use]
    pub fn turned_after(&self, time: DateTime<Utc>) -> bool {
        self.turned.as_ref().is_some_and(|(_, at)| *at > time)
    }

    /// Whether it was seen to turn from this instance after `time`.
    #[must_use]
    pub fn turned_from(&self, instance: &InstanceId, time: DateTime<Utc>) -> bool {
        self.turned_after(time)
            && self
                .turned
                .as_ref()
                .is_some_and(|(from, _)| from == instance)
    }
}

impl Group {
    /// Takes in what the list shows, corrected by those of this run's writes that it may not show
    /// yet.
    fn note(&mut self, listed: &BTreeSet<Target>, now: DateTime<Utc>) {
        self.unseen
            .retain(|write| listed.contains(&write.target) != write.registers);
        let mut held = listed.clone();
        for write in self.unseen.iter().filter(|write| now < write.due) {
            write.apply(&mut held);
        }
        let doubtful = self.doubtful.take();
        let disturbed = match &self.held {
            None => held.is_empty(),
            Some(before) => *before != held && doubtful.as_ref() != Some(&held),
        };
        if disturbed {
            self.disturbed = Some(now);
        }
        if self.holds_two && self.held.is_none() && held.len() == 1 {
            self.found_alone = Some(now);
        }
        self.held = Some(held);
    }

    /// Takes the group for this run's own from now on: it is about to be what this run has made of
    /// it, for a reason that it knows. Once in a run: runs that know different reasons would undo
    /// each other's writes.
    pub fn settle(&mut self) {
        if !self.settled {
            let found = [self.disturbed.take(), self.found_alone.take()];
            self.settled = found.iter().any(Option::is_some);
        }
    }

    /// Takes in a write of this run, done at `now`; in a dry run it is never to be seen.
    pub fn wrote(&mut self, target: &Target, registers: bool, now: DateTime<Utc>, dry_run: bool) {
        let mut lag = if dry_run { NEVER } else { LIST_LAG };
        self.unseen.retain(|write| {
            if write.target == *target && write.registers == registers {
                lag = write.lag * 2;
            }
            write.target != *target
        });
        let write = OwnWrite {
            target: target.clone(),
            registers,
            due: now + lag,
            lag,
        };
        write.apply(self.held.get_or_insert_default());
        self.unseen.push(write);
        if registers {
            self.own = Some(target.clone());
        }
    }

    /// Whether the list still shows what this run has taken out, or shows it again since another
    /// run has put it in: nothing comes in beside it until it is gone, or the write counts as
    /// undone.
    #[must_use]
    pub fn awaits_removal(&self, now: DateTime<Utc>) -> bool {
        let mut unseen = self.unseen.iter();
        unseen.any(|write| !write.registers && now < write.due)
    }

    /// Takes in a write whose call failed: it may have been done all the same.
    pub fn may_have_written(&mut self, targets: Vec<&Target>, registers: bool) {
        let mut held = self.held.clone().unwrap_or_default();
        for target in targets {
            if registers {
                held.insert(target.clone());
            } else {
                held.remove(target);
            }
        }
        self.doubtful = Some(held);
    }

    /// This run's own target, where others of `members` have come in beside it, and `most` may be
    /// in.
    #[must_use]
    pub fn own_beside_others(&self, members: &BTreeSet<Target>, most: usize) -> Option<&Target> {
        let held = self.held.as_ref()?;
        let own = self.own.as_ref().filter(|own| held.contains(*own))?;
        let others = held
            .iter()
            .filter(|target| *target != own && members.contains(*target));
        (others.count() >= most).then_some(own)
    }
}

impl OwnWrite {
    fn apply(&self, held: &mut BTreeSet<Target>) {
        if self.registers {
            held.insert(self.target.clone());
        } else {
            held.remove(&self.target);
        }
    }
}

impl LogReads {
    fn read(&mut self, now: DateTime<Utc>) {
        self.interval = LOG_INTERVAL;
        self.due = now + self.interval;
    }

    fn missed(&mut self, now: DateTime<Utc>) {
        self.interval = (self.interval * 2).min(LONGEST_LOG_INTERVAL);
        self.due = now + self.interval;
    }
}
