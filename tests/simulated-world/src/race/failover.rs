//! A failover as it is going to be, drawn from a seed by the timelines that have been measured.
//!
//! Where nobody has published a figure, the draw is an assumption, and says so.

use std::ops::Range;
use std::time::Duration;

use failover_follower::route::InstanceId;
use serde_json::Value;

use crate::payload::{completed, instance_event, started, went_back};
use crate::statement::cluster_messages;
use crate::universe::{Universe, instance};

/// Seconds from the universe's beginning to the first "Started".
const STARTED: f64 = 20.0;

/// How long a Writer that has moved is watched: whoever hasn't followed by then never will.
const HORIZON: Duration = Duration::from_mins(15);

/// The longest that an answer takes; a mean of half of it. Assumption: no figure is published, and
/// within a region a call takes some tens of milliseconds.
const LATENCY: Duration = Duration::from_millis(200);

/// How a failover goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// The Writer moves and stays.
    Moved,
    /// The Writer moves, and some minutes later moves back.
    MovedBack,
    /// It was announced, and never came about.
    Failed,
}

/// What became of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// Each arrived within half a minute.
    InTime,
    /// One or more came late by minutes, or never.
    Patchy,
    /// None ever came.
    None,
}

/// The Writer moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flip {
    /// "Started", by RDS's clock, since the universe began.
    pub started: Duration,
    /// When.
    pub at: Duration,
    /// Until when this Writer is the Writer, or is watched.
    pub until: Duration,
    /// To whom.
    pub to: InstanceId,
}

/// A failover: its truth, its witnesses, its events, its clocks.
#[derive(Clone, Debug)]
pub struct Failover {
    /// What it was drawn from.
    pub seed: u64,
    /// How it goes.
    pub ending: Ending,
    /// What became of its events.
    pub news: News,
    /// Every move of the Writer, in order; none in a failover that failed.
    pub flips: Vec<Flip>,
    /// Whom the API lists from when on.
    pub api: Vec<(Duration, Option<InstanceId>)>,
    /// Whom the cluster endpoint is an alias of from when on.
    pub dns: Vec<(Duration, InstanceId)>,
    /// Which event arrives when, out of order as they come.
    pub events: Vec<(Duration, Value)>,
    /// What the event log holds: when it happened, and its text.
    pub log: Vec<(Duration, String)>,
    /// Phase of a clock that ticks every minute, from 0 to 1.
    pub phase: f64,
    /// The end of what is looked at.
    pub end: Duration,
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.max(0.0))
}

/// Dice.
struct Dice(fastrand::Rng);

impl Dice {
    fn between(&mut self, range: Range<f64>) -> f64 {
        range.start + self.0.f64() * (range.end - range.start)
    }

    fn one_of_hundred(&mut self, parts: f64) -> bool {
        self.0.f64() * 100.0 < parts
    }
}

