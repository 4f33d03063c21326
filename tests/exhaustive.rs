//! Every interleaving of a small world, none left to chance.
//!
//! Two instances, two failovers (each may fail instead), witnesses that catch up whenever they like, a
//! CNAME that may flap, an API that may fall silent; runs woken by announcements, by reports or by
//! nothing, two at a time, each of which may crash between any two of its steps. `confirmed`, `decide` and `Plan`
//! are the real ones; time is any order of what time brings about: announcements age, watches end,
//! agreement lasts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

use failover_follower::decide::{Beliefs, Decision, OnAnnouncement, Pending, confirmed, decide};
use failover_follower::look::Sighting;
use failover_follower::plan::Plan;
use failover_follower::route::InstanceId;
use failover_follower::trigger;
use failover_follower::world::{CallError, Cause, Target, Topology};
use stateright::{Checker, Model, Property};

const MEMBERS: u8 = 3;
const PORT: u16 = 3306;

/// An instance, by its number.
type Member = u8;
/// Targets, a bit for each instance.
type Group = u8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    writer: Member,
    /// A failover that has started and not come about.
    announced: Option<Member>,
    failovers_left: u8,
    /// Who was announced, and who was promoted, ever: of whom events may still arrive.
    announced_ever: u8,
    promoted_ever: u8,
    api: Member,
    api_speaks: bool,
    silences_left: u8,
    dns: Member,
    flaps_left: u8,
    group: Group,
    runs: [Option<Run>; 2],
    runs_left: u8,
    /// The last run to end did so verified, by a look that saw the truth, and nothing has happened since.
    verified: bool,
    broken: Option<&'static str>,
}

