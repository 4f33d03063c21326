//! A story, made up from its seed: what happens, who is told of it, and how it ends.

use std::time::Duration;

use failover_follower::config::{OnFailoverStart, Settings};
use failover_follower::route::{GroupHolds, InstanceId};
use fastrand::Rng;

use super::{Climate, Ending};
use crate::fault::Fault;
use crate::payload::{cluster_event, completed, instance_event, schedule, started, went_back};
use crate::state::Health;
use crate::universe::{Universe, instance};
use crate::{Invocation, Lambda};

/// From one scheduled run to the next.
const TICK: Duration = Duration::from_mins(1);
/// The longest that a quiet scheduled run may take: until witnesses have agreed, or been given up.
const RUN: Duration = Duration::from_secs(35);

/// One read of the event log in so many fails, in every world.
const LOG_FAILS_ONE_IN: u32 = 20;

/// A story while it is being made up.
pub(super) struct Story {
    seed: u64,
    pub(super) climate: Climate,
    pub(super) random: Rng,
    /// Draws what the hostile world did not draw at first, so that its stories stay as they were.
    pub(super) climate_random: Rng,
    pub(super) universe: Universe,
    pub(super) instances: usize,
    pub(super) invocations: Vec<Invocation>,
    /// The Writer as of the last thing that happened.
    writer: InstanceId,
    /// When the last thing happened, so far.
    pub(super) end: Duration,
    /// A story without faults, and without a schedule that would put right what an event's run
    /// missed.
    pub(super) by_events_alone: bool,
    holds: GroupHolds,
}

impl Story {
    pub(super) fn new(seed: u64, climate: Climate) -> Self {
        let mut random = Rng::with_seed(seed);
        let instances = random.usize(2..=4);
        Self {
            universe: Universe::new(instances, random.u64(..)),
            by_events_alone: random.u8(0..5) == 0,
            random,
            climate,
            climate_random: Rng::with_seed(!seed),
            seed,
            instances,
            writer: instance(1),
            invocations: Vec::new(),
            end: Duration::ZERO,
            holds: GroupHolds::Writer,
        }
    }

    /// The same story where the group holds this.
    pub(super) fn holding(mut self, holds: GroupHolds) -> Self {
        self.holds = holds;
        if holds == GroupHolds::Members {
            let mut random = Rng::with_seed(self.seed.rotate_left(32));
            let mut state = self.universe.now();
            state.hold_members();
            match random.u8(0..10) {
                0 => state.members.guarded.clear(),
                1 => {
                    let one = instance(random.usize(1..=self.instances));
                    state.members.guarded.remove(&one);
                }
                _ => {}
            }
            if random.bool() {
                let standby = state.target(&instance(2));
                if state.may_stand_by(&standby) && state.may_hold(&[state.right(), standby.clone()])
                {
                    state.group.insert(standby, None);
                }
            }
        }
        self
    }

