//! Who was the Writer when.

use failover_follower::route::InstanceId;
use tokio::time::Instant;

/// Every Writer, and since when it was.
#[derive(Clone, Debug)]
pub(crate) struct Reigns(Vec<(Instant, InstanceId)>);

impl Reigns {
    pub(crate) fn new(writer: InstanceId, since: Instant) -> Self {
        Self(vec![(since, writer)])
    }

    /// An instance becomes the Writer, unless it is.
    pub(crate) fn begin(&mut self, writer: InstanceId, at: Instant) {
        if self.0.last().is_none_or(|(_, before)| *before != writer) {
            self.0.push((at, writer));
        }
    }

    /// When an instance last became the Writer.
    pub(crate) fn promoted(&self, instance: &InstanceId) -> Option<Instant> {
        let last = self.0.iter().rfind(|(_, writer)| writer == instance);
        last.map(|(since, _)| *since)
    }

    /// When an instance last was the Writer no longer.
    pub(crate) fn demoted(&self, instance: &InstanceId) -> Option<Instant> {
        let mut ends = self.0.windows(2).rev();
        let last = ends.find(|pair| pair[0].1 == *instance);
        last.map(|pair| pair[1].0)
    }
}
