//! Deliberate bugs, to show that the judge can find one.

use chrono::{DateTime, Utc};
use failover_follower::world::LogEntry;

use crate::statement::as_if_completed;

/// A deliberate bug. Each turns what the real function sees or does at the seam into what a
/// function with that bug would see or do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Registers first and deregisters after.
    RegisterFirst,
    /// Takes the payload's statement for the truth.
    TrustStatement,
    /// Takes "Started failover to" for "Completed failover to".
    StartedIsCompleted,
    /// Takes every statement for one of this moment.
    Undated,
    /// Is content with the API's answer.
    TrustApi,
    /// Is content with the CNAME.
    TrustCname,
    /// Reads nothing in the event log.
    IgnoreLog,
    /// Takes draining targets for registered ones.
    CountDraining,
    /// Empties the group when the API is silent.
    EmptyOnSilence,
    /// Takes an address for a target, whatever the port.
    IgnorePort,
    /// Never looks again after a write.
    NoSecondLook,
    /// Takes the guard for seen wherever it looks.
    TrustParameters,
    /// Reads the first record of an event and no other.
    FirstRecordOnly,
}

impl Fault {
    /// All of them that a group which holds the Writer alone can show.
    pub const ALL: [Self; 12] = [
        Self::RegisterFirst,
        Self::TrustStatement,
        Self::StartedIsCompleted,
        Self::Undated,
        Self::TrustApi,
        Self::TrustCname,
        Self::IgnoreLog,
        Self::CountDraining,
        Self::EmptyOnSilence,
        Self::IgnorePort,
        Self::NoSecondLook,
        Self::FirstRecordOnly,
    ];

    /// The entries of the event log as a function with this bug reads them.
    pub(crate) fn misreads(self, mut entries: Vec<LogEntry>, now: DateTime<Utc>) -> Vec<LogEntry> {
        match self {
            Self::IgnoreLog => entries.clear(),
            Self::Undated => entries.iter_mut().for_each(|entry| entry.time = now),
            Self::StartedIsCompleted => {
                for entry in &mut entries {
                    entry.message = as_if_completed(&entry.message);
                }
            }
            _ => {}
        }
        entries
    }
}
