//! Why a run runs: an invocation's payload, read into [`Trigger`]s.
//!
//! ```text
//! SNS records ─┐
//! EventBridge ─┼─► RdsEvent ─► Trigger { kind, event, age }
//! schedule    ─┤
//! {} by hand  ─┘
//! ```
//!
//! Nothing here can fail. What cannot be understood becomes [`Kind::Unrecognized`], with the
//! reason, and means "look now" like everything else: a change in AWS's wording never disables the
//! function.

mod binlog;
mod payload;
mod rds_event;
mod signal;

use std::time::Duration;

use chrono::{DateTime, Utc};

pub use binlog::BinlogCoordinates;
pub use payload::read;
pub use rds_event::{Place, RdsEvent, Source};
pub use signal::Signal;

use crate::route::Route;
use crate::statement::Statement;

/// How old an event may be for a run to watch because of it: RDS events have been seen up to about
/// five minutes late (Aurora User Guide, working with events).
pub const FRESH: Duration = Duration::from_mins(5);

/// What kind of reason a run has.
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
    /// The schedule.
    Schedule,
    /// A person, or anything else that sends `{}`.
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
    /// How old the event was when the run began: nothing, where its time is yet to come. `None`
    /// where neither the event nor its envelope states a time.
    pub age: Option<Duration>,
    /// Why a payload was not understood.
    pub why: Option<String>,
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
        let age = |time: DateTime<Utc>| (now - time).to_std().unwrap_or_default();
        Self {
            kind: match event.signal {
                Signal::Moving => Kind::Moving,
                Signal::Moved => Kind::Moved,
                Signal::Recheck => Kind::Recheck,
                Signal::Nothing => Kind::None,
            },
            age: event.time.map(age),
            event: Some(event),
            why: None,
        }
    }

    /// Whether this is a reason to look at `route`. An event of another account or Region is none,
    /// nor is one about something else; a cluster's event is one for the routes of that cluster,
    /// and everything else is one for every route.
    #[must_use]
    pub fn concerns(&self, route: &Route) -> bool {
        let event = self.event.as_ref();
        let place = event.and_then(|event| event.place.as_ref());
        let cluster = event.and_then(|event| match &event.source {
            Source::Cluster(cluster) => Some(cluster),
            Source::Instance(_) | Source::Other => None,
        });
        self.kind != Kind::None
            && place.is_none_or(|place| place.is_of(&route.group))
            && cluster.is_none_or(|cluster| Some(cluster) == route.source.cluster())
    }

    /// Whether it is an event that just happened.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.age.is_some_and(|age| age <= FRESH)
    }

    /// What it states about the Writer, as of its own time; `now` is when the run began.
    #[must_use]
    pub fn statement(&self, now: DateTime<Utc>) -> Option<Statement> {
        let event = self.event.as_ref()?;
        Some(Statement {
            at: event.time?.min(now),
            said: event.said.clone()?,
        })
    }
}
