//! A scenario's time, run through faster than it would pass.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// By how much a scenario's times are shortened: all of them by one factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale(u32);

impl Scale {
    /// `factor` seconds of a scenario in one second; nought counts as one.
    #[must_use]
    pub fn new(factor: u32) -> Self {
        Self(factor.max(1))
    }

    /// How many seconds of a scenario pass in one second.
    #[must_use]
    pub fn factor(self) -> u32 {
        self.0
    }

    /// So many seconds of a scenario as they pass here.
    pub(crate) fn wall(self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds.max(0.0)) / self.0
    }

    /// The age to write into an event so that it stops being believed when it should.
    ///
    /// The function believes the announcement of a failover for 60 s, and any event for 300 s, by
    /// the clock on the wall. An event is made older, so that what is left of either passes as
    /// quickly as everything else.
    pub(crate) fn event_age(self, seconds: f64) -> Duration {
        let limit = [60.0, 300.0].into_iter().find(|limit| seconds < *limit);
        let seconds = limit.map_or(seconds, |limit| {
            limit - (limit - seconds) / f64::from(self.0)
        });
        Duration::from_secs_f64(seconds.max(0.0))
    }
}

/// Scenario time: seconds since the event that starts it happened; negative before.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    zero: Arc<OnceLock<Instant>>,
    scale: Scale,
}

impl Clock {
    /// A clock that is yet to be started, and shows the moment before all others until then.
    pub(crate) fn new(scale: Scale) -> Self {
        Self {
            zero: Arc::default(),
            scale,
        }
    }

    /// Has it show `-lead` now. Once.
    pub(crate) fn start(&self, lead: f64) {
        let _ = self.zero.set(Instant::now() + self.scale.wall(lead));
    }

    pub(crate) fn scale(&self) -> Scale {
        self.scale
    }

    pub(crate) fn now(&self) -> f64 {
        let Some(zero) = self.zero.get() else {
            return f64::NEG_INFINITY;
        };
        let now = Instant::now();
        let since = now.saturating_duration_since(*zero).as_secs_f64()
            - zero.saturating_duration_since(now).as_secs_f64();
        since * f64::from(self.scale.0)
    }

    /// Waits until the clock shows `seconds`.
    pub(crate) async fn until(&self, seconds: f64) {
        self.pass(seconds - self.now()).await;
    }

    /// Lets so many seconds pass.
    pub(crate) async fn pass(&self, seconds: f64) {
        tokio::time::sleep(self.scale.wall(seconds)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_believed_for_as_long_as_the_scenario_says() {
        let scale = Scale::new(5);
        for (age, dated) in [
            (0.0, 48.0),
            (55.0, 59.0),
            (60.0, 252.0),
            (290.0, 298.0),
            (400.0, 400.0),
        ] {
            assert_eq!(scale.event_age(age), Duration::from_secs_f64(dated));
        }
        assert_eq!(Scale::new(1).event_age(12.0), Duration::from_secs(12));
    }
}
