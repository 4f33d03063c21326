//! The cluster's event log, as `rds:DescribeEvents` shows it: late, at times incomplete, at times
//! denied.

use std::time::Duration;

use chrono::{DateTime, Utc};
use failover_follower::world::LogEntry;
use tokio::time::Instant;

use crate::statement::{Says, Statement};

/// How far back a read goes, as the function's does.
const REACH: Duration = Duration::from_mins(10);

/// An entry, and from when on a read shows it.
#[derive(Clone, Debug)]
struct Entry {
    happened: Instant,
    time: DateTime<Utc>,
    message: String,
    visible: Instant,
}

/// The event log.
#[derive(Debug)]
pub struct EventLog {
    /// The function's role lacks the permission.
    pub denied: bool,
    /// One read in so many fails; 0 is none.
    pub fails_one_in: u32,
    /// The randomness of the reads: one of their own, so that a log changes nothing else in a
    /// story.
    pub random: fastrand::Rng,
    entries: Vec<Entry>,
}

impl EventLog {
    /// An empty log.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            denied: false,
            fails_one_in: 0,
            random: fastrand::Rng::with_seed(seed ^ 0x1065),
            entries: Vec::new(),
        }
    }

    /// Writes an entry that reads show from `visible` on.
    pub(crate) fn write(
        &mut self,
        (happened, time): (Instant, DateTime<Utc>),
        message: String,
        visible: Instant,
    ) {
        self.entries.push(Entry {
            happened,
            time,
            message,
            visible,
        });
    }

    /// What a read shows at that moment.
    #[must_use]
    pub fn read(&self, at: Instant) -> Vec<LogEntry> {
        let shown = self.shown(at).map(|entry| LogEntry {
            time: entry.time,
            message: entry.message.clone(),
        });
        shown.collect()
    }

    /// The statements that a read shows at that moment.
    pub(crate) fn statements(&self, at: Instant) -> impl Iterator<Item = Statement> {
        self.shown(at).filter_map(|entry| {
            let says = Says::read(&entry.message)?;
            let time = entry.time;
            Some(Statement { time, says })
        })
    }

    fn shown(&self, at: Instant) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.visible <= at && entry.happened + REACH >= at)
    }
}
