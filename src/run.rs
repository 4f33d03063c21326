//! One run of one route, as a pure state machine: no I/O, no clock, nothing async.
//!
//! ```text
//!            ┌───────────────── at the next beat, or at once ◄──────────┐
//!            ▼                                                          │
//!  Began ─► Look ─► Looked ─► decide ─► plan ─► Deregister ─► Written ──┤
//!                                        │                              │
//!                                        ├────► Register ───► Written ──┤
//!                                        ├────► not verified yet ───────┘
//!                                        └────► End ─► report
//! ```
//!
//! Whoever drives it carries out each action and comes back with what became of it (`follow.rs`;
//! the tests have drivers of their own). Times are durations since the run began.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config::Settings;
use crate::decide::{Context, decide};
use crate::decision::{Decision, Pending};
use crate::error::RunError;
use crate::evidence::Evidence;
use crate::look::Look;
use crate::members::{Members, Memory};
use crate::observe::{Asks, Observation};
use crate::plan::Plan;
use crate::report::{Outcome, RouteReport, Tally, Witnesses};
use crate::route::Route;
use crate::settling::Settling;
use crate::standby::Standby;
use crate::statement::Statements;
use crate::watch::{UNVERIFIED, WatchPolicy};
use crate::world::{CallError, Target, Topology};
use crate::write::Write;

/// What stays of a run's time for its last looks once its minimum watch has ended.
pub const ROOM_TO_END: Duration = Duration::from_secs(5);

/// What became of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing has been done yet.
    Began,
    /// A look has ended that began at `asked`.
    Looked {
        /// When its questions were asked.
        asked: Duration,
        /// What it saw.
        seen: Box<Observation>,
    },
    /// A write has ended.
    Written(Result<(), CallError>),
    /// The run's time is up, whatever was under way.
    OutOfTime,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Look at the world.
    Look {
        /// When; in the past for at once.
        at: Duration,
        /// What to ask for beside what every look does.
        asks: Asks,
    },
    /// Take these targets out of the group.
    Deregister(BTreeSet<Target>),
    /// Put this target into the group.
    Register(Target),
    /// Nothing more: the run has ended.
    End,
}

/// A run of one route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    settings: Settings,
    policy: WatchPolicy,
    /// When it began, by the wall clock.
    began: DateTime<Utc>,
    /// How long it may take.
    time: Duration,
    evidence: Evidence,
    settling: Settling,
    looks: u32,
    last: Option<Look>,
    /// The write that is under way.
    writing: Option<Write>,
    /// Why the last write failed; `None` once one has gone through.
    write_error: Option<CallError>,
    beat: Beat,
    registered: Vec<Target>,
    deregistered: Vec<Target>,
    tally: Tally,
    end: Option<Result<(), RunError>>,
}

/// What has been done since the last beat; each of these at most once, and what is due again waits
/// for the next beat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Beat {
    deregistered: bool,
    registered: bool,
    /// A look was made anew since the one before it was too old to register on.
    renewed: bool,
}

impl Run {
    /// A run that begins at `began`, by the wall clock, and may take so much `time`.
    #[must_use]
    pub fn new(
        settings: Settings,
        policy: WatchPolicy,
        began: DateTime<Utc>,
        time: Duration,
    ) -> Self {
        let statements = Statements::of_payload(policy.statements.iter().cloned());
        Self {
            settings,
            policy,
            began,
            time,
            evidence: Evidence::new(statements, began),
            settling: Settling::default(),
            looks: 0,
            last: None,
            writing: None,
            write_error: None,
            beat: Beat::default(),
            registered: Vec::new(),
            deregistered: Vec::new(),
            tally: Tally::default(),
            end: None,
        }
    }

    /// The same where the group holds members, for this replication user; `memory` is of the runs
    /// before.
    #[must_use]
    pub fn holding_members(mut self, user: &str, memory: Memory) -> Self {
        let anew = self.policy.event_age.is_some();
        let members = Members::new(user.to_owned(), memory, self.began, anew);
        self.evidence = self.evidence.with(Some(members));
        self
    }

