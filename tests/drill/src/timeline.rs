//! What happened when, for the printout and the picture.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;

/// What an entry of the timeline is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A server is killed.
    Killed,
    /// A server has opened the volume: the Writer.
    Promoted,
    /// A server is up as a reader.
    Reader,
    /// The API names another Writer.
    Api,
    /// The cluster's CNAME names another instance, or an instance has another address.
    Dns,
    /// An event reaches what follows the Writer.
    Event,
    /// A target leaves the group, as the API shows it.
    Detach,
    /// A target enters the group, as the API shows it.
    Attach,
    /// What the load balancer really sends traffic to.
    Path,
    /// The replica's connection is cut, and nothing else happens.
    Cut,
    /// The replica lost its source, or is looking for it.
    Lost,
    /// The replica tried to connect again, in vain.
    Try,
    /// The replica has its source again.
    Reconnect,
    /// The replica stopped and will not try again.
    Stopped,
    /// TPC-H data is loaded, or compared.
    Data,
    /// What a run of the function, or another strategy, reported.
    Report,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When, in seconds of the scenario.
    pub at: f64,
    /// What kind of thing.
    pub topic: Topic,
    /// What.
    pub what: String,
}

/// How far source and replica were at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When, in seconds of the scenario.
    pub at: f64,
    /// Rows the source had acknowledged.
    pub committed: usize,
    /// Rows the replica had.
    pub replicated: usize,
}

#[derive(Debug, Default)]
struct Written {
    entries: Vec<Entry>,
    samples: Vec<Sample>,
}

/// A cell's log, shared by all its parts.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    clock: Clock,
    written: Arc<Mutex<Written>>,
    aloud: bool,
}

impl Timeline {
    /// An empty timeline; one that is `aloud` prints its entries as they come.
    pub(crate) fn new(clock: Clock, aloud: bool) -> Self {
        Self {
            clock,
            written: Arc::default(),
            aloud,
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn note(&self, topic: Topic, what: impl Into<String>) {
        let entry = Entry {
            at: self.clock.now(),
            topic,
            what: what.into(),
        };
        if self.aloud {
            say(&entry);
        }
        self.written().entries.push(entry);
    }

    pub(crate) fn sample(&self, committed: usize, replicated: usize) {
        let at = self.clock.now();
        self.written().samples.push(Sample {
            at,
            committed,
            replicated,
        });
    }

    /// All entries and samples so far.
    pub(crate) fn take(&self) -> (Vec<Entry>, Vec<Sample>) {
        let mut written = self.written();
        (
            std::mem::take(&mut written.entries),
            std::mem::take(&mut written.samples),
        )
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn say(entry: &Entry) {
    let who = match entry.topic {
        Topic::Killed | Topic::Promoted | Topic::Reader => "instance",
        Topic::Api | Topic::Dns => "cluster",
        Topic::Event => "event",
        Topic::Detach | Topic::Attach => "group",
        Topic::Path | Topic::Cut => "path",
        Topic::Lost | Topic::Try | Topic::Reconnect | Topic::Stopped => "replica",
        Topic::Data => "data",
        Topic::Report => "follower",
    };
    println!("{:>8.1} s  {who:<9} {}", entry.at, entry.what);
}
