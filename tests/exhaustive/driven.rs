//! The function's own state machine, driven step by step through the small world.

use std::time::Duration;

use failover_follower::config::{OnFailoverStart, Settings};
use failover_follower::members::Memory;
use failover_follower::observe::{self, Observation};
use failover_follower::route::{ClusterId, GroupHolds, Route, TargetGroupArn};
use failover_follower::run::{self, Action, Run};
use failover_follower::source::SourceId;
use failover_follower::trigger::{Kind, RdsEvent, Signal, Source, Trigger};
use failover_follower::watch::WatchPolicy;
use failover_follower::world::{CallError, Cause};

use crate::machine::Machine;
use crate::names::{Group, Member, group, id, member, only};
use crate::truth::{Event, Holds, Says, TICK, Tick, Truth, USER, clock};

/// `WATCH_SECONDS`: looks beside the first, though all is well.
const LONGEST_WATCH: Duration = Duration::from_secs(20);

/// The function's timeout.
const TIME: Duration = Duration::from_mins(15);

/// A run, and what is known of it by the truth.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Driven {
    machine: Machine,
    began: Tick,
    pub(crate) asks: Asks,
    /// Since when it waits for that.
    pub(crate) since: Tick,
    /// The Writer at its last look: what its next write rests on.
    pub(crate) saw: Member,
    /// Whether the group held the Writer alone at its last look.
    saw_right: bool,
    /// It has written since its last look, or that look saw two members: to clear up is its part.
    pub(crate) owes_a_look: bool,
}

/// What a run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asks {
    Look { at: Tick, asks: observe::Asks },
    Deregister(Group),
    Register(Member),
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Landing {
    Done,
    /// It is done, and its call fails all the same.
    Unanswered,
    Failed,
}

/// How a run ended, judged by the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Failed,
    /// As a success, over a group that was right at its last look.
    Right,
    /// As a success, over another.
    Wrong,
}

/// A deliberate fault of what drives the machine: each has to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// It takes the instance that an announcement names for the API's answer.
    BelievesAnnouncements,
    /// It ends when it has registered, without a look.
    EndsUnverified,
    /// It takes for the group what it has seen first and written since.
    ReadsTheGroupOnce,
    /// It takes the guard for seen wherever it looks.
    BelievesInTheGuard,
    /// It says that a target was taken out, and leaves it in.
    NeverDeregisters,
}

impl Driven {
    /// A run that begins now: by the schedule, or with the payload of an event.
    pub(crate) fn begin(truth: &Truth, event: Option<Event>) -> Self {
        let settings = Settings {
            on_failover_start: OnFailoverStart::Detach,
            longest_watch: LONGEST_WATCH,
            poll_interval: TICK,
            dry_run: false,
        };
        let now = clock(truth.now);
        let triggers = [trigger(event, truth.now)];
        let policy = WatchPolicy::of(&triggers, &route(), LONGEST_WATCH, now).unwrap();
        let mut run = Run::new(settings, policy, now, TIME);
        if truth.holds != Holds::Writer {
            run = run.holding_members(USER, Memory::default());
        }
        let action = run.step(run::Event::Began, Duration::ZERO);
        Self {
            machine: Machine::new(run),
            began: truth.now,
            asks: Asks::of(&action, truth.now, truth.now).unwrap(),
            since: truth.now,
            saw: truth.writer,
            saw_right: false,
            owes_a_look: false,
        }
    }

    /// The run looks, and goes on until it waits again or ends.
    pub(crate) fn look(mut self, truth: &Truth, fault: Option<Fault>) -> Result<Self, Ended> {
        let Asks::Look { asks, .. } = self.asks else {
            return Ok(self);
        };
        self.saw = truth.writer;
        self.saw_right = truth.is_right();
        self.owes_a_look = truth.group.count_ones() > truth.most();
        let at = self.at(truth);
        let looked = || run::Event::Looked {
            asked: at,
            seen: Box::new(self.observe(truth, asks, fault)),
        };
        let (machine, action) = self.machine.step(&(truth, asks, fault), looked, at);
        self.goes_on(machine, &action, truth)
    }