    /// Takes in what became of the last action, `at` so long after the run began, and says what to
    /// do next.
    pub fn step(&mut self, event: Event, at: Duration) -> Action {
        match event {
            Event::Began => self.look(at),
            Event::Looked { asked, seen } => self.looked(*seen, asked, at),
            Event::Written(result) => self.written(result, at),
            Event::OutOfTime => {
                let end = self.out_of_time();
                self.end(end)
            }
        }
    }

    fn look(&self, at: Duration) -> Action {
        let log = self.evidence.wants_log(self.clock(at));
        Action::Look {
            at,
            asks: self.asks(log),
        }
    }

    /// What a look asks for. The members in full only once the standby depends on it, so never the
    /// first: that delays no write for the Writer's sake.
    fn asks(&self, log: bool) -> Asks {
        let last = self.last.as_ref();
        Asks {
            log,
            survey: last.is_some_and(|look| look.decision.standby().asks()),
        }
    }

    /// The next look is due on a beat that all routes of an invocation share, so that their
    /// questions are still put in one call when some have written meanwhile.
    fn look_at_next_beat(&mut self, at: Duration) -> Action {
        self.beat = Beat::default();
        let interval = self.settings.poll_interval;
        let beats = at.as_nanos() / interval.as_nanos().max(1) + 1;
        self.look(interval * u32::try_from(beats).unwrap_or(u32::MAX))
    }

    fn looked(&mut self, seen: Observation, asked: Duration, at: Duration) -> Action {
        self.note(seen, asked, at);
        let Some(look) = &self.last else {
            return self.look_at_next_beat(at);
        };
        let is_good = look.is_good_to_register_on(at);
        let deregister = look.plan.deregister.clone();
        let register = look.plan.registers_next().cloned();
        if let Some(error) = look.final_error() {
            return self.end(Err(error));
        }
        if !deregister.is_empty() {
            if self.beat.deregistered {
                return self.look_at_next_beat(at);
            }
            return self.write(Write::Deregister(deregister));
        }
        if let Some(target) = register {
            let awaits_list = self.evidence.group.awaits_removal(self.clock(at));
            if self.beat.registered || awaits_list && !self.settings.dry_run {
                return self.look_at_next_beat(at);
            }
            if !is_good && !self.beat.renewed {
                self.beat.renewed = true;
                let asks = self.asks(true);
                return Action::Look { at, asks };
            }
            return self.write(Write::Register(target));
        }
        self.wait_or_end(at)
    }

    /// Takes in what a look saw, and keeps what it leads to.
    fn note(&mut self, mut seen: Observation, asked: Duration, at: Duration) {
        let now = self.clock(at);
        self.settling.note(&mut seen, now);
        self.looks += 1;
        self.evidence.note(&seen, now);
        let context = Context {
            seen: &seen,
            evidence: &self.evidence,
            on_failover_start: self.settings.on_failover_start,
            now,
        };
        let decision = decide(&context);
        let hint = context.standing().names().cloned();
        self.evidence.decided(&decision, now);
        let held = self
            .evidence
            .group
            .held
            .as_ref()
            .filter(|_| seen.targets.is_ok());
        let plan = held
            .map(|held| Plan::new(&decision, held))
            .unwrap_or_default();
        if let (Ok(Some(api)), Ok(dns)) = (&seen.api, &seen.dns) {
            self.tally.disagreed |= api != dns;
        }
        self.last = Some(Look {
            asked,
            seen,
            hint,
            decision,
            plan,
        });
    }

