//! How a cell ended.

use std::fmt;

/// What became of the replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It replicates again, without a hand laid on it, and every acknowledged row is there once.
    Recovered,
    /// It stopped, with this number in its status, and tries no more: a person has to start it.
    Stopped(u32),
    /// It still looks for its source.
    Searching,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recovered => f.pad("recovered"),
            Self::Stopped(errno) => f.pad(&format!("STOPPED ({errno})")),
            Self::Searching => f.pad("not recovered"),
        }
    }
}

/// How a cell ended; times are seconds of the scenario.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// What became of the replica.
    pub fate: Fate,
    /// By how much the replica was behind at worst: the age of the oldest row it did not have.
    pub behind: f64,
    /// The longest it was without its source.
    pub without_source: f64,
    /// The most tries in vain that one loss of the source took; MariaDB does not count them.
    pub tries: u32,
    /// How often it had stopped on the way.
    pub stops: u32,
    /// Rows the source acknowledged.
    pub acknowledged: usize,
    /// Acknowledged rows that the source itself no longer has: none, or the drill is wrong.
    pub lost_by_source: usize,
    /// Acknowledged rows that are not on the replica at the end.
    pub missing: usize,
    /// Rows that are on the replica more than once.
    pub twice: usize,
    /// For how long the path led to a server that was up and not the Writer.
    pub exposed: f64,
    /// By how much the machine was late with what the scenario wanted, at worst.
    pub late: f64,
}