    pub(super) async fn play(mut self, fault: Option<Fault>) -> Ending {
        let settings = Settings {
            on_failover_start: if self.chance(75) {
                OnFailoverStart::Detach
            } else {
                OnFailoverStart::Wait
            },
            longest_watch: Duration::from_secs(if self.chance(80) {
                120
            } else {
                self.random.u64(30..120)
            }),
            ..Settings::default()
        };
        self.surroundings();
        let failovers = if self.by_events_alone {
            1
        } else {
            self.random.u32(1..=4)
        };
        for _ in 0..failovers {
            self.failover();
        }
        if !self.by_events_alone {
            self.mischief();
        }
        self.calm();
        let lambda = Lambda {
            settings,
            holds: self.holds,
            fault,
            ..Lambda::default()
        };
        let invocations = std::mem::take(&mut self.invocations);
        let runs = lambda.deliver(&self.universe, invocations).await;
        let mut state = self.universe.now();
        if !state.is_right() || !self.by_events_alone && !state.has_its_standby() {
            let line = format!(
                "the end: the group holds {:?}, the Writer is {}",
                state.registered(),
                state.writer
            );
            state.broken.push(line);
        }
        let mut tally = state.tally();
        tally.stories = 1;
        tally.runs = runs.len() as u64;
        let looks = runs.iter().map(|run| run.report.routes[0].looks);
        tally.looks = looks.map(u64::from).sum();
        for _ in &state.broken {
            tally.broken.hit();
        }
        Ending {
            seed: self.seed,
            tally,
            broken: std::mem::take(&mut state.broken),
            history: std::mem::take(&mut state.history),
        }
    }

    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(0..100) < percent
    }

    /// So many seconds, to the millisecond.
    pub(super) fn seconds(&mut self, from: f64, to: f64) -> Duration {
        let milliseconds = |seconds: f64| {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "minutes"
            )]
            let milliseconds = (seconds * 1000.0) as u64;
            milliseconds
        };
        Duration::from_millis(self.random.u64(milliseconds(from)..=milliseconds(to)))
    }

    fn surroundings(&mut self) {
        let drains_for = if self.chance(50) {
            Duration::ZERO
        } else {
            self.seconds(1.0, 600.0)
        };
        let latency = if self.chance(90) {
            self.seconds(0.01, 0.3)
        } else {
            self.seconds(0.3, 4.0)
        };
        let unlucky = if self.by_events_alone || self.chance(60) {
            0
        } else {
            self.random.u32(3..60)
        };
        let latency = if self.by_events_alone {
            Duration::from_millis(100)
        } else {
            latency
        };
        let mut state = self.universe.now();
        (state.drains_for, state.latency, state.fails_one_in) = (drains_for, latency, unlucky);
        state.log.denied = self.climate.denies_log(&mut self.climate_random);
        state.log.fails_one_in = LOG_FAILS_ONE_IN;
    }

    pub(super) fn someone_else(&mut self) -> InstanceId {
        // Who the Writer will be by then is not known here; naming the Writer itself is a story
        // too.
        instance(self.random.usize(1..=self.instances))
    }

    /// A failover, and what is told of it.
    fn failover(&mut self) {
        let longest = if self.chance(40) { 30.0 } else { 240.0 };
        let began = self.end + self.seconds(2.0, longest);
        let to = self.someone_else();
        let fails = !self.by_events_alone && self.chance(15);
        let takes = if self.chance(85) {
            self.seconds(8.0, 12.0)
        } else {
            self.seconds(12.0, 38.0)
        };
        let flip = began + takes;
        if self.chance(30) {
            self.universe
                .at(began + Duration::from_secs(1), |state| state.api = None);
        }
        if fails {
            self.universe.at(flip, |state| {
                state.list_present();
            });
            self.tell(flip, |seconds| {
                cluster_event(
                    "RDS-EVENT-0069",
                    "Cluster failover failed, check …",
                    seconds,
                )
            });
            self.universe
                .at(flip, |state| state.tell("the failover fails"));
        } else {
            let api_lag = if self.chance(85) {
                self.seconds(0.0, 2.0)
            } else {
                self.seconds(2.0, 30.0)
            };
            let api_lag = self
                .climate
                .api_lag(&mut self.climate_random)
                .unwrap_or(api_lag);
            let dns_lag = if self.chance(75) {
                self.seconds(12.0, 20.0)
            } else {
                self.seconds(20.0, 60.0)
            };
            self.universe.fail_over(flip, &to, api_lag, dns_lag);
            if self.chance(25) {
                let (back, again) = (self.seconds(0.5, 5.0), self.seconds(5.0, 15.0));
                let old = self.someone_else();
                self.universe
                    .at(flip + dns_lag + back, move |state| state.dns = Some(old));
                self.universe.at(flip + dns_lag + again, |state| {
                    state.point_present();
                });
            }
        }
        let named = if !self.by_events_alone && self.chance(10) {
            self.someone_else()
        } else {
            to.clone()
        };
        let named = if self.climate.is_honest() {
            to.clone()
        } else {
            named
        };
        self.tell(began, |seconds| started(named.as_str(), seconds));
        if fails {
            if self.chance(50) {
                let writer = self.writer.clone();
                self.tell(flip, |seconds| went_back(writer.as_str(), seconds));
            }
        } else {
            self.writer = to.clone();
            let done = flip + self.seconds(0.5, 5.0);
            self.tell(done, |seconds| completed(to.as_str(), seconds));
            self.tell(done, |seconds| {
                instance_event(
                    "RDS-EVENT-0006",
                    to.as_str(),
                    "DB instance restarted",
                    seconds,
                )
            });
        }
        self.end = self.end.max(flip);
    }

    /// A standby comes in once the Writer has been confirmed for three minutes.
    fn ticks_after_calm(&self) -> u32 {
        match self.holds {
            GroupHolds::Writer => 3,
            GroupHolds::Members => 6,
        }
    }

    /// Everything comes to rest; from then on there is only the schedule.
    fn calm(&mut self) {
        let last = self
            .invocations
            .iter()
            .map(|invocation| invocation.at)
            .max()
            .unwrap_or_default();
        let calm = self.end.max(last) + Duration::from_secs(125);
        self.universe.at(calm, |state| {
            state.fails_one_in = 0;
            state.latency = state.latency.min(Duration::from_millis(500));
            state.api_health = Health::Up;
            state.dns_health = Health::Up;
            state.elb_health = Health::Up;
            state.write_health = Health::Up;
            state.list_present();
            state.point_present();
            state.tell("all is calm");
        });
        if self.by_events_alone {
            return;
        }
        let phase = self.seconds(0.0, TICK.as_secs_f64());
        let last = calm + self.ticks_after_calm() * TICK;
        let ticks = (0u32..)
            .map(|number| phase + TICK * number)
            .take_while(|tick| *tick <= last);
        self.invocations
            .extend(ticks.map(|tick| Invocation::new(tick, schedule())));
        self.universe.at(calm + 2 * TICK + RUN, |state| {
            if !state.is_right() {
                let line = format!(
                    "two ticks after the calm the group holds {:?}, the Writer is {}",
                    state.registered(),
                    state.writer
                );
                state.tell(format!("*** {line}"));
                state.broken.push(line);
            }
        });
    }
}