#[allow(
    clippy::struct_excessive_bools,
    reason = "what a run remembers, one fact each"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Run {
    word: Option<Word>,
    cleared: bool,
    evicted: bool,
    agreed: bool,
    over: bool,
    api: ApiSeen,
    todo: Todo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Word {
    Announced(Member),
    Told(Member),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ApiSeen {
    Nobody,
    Always(Member),
    Several,
}

/// What a run does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Todo {
    Look,
    Deregister {
        targets: Group,
        then: Option<Member>,
    },
    Register(Member),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Action {
    StartFailover(Member),
    Promote,
    GiveFailoverUp,
    ApiCatchesUp,
    ApiFallsSilent,
    ApiSpeaks,
    DnsCatchesUp,
    DnsShows(Member),
    Wake(usize, Option<Word>),
    Step(usize),
    End(usize),
    Crash(usize),
    HintAges(usize),
    AgreementLasts(usize),
    WatchEnds(usize),
}

/// How much happens.
#[derive(Clone, Copy, Debug)]
struct World {
    /// Instances; at most [`MEMBERS`].
    members: u8,
    runs: u8,
    flaps: u8,
    silences: u8,
}

fn id(member: Member) -> InstanceId {
    InstanceId::parse(&format!("i{member}")).unwrap()
}

fn target(member: Member) -> Target {
    Target::new(Ipv4Addr::new(10, 0, 0, member), PORT)
}

fn targets(group: Group) -> BTreeSet<Target> {
    (0..MEMBERS)
        .filter(|member| group & (1 << member) != 0)
        .map(target)
        .collect()
}

fn bits(targets: &BTreeSet<Target>) -> Group {
    (0..MEMBERS)
        .filter(|member| targets.contains(&target(*member)))
        .map(|member| 1 << member)
        .sum()
}

fn member(of: &Target) -> Member {
    (0..MEMBERS).find(|member| target(*member) == *of).unwrap()
}

impl Word {
    fn real(self) -> trigger::Word {
        match self {
            Self::Announced(member) => trigger::Word::Announced(id(member)),
            Self::Told(member) => trigger::Word::Told(id(member)),
        }
    }
}

impl State {
    fn sees_truth(&self) -> bool {
        self.api_speaks && self.api == self.writer && self.dns == self.writer
    }

    fn is_right(&self) -> bool {
        self.group == 1 << self.writer
    }

    /// One look of a run, and what it makes of it; whether the run may end verified.
    fn look(&mut self, slot: usize) -> bool {
        let Some(mut run) = self.runs[slot] else {
            return false;
        };
        if self.api_speaks {
            run.api = match run.api {
                ApiSeen::Nobody => ApiSeen::Always(self.api),
                ApiSeen::Always(before) if before == self.api => run.api,
                _ => ApiSeen::Several,
            };
        }
        let alone = match run.api {
            ApiSeen::Always(member) if run.over => Some(member),
            _ => None,
        };
        let given = Given {
            api: self.api_speaks.then_some(self.api),
            dns: self.dns,
            group: self.group,
            word: run.word,
            cleared: run.cleared,
            patient: !(run.evicted || run.agreed || run.over),
            alone,
        };
        let made = Made::of(given);
        if self.broken.is_none() {
            self.broken = made.broken;
        }
        run.cleared |= made.awaits_failover && made.deregister == 0;
        run.evicted |= made.follows && made.deregister != 0;
        run.todo = match (made.deregister, made.register) {
            (0, None) => Todo::Look,
            (0, Some(member)) => Todo::Register(member),
            (targets, then) => Todo::Deregister { targets, then },
        };
        self.runs[slot] = Some(run);
        made.follows && run.todo == Todo::Look
    }

    fn write(&mut self, slot: usize) {
        let Some(run) = &mut self.runs[slot] else {
            return;
        };
        match run.todo {
            Todo::Look => {}
            Todo::Deregister { targets, then } => {
                self.group &= !targets;
                run.todo = then.map_or(Todo::Look, Todo::Register);
            }
            Todo::Register(member) => {
                self.group |= 1 << member;
                run.todo = Todo::Look;
            }
        }
    }

    /// What a scheduled run, alone in a world that has calmed down, leaves the group with.
    fn after_the_calm(mut self) -> Self {
        (self.api, self.dns, self.api_speaks) = (self.writer, self.writer, true);
        self.runs = [
            Some(Run {
                agreed: true,
                ..Run::new(None)
            }),
            None,
        ];
        for _ in 0..4 {
            match self.runs[0].map(|run| run.todo) {
                Some(Todo::Look) => _ = self.look(0),
                _ => self.write(0),
            }
        }
        self
    }
}

/// All that a decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Given {
    api: Option<Member>,
    dns: Member,
    group: Group,
    word: Option<Word>,
    cleared: bool,
    /// Leaves an empty group empty, unless its hint names the confirmed Writer.
    patient: bool,
    alone: Option<Member>,
}

/// What the real functions make of it, and which law that breaks.
#[derive(Clone, Copy, Debug)]
struct Made {
    confirmed: Option<Member>,
    follows: bool,
    awaits_failover: bool,
    deregister: Group,
    register: Option<Member>,
    broken: Option<&'static str>,
}

thread_local! {
    /// There are far fewer things to decide than states to decide them in.
    static MADE: RefCell<HashMap<Given, Made>> = RefCell::default();
}

impl Made {
    fn of(given: Given) -> Self {
        MADE.with_borrow_mut(|made| *made.entry(given).or_insert_with(|| Self::make(given)))
    }

    fn make(given: Given) -> Self {
        let seen = given.sighting();
        let word = given.word.map(Word::real);
        let who = confirmed(&seen, word.as_ref());
        let hinted = word
            .as_ref()
            .is_some_and(|word| who.as_ref() == Some(word.instance()));
        let beliefs = Beliefs {
            on_announcement: if given.cleared {
                OnAnnouncement::Hold
            } else {
                OnAnnouncement::Clear
            },
            leave_empty: given.patient && !hinted,
            newcomers: BTreeSet::new(), // whoever spares one waits, which here is a run that is slow
            api_throughout: given.alone.map(id),
            word,
        };
        let decision = decide(&seen, &beliefs);
        let held = targets(given.group);
        let plan = Plan::new(&decision, &held);
        let after = plan.applied_to(&held);
        let again = Sighting {
            targets: Ok(after.clone()),
            ..seen
        };
        let second = decide(
            &again,
            &Beliefs {
                leave_empty: false,
                ..beliefs
            },
        );
        let filled_now = matches!(
            decision,
            Decision::Evict {
                pending: Pending::Agreement(_),
                ..
            }
        );
        let mut made = Self {
            confirmed: who.map(|who| (0..MEMBERS).find(|member| id(*member) == who).unwrap()),
            follows: matches!(decision, Decision::Follow { .. }),
            awaits_failover: matches!(
                decision,
                Decision::Evict {
                    pending: Pending::Failover(_),
                    ..
                }
            ),
            deregister: bits(&plan.deregister),
            register: plan.register.as_ref().map(member),
            broken: None,
        };
        made.broken = given.broken_by(&made);
        if !filled_now && !Plan::new(&second, &after).is_empty() {
            made.broken = Some("8: the second plan is not empty");
        }
        made
    }
}

impl Given {
    fn sighting(&self) -> Sighting {
        let silent = || CallError::new("rds:DescribeDBClusters", Cause::TimedOut, "");
        Sighting {
            api: self.api.map(|member| Some(id(member))).ok_or_else(silent),
            dns: Ok(id(self.dns)),
            topology: Some(Topology {
                endpoint: "cluster".to_owned(),
                port: PORT,
                instances: (0..MEMBERS).map(|member| (id(member), None)).collect(),
            }),
            addresses: (0..MEMBERS)
                .map(|member| (id(member), Ok(Ipv4Addr::new(10, 0, 0, member))))
                .collect(),
            targets: Ok(targets(self.group)),
        }
    }

    /// The law that a plan breaks, counted anew from what was given.
    fn broken_by(&self, made: &Made) -> Option<&'static str> {
        let hint = match self.word {
            Some(Word::Announced(named) | Word::Told(named)) => Some(named),
            None => None,
        };
        let trusted = |member: Member| {
            let voices = [self.api, Some(self.dns), hint];
            let voices = voices
                .iter()
                .filter(|voice| **voice == Some(member))
                .count();
            voices >= 2 || self.alone == Some(member)
        };
        let announced = matches!(self.word, Some(Word::Announced(_)));
        if let Some(member) = made.register {
            if !trusted(member) {
                return Some("2: registered without two witnesses");
            }
            if self.word == Some(Word::Announced(member))
                && self.api.is_some_and(|api| api != member)
            {
                return Some("3: an announcement registered whom the API doesn't name");
            }
            if made.deregister != self.group & !(1 << member) {
                return Some("1: registered beside another");
            }
        }
        if made.deregister != 0 && !announced && !(0..MEMBERS).any(trusted) {
            return Some("4: taken out on silence");
        }
        None
    }
}

