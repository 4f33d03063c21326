//! The strategies, each in a file of its own.

mod all_knowing;
mod once;
mod ours;
mod poll;
mod word;

use std::time::Duration;

use failover_follower::config::OnFailoverStart;
use failover_follower::route::InstanceId;
use failover_follower::world::{CallError, Target, World};
use tokio::time::{Instant, sleep_until};

use super::failover::Failover;
use crate::seat::Seat;
use crate::universe::{PORT, Universe, route};

/// A way to follow the Writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The limit: see `all_knowing.rs`.
    AllKnowing,
    /// This function.
    Ours(OnFailoverStart),
    /// Every event's word, at once.
    Word,
    /// One look-up of the cluster endpoint at each event.
    DnsOnce,
    /// One `DescribeDBClusters` at each event.
    ApiOnce,
    /// A look-up of the cluster endpoint every so often, and no events.
    Poll(Duration),
}

impl Strategy {
    /// All of them, as they stand in the table.
    pub const ALL: [Self; 8] = [
        Self::AllKnowing,
        Self::Ours(OnFailoverStart::Detach),
        Self::Ours(OnFailoverStart::Wait),
        Self::Word,
        Self::ApiOnce,
        Self::DnsOnce,
        Self::Poll(Duration::from_mins(1)),
        Self::Poll(Duration::from_mins(5)),
    ];

    /// Its name, in a table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AllKnowing => "all-knowing (the limit)",
            Self::Ours(OnFailoverStart::Detach) => "ours, detach",
            Self::Ours(OnFailoverStart::Wait) => "ours, wait",
            Self::Word => "the event's word",
            Self::ApiOnce => "the API, once at each event",
            Self::DnsOnce => "DNS, once at each event",
            Self::Poll(every) if every > Duration::from_mins(1) => "DNS, every five minutes",
            Self::Poll(_) => "DNS, every minute",
        }
    }

    pub(super) async fn follow(self, failover: &Failover, universe: &Universe) {
        match self {
            Self::AllKnowing => all_knowing::follow(failover, universe).await,
            Self::Ours(on_start) => ours::follow(failover, universe, on_start).await,
            Self::Word => word::follow(failover, universe).await,
            Self::ApiOnce => once::ask_the_api(failover, universe).await,
            Self::DnsOnce => once::ask_dns(failover, universe).await,
            Self::Poll(every) => poll::follow(failover, universe, every).await,
        }
    }
}

/// Waits for a moment of the universe.
async fn wait_until(universe: &Universe, when: Duration) {
    sleep_until((universe.started() + when).max(Instant::now())).await;
}

/// Where an instance is, as its own endpoint says.
async fn target_of(seat: &Seat, instance: &InstanceId) -> Result<Target, CallError> {
    let name = format!("{instance}.xyz.ap-northeast-1.rds.amazonaws.com");
    first_address(seat, &name).await
}

/// Where the cluster endpoint leads.
async fn target_of_cluster(seat: &Seat) -> Result<Target, CallError> {
    let name = "aurora-source.cluster-xyz.ap-northeast-1.rds.amazonaws.com";
    first_address(seat, name).await
}

async fn first_address(seat: &Seat, name: &str) -> Result<Target, CallError> {
    let answer = seat.resolve(name).await?;
    let address = answer.addresses.first().ok_or_else(|| {
        let cause = failover_follower::world::Cause::NotFound;
        CallError::new("dns", cause, "no address")
    })?;
    Ok(Target::new(*address, PORT))
}

/// Has the group hold this target and no other: those who leave first.
async fn switch(seat: &Seat, to: &Target) -> Result<(), CallError> {
    let group = route().group;
    let held = seat.targets(&group).await?;
    let registered = held.into_iter().filter(|one| !one.draining);
    let (stays, leave): (Vec<Target>, Vec<Target>) =
        registered.map(|one| one.target).partition(|one| one == to);
    if !leave.is_empty() {
        let leave = leave.into_iter().collect();
        seat.deregister(&group, &leave).await?;
    }
    if stays.is_empty() {
        seat.register(&group, to).await?;
    }
    Ok(())
}
