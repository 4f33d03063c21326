//! Failovers at random, from a seed: every order of events, every fault, every overlap.
//!
//! A seed makes a story: failovers one after the other, back and forth, failing; witnesses that lag and
//! flap; events that are late, doubled, lost, forged; outages; crashes; foreign targets; addresses that
//! change. Then the world calms down, and two schedule ticks later the group has to be right.

use std::net::Ipv4Addr;
use std::time::Duration;

use failover_follower::config::{OnFailoverStart, Settings};
use failover_follower::route::InstanceId;
use failover_follower::world::Target;
use fastrand::Rng;
use serde_json::{Value, json};

use crate::payload::{
    cluster_event, completed, instance_event, record, schedule, started, went_back,
};
use crate::seat::Fault;
use crate::universe::{Health, PORT, State, Universe, instance};
use crate::{Invocation, Lambda};

/// How a seed's story ended.
#[derive(Debug)]
pub struct Ending {
    /// The seed, to play it again.
    pub seed: u64,
    /// The laws it broke; none, if all is well.
    pub broken: Vec<String>,
    /// What happened, line by line.
    pub history: Vec<String>,
    /// How many runs there were.
    pub runs: usize,
    /// How many looks they took together.
    pub looks: u64,
}

/// From one scheduled run to the next.
const TICK: Duration = Duration::from_mins(1);
/// The longest that a quiet scheduled run may take: until witnesses have agreed, or been given up.
const RUN: Duration = Duration::from_secs(35);

/// Plays a seed's story, with a deliberate bug or without.
///
/// # Panics
/// If there is no runtime to be had.
#[must_use]
pub fn play(seed: u64, fault: Option<Fault>) -> Ending {
    #[allow(
        clippy::expect_used,
        reason = "a runtime without I/O can always be made"
    )]
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        // Timers tick in milliseconds since the runtime was made. A universe that begins on a tick,
        // and in which everything lasts whole milliseconds, repeats to the letter.
        tokio::time::sleep(Duration::from_millis(1)).await;
        Story::new(seed).play(fault).await
    })
}

