//! Plays a scenario's steps.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::Result;
use local_cloud::Cloud;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::scenario::{News, Scenario, Step};
use crate::source::{Instance, Source};
use crate::timeline::{Timeline, Topic};

/// What a scenario happens to.
pub(crate) struct World {
    cloud: Arc<Cloud>,
    source: Arc<Source>,
    news: mpsc::UnboundedSender<(News, f64)>,
    timeline: Timeline,
    addresses: BTreeMap<Instance, Ipv4Addr>,
    writer: Ipv4Addr,
    /// Servers that are starting: the new Writer and the old one as a reader do so side by side.
    starting: JoinSet<Result<()>>,
}

/// How a scenario ended.
#[derive(Debug)]
pub(crate) struct End {
    /// When its last step was done.
    pub(crate) at: f64,
    /// The Writer's address from then on.
    pub(crate) writer: Ipv4Addr,
    /// How late its latest step began.
    pub(crate) late: f64,
}

impl World {
    pub(crate) fn new(
        cloud: Arc<Cloud>,
        source: Arc<Source>,
        news: mpsc::UnboundedSender<(News, f64)>,
        timeline: Timeline,
    ) -> Self {
        let addresses = Instance::ALL.map(|instance| (instance, instance.address()));
        Self {
            cloud,
            source,
            news,
            timeline,
            addresses: addresses.into(),
            writer: Instance::One.address(),
            starting: JoinSet::new(),
        }
    }

    /// Takes each step when it is due and the one before is done.
    pub(crate) async fn play(mut self, scenario: Scenario) -> Result<End> {
        let mut late: f64 = 0.0;
        for (at, step) in scenario.steps() {
            self.timeline.clock().until(at).await;
            late = late.max(self.timeline.clock().now() - at);
            self.take(step).await?;
        }
        self.servers_are_up().await?;
        Ok(End {
            at: self.timeline.clock().now(),
            writer: self.writer,
            late,
        })
    }

    fn address(&self, of: Instance) -> Ipv4Addr {
        self.addresses.get(&of).copied().unwrap_or(of.address())
    }

    async fn servers_are_up(&mut self) -> Result<()> {
        while let Some(started) = self.starting.join_next().await {
            started??;
        }
        Ok(())
    }

    async fn take(&mut self, step: Step) -> Result<()> {
        if matches!(step, Step::Kill(_)) {
            // The volume has one Writer: no failover begins before the one before it has ended.
            self.servers_are_up().await?;
        }
        let timeline = &self.timeline;
        match step {
            Step::Deliver(news, happened) => {
                timeline.note(Topic::Event, news.to_string());
                // Nobody listens where a strategy has broken, which the cell reports itself.
                let _ = self.news.send((news, happened));
            }
            Step::Kill(instance) => {
                let address = self.address(instance);
                self.source.kill(address).await;
                timeline.note(
                    Topic::Killed,
                    format!("{} at {address} is killed", instance.name()),
                );
            }
            Step::Promote(instance) => {
                let address = self.address(instance);
                self.writer = address;
                let (source, timeline) = (Arc::clone(&self.source), timeline.clone());
                self.starting.spawn(async move {
                    source.promote(address).await?;
                    let name = instance.name();
                    let what = format!("{name} at {address} has the volume: the Writer");
                    timeline.note(Topic::Promoted, what);
                    Ok(())
                });
            }
            Step::Read(instance) => {
                let address = self.address(instance);
                let (source, timeline) = (Arc::clone(&self.source), timeline.clone());
                self.starting.spawn(async move {
                    source.read(address).await?;
                    let what = format!("{} at {address} is back as a reader", instance.name());
                    timeline.note(Topic::Reader, what);
                    Ok(())
                });
            }
            Step::Api(instance) => {
                self.cloud.fail_over(instance.name()).await?;
                timeline.note(Topic::Api, format!("the API says {}", instance.name()));
            }
            Step::Cname(instance) => {
                self.cloud.move_cname(instance.name());
                timeline.note(Topic::Dns, format!("the CNAME says {}", instance.name()));
            }
            Step::Move(instance, address) => {
                self.addresses.insert(instance, address);
                self.cloud.set_address(instance.name(), address);
                let what = format!("{} has the address {address}", instance.name());
                timeline.note(Topic::Dns, what);
            }
            Step::Cut => {
                self.source.cut().await?;
                timeline.note(Topic::Cut, "the replica's connection is cut");
            }
        }
        Ok(())
    }
}