impl Run {
    fn new(word: Option<Word>) -> Self {
        Self {
            word,
            cleared: false,
            evicted: false,
            agreed: false,
            over: false,
            api: ApiSeen::Nobody,
            todo: Todo::Look,
        }
    }
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            writer: 0,
            announced: None,
            failovers_left: 2,
            announced_ever: 0,
            promoted_ever: 0,
            api: 0,
            api_speaks: true,
            silences_left: self.silences,
            dns: 0,
            flaps_left: self.flaps,
            group: 1,
            runs: [None, None],
            runs_left: self.runs,
            verified: false,
            broken: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        match state.announced {
            Some(_) => actions.extend([Action::Promote, Action::GiveFailoverUp]),
            None if state.failovers_left > 0 => {
                // The second goes back or on; which two of three are first makes no difference.
                let others = (0..self.members).filter(|member| *member != state.writer);
                actions.extend(others.map(Action::StartFailover));
            }
            None => {}
        }
        if state.api != state.writer {
            actions.push(Action::ApiCatchesUp);
        }
        if !state.api_speaks {
            actions.push(Action::ApiSpeaks);
        } else if state.silences_left > 0 {
            actions.push(Action::ApiFallsSilent);
        }
        if state.dns != state.writer {
            actions.push(Action::DnsCatchesUp);
        } else if state.flaps_left > 0 {
            let before = (0..MEMBERS).filter(|member| {
                *member != state.writer
                    && (*member == 0 || state.promoted_ever & (1 << member) != 0)
            });
            actions.extend(before.map(Action::DnsShows));
        }
        for (slot, run) in state.runs.iter().enumerate() {
            let Some(run) = run else {
                if state.runs_left > 0 && (slot == 0 || state.runs[0].is_some()) {
                    actions.push(Action::Wake(slot, None));
                    let named =
                        |ever: u8| (0..MEMBERS).filter(move |member| ever & (1 << member) != 0);
                    actions.extend(
                        named(state.announced_ever)
                            .map(|member| Action::Wake(slot, Some(Word::Announced(member)))),
                    );
                    actions.extend(
                        named(state.promoted_ever)
                            .map(|member| Action::Wake(slot, Some(Word::Told(member)))),
                    );
                }
                continue;
            };
            actions.extend([Action::Step(slot), Action::Crash(slot)]);
            if run.todo == Todo::Look {
                actions.push(Action::End(slot));
                if run.word.is_some() {
                    actions.push(Action::HintAges(slot));
                }
                if !run.agreed && !run.over {
                    actions.push(Action::AgreementLasts(slot));
                }
                if !run.over {
                    actions.push(Action::WatchEnds(slot));
                }
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        match action {
            Action::StartFailover(to) => {
                state.announced = Some(to);
                state.announced_ever |= 1 << to;
                state.failovers_left -= 1;
            }
            Action::Promote => {
                state.writer = state.announced.take()?;
                state.promoted_ever |= 1 << state.writer;
            }
            Action::GiveFailoverUp => state.announced = None,
            Action::ApiCatchesUp => state.api = state.writer,
            Action::ApiFallsSilent => {
                state.api_speaks = false;
                state.silences_left -= 1;
            }
            Action::ApiSpeaks => state.api_speaks = true,
            Action::DnsCatchesUp => state.dns = state.writer,
            Action::DnsShows(member) => {
                state.dns = member;
                state.flaps_left -= 1;
            }
            Action::Wake(slot, word) => {
                state.runs[slot] = Some(Run::new(word));
                state.runs_left -= 1;
            }
            Action::Step(slot) => match state.runs[slot]?.todo {
                Todo::Look => _ = state.look(slot),
                _ => state.write(slot),
            },
            Action::End(slot) => {
                // A look that finds it right, and nothing to wait for; or one after which the run fails loudly.
                let truth = state.sees_truth();
                let right = state.look(slot);
                if state.runs[slot]?.todo != Todo::Look {
                    return None;
                }
                state.runs[slot] = None;
                state.verified = right && truth;
                return Some(state);
            }
            Action::Crash(slot) => state.runs[slot] = None,
            Action::HintAges(slot) => {
                let run = state.runs[slot].as_mut()?;
                run.word = match run.word? {
                    Word::Announced(member) => Some(Word::Told(member)),
                    Word::Told(_) => None,
                };
            }
            Action::AgreementLasts(slot) => {
                // Only a run whose witnesses agree can have seen them agree for a while.
                let run = state.runs[slot].as_mut()?;
                let given = Given {
                    api: state.api_speaks.then_some(state.api),
                    dns: state.dns,
                    group: state.group,
                    word: run.word,
                    cleared: run.cleared,
                    patient: false,
                    alone: None,
                };
                Made::of(given).confirmed?;
                run.agreed = true;
            }
            Action::WatchEnds(slot) => {
                let run = state.runs[slot].as_mut()?;
                run.over = true;
                if let Some(Word::Announced(member)) = run.word {
                    run.word = Some(Word::Told(member));
                }
            }
        }
        state.verified = false;
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no law is broken", |_, state: &State| {
                state.broken.is_none()
            }),
            Property::always(
                "the last run leaves the group right, if it saw the truth",
                |_, state: &State| {
                    !(state.verified && state.runs == [None, None]) || state.is_right()
                },
            ),
            Property::always(
                "after the calm one scheduled run puts everything right",
                |_, state: &State| state.after_the_calm().is_right(),
            ),
            Property::sometimes(
                "a failover is followed while DNS still lags",
                |_, state: &State| state.writer != 0 && state.dns == 0 && state.is_right(),
            ),
            Property::sometimes(
                "two runs overlap while the group is empty",
                |_, state: &State| state.group == 0 && state.runs.iter().all(Option::is_some),
            ),
        ]
    }
}

fn explore(world: World) {
    let checker = world.checker().threads(2).spawn_bfs().join();
    println!(
        "{world:?}: {} states, {} of them unique",
        checker.state_count(),
        checker.unique_state_count()
    );
    checker.assert_properties();
}

#[test]
fn two_overlapping_runs_while_the_writer_moves_there_and_back() {
    explore(World {
        members: 2,
        runs: 2,
        flaps: 0,
        silences: 0,
    });
}

/// The same with a CNAME that flaps and an API that falls silent: `cargo test --release --test exhaustive -- --ignored --nocapture`.
/// 38,709,055 states, four minutes on two cores.
#[test]
#[ignore = "more states than a test run should take"]
fn two_overlapping_runs_with_a_cname_that_flaps_and_an_api_that_falls_silent() {
    explore(World {
        members: 2,
        runs: 2,
        flaps: 1,
        silences: 1,
    });
}
