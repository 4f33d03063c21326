//! The worlds that a story can be played in: how honest its events are, how late the API and the
//! event log.

use std::time::Duration;

use fastrand::Rng;

/// A world to play stories in. All have the same failovers, outages, late and lost events, crashes,
/// changed addresses, foreign targets and CNAME flaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Climate {
    /// Events are honest, the API shows a flip within a second and the log an event within five.
    Kind,
    /// The same, without the permission to read the log.
    Unlogged,
    /// Some events are forged, some announcements name another than is promoted, the API is up to
    /// 30 s late, and the log up to a minute; entries are missing, and for some stories it is
    /// denied.
    Hostile,
}

impl Climate {
    /// All of them, as they stand in the table.
    pub const ALL: [Self; 3] = [Self::Kind, Self::Unlogged, Self::Hostile];

    /// Its name, for a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Unlogged => "unlogged",
            Self::Hostile => "hostile",
        }
    }

    /// Whether events say what is true, and nobody forges any.
    pub(super) fn is_honest(self) -> bool {
        self != Self::Hostile
    }

    /// How late the API shows a flip, if not as late as was drawn for the hostile world.
    pub(super) fn api_lag(self, random: &mut Rng) -> Option<Duration> {
        let lag = Duration::from_millis(random.u64(0..=1000));
        self.is_honest().then_some(lag)
    }

    /// Whether the log can't be read in a whole story.
    pub(super) fn denies_log(self, random: &mut Rng) -> bool {
        match self {
            Self::Kind => false,
            Self::Unlogged => true,
            Self::Hostile => random.u8(0..10) == 0,
        }
    }

    /// How late the log shows an event; `None` where it never does.
    pub(super) fn log_lag(self, random: &mut Rng) -> Option<Duration> {
        let soon = Duration::from_millis(random.u64(1_000..=5_000));
        let late = Duration::from_millis(random.u64(5_000..=60_000));
        let roll = random.u8(0..10);
        match (self, roll) {
            (Self::Hostile, 0) => None,
            (Self::Hostile, 1..4) => Some(late),
            _ => Some(soon),
        }
    }
}