    /// The run's write ends, and it goes on until it waits again or ends.
    pub(crate) fn end_write(
        mut self,
        truth: &mut Truth,
        landing: Landing,
        fault: Option<Fault>,
    ) -> Result<Self, Ended> {
        let done = landing != Landing::Failed;
        match self.asks {
            Asks::Deregister(group) if done && fault != Some(Fault::NeverDeregisters) => {
                truth.group &= !group;
            }
            Asks::Register(member) if done => truth.group |= only(member),
            _ => {}
        }
        self.owes_a_look = true;
        if fault == Some(Fault::EndsUnverified) && matches!(self.asks, Asks::Register(_)) {
            return Err(Ended::Failed);
        }
        let written = || {
            let failed = |call| Err(CallError::new(call, Cause::TimedOut, ""));
            run::Event::Written(match (landing, self.asks) {
                (Landing::Done, _) => Ok(()),
                (_, Asks::Register(_)) => failed("elasticloadbalancing:RegisterTargets"),
                _ => failed("elasticloadbalancing:DeregisterTargets"),
            })
        };
        let at = self.at(truth);
        let (machine, action) = self.machine.step(&(self.asks, landing), written, at);
        self.goes_on(machine, &action, truth)
    }

    /// The run's time is up, whatever is under way.
    pub(crate) fn out_of_time(self, truth: &Truth) -> Result<Self, Ended> {
        let at = self.at(truth);
        let (machine, action) = self
            .machine
            .step(&"out of time", || run::Event::OutOfTime, at);
        self.goes_on(machine, &action, truth)
    }

    fn goes_on(mut self, machine: Machine, action: &Action, truth: &Truth) -> Result<Self, Ended> {
        if let Some(asks) = Asks::of(action, self.began, truth.now) {
            (self.asks, self.since) = (asks, truth.now);
            self.machine = machine;
            return Ok(self);
        }
        let run = Run::clone(&machine.run);
        Err(match run.report(&route(), self.at(truth)).error {
            Some(_) => Ended::Failed,
            None if self.saw_right => Ended::Right,
            None => Ended::Wrong,
        })
    }

    fn at(&self, truth: &Truth) -> Duration {
        TICK * u32::from(truth.now - self.began)
    }

    fn observe(&self, truth: &Truth, asks: observe::Asks, fault: Option<Fault>) -> Observation {
        let mut seen = truth.seen(asks, fault == Some(Fault::BelievesInTheGuard));
        match fault {
            Some(Fault::BelievesAnnouncements) => {
                let announced = truth
                    .events
                    .iter()
                    .rev()
                    .find_map(|event| match event.says {
                        Says::Started(next) => Some(next),
                        _ => None,
                    });
                if let Some(next) = announced {
                    seen.api = Ok(Some(id(next)));
                }
            }
            Some(Fault::ReadsTheGroupOnce) => {
                if let Some(last) = self.machine.run.last() {
                    seen.targets.clone_from(&last.seen.targets);
                }
            }
            _ => {}
        }
        seen
    }

    /// Orders runs, in no meaningful way.
    pub(crate) fn key(&self) -> u64 {
        self.machine.key()
    }
}

impl Asks {
    fn of(action: &Action, began: Tick, now: Tick) -> Option<Self> {
        match action {
            Action::Look { at, asks } => {
                let ticks = at.as_nanos() / TICK.as_nanos();
                Some(Self::Look {
                    at: now.max(began + Tick::try_from(ticks).unwrap()),
                    asks: *asks,
                })
            }
            Action::Deregister(targets) => Some(Self::Deregister(group(targets))),
            Action::Register(target) => Some(Self::Register(member(target))),
            Action::End => None,
        }
    }
}

fn trigger(event: Option<Event>, now: Tick) -> Trigger {
    let Some(event) = event else {
        return Trigger {
            kind: Kind::Schedule,
            event: None,
            age: None,
            why: None,
        };
    };
    let (kind, signal) = match event.says {
        Says::Started(_) => (Kind::Moving, Signal::Moving),
        Says::Completed(_) | Says::Returned(_) => (Kind::Moved, Signal::Moved),
        Says::Failed => (Kind::Recheck, Signal::Recheck),
    };
    Trigger {
        kind,
        age: Some(TICK * u32::from(now - event.at)),
        event: Some(RdsEvent {
            id: None,
            source_id: None,
            source: Source::Cluster(cluster()),
            place: None,
            time: Some(clock(event.at)),
            signal,
            said: event.says.said(),
            coordinates: None,
        }),
        why: None,
    }
}

fn cluster() -> ClusterId {
    ClusterId::parse("cluster").unwrap()
}

fn route() -> Route {
    let group =
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/w/0123456789abcdef";
    Route {
        source: SourceId::Cluster(cluster()),
        group: TargetGroupArn::parse(group).unwrap(),
        endpoint: None,
        holds: GroupHolds::Writer,
        replication_user: None,
    }
}
