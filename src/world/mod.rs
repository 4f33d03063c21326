//! The seam between the pure core and the world: what a run needs of it, and no more.
//!
//! Implemented once on AWS and DNS ([`Live`]), and once in a simulated world for the tests.

mod batcher;
mod call_error;
mod concurrency_limit;
mod dns;
mod elb;
mod live;
mod rds;
mod sdk;
mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

pub use call_error::{CallError, Cause};
pub(crate) use call_error::{clock_ahead, is_html};
pub(crate) use concurrency_limit::ConcurrencyLimit;
pub(crate) use elb::{DEREGISTER, REGISTER};
pub use live::Live;
pub use sdk::Sdk;
pub use survey::{Member, Survey};

use crate::blue_green::Deployment;
use crate::route::{ClusterEndpoint, InstanceId, TargetGroupArn};
use crate::source::SourceId;

/// What a run asks of the world, and does to it.
#[allow(
    async_fn_in_trait,
    reason = "a run is polled on one thread; nobody needs its futures to be Send"
)]
pub trait World {
    /// The source as the RDS API describes it. `known` are the names of an earlier answer: an
    /// instance keeps its endpoint for as long as it keeps its identifier, so that one need not be
    /// asked for again.
    async fn source(&self, id: &SourceId, known: Option<&Topology>) -> Result<Cluster, CallError>;
    /// What the source's own event log holds of the last ten minutes, in any order. It is best
    /// effort: an entry may come late, or never.
    async fn log(&self, id: &SourceId) -> Result<Vec<LogEntry>, CallError>;
    /// The account's blue/green deployments.
    async fn deployments(&self) -> Result<Vec<Deployment>, CallError>;
    /// A cluster's instances in full, and what of the readers' guard is set on each.
    async fn survey(&self, id: &SourceId) -> Result<Survey, CallError>;
    /// The IPv4 addresses behind an absolute name, and the names on the way to them.
    async fn resolve(&self, name: &str) -> Result<Answer, CallError>;
    /// What the target group holds.
    async fn targets(&self, group: &TargetGroupArn) -> Result<Vec<Registration>, CallError>;
    /// Puts a target in.
    async fn register(&self, group: &TargetGroupArn, target: &Target) -> Result<(), CallError>;
    /// Takes targets out; one that isn't there is no error.
    async fn deregister(
        &self,
        group: &TargetGroupArn,
        targets: &BTreeSet<Target>,
    ) -> Result<(), CallError>;
}

/// A cluster as the RDS API describes it; an instance is one of a single member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The member with `IsClusterWriter`. In the middle of a failover there may be none.
    pub writer: Option<InstanceId>,
    /// Its names and its port.
    pub topology: Topology,
}

/// What stays of a cluster when its Writer moves: names and a port, and so what a process may
/// remember from one run to the next. Who the Writer is, is never remembered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topology {
    /// The cluster endpoint, whose CNAME names the Writer's instance.
    pub endpoint: String,
    /// The port all of its instances listen on.
    pub port: u16,
    /// The members, each with its endpoint; one that is being made has none yet.
    pub instances: BTreeMap<InstanceId, Option<String>>,
    /// Whether these are all members, as the API lists them; else only those that DNS has named.
    pub listed: bool,
}

/// An entry of a cluster's event log. It has no event ID: what it says is read from its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogEntry {
    /// When it happened, by RDS's clock.
    pub time: DateTime<Utc>,
    /// Its text, as the event's message has it.
    pub message: String,
}

/// A DNS answer to a question for IPv4 addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The names that the asked name is an alias of, in order, without a final dot.
    pub aliases: Vec<String>,
    /// The addresses.
    pub addresses: Vec<Ipv4Addr>,
}

/// A target as the load balancer identifies it: `ip:port`, both together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The address as text; a foreign target may be something else than IPv4.
    pub id: String,
    /// The port.
    pub port: u16,
}

/// A target in a group, as the load balancer's API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The target.
    pub target: Target,
    /// Deregistered and on its way out, though it still shows.
    pub draining: bool,
}

impl Topology {
    /// What is known of a cluster that the API has not described yet: its endpoint, and no members.
    #[must_use]
    pub fn from_endpoint(endpoint: &ClusterEndpoint) -> Self {
        Self {
            endpoint: endpoint.name.clone(),
            port: endpoint.port,
            instances: BTreeMap::new(),
            listed: false,
        }
    }

    /// The instance whose topology this is, where it is an instance's: its endpoint is its own.
    #[must_use]
    pub fn alone(&self) -> Option<&InstanceId> {
        let mut members = self.instances.iter();
        let (instance, endpoint) = members.next()?;
        let is_own = endpoint.as_ref() == Some(&self.endpoint) && members.next().is_none();
        is_own.then_some(instance)
    }

    /// Whether an instance may be a member: it is known as one, or not all members are known.
    #[must_use]
    pub fn may_have(&self, instance: &InstanceId) -> bool {
        !self.listed || self.instances.contains_key(instance)
    }
}

impl Target {
    /// The target at an address and a port.
    #[must_use]
    pub fn new(address: Ipv4Addr, port: u16) -> Self {
        Self {
            id: address.to_string(),
            port,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.id, self.port)
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
