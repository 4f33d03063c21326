//! What is told of what happened: the event log's entries, and the events that are delivered.

use std::time::Duration;

use serde_json::Value;

use super::story::Story;
use crate::Invocation;
use crate::payload::record;
use crate::statement::cluster_messages;

impl Story {
    /// Has an event logged, and delivered: soon, late, twice, never, or inside a batch.
    pub(super) fn tell(&mut self, happened: Duration, event: impl Fn(f64) -> Value) {
        let payload = event(happened.as_secs_f64());
        for (_, message) in cluster_messages(&payload) {
            let line = format!("RDS says: {message}");
            self.universe.at(happened, move |state| state.tell(line));
            if let Some(lag) = self.climate.log_lag(&mut self.climate_random) {
                self.universe.log(happened, message, lag);
            }
        }
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
