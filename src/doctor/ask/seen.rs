//! What an audit sees, by what it is about: each resource once, however many routes have it.

#![allow(
    missing_docs,
    reason = "most fields are named as AWS's API names them; the others have their line"
)]

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use crate::blue_green::Deployment;
use crate::route::{ClusterId, InstanceId, Route, TargetGroupArn};
use crate::world::{Answer, CallError, Target};

/// An answer, or why there is none.
pub type Answered<T> = Result<T, CallError>;

/// Attributes, or parameters, by their key.
pub type Attributes = BTreeMap<String, String>;

/// Everything that an audit sees.
#[derive(Clone, Debug)]
pub struct Seen {
    pub routes: Vec<Route>,
    pub region: String,
    pub caller: Answered<Caller>,
    pub database: Database,
    pub path: Path,
    pub events: Events,
}

/// The clusters and the instances of routes of their own, and their names in DNS.
#[derive(Clone, Debug)]
pub struct Database {
    pub clusters: BTreeMap<ClusterId, Answered<Cluster>>,
    pub instances: Answered<BTreeMap<ClusterId, Vec<Instance>>>,
    /// The instances that routes follow.
    pub alone: BTreeMap<InstanceId, Answered<Instance>>,
    /// The account's blue/green deployments.
    pub deployments: Answered<Vec<Deployment>>,
    /// What was set in each cluster parameter group; AWS's own, which cannot be set, are left out.
    pub cluster_parameters: BTreeMap<String, Answered<Attributes>>,
    /// The same of the instances' parameter groups.
    pub instance_parameters: BTreeMap<String, Answered<Attributes>>,
    /// What DNS answers for each name of a cluster, and for a probe that does not exist.
    pub names: BTreeMap<String, Answered<Answer>>,
}

/// The way from the consumer to the targets.
#[derive(Clone, Debug)]
pub struct Path {
    pub groups: BTreeMap<TargetGroupArn, Group>,
    pub balancers: Answered<Vec<Balancer>>,
    /// Whether each of the load balancers' security groups lets anything in.
    pub lets_in: Answered<BTreeMap<String, bool>>,
    pub services: Answered<Vec<EndpointService>>,
    pub connections: Answered<Vec<Connection>>,
}

/// The way of RDS's events to the function.
#[derive(Clone, Debug)]
pub struct Events {
    /// Whether the event log may be read.
    pub log: Answered<()>,
    pub subscriptions: Answered<Vec<Subscription>>,
    pub topics: BTreeMap<String, Topic>,
    /// The queue for what each subscription of a function could not deliver.
    pub dead_letters: BTreeMap<String, Answered<Option<String>>>,
    /// The key of each of these queues.
    pub queues: BTreeMap<String, Answered<Option<String>>>,
}

/// As whom the function calls AWS.
#[derive(Clone, Debug)]
pub struct Caller {
    pub arn: String,
    /// How far the function's clock is ahead of AWS's; to the second, as AWS's answers have it.
    pub clock_ahead: Option<TimeDelta>,
}

/// A cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub status: String,
    pub engine: String,
    pub endpoint: String,
    pub port: u16,
    pub writer: Option<InstanceId>,
    pub members: BTreeSet<InstanceId>,
    pub parameter_group: String,
    /// The members that have not taken in what the parameter group holds.
    pub pending_reboot: BTreeSet<InstanceId>,
}

/// An instance, of a cluster or alone.
#[derive(Clone, Debug)]
pub struct Instance {
    pub id: InstanceId,
    pub class: String,
    /// `None` while it is being made, like the endpoint.
    pub zone: Option<String>,
    pub endpoint: Option<String>,
    pub publicly_accessible: bool,
    pub vpc: String,
    /// The subnets that it may be in, each with its zone.
    pub subnets: Vec<(String, String)>,
    pub security_groups: Vec<String>,
    pub parameter_group: String,
    pub pending_reboot: bool,
    pub status: String,
    pub engine: String,
    pub port: u16,
    pub multi_az: bool,
    /// For how many days backups are kept; 0 switches them off, and with them MySQL's binlog.
    pub backup_retention: i32,
    /// The cluster that it is a member of.
    pub cluster: Option<String>,
}

/// A target group, as far as each question about it was answered.
#[derive(Clone, Debug)]
pub struct Group {
    pub details: Answered<GroupDetails>,
    pub attributes: Answered<Attributes>,
    pub targets: Answered<Vec<TargetHealth>>,
    /// Whether the function may deregister; `None` where that was not tried.
    pub deregister: Option<Answered<()>>,
}

/// What a target group is.
#[derive(Clone, Debug)]
pub struct GroupDetails {
    pub target_type: String,
    pub protocol: String,
    pub port: Option<i32>,
    pub address_type: String,
    pub vpc: String,
    /// A port, or `traffic-port`.
    pub health_check_port: String,
    pub balancers: Vec<String>,
}

/// A target that is registered.
#[derive(Clone, Debug)]
pub struct TargetHealth {
    pub target: Target,
    /// `unhealthy`, which is right here, `unused`, `initial`, …
    pub state: String,
    /// `Target.NotInUse: …`, or nothing.
    pub reason: String,
}

/// A load balancer in front of one of the groups.
#[derive(Clone, Debug)]
pub struct Balancer {
    pub arn: String,
    pub kind: String,
    pub scheme: String,
    pub state: String,
    /// Each zone that it is enabled in, and its subnet there.
    pub zones: BTreeMap<String, String>,
    pub security_groups: Vec<String>,
    /// `on` or `off`; without an answer AWS's default, `on`.
    pub enforces_on_private_link: String,
    pub attributes: Answered<Attributes>,
    pub listeners: Answered<Vec<Listener>>,
}

/// A listener that forwards to one of the groups.
#[derive(Clone, Debug)]
pub struct Listener {
    pub arn: String,
    pub protocol: String,
    /// Each group that it forwards to, and its weight.
    pub groups: BTreeMap<String, i32>,
    pub attributes: Answered<Attributes>,
}

/// A `PrivateLink` endpoint service in front of one of the load balancers.
#[derive(Clone, Debug)]
pub struct EndpointService {
    pub id: String,
    pub name: String,
    pub state: String,
    pub acceptance_required: bool,
    pub balancers: BTreeSet<String>,
    pub principals: Answered<BTreeSet<String>>,
}

/// An endpoint that asks for a service.
#[derive(Clone, Debug)]
pub struct Connection {
    pub service: String,
    pub endpoint: String,
    pub owner: String,
    /// `available`, `pendingAcceptance`, …
    pub state: String,
}

/// A subscription to RDS's events.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub name: String,
    /// `db-cluster`, `db-instance`, …; empty for everything.
    pub source_type: String,
    /// Empty for all.
    pub sources: BTreeSet<String>,
    /// Empty for all.
    pub categories: BTreeSet<String>,
    pub enabled: bool,
    /// `active`, `no-permission`, `topic-not-exist`, …
    pub status: String,
    pub topic: String,
}

/// A topic that RDS publishes to.
#[derive(Clone, Debug)]
pub struct Topic {
    /// The functions that it invokes, each with its subscription.
    pub functions: Answered<BTreeMap<String, String>>,
    /// The key that it is encrypted with.
    pub key: Answered<Option<String>>,
}