    /// Nothing is to be written now: ends the run, or looks again at the next beat.
    fn wait_or_end(&mut self, at: Duration) -> Action {
        let Some(look) = &self.last else {
            return self.look_at_next_beat(at);
        };
        let minimum = self.policy.minimum(look.seen.topology.as_ref());
        if self.is_verified() {
            let minimum = minimum.min(self.time.saturating_sub(ROOM_TO_END));
            if at >= minimum || self.has_nothing_to_wait_for(look) {
                return self.end(Ok(()));
            }
        } else if at >= minimum.max(UNVERIFIED) || look.is_hopeless(minimum) {
            let error = look.failure_reason();
            return self.end(Err(error));
        }
        self.look_at_next_beat(at)
    }

    /// Whether the last look saw the Writer confirmed and registered, beside it the standby if
    /// there is one and nothing else, and no statement that counts names another. A dry run sees it
    /// in what the group would hold.
    fn is_verified(&self) -> bool {
        let Some(look) = &self.last else {
            return false;
        };
        let Decision::Follow {
            target, standby, ..
        } = &look.decision
        else {
            return false;
        };
        if look.is_contradicted() || matches!(standby, Standby::Open { .. }) {
            return false;
        }
        let held = if self.settings.dry_run {
            self.evidence.group.held.as_ref()
        } else {
            look.seen.targets.as_ref().ok()
        };
        let all: BTreeSet<&Target> = std::iter::once(target).chain(standby.target()).collect();
        held.is_some_and(|held| held.iter().eq(all))
    }

    /// Whether a verified group leaves nothing to wait for: what was stated has come about, or,
    /// where nothing was, something was written and both other witnesses name the Writer.
    fn has_nothing_to_wait_for(&self, look: &Look) -> bool {
        let Decision::Follow { writer, .. } = &look.decision else {
            return false;
        };
        let Observation { api, dns, .. } = &look.seen;
        match &look.hint {
            Some(hint) => hint == writer,
            None => {
                self.wrote()
                    && dns.as_ref() == Ok(writer)
                    && api.as_ref() == Ok(&Some(writer.clone()))
            }
        }
    }

    fn write(&mut self, write: Write) -> Action {
        self.writing = Some(write.clone());
        match write {
            Write::Deregister(targets) => {
                self.beat.deregistered = true;
                Action::Deregister(targets)
            }
            Write::Register(target) => {
                self.beat.registered = true;
                Action::Register(target)
            }
        }
    }

    fn written(&mut self, result: Result<(), CallError>, at: Duration) -> Action {
        let Some(write) = self.writing.take() else {
            return self.look_at_next_beat(at);
        };
        match result {
            Ok(()) => {
                self.write_error = None;
                let next = self.registers_next(&write, at);
                self.note_written(write, at);
                if let Some(target) = next {
                    return self.write(Write::Register(target));
                }
                // What was written is verified at once.
                let asks = self.asks(true);
                Action::Look { at, asks }
            }
            Err(error) if error.is_final() => self.end(Err(RunError::of_write(error))),
            Err(error) => {
                self.write_error = Some(error);
                self.evidence
                    .group
                    .may_have_written(write.targets(), write.registers());
                self.look_at_next_beat(at)
            }
        }
    }

    /// What comes in next, where that is after those that this write has taken out, by a look
    /// that is still good to register on.
    fn registers_next(&self, write: &Write, at: Duration) -> Option<Target> {
        let look = self.last.as_ref().filter(|_| !write.registers())?;
        let is_good = !self.beat.registered && look.is_good_to_register_on(at);
        look.plan.registers_next().cloned().filter(|_| is_good)
    }

    fn note_written(&mut self, write: Write, at: Duration) {
        let now = self.clock(at);
        let decision = self.last.as_ref().map(|look| &look.decision);
        if decision.is_some_and(Decision::is_explained) {
            self.evidence.group.settle();
        }
        for target in write.targets() {
            self.evidence
                .group
                .wrote(target, write.registers(), now, self.settings.dry_run);
        }
        match write {
            Write::Register(target) => self.registered.push(target),
            Write::Deregister(targets) => {
                match self.last.as_ref().map(|look| &look.decision) {
                    Some(Decision::Evict {
                        pending: Pending::Failover(_),
                        ..
                    }) => self.tally.detached = true,
                    Some(Decision::Follow { .. }) => {
                        let unannounced = self.policy.event_age.is_none();
                        self.tally.wrong_target |= unannounced && self.was_wrong(&targets);
                    }
                    _ => {}
                }
                self.deregistered.extend(targets);
            }
        }
    }

