//! How long a run looks: a pure function of its triggers.

use std::time::Duration;

use crate::route::Route;
use crate::trigger::{Hint, Kind, Trigger};

/// "For a while": how long a fresh event keeps a run looking that does not announce anything, and
/// how long any run waits for witnesses that disagree. The cluster's CNAME usually follows 15 to
/// 20 s after the Writer, and the next scheduled run comes within the minute.
const A_WHILE: Duration = Duration::from_secs(30);

/// Why a run looks at a route, its triggers put together: the longest watch, the freshest hint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wake {
    /// The freshest hint.
    pub hint: Option<Hint>,
    /// How long to look on though all is well; zero for a run that no fresh event woke.
    pub expect: Duration,
    /// How long to wait for witnesses that disagree or are silent.
    pub patience: Duration,
    /// Age of the oldest event, for "seconds to follow"; `None` for a run that no event woke.
    pub since: Option<Duration>,
    /// Whether a person asked for it.
    pub by_hand: bool,
}

impl Wake {
    /// Puts together the triggers that wake `route`; `None` where none does.
    #[must_use]
    pub fn of(triggers: &[Trigger], route: &Route, longest_watch: Duration) -> Option<Self> {
        let waking = || triggers.iter().filter(|trigger| trigger.wakes(route));
        waking().next()?;
        let expect = waking()
            .map(|trigger| expect(trigger, longest_watch))
            .max()
            .unwrap_or_default();
        Some(Self {
            hint: waking()
                .filter_map(Trigger::hint)
                .min_by_key(|hint| hint.age),
            expect,
            patience: expect.max(A_WHILE.min(longest_watch)),
            since: waking().filter_map(|trigger| trigger.age).max(),
            by_hand: waking().any(|trigger| trigger.kind == Kind::Manual),
        })
    }
}

fn expect(trigger: &Trigger, longest_watch: Duration) -> Duration {
    match trigger.kind {
        Kind::Moving if trigger.is_fresh() => longest_watch,
        Kind::Moved | Kind::Recheck if trigger.is_fresh() => A_WHILE.min(longest_watch),
        _ => Duration::ZERO,
    }
}
