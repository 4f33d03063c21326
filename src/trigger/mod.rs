//! Why a run runs: an invocation's payload, read into [`Trigger`]s.
//!
//! ```text
//! SNS records ─┐
//! EventBridge ─┼─► RdsEvent ─► Trigger { kind, event, age }
//! schedule    ─┤
//! {} by hand  ─┘
//! ```
//!
//! Nothing here can fail. What cannot be understood becomes [`Kind::Unrecognized`], with the reason,
//! and means "look now" like everything else: a change in AWS's wording never disables the function.

mod payload;
mod rds_event;
mod signal;

use std::time::Duration;

use chrono::{DateTime, Utc};

pub use payload::read;
pub use rds_event::RdsEvent;
pub use signal::Signal;

use crate::route::{InstanceId, Route};

/// An event this old no longer speaks for the Writer of now: RDS events have been seen up to about
/// five minutes late.
pub const FRESH: Duration = Duration::from_mins(5);

/// How long the announcement of a failover stands without the failover: "Completed" has been seen
/// up to 38 s after "Started".
pub const ANNOUNCED: Duration = Duration::from_mins(1);

/// How far in the future an event's time may lie: two clocks. Further, and the time is not believed.
const CLOCK_SKEW: Duration = Duration::from_mins(1);

/// What kind of thing woke the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An event: the Writer is about to move.
    Moving,
    /// An event: the Writer has moved.
    Moved,
    /// An event after which the Writer may be elsewhere.
    Recheck,
    /// An event about something else.
    None,
    /// The clock.
    Schedule,
    /// A person: `{}`.
    Manual,
    /// A payload that could not be understood.
    Unrecognized,
}

/// One reason to look now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// What kind of reason.
    pub kind: Kind,
    /// The event, where there is one.
    pub event: Option<RdsEvent>,
    /// How old the event was when the run began; `None` where it doesn't say, or claims a time to come.
    pub age: Option<Duration>,
    /// Why a payload was not understood.
    pub why: Option<String>,
}

/// What an event says of the Writer's whereabouts. Never more than a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The instance it names.
    pub instance: InstanceId,
    /// Whether it tells of a Writer to be (a failover that started) or of one that is.
    pub promise: bool,
    /// How old it was when the run began.
    pub age: Duration,
}

/// What a hint is worth at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// A failover to this instance started less than [`ANNOUNCED`] ago.
    Announced(InstanceId),
    /// This instance is the Writer, says an event less than [`FRESH`] ago.
    Told(InstanceId),
}

impl Word {
    /// The instance it names.
    #[must_use]
    pub fn instance(&self) -> &InstanceId {
        let (Self::Announced(instance) | Self::Told(instance)) = self;
        instance
    }
}

impl Hint {
    /// What the hint is worth `later` than the run began; `None` once it is no longer fresh.
    #[must_use]
    pub fn word(&self, later: Duration) -> Option<Word> {
        let age = self.age + later;
        if self.promise && age <= ANNOUNCED {
            Some(Word::Announced(self.instance.clone()))
        } else {
            (age <= FRESH).then(|| Word::Told(self.instance.clone()))
        }
    }
}

impl Trigger {
    fn bare(kind: Kind) -> Self {
        Self {
            kind,
            event: None,
            age: None,
            why: None,
        }
    }

    fn unrecognized(why: String) -> Self {
        Self {
            why: Some(why),
            ..Self::bare(Kind::Unrecognized)
        }
    }

    fn from_event(event: RdsEvent, now: DateTime<Utc>) -> Self {
        Self {
            kind: match event.signal {
                Signal::Moving => Kind::Moving,
                Signal::Moved => Kind::Moved,
                Signal::Recheck => Kind::Recheck,
                Signal::Nothing => Kind::None,
            },
            age: event.time.and_then(|time| age(time, now)),
            event: Some(event),
            why: None,
        }
    }

    /// Whether this is a reason to look at `route`. A cluster's event wakes the route of that
    /// cluster, an event about something else wakes none, and everything else wakes every route.
    #[must_use]
    pub fn wakes(&self, route: &Route) -> bool {
        let cluster = self.event.as_ref().and_then(|event| event.cluster.as_ref());
        self.kind != Kind::None && cluster.is_none_or(|cluster| *cluster == route.cluster)
    }

    /// Whether it is an event that just happened.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.age.is_some_and(|age| age <= FRESH)
    }

    /// The hint it carries; an event without a believable time carries none.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        Some(Hint {
            instance: self.event.as_ref()?.names.clone()?,
            promise: self.kind == Kind::Moving,
            age: self.age.filter(|_| self.is_fresh())?,
        })
    }
}

fn age(time: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
    let age = now.signed_duration_since(time);
    match age.to_std() {
        Ok(age) => Some(age),
        Err(_) => (age.abs().to_std().ok()? <= CLOCK_SKEW).then_some(Duration::ZERO),
    }
}