    /// Whether the group was wrong out of which these go. Where it holds members, one that leaves
    /// was the standby, unless the Writer was not in.
    fn was_wrong(&self, gone: &BTreeSet<Target>) -> bool {
        let Some(look) = self
            .last
            .as_ref()
            .filter(|_| self.evidence.members.is_some())
        else {
            return true;
        };
        let members = look.seen.members();
        look.plan.register.is_some() || gone.iter().any(|target| !members.contains(target))
    }

    fn out_of_time(&self) -> Result<(), RunError> {
        if let Some(write) = &self.writing {
            let error = write.cut_off(self.write_error.as_ref());
            return Err(RunError::of_write(error));
        }
        match &self.last {
            _ if self.is_verified() => Ok(()),
            Some(look) => match &self.write_error {
                Some(error) if !look.plan.is_empty() => Err(RunError::of_write(error.clone())),
                _ => Err(look.failure_reason()),
            },
            None => Err(RunError::Undecided(None)),
        }
    }

    fn end(&mut self, end: Result<(), RunError>) -> Action {
        self.end = Some(end);
        Action::End
    }

    fn clock(&self, at: Duration) -> DateTime<Utc> {
        self.began + at
    }

    fn wrote(&self) -> bool {
        !(self.registered.is_empty() && self.deregistered.is_empty())
    }

    /// The last look, and what it led to.
    #[must_use]
    pub fn last(&self) -> Option<&Look> {
        self.last.as_ref()
    }

    /// The names that a later look can start from: those of the last answer of the API.
    #[must_use]
    pub fn topology(&self) -> Option<&Topology> {
        let topology = self.last.as_ref()?.seen.topology.as_ref();
        topology.filter(|topology| topology.listed)
    }

    /// What the next run may know of the members.
    #[must_use]
    pub fn memory(&self) -> Option<&Memory> {
        self.evidence.members.as_ref().map(Members::memory)
    }

    /// The report of the run, which took so long.
    #[must_use]
    pub fn report(self, route: &Route, elapsed: Duration) -> RouteReport {
        let wrote = self.wrote();
        let end = self.end.unwrap_or(Err(RunError::Unverified));
        let outcome = match &end {
            Err(_) => Outcome::Failed,
            Ok(()) if !wrote => Outcome::Unchanged,
            Ok(()) if self.settings.dry_run => Outcome::Planned,
            Ok(()) => Outcome::Switched,
        };
        let last = self.last.as_ref().map(|look| &look.seen.targets);
        let listed = last.and_then(|targets| targets.as_ref().ok());
        let targets = if self.settings.dry_run {
            listed.cloned()
        } else {
            self.evidence.group.held
        };
        let followed = |age: &Duration| (outcome == Outcome::Switched).then_some(*age + elapsed);
        let mut report = RouteReport {
            outcome,
            registered: self.registered,
            deregistered: self.deregistered,
            targets: targets.map(Vec::from_iter),
            looks: self.looks,
            elapsed,
            error: end.err(),
            tally: Tally {
                followed_after: self.policy.event_age.as_ref().and_then(followed),
                ..self.tally
            },
            ..RouteReport::ignored(route)
        };
        if let Some(look) = self.last {
            report.writer = look.decision.writer().cloned();
            if let Standby::Holds { instance, .. } = look.decision.standby() {
                report.standby = Some(instance.clone());
            }
            report.alone = look.decision.alone().cloned();
            report.witnesses = Witnesses {
                api: look.seen.api.ok().flatten(),
                dns: look.seen.dns.ok(),
                hint: look.hint,
            };
        }
        report
    }
}
