//! How old what a source shows is: of which moment of the truth it speaks.

use failover_follower::route::InstanceId;
use tokio::time::Instant;

/// What the API or the CNAME was last seen to show, and of which moment that speaks.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    shown: Option<InstanceId>,
    /// The moment of the truth of which it speaks.
    pub(crate) of: Instant,
    /// The last flip that it has shown.
    flip: Instant,
    /// What the history says that it shows.
    told: Option<InstanceId>,
}

impl Witness {
    pub(crate) fn new(shown: InstanceId, of: Instant) -> Self {
        Self {
            told: Some(shown.clone()),
            shown: Some(shown),
            of,
            flip: of,
        }
    }

    /// Takes in what it shows now, and returns whether that is news. Another instance than before
    /// speaks of now, no instance speaks of nothing.
    pub(crate) fn notice(&mut self, shows: Option<&InstanceId>, now: Instant) -> bool {
        if shows.is_some() && shows != self.shown.as_ref() {
            self.shown = shows.cloned();
            self.of = now;
        }
        let is_news = shows != self.told.as_ref();
        self.told = shows.cloned();
        is_news
    }

    /// Shows what was true at a flip, unless a later one has overtaken it.
    pub(crate) fn show(
        &mut self,
        showing: &mut Option<InstanceId>,
        writer: InstanceId,
        flip: Instant,
    ) {
        if flip >= self.flip {
            *showing = Some(writer.clone());
            self.shown = Some(writer);
            self.of = flip;
            self.flip = flip;
        }
    }
}
