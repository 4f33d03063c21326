//! Lambda, simulated: invocations side by side, retries of what failed, crashes, the schedule.

use std::time::Duration;

use chrono::{DateTime, Utc};
use failover_follower::config::{Config, LevelFilter, Settings};
use failover_follower::endpoints::Endpoints;
use failover_follower::handler::Follower;
use failover_follower::report::{Report, RouteReport};
use failover_follower::route::{GroupHolds, Route};
use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};

use crate::fault::Fault;
use crate::members::USER;
use crate::payload::{dated, wall_clock};
use crate::seat::Seat;
use crate::statement::as_if_completed;
use crate::universe::Universe;

/// One delivery of a payload to the function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// When, since the universe began.
    pub at: Duration,
    /// What.
    pub payload: Value,
    /// How long the first try lives before it crashes, if it does.
    pub crashes_after: Option<Duration>,
}

/// One try of an invocation that came to its end.
#[derive(Debug)]
pub struct Run {
    /// When it began, since the universe did.
    pub began: Duration,
    /// When it ended.
    pub ended: Duration,
    /// What it reported.
    pub report: Report,
}

/// Lambda, configured.
#[derive(Clone, Copy, Debug)]
pub struct Lambda {
    /// The function's settings.
    pub settings: Settings,
    /// The function's timeout.
    pub timeout: Duration,
    /// Whether what failed is tried again, after one minute and after two more.
    pub retries: bool,
    /// What the group holds.
    pub holds: GroupHolds,
    /// A deliberate bug.
    pub fault: Option<Fault>,
}

impl Default for Lambda {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            timeout: Duration::from_mins(3),
            retries: true,
            holds: GroupHolds::Writer,
            fault: None,
        }
    }
}

impl Invocation {
    /// A delivery that doesn't crash.
    #[must_use]
    pub fn new(at: Duration, payload: Value) -> Self {
        Self {
            at,
            payload,
            crashes_after: None,
        }
    }
}

impl Lambda {
    /// Delivers everything when it is due, side by side, and waits until all of it has ended.
    pub async fn deliver(&self, universe: &Universe, invocations: Vec<Invocation>) -> Vec<Run> {
        let deliveries =
            invocations
                .into_iter()
                .enumerate()
                .map(|(number, invocation)| async move {
                    sleep_until(universe.started() + invocation.at).await;
                    let mut runs = Vec::new();
                    let mut crashes_after = invocation.crashes_after;
                    for (attempt, pause) in [(1, 60), (2, 120), (3, 0)] {
                        let name = format!("{}.{attempt}", number + 1);
                        match self
                            .invoke(universe, &name, &invocation.payload, crashes_after.take())
                            .await
                        {
                            Some(run) => {
                                let failed = run.report.failed().next().is_some();
                                runs.push(run);
                                if !failed {
                                    break;
                                }
                            }
                            None => universe.now().tell(format!("[{name}] crashes")),
                        }
                        if !self.retries {
                            break;
                        }
                        tokio::time::sleep(Duration::from_secs(pause)).await;
                    }
                    runs
                });
        let mut runs: Vec<Run> = join_all(deliveries).await.into_iter().flatten().collect();
        runs.sort_by_key(|run| run.ended);
        runs
    }

    /// One try; `None` where it crashed.
    async fn invoke(
        &self,
        universe: &Universe,
        name: &str,
        payload: &Value,
        crashes: Option<Duration>,
    ) -> Option<Run> {
        let now: DateTime<Utc> = wall_clock(universe.started());
        let payload = self.misread(payload, now);
        let seat = Seat::new(universe, name).with(&payload, self.fault);
        seat.begin(now);
        let blinded = seat.blinded();
        let began = universe.started().elapsed();
        let its_route = Route {
            holds: self.holds,
            replication_user: Some(USER.to_owned()),
            ..universe.route()
        };
        let config = Config {
            routes: vec![its_route],
            settings: self.settings,
            dns_server: None,
            endpoints: Endpoints::default(),
            log_level: LevelFilter::OFF,
        };
        let deadline = Instant::now() + self.timeout.saturating_sub(Duration::from_millis(1500));
        let follower = Follower::new(config, seat);
        let handling = follower.handle(&payload, now, deadline);
        let report = tokio::select! {
            report = timeout(crashes.unwrap_or(self.timeout), handling) => report.ok()?,
            () = blinded.notified() => Report { triggers: Vec::new(), routes: vec![RouteReport::ignored(&universe.route())] },
        };
        let ended = universe.started().elapsed();
        follower.world().end(&report.routes[0]);
        Some(Run {
            began,
            ended,
            report,
        })
    }

    /// The payload as a function with a deliberate bug reads it.
    fn misread(&self, payload: &Value, now: DateTime<Utc>) -> Value {
        let mut payload = payload.clone();
        let Some(Value::Array(records)) = payload.get_mut("Records") else {
            return payload;
        };
        match self.fault {
            Some(Fault::FirstRecordOnly) => records.truncate(1),
            Some(Fault::StartedIsCompleted) => {
                rewrite(records, |text| {
                    as_if_completed(&text.replace("RDS-EVENT-0073", "RDS-EVENT-0071"))
                });
            }
            Some(Fault::Undated) => rewrite(records, |text| dated(text, now)),
            _ => {}
        }
        payload
    }
}

/// Rewrites the message of each SNS record.
fn rewrite(records: &mut [Value], with: impl Fn(&str) -> String) {
    for record in records {
        if let Some(Value::String(message)) = record.pointer_mut("/Sns/Message") {
            *message = with(message);
        }
    }
}
