//! What an audit sees: every question asked, side by side where none needs another's answer.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use crate::observe::{Observation, observe};
use crate::route::Route;
use crate::world::audit::{
    Answered, Attributes, Auditor, Balancer, Caller, ClusterDetails, EndpointService, Group,
    InstanceDetails, Subscription,
};
use crate::world::{Answer, Live, World};

/// What an audit sees of a route.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The route.
    pub route: Route,
    /// What a run sees.
    pub sighting: Observation,
    /// What DNS answers for a name that nobody has; `None` where the cluster's names are unknown.
    pub nobody: Option<Answered<Answer>>,
    /// The cluster.
    pub cluster: Answered<ClusterDetails>,
    /// Its instances.
    pub instances: Answered<Vec<InstanceDetails>>,
    /// The parameters that somebody has set; `None` where the group is one of AWS's own, in which nobody can.
    pub parameters: Option<Answered<Attributes>>,
    /// The target group.
    pub group: Answered<Group>,
    /// Its attributes.
    pub attributes: Answered<Attributes>,
    /// The load balancers that lead to it.
    pub balancers: Answered<Vec<Balancer>>,
    /// The endpoint services in front of them.
    pub services: Answered<Vec<EndpointService>>,
    /// Whether the function may deregister; `None` where that was not tried.
    pub deregister: Option<Answered<()>>,
    /// Whether the function may register; `None` where that was not tried.
    pub register: Option<Answered<()>>,
}

/// What an audit sees of what all routes share.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// As whom the function calls AWS, and the time there.
    pub caller: Answered<Caller>,
    /// Who hears of RDS's events.
    pub subscriptions: Answered<Vec<Subscription>>,
    /// The functions that each of the subscriptions' topics invokes.
    pub functions: BTreeMap<String, Answered<BTreeSet<String>>>,
}

impl Surroundings {
    pub(super) async fn look(auditor: &Auditor) -> Self {
        let (caller, subscriptions) = tokio::join!(auditor.caller(), auditor.subscriptions());
        let topics: BTreeSet<String> = subscriptions
            .iter()
            .flatten()
            .map(|one| one.topic.clone())
            .collect();
        let functions = topics.into_iter().map(async |topic| {
            let functions = auditor.functions(&topic).await;
            (topic, functions)
        });
        Self {
            functions: join_all(functions).await.into_iter().collect(),
            caller,
            subscriptions,
        }
    }
}

impl Survey {
    pub(super) async fn look(live: &Live, route: &Route, dry_run: bool) -> Self {
        let auditor = live.auditor();
        let (seen, cluster, instances, path, attributes, (deregister, register)) = tokio::join!(
            names(live, route),
            parameters(auditor, route),
            auditor.instances(&route.cluster),
            path(auditor, route),
            auditor.group_attributes(&route.group),
            writes(auditor, route, dry_run),
        );
        let (sighting, nobody) = seen;
        let (cluster, parameters) = cluster;
        let (group, balancers, services) = path;
        Self {
            route: route.clone(),
            sighting,
            nobody,
            cluster,
            instances,
            parameters,
            group,
            attributes,
            balancers,
            services,
            deregister,
            register,
        }
    }
}

/// What a run sees, and what DNS answers for a name beside the instances' that nobody has.
async fn names(live: &Live, route: &Route) -> (Observation, Option<Answered<Answer>>) {
    let sighting = Box::pin(observe(live, route, None, true)).await;
    let endpoint = sighting
        .topology
        .as_ref()
        .map(|topology| topology.endpoint.as_str());
    let zone = endpoint.and_then(|name| name.split_once(".cluster-"));
    let nobody = match zone {
        Some((_, zone)) => Some(live.resolve(&format!("nobody-has-this-name.{zone}")).await),
        None => None,
    };
    (sighting, nobody)
}

/// The cluster, and what somebody has set in its parameter group.
async fn parameters(
    auditor: &Auditor,
    route: &Route,
) -> (Answered<ClusterDetails>, Option<Answered<Attributes>>) {
    let cluster = auditor.cluster(&route.cluster).await;
    let parameters = match &cluster {
        Ok(cluster) if !cluster.has_default_parameters() => {
            Some(auditor.parameters(&cluster.parameter_group).await)
        }
        _ => None,
    };
    (cluster, parameters)
}

/// The way from the endpoint service to the group, looked up from its end.
async fn path(
    auditor: &Auditor,
    route: &Route,
) -> (
    Answered<Group>,
    Answered<Vec<Balancer>>,
    Answered<Vec<EndpointService>>,
) {
    let group = auditor.group(&route.group).await;
    let arns = group
        .as_ref()
        .map(|group| group.load_balancers.clone())
        .unwrap_or_default();
    let (balancers, services) = tokio::join!(auditor.balancers(&arns), auditor.services(&arns));
    (group, balancers, services)
}

/// Whether the function may write. Putting in is tried only by who may take out again.
async fn writes(
    auditor: &Auditor,
    route: &Route,
    dry_run: bool,
) -> (Option<Answered<()>>, Option<Answered<()>>) {
    if dry_run {
        return (None, None);
    }
    let deregister = auditor.try_to_deregister(&route.group).await;
    let register = match deregister {
        Ok(()) => Some(auditor.try_to_register(&route.group).await),
        Err(_) => None,
    };
    (Some(deregister), register)
}
