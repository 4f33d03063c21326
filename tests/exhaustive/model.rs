//! What can happen in the small world, in which order, and what must hold whatever happens.

use std::cell::RefCell;
use std::collections::HashMap;

use stateright::{Model, Property};

use crate::driven::{Asks, Driven, Ended, Fault, Landing};
use crate::names::{Group, Member};
use crate::truth::{Holds, Says, Shows, Tick, Truth};

/// How much happens.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) members: u8,
    /// Runs, all of which may be under way at once.
    pub(crate) runs: u8,
    pub(crate) failovers: u8,
    /// When time ends.
    pub(crate) horizon: Tick,
    /// How many steps a write may take to land.
    pub(crate) slow: Tick,
    /// How many writes may fail.
    pub(crate) failures: u8,
    /// What the group holds at first.
    pub(crate) groups: &'static [Group],
    pub(crate) holds: Holds,
    pub(crate) fault: Option<Fault>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    truth: Truth,
    /// In an order of no meaning, which makes equal what differs in it alone.
    runs: Vec<Driven>,
    runs_left: u8,
    failures_left: u8,
    /// Too many members are in, and a run was cut off whose part it was to clear up: the retry
    /// will.
    excused: bool,
    /// The last thing to happen was that a run ended as a success after the Writer had moved.
    followed: bool,
    broken: Option<Broken>,
}

/// What must not happen, and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Broken {
    Registered,
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Tick,
    StartFailover(Member),
    Promote,
    CallOff(Says),
    /// A run begins, with an event's payload or with the schedule's, and looks.
    Begin(Option<usize>, Shows),
    /// A run looks again.
    Look(usize, Shows),
    /// A run's write ends.
    EndWrite(usize, Landing),
    /// A run crashes, or its time is up. When makes no difference until its next step.
    CutOff(usize),
}

thread_local! {
    /// There are far fewer truths than states.
    static ENDS_RIGHT: RefCell<HashMap<(Truth, Option<Fault>), bool>> = RefCell::default();
}

impl State {
    /// After each action: a group of no more than may be in has nothing to excuse.
    fn settle(mut self) -> Self {
        self.excused &= self.truth.group.count_ones() > self.truth.most();
        self.runs.sort_unstable_by_key(Driven::key);
        self
    }

    fn look(&mut self, slot: usize, fault: Option<Fault>) {
        let run = self.runs.swap_remove(slot);
        let after = run.look(&self.truth, fault);
        self.go_on(after);
    }

    fn end_write(&mut self, slot: usize, landing: Landing, fault: Option<Fault>) {
        let run = self.runs.swap_remove(slot);
        if let Asks::Register(member) = run.asks
            && self.truth.most() == 1
            && member != run.saw
            && member != self.truth.writer
        {
            self.broken = Some(Broken::Registered);
        }
        self.failures_left -= u8::from(landing != Landing::Done);
        let after = run.end_write(&mut self.truth, landing, fault);
        self.go_on(after);
    }

    fn go_on(&mut self, after: Result<Driven, Ended>) {
        match after {
            Ok(run) => self.runs.push(run),
            Err(Ended::Wrong) => self.broken = Some(Broken::Ended),
            Err(Ended::Right) => self.followed = self.truth.writer != 0,
            Err(Ended::Failed) => {}
        }
    }

    fn cut_off(&mut self, slot: usize) {
        let run = self.runs.swap_remove(slot);
        self.excused |= run.owes_a_look;
        if let Err(Ended::Wrong) = run.out_of_time(&self.truth) {
            self.broken = Some(Broken::Ended);
        }
    }

    fn may_tick(&self, world: &World) -> bool {
        let now = self.truth.now;
        let waits = |run: &Driven| match run.asks {
            Asks::Look { at, .. } => at > now,
            Asks::Deregister(_) | Asks::Register(_) => now < run.since + world.slow,
        };
        // Nothing is lost if the first thing happens at once.
        let begun = !self.truth.events.is_empty() || self.runs_left < world.runs;
        begun && now < world.horizon && self.runs.iter().all(waits)
    }

