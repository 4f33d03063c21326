//! What follows the Writer: the function, or another way that is in use.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::Result;
use local_cloud::{Answer, Cloud, PORT};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::ours::Ours;
use crate::scenario::News;
use crate::source::Instance;
use crate::timeline::{Timeline, Topic};

/// A way to keep a target group on the Writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Trusts every event that names an instance, the start of a failover too, and swaps at once
    /// to its address in a fixed table.
    SwapFromTable,
    /// Looks the cluster's name up once when an event arrives.
    LookOnce,
    /// Looks the cluster's name up every minute.
    PollEachMinute,
    /// Asks the API each second once an event or the clock wakes it; registers the new Writer
    /// first and deregisters the old one after.
    RegisterFirst,
    /// This project's function with `ON_FAILOVER_START=wait`.
    Wait,
    /// This project's function with `ON_FAILOVER_START=detach`.
    Detach,
    /// Nothing: the group holds all members from the beginning, and each try finds one of them.
    Members,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::SwapFromTable,
        Self::LookOnce,
        Self::PollEachMinute,
        Self::RegisterFirst,
        Self::Wait,
        Self::Detach,
        Self::Members,
    ];

    /// Those that follow the Writer, and keep the group on it alone.
    pub(crate) fn followers() -> Vec<Self> {
        let all = Self::ALL.into_iter();
        all.filter(|one| *one != Self::Members).collect()
    }

    /// The name to ask for it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SwapFromTable => "swap-from-table",
            Self::LookOnce => "look-once",
            Self::PollEachMinute => "poll-each-minute",
            Self::RegisterFirst => "register-first",
            Self::Wait => "wait",
            Self::Detach => "detach",
            Self::Members => "members",
        }
    }

    /// Whether it is this project's function, whose own times do not shorten.
    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Wait | Self::Detach)
    }

    /// Whether this news starts a run of it.
    fn hears(self, news: News) -> bool {
        match self {
            Self::SwapFromTable => matches!(
                news,
                News::Started(_) | News::Completed(_) | News::BackAgain(_)
            ),
            Self::LookOnce => news != News::Tick,
            Self::PollEachMinute => news == News::Tick,
            Self::RegisterFirst | Self::Wait | Self::Detach => true,
            Self::Members => false,
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Carries a strategy out: every piece of news that it hears is a run of its own.
pub(crate) async fn follow(
    strategy: Strategy,
    cloud: Arc<Cloud>,
    ours: Option<Arc<Ours>>,
    mut news: mpsc::UnboundedReceiver<(News, f64)>,
    timeline: Timeline,
) -> Result<()> {
    let mut runs: JoinSet<Result<()>> = JoinSet::new();
    loop {
        tokio::select! {
            heard = news.recv() => {
                let Some((news, happened)) = heard else { break };
                if !strategy.hears(news) {
                    continue;
                }
                let (timeline, cloud) = (timeline.clone(), Arc::clone(&cloud));
                let ours = ours.clone();
                runs.spawn(async move {
                    match ours {
                        Some(ours) => ours.invoke(news, happened).await,
                        None => other(strategy, &cloud, news, &timeline).await,
                    }
                });
            }
            Some(done) = runs.join_next() => done??,
        }
    }
    Ok(())
}

/// For how long, in seconds, one that asks the API goes on after an event, and after a tick.
const WATCH_AFTER_EVENT: f64 = 60.0;

/// One run of another strategy.
async fn other(strategy: Strategy, cloud: &Cloud, news: News, timeline: &Timeline) -> Result<()> {
    match (strategy, news) {
        (
            Strategy::SwapFromTable,
            News::Started(named) | News::Completed(named) | News::BackAgain(named),
        ) => swap(cloud, named.address()).await,
        (Strategy::LookOnce | Strategy::PollEachMinute, _) => {
            match look_up(cloud, cloud.cluster_endpoint()) {
                Some(address) => swap(cloud, address).await,
                None => Ok(()),
            }
        }
        (Strategy::RegisterFirst, _) => {
            let begun = timeline.clock().now();
            loop {
                if register_first(cloud).await? {
                    timeline.note(Topic::Report, "registered, then deregistered");
                    return Ok(());
                }
                if news == News::Tick || timeline.clock().now() > begun + WATCH_AFTER_EVENT {
                    return Ok(());
                }
                timeline.clock().pass(1.0).await;
            }
        }
        _ => Ok(()),
    }
}

/// The address of a name, as one look at DNS gives it.
fn look_up(cloud: &Cloud, name: &str) -> Option<Ipv4Addr> {
    match cloud.dns().get(name) {
        Answer::Cname(next) => look_up(cloud, &next),
        Answer::A(addresses) => addresses.first().copied(),
        _ => None,
    }
}

/// Deregisters all other targets, then registers this one.
async fn swap(cloud: &Cloud, to: Ipv4Addr) -> Result<()> {
    let to = format!("{to}:{PORT}");
    cloud.set_targets(&[&to]).await
}

/// Registers the instance that the API names, then deregisters all others; `false` where there was
/// nothing to do.
async fn register_first(cloud: &Cloud) -> Result<bool> {
    let named = cloud.writer().await?;
    let Some(instance) = Instance::ALL
        .into_iter()
        .find(|instance| Some(instance.name()) == named.as_deref())
    else {
        return Ok(false);
    };
    let Some(address) = look_up(cloud, &cloud.instance_endpoint(instance.name())) else {
        return Ok(false);
    };
    let to = format!("{address}:{PORT}");
    let mut targets: BTreeSet<String> = cloud.targets().await?;
    let right = targets.contains(&to) && targets.len() == 1;
    targets.insert(to.clone());
    let both: Vec<&str> = targets.iter().map(String::as_str).collect();
    cloud.set_targets(&both).await?;
    cloud.set_targets(&[&to]).await?;
    Ok(!right)
}
