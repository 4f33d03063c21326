//! What an audit sees, by what it is about: each resource once, however many routes have it.

#![allow(
    missing_docs,
    reason = "most fields are named as AWS's API names them; the others have their line"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use chrono::TimeDelta;

use crate::address::{NoAddress, suitable};
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

/// The clusters, and their names in DNS.
#[derive(Clone, Debug)]
pub struct Database {
    pub clusters: BTreeMap<ClusterId, Answered<Cluster>>,
    pub instances: Answered<BTreeMap<ClusterId, Vec<Instance>>>,
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

/// An instance of a cluster.
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

impl Database {
    /// The cluster, where RDS has answered.
    pub(in crate::doctor) fn cluster(&self, id: &ClusterId) -> Option<&Cluster> {
        self.clusters.get(id)?.as_ref().ok()
    }

    /// The cluster's instances, as far as RDS has answered.
    pub(in crate::doctor) fn members(&self, id: &ClusterId) -> &[Instance] {
        let found = self.instances.as_ref().ok().and_then(|all| all.get(id));
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// The addresses of an instance, as far as DNS has answered.
    pub(in crate::doctor) fn addresses(&self, instance: &Instance) -> &[Ipv4Addr] {
        let answer = instance
            .endpoint
            .as_ref()
            .and_then(|name| self.names.get(name));
        let found = answer.and_then(|answer| answer.as_ref().ok());
        found
            .map(|answer| answer.addresses.as_slice())
            .unwrap_or_default()
    }

    /// The address of an instance that can be registered, or why there is none.
    pub(in crate::doctor) fn address(
        &self,
        instance: &Instance,
    ) -> Option<Result<Ipv4Addr, NoAddress>> {
        let answer = self.names.get(instance.endpoint.as_ref()?)?;
        Some(match answer {
            Ok(answer) => suitable(&instance.id, &answer.addresses),
            Err(error) => Err(error.clone().into()),
        })
    }

    /// The instance that the cluster endpoint is an alias of.
    pub(in crate::doctor) fn named_by_dns(&self, id: &ClusterId) -> Option<&Instance> {
        let endpoint = &self.cluster(id)?.endpoint;
        let alias = self.names.get(endpoint)?.as_ref().ok()?.aliases.first()?;
        let mut members = self.members(id).iter();
        members.find(|one| one.endpoint.as_deref() == Some(alias))
    }
}

impl Path {
    /// The load balancers that lead to a group.
    pub(in crate::doctor) fn balancers_of(
        &self,
        group: &TargetGroupArn,
    ) -> impl Iterator<Item = &Balancer> {
        let leads = move |one: &&Balancer| one.groups().any(|arn| arn == group.as_str());
        self.balancers.iter().flatten().filter(leads)
    }
}

impl Balancer {
    /// The groups that it leads to.
    pub(in crate::doctor) fn groups(&self) -> impl Iterator<Item = &String> {
        let listeners = self.listeners.iter().flatten();
        listeners.flat_map(|listener| listener.groups.keys())
    }
}