    /// Whether a run by itself puts everything right once all has calmed down.
    fn ends_right_after_calm(&self, fault: Option<Fault>) -> bool {
        let mut truth = self.truth.clone();
        truth.show_all();
        ENDS_RIGHT.with_borrow_mut(|known| {
            let ends = known.entry((truth.clone(), fault));
            *ends.or_insert_with(|| {
                let mut run = Driven::begin(&truth, None);
                loop {
                    let after = match run.asks {
                        Asks::Look { at, .. } => {
                            truth.now = at;
                            run.look(&truth, fault)
                        }
                        _ => run.end_write(&mut truth, Landing::Done, fault),
                    };
                    match after {
                        Ok(on) => run = on,
                        Err(ended) => return ended == Ended::Right && truth.is_right(),
                    }
                }
            })
        })
    }
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let groups = self.groups.iter();
        groups
            .flat_map(|group| {
                [true, false].map(|log| State {
                    truth: Truth::new(self.members, self.failovers, log, *group, self.holds),
                    runs: Vec::new(),
                    runs_left: self.runs,
                    failures_left: self.failures,
                    excused: false,
                    followed: false,
                    broken: None,
                })
            })
            .collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let truth = &state.truth;
        if state.runs.is_empty() && state.runs_left == 0 {
            return;
        }
        if truth.may_happen() {
            match truth.announced {
                Some(_) => {
                    let ends = [Says::Failed, Says::Returned(truth.writer)];
                    actions.push(Action::Promote);
                    actions.extend(ends.map(Action::CallOff));
                }
                None if truth.failovers_left > 0 => {
                    let others = (0..self.members).filter(|member| *member != truth.writer);
                    actions.extend(others.map(Action::StartFailover));
                }
                None => {}
            }
        }
        if state.runs_left > 0 {
            let events = (0..truth.events.len()).map(Some);
            let payloads = std::iter::once(None).chain(events);
            let begin = |payload| {
                let shows = truth.may_show(true);
                shows.map(move |shows| Action::Begin(payload, shows))
            };
            actions.extend(payloads.flat_map(begin));
        }
        for (slot, run) in state.runs.iter().enumerate() {
            match run.asks {
                Asks::Look { at, asks } if at <= truth.now => {
                    let shows = truth.may_show(asks.log);
                    actions.extend(shows.map(|shows| Action::Look(slot, shows)));
                }
                Asks::Look { .. } => {}
                Asks::Deregister(_) | Asks::Register(_) => {
                    let all = [Landing::Done, Landing::Unanswered, Landing::Failed];
                    let may_be = if state.failures_left > 0 { 3 } else { 1 };
                    let ends = all[..may_be].iter();
                    actions.extend(ends.map(|landing| Action::EndWrite(slot, *landing)));
                }
            }
            if run.since == truth.now {
                actions.push(Action::CutOff(slot));
            }
        }
        if state.may_tick(self) {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let truth = &mut state.truth;
        state.followed = false;
        match action {
            Action::Tick => truth.now += 1,
            Action::StartFailover(to) => truth.start_failover(to),
            Action::Promote => truth.promote(),
            Action::CallOff(says) => truth.call_off(says),
            Action::Begin(payload, shows) => {
                let payload = payload.map(|index| truth.events[index]);
                state.runs.push(Driven::begin(truth, payload));
                state.runs_left -= 1;
                truth.show(shows);
                state.look(state.runs.len() - 1, self.fault);
            }
            Action::Look(slot, shows) => {
                truth.show(shows);
                state.look(slot, self.fault);
            }
            Action::EndWrite(slot, landing) => state.end_write(slot, landing, self.fault),
            Action::CutOff(slot) => state.cut_off(slot),
        }
        Some(state.settle())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(REGISTERS_THE_WRITER, |_, state: &State| {
                state.broken != Some(Broken::Registered)
            }),
            Property::always(SUCCEEDS_OVER_THE_WRITER, |_, state: &State| {
                state.broken != Some(Broken::Ended)
            }),
            Property::always(LEAVES_NO_TWO, |_, state: &State| {
                let truth = &state.truth;
                let too_many = truth.group.count_ones() > truth.most();
                !too_many || !state.runs.is_empty() || state.excused
            }),
            Property::always(ENDS_RIGHT_AFTER_CALM, |world: &Self, state: &State| {
                state.ends_right_after_calm(world.fault)
            }),
            Property::sometimes("a failover is followed and verified", |_, state: &State| {
                state.followed && state.truth.is_right()
            }),
            Property::sometimes("an announcement clears the group", |_, state: &State| {
                state.truth.announced.is_some() && state.truth.group == 0
            }),
        ];
        if self.runs > 1 && self.holds == Holds::Writer {
            properties.push(Property::sometimes(
                "runs that overlap have two members in for a moment",
                |_, state: &State| state.truth.group.count_ones() > 1,
            ));
        }
        properties
    }
}

pub(crate) const REGISTERS_THE_WRITER: &str = "what is registered was the Writer, or is";
pub(crate) const SUCCEEDS_OVER_THE_WRITER: &str =
    "a success is one over the Writer, and the standby if there may be one";
pub(crate) const LEAVES_NO_TWO: &str = "the runs leave no more members behind than may be in";
pub(crate) const ENDS_RIGHT_AFTER_CALM: &str = "after the calm one run puts everything right";