/// A story while it is being made up.
struct Story {
    seed: u64,
    random: Rng,
    universe: Universe,
    instances: usize,
    invocations: Vec<Invocation>,
    /// When the last thing happened, so far.
    end: Duration,
    /// A story without faults, and without a schedule that would put right what an event's run missed.
    by_events_alone: bool,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let instances = random.usize(2..=4);
        Self {
            universe: Universe::new(instances, random.u64(..)),
            by_events_alone: random.u8(0..5) == 0,
            random,
            seed,
            instances,
            invocations: Vec::new(),
            end: Duration::ZERO,
        }
    }

    async fn play(mut self, fault: Option<Fault>) -> Ending {
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
            fault,
            ..Lambda::default()
        };
        let invocations = std::mem::take(&mut self.invocations);
        let runs = lambda.deliver(&self.universe, invocations).await;
        let mut state = self.universe.now();
        if !state.is_right() {
            let line = format!(
                "the end: the group holds {:?}, the Writer is {}",
                state.registered(),
                state.writer
            );
            state.broken.push(line);
        }
        Ending {
            seed: self.seed,
            broken: std::mem::take(&mut state.broken),
            history: std::mem::take(&mut state.history),
            runs: runs.len(),
            looks: runs
                .iter()
                .map(|run| u64::from(run.report.routes[0].looks))
                .sum(),
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(0..100) < percent
    }

    /// So many seconds, to the millisecond.
    fn seconds(&mut self, from: f64, to: f64) -> Duration {
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
    }

    fn someone_else(&mut self) -> InstanceId {
        // Who the Writer will be by then is not known here; naming the Writer itself is a story too.
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
            self.universe
                .at(flip, |state| state.api = Some(state.writer.clone()));
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
                    state.dns = Some(state.writer.clone());
                });
            }
        }
        let named = if !self.by_events_alone && self.chance(10) {
            self.someone_else()
        } else {
            to.clone()
        };
        self.tell(began, |seconds| started(named.as_str(), seconds));
        if fails {
            if self.chance(50) {
                self.tell(flip, |seconds| went_back(instance(1).as_str(), seconds));
            }
        } else {
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

    /// Has an event delivered: soon, late, twice, never, or inside a batch.
    fn tell(&mut self, happened: Duration, event: impl Fn(f64) -> Value) {
        let payload = event(happened.as_secs_f64());
        let deliveries = if self.by_events_alone {
            1
        } else {
            [0, 1, 1, 1, 1, 2, 3][self.random.usize(0..7)]
        };
        for _ in 0..deliveries {
            let delay = match self.random.u8(0..100) {
                _ if self.by_events_alone => self.seconds(0.3, 3.0),
                0..80 => self.seconds(0.3, 4.0),
                80..95 => self.seconds(4.0, 60.0),
                _ => self.seconds(60.0, 330.0),
            };
            let payload = if self.chance(20) {
                batched(&payload, happened)
            } else {
                payload.clone()
            };
            let crashes = !self.by_events_alone && self.chance(8);
            let crashes_after = crashes.then(|| self.seconds(0.0, 6.0));
            self.invocations.push(Invocation {
                at: happened + delay,
                payload,
                crashes_after,
            });
        }
    }

    fn mischief(&mut self) {
        let end = self.end.as_secs_f64() + 30.0;
        for _ in 0..self.random.u32(0..4) {
            let (from, lasts) = (self.seconds(0.0, end), self.seconds(3.0, 90.0));
            let health =
                [Health::Down, Health::Throttled, Health::Hanging][self.random.usize(0..3)];
            let service: fn(&mut State) -> &mut Health = match self.random.u8(0..4) {
                0 => |state| &mut state.api_health,
                1 => |state| &mut state.dns_health,
                2 => |state| &mut state.elb_health,
                _ => |state| &mut state.write_health,
            };
            self.universe
                .at(from, move |state| *service(state) = health);
            self.universe
                .at(from + lasts, move |state| *service(state) = Health::Up);
        }
        if self.chance(15) {
            let (when, lasts) = (self.seconds(0.0, end), self.seconds(1.0, 40.0));
            self.universe.at(when, |state| state.dns = None);
            self.universe
                .at(when + lasts, |state| state.dns = Some(state.writer.clone()));
        }
        if self.chance(20) {
            let (when, number, host) = (
                self.seconds(0.0, end),
                self.random.usize(1..=self.instances),
                self.random.u8(20..90),
            );
            self.universe.at(when, move |state| {
                state.tell(format!("instance {number} gets another address"));
                state.replace(&instance(number), Ipv4Addr::new(10, 0, 9, host));
            });
        }
        if self.chance(10) {
            let when = self.seconds(0.0, end);
            self.universe.at(when, |state| {
                let (one, two) = (state.addresses[&instance(1)], state.addresses[&instance(2)]);
                state.tell("instances 1 and 2 swap their addresses");
                state.replace(&instance(1), two);
                state.replace(&instance(2), one);
            });
        }
        if self.chance(25) {
            let (when, port) = (
                self.seconds(0.0, end),
                if self.chance(50) { PORT } else { 3307 },
            );
            let number = self.random.usize(1..=self.instances);
            let stranger = self.chance(50);
            self.universe.at(when, move |state| {
                let address = if stranger {
                    Ipv4Addr::new(10, 9, 9, 9)
                } else {
                    state.addresses[&instance(number)]
                };
                let target = Target::new(address, port);
                state.tell(format!("somebody registers {target}"));
                state.group.insert(target, None);
            });
        }
        for _ in 0..self.random.u32(0..3) {
            let when = self.seconds(0.0, end);
            let who = if self.chance(80) {
                self.someone_else().to_string()
            } else {
                "a-stranger".to_owned()
            };
            let forged = match self.random.u8(0..3) {
                0 => started(&who, when.as_secs_f64()),
                1 => completed(&who, when.as_secs_f64()),
                _ => json!({"nonsense": who}),
            };
            self.invocations
                .push(Invocation::new(when + Duration::from_millis(400), forged));
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
            state.api = Some(state.writer.clone());
            state.dns = Some(state.writer.clone());
            state.tell("all is calm");
        });
        if self.by_events_alone {
            return;
        }
        let phase = self.seconds(0.0, TICK.as_secs_f64());
        let ticks = (0u32..)
            .map(|number| phase + TICK * number)
            .take_while(|tick| *tick <= calm + 3 * TICK);
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

/// The event as the second of two records, behind one about a backup.
fn batched(payload: &Value, happened: Duration) -> Value {
    let mut payload = payload.clone();
    if let Some(Value::Array(records)) = payload.get_mut("Records") {
        let backup = record(
            "RDS-EVENT-0001",
            "db-instance",
            "another",
            "Backing up DB instance",
            happened.as_secs_f64(),
        );
        records.insert(0, backup);
    }
    payload
}
