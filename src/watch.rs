//! How long a run looks: a pure function of its triggers, and of the cluster's members.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::route::{InstanceId, Route};
use crate::statement::Statement;
use crate::trigger::{Kind, Source, Trigger};
use crate::world::Topology;

/// How long a fresh event keeps a run looking that announces nothing. The cluster's CNAME usually
/// follows 15 to 20 s after the Writer, and the next scheduled run comes within the minute.
const A_WHILE: Duration = Duration::from_secs(30);

/// How long a run looks on that could not verify the group, whatever started it: longer than any
/// evidence takes to count. The longest, by `decide.rs`: no Writer listed, the API alone, an
/// emptied group without a log, each a minute.
pub const UNVERIFIED: Duration = Duration::from_secs(75);

/// Why a run looks at a route, its triggers combined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct WatchPolicy {
    watches: Vec<Watch>,
    /// What the triggers state about the Writer.
    pub statements: Vec<Statement>,
    /// Age of the oldest fresh event, for "seconds to follow"; `None` for a run without one.
    pub event_age: Option<Duration>,
}

/// How long one trigger has a run look though all is well.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Watch {
    /// The instance that the event is about, if it is about one.
    instance: Option<InstanceId>,
    minimum: Duration,
}

impl WatchPolicy {
    /// Combines the triggers that concern `route`; `None` where none does. `longest` is
    /// `WATCH_SECONDS`, and `now` when the run began.
    #[must_use]
    pub fn of(
        triggers: &[Trigger],
        route: &Route,
        longest: Duration,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let concerning = || triggers.iter().filter(|trigger| trigger.concerns(route));
        concerning().next()?;
        let fresh = concerning().filter(|trigger| trigger.is_fresh());
        Some(Self {
            watches: concerning()
                .filter_map(|trigger| watch(trigger, route, longest))
                .collect(),
            statements: concerning()
                .filter_map(|trigger| trigger.statement(now))
                .collect(),
            event_age: fresh.filter_map(|trigger| trigger.age).max(),
        })
    }

    /// How long to look though all is well. An instance's event counts if it is a member's, or if
    /// no list of members is known; else it is one look.
    #[must_use]
    pub fn minimum(&self, topology: Option<&Topology>) -> Duration {
        let counts = |watch: &&Watch| {
            let instance = watch.instance.as_ref();
            instance.is_none_or(|instance| topology.is_none_or(|known| known.may_have(instance)))
        };
        let watches = self.watches.iter().filter(counts);
        watches.map(|watch| watch.minimum).max().unwrap_or_default()
    }
}

fn watch(trigger: &Trigger, route: &Route, longest: Duration) -> Option<Watch> {
    let minimum = match trigger.kind {
        Kind::Moving => longest,
        // An instance has moved before DNS shows it: "DNS propagation may take a few minutes".
        Kind::Moved if route.source.instance().is_some() => longest,
        Kind::Moved | Kind::Recheck => A_WHILE.min(longest),
        Kind::None | Kind::Schedule | Kind::Manual | Kind::Unrecognized => return None,
    };
    let instance = match trigger.event.as_ref().map(|event| &event.source) {
        Some(Source::Instance(instance)) => Some(instance.clone()),
        _ => None,
    };
    trigger.is_fresh().then_some(Watch { instance, minimum })
}