impl Failover {
    /// Draws a failover. The same seed gives the same failover.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut dice = Dice(fastrand::Rng::with_seed(seed));
        let ending = match dice.between(0.0..100.0) {
            roll if roll < 85.0 => Ending::Moved,
            roll if roll < 95.0 => Ending::MovedBack,
            _ => Ending::Failed,
        };
        let mut failover = Self {
            seed,
            ending,
            news: News::InTime,
            flips: Vec::new(),
            api: Vec::new(),
            dns: Vec::new(),
            events: Vec::new(),
            log: Vec::new(),
            phase: dice.between(0.0..1.0),
            end: seconds(STARTED) + HORIZON,
        };
        // Assumption: RDS or a topic is mute altogether for one failover in two hundred.
        let mute = dice.one_of_hundred(0.5);
        match ending {
            Ending::Failed => failover.fail(&mut dice, mute),
            Ending::Moved => {
                failover.move_to(&mut dice, mute, STARTED, (1, 2));
            }
            Ending::MovedBack => {
                let first = failover.move_to(&mut dice, mute, STARTED, (1, 2));
                let again = first + dice.between(30.0..180.0);
                failover.move_to(&mut dice, mute, again, (2, 1));
            }
        }
        failover.settle(mute);
        failover
    }

    /// The Writer moves from one to another; returns when, in seconds.
    fn move_to(&mut self, dice: &mut Dice, mute: bool, begins: f64, way: (usize, usize)) -> f64 {
        let (old, new) = (instance(way.0), instance(way.1));
        // Measured: the topology flips 8 to 12 s after "Started".
        let flips = begins + dice.between(8.0..12.0);
        self.flips.push(Flip {
            started: seconds(begins),
            at: seconds(flips),
            until: Duration::MAX,
            to: new.clone(),
        });
        self.api_follows(dice, flips, &new);
        self.dns_follows(dice, flips, &old, &new);

        self.send(dice, mute, begins, |at| started(new.as_str(), at));
        // Measured: "Completed" 6 to 12 s after "Started", once 38 s, and the topology had flipped
        // by then.
        let completes = if dice.one_of_hundred(3.0) {
            begins + dice.between(12.0..38.0)
        } else {
            flips + dice.between(0.0..1.5)
        };
        self.send(dice, mute, completes.max(flips), |at| {
            completed(new.as_str(), at)
        });
        // Assumption: the old Writer's event comes with its restart.
        let restarts = flips + dice.between(0.0..3.0);
        self.send(dice, mute, restarts, |at| {
            let message = "A new writer was promoted. Restarting database as a reader.";
            instance_event("", old.as_str(), message, at)
        });
        flips
    }

    /// It is announced, the Writer stays where it is, and RDS says so at last.
    fn fail(&mut self, dice: &mut Dice, mute: bool) {
        let gives_up = STARTED + dice.between(10.0..40.0);
        self.send(dice, mute, STARTED, |at| started(instance(2).as_str(), at));
        self.send(dice, mute, gives_up, |at| {
            went_back(instance(1).as_str(), at)
        });
    }

    /// No figure is published for the API's lag, only that there is one. Assumption: mostly within
    /// 2 s, one in twenty up to 20 s; in three of ten failovers no Writer is listed for a while.
    fn api_follows(&mut self, dice: &mut Dice, flips: f64, new: &InstanceId) {
        let lag = match dice.between(0.0..100.0) {
            roll if roll < 70.0 => dice.between(0.0..2.0),
            roll if roll < 95.0 => dice.between(2.0..6.0),
            _ => dice.between(6.0..20.0),
        };
        if dice.one_of_hundred(30.0) {
            self.api
                .push((seconds(flips - dice.between(0.0..3.0)), None));
        }
        self.api.push((seconds(flips + lag), Some(new.clone())));
    }

    /// Measured: the CNAME moves 15 to 20 s after the flip, sometimes 40 to 60 s, and has been seen
    /// to go new, old, new. Assumption: one in five is slow, one in seven flaps.
    fn dns_follows(&mut self, dice: &mut Dice, flips: f64, old: &InstanceId, new: &InstanceId) {
        let lag = if dice.one_of_hundred(20.0) {
            dice.between(40.0..60.0)
        } else {
            dice.between(15.0..20.0)
        };
        let moves = flips + lag;
        // What an earlier failover still had to show is overtaken.
        self.dns.retain(|(when, _)| *when < seconds(moves));
        self.dns.push((seconds(moves), new.clone()));
        if dice.one_of_hundred(15.0) {
            let back = moves + dice.between(1.0..5.0);
            self.dns.push((seconds(back), old.clone()));
            let again = back + dice.between(1.0..6.0);
            self.dns.push((seconds(again), new.clone()));
        }
    }

    /// An event on its way. Events are best effort: late by up to five minutes, twice, or never.
    /// Assumption: 2 of 100 never, 2 late by minutes, 6 by seconds, 3 twice; the others take 0.5 to
    /// 3 s through SNS and Lambda's start.
    fn send(&mut self, dice: &mut Dice, mute: bool, at: f64, event: impl Fn(f64) -> Value) {
        if !mute {
            let messages = cluster_messages(&event(at)).into_iter();
            self.log
                .extend(messages.map(|(_, message)| (seconds(at), message)));
        }
        let copies = if dice.one_of_hundred(3.0) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = match dice.between(0.0..100.0) {
                roll if roll < 2.0 => None,
                roll if roll < 4.0 => Some(dice.between(30.0..300.0)),
                roll if roll < 10.0 => Some(dice.between(3.0..30.0)),
                _ => Some(dice.between(0.5..3.0)),
            };
            if delay.is_none_or(|delay| delay >= 30.0) {
                self.news = News::Patchy;
            }
            if let Some(delay) = delay.filter(|_| !mute) {
                self.events.push((seconds(at + delay), event(at)));
            }
        }
    }

    /// Puts in order what was drawn piece by piece.
    fn settle(&mut self, mute: bool) {
        if mute {
            self.news = News::None;
        }
        self.events.sort_by_key(|(when, _)| *when);
        let moves: Vec<Duration> = self.flips.iter().map(|flip| flip.at).collect();
        for (number, flip) in self.flips.iter_mut().enumerate() {
            let next = moves.get(number + 1).copied();
            flip.until = next.unwrap_or(flip.at + HORIZON);
            self.end = flip.until;
        }
    }

    /// A universe in which this is going to happen.
    #[must_use]
    pub fn universe(&self) -> Universe {
        let universe = Universe::new(2, self.seed);
        universe.now().latency = LATENCY;
        for Flip { at, to, .. } in self.flips.iter().cloned() {
            universe.at(at, move |state| state.promote(to));
        }
        for (at, writer) in self.api.iter().cloned() {
            universe.at(at, move |state| state.api = writer);
        }
        for (at, named) in self.dns.iter().cloned() {
            universe.at(at, move |state| state.dns = Some(named));
        }
        // No figure is published. Assumption: the log shows an event 1 to 5 s after it happened.
        // Drawn apart, so that the failovers stay as they were.
        let mut random = fastrand::Rng::with_seed(!self.seed);
        for (happened, message) in self.log.iter().cloned() {
            let lag = Duration::from_millis(random.u64(1_000..=5_000));
            universe.log(happened, message, lag);
        }
        universe
    }

    /// The ticks of a clock, until the end.
    pub fn ticks(&self, every: Duration) -> impl Iterator<Item = Duration> {
        let first = every.mul_f64(self.phase);
        (0..)
            .map(move |tick| first + every * tick)
            .take_while(|tick| *tick < self.end)
    }

    /// Who is the Writer at that moment.
    #[must_use]
    pub fn writer(&self, at: Duration) -> InstanceId {
        let last = self.flips.iter().rfind(|flip| flip.at <= at);
        last.map_or_else(|| instance(1), |flip| flip.to.clone())
    }
}
