//! One look at the world: the API, DNS, the event log and the group, asked side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::join_all;

use crate::address::{self, NoAddress};
use crate::blue_green::refuse_old_side;
use crate::route::{InstanceId, Route};
use crate::world::{Answer, CallError, Cause, Cluster, LogEntry, Survey, Target, Topology, World};

/// How long a look waits for each answer, its wait for a permit included; a witness that has not
/// answered by then is silent.
const MAXIMUM_WAIT: Duration = Duration::from_secs(5);

/// What one look saw.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Observation {
    /// Whom the API lists as the Writer; `None` where it lists none.
    pub api: Result<Option<InstanceId>, CallError>,
    /// The member that the cluster endpoint is an alias of.
    pub dns: Result<InstanceId, CallError>,
    /// What the event log holds; `None` where it wasn't asked.
    pub log: Option<Result<Vec<LogEntry>, CallError>>,
    /// The members in full; `None` where they weren't looked up.
    pub survey: Option<Result<Survey, CallError>>,
    /// The cluster's names, now or as this process last read them.
    pub topology: Option<Topology>,
    /// Where each member is.
    pub addresses: BTreeMap<InstanceId, Result<Ipv4Addr, NoAddress>>,
    /// What the group holds; draining targets are not there.
    pub targets: Result<BTreeSet<Target>, CallError>,
}

impl Observation {
    /// The target that an instance is, where its address is known.
    #[must_use]
    pub fn target(&self, instance: &InstanceId) -> Option<Target> {
        let address = self.addresses.get(instance)?.as_ref().ok()?;
        Some(Target::new(*address, self.topology.as_ref()?.port))
    }

    /// The targets of all members whose address is known.
    #[must_use]
    pub fn members(&self) -> BTreeSet<Target> {
        self.addresses
            .keys()
            .filter_map(|member| self.target(member))
            .collect()
    }

    /// The Writer that the API and DNS both name.
    #[must_use]
    pub fn agreed(&self) -> Option<&InstanceId> {
        let api = self.api.as_ref().ok()?.as_ref();
        api.filter(|writer| self.dns.as_ref() == Ok(writer))
    }

    /// The instance that this is a look at, where it is none at a cluster.
    #[must_use]
    pub fn alone(&self) -> Option<&InstanceId> {
        self.topology.as_ref()?.alone()
    }

    /// Whether an instance may be a member of the cluster: it is one, or no list of members is
    /// known.
    #[must_use]
    pub fn may_be_member(&self, instance: &InstanceId) -> bool {
        self.topology
            .as_ref()
            .is_none_or(|topology| topology.may_have(instance))
    }
}

/// What a look asks for that not every look does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Asks {
    /// The event log.
    pub log: bool,
    /// The members in full.
    pub survey: bool,
}

/// Looks once, and at what else it `asks` for. With the names of an earlier look, or the
/// cluster endpoint's that the route was given, everything is asked side by side; without, DNS is
/// asked as soon as the API has answered with the names.
pub async fn observe(
    world: &impl World,
    route: &Route,
    known: Option<Topology>,
    asks: Asks,
) -> Observation {
    let known = known.or_else(|| route.endpoint.as_ref().map(Topology::from_endpoint));
    let log = async {
        if asks.log {
            Some(in_time("rds:DescribeEvents", world.log(&route.source)).await)
        } else {
            None
        }
    };
    let survey = async {
        if asks.survey {
            Some(in_time("rds:DescribeDBInstances", world.survey(&route.source)).await)
        } else {
            None
        }
    };
    let (cluster, log, survey, targets, mut answers) = tokio::join!(
        in_time(
            "rds:DescribeDBClusters",
            world.source(&route.source, known.as_ref())
        ),
        log,
        survey,
        in_time(
            "elasticloadbalancing:DescribeTargetHealth",
            world.targets(&route.group)
        ),
        resolve_all(world, known.iter().flat_map(names).collect()),
    );
    let (api, mut topology) = match cluster {
        Ok(Cluster { writer, topology }) => (Ok(writer), Some(topology)),
        Err(error) => (Err(error), known),
    };
    if let Some(topology) = &mut topology {
        learn_from_dns(topology, &answers);
    }
    let unasked = topology
        .iter()
        .flat_map(names)
        .filter(|name| !answers.contains_key(name))
        .collect();
    answers.extend(resolve_all(world, unasked).await);
    let dns = named_by_dns(topology.as_ref(), &answers);
    let mut addresses: BTreeMap<_, _> = topology
        .iter()
        .flat_map(|topology| addresses(topology, &answers))
        .collect();
    let writer = api.as_ref().ok().and_then(Option::as_ref);
    if let (Some(topology), Ok(held)) = (&topology, &targets)
        && let Some(writer) = writer.or(dns.as_ref().ok())
    {
        let asked = refuse_old_side(world, topology, writer, held, &mut addresses);
        // Without an answer in time there is none, as for any other name.
        let _ = tokio::time::timeout(MAXIMUM_WAIT, asked).await;
    }
    Observation {
        api,
        dns,
        log,
        survey,
        addresses,
        topology,
        targets: targets.map(|all| {
            all.into_iter()
                .filter(|one| !one.draining)
                .map(|one| one.target)
                .collect()
        }),
    }
}

/// Where the API has not listed the members yet, the one that the cluster endpoint is an alias of
/// is one.
fn learn_from_dns(topology: &mut Topology, answers: &Answers) {
    if topology.listed {
        return;
    }
    let Some(Ok(answer)) = answers.get(&topology.endpoint) else {
        return;
    };
    let Some(alias) = answer.aliases.first() else {
        return;
    };
    if let Some(Ok(instance)) = alias.split('.').next().map(InstanceId::parse) {
        topology.instances.insert(instance, Some(alias.clone()));
    }
}

type Answers = BTreeMap<String, Result<Answer, CallError>>;

async fn in_time<T>(
    call: &'static str,
    question: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    let late = |_| {
        CallError::new(
            call,
            Cause::TimedOut,
            format!("no answer within {} s", MAXIMUM_WAIT.as_secs()),
        )
    };
    tokio::time::timeout(MAXIMUM_WAIT, question)
        .await
        .map_err(late)?
}

async fn resolve_all(world: &impl World, names: BTreeSet<String>) -> Answers {
    let questions = names.into_iter().map(async |name| {
        let answer = in_time("dns", world.resolve(&name)).await;
        (name, answer)
    });
    join_all(questions).await.into_iter().collect()
}

/// Every name worth resolving: the cluster endpoint and its members'.
fn names(topology: &Topology) -> impl Iterator<Item = String> {
    std::iter::once(&topology.endpoint)
        .chain(topology.instances.values().flatten())
        .cloned()
}

/// The member whose name the cluster endpoint is an alias of: the first label of an instance
/// endpoint is the instance's identifier.
fn named_by_dns(topology: Option<&Topology>, answers: &Answers) -> Result<InstanceId, CallError> {
    let unknown = || {
        CallError::new(
            "dns",
            Cause::NotFound,
            "the cluster endpoint's name is not known yet",
        )
    };
    let topology = topology.ok_or_else(unknown)?;
    let answer = answers
        .get(&topology.endpoint)
        .ok_or_else(unknown)?
        .as_ref()
        .map_err(Clone::clone)?;
    let member = answer
        .aliases
        .iter()
        .filter_map(|alias| InstanceId::parse(alias.split('.').next()?).ok())
        .find(|instance| topology.instances.contains_key(instance));
    let member = member.or_else(|| at_its_address(topology, answer, answers));
    member.ok_or_else(|| {
        let detail = format!(
            "{} is an alias of {:?}, and no member's name",
            topology.endpoint, answer.aliases
        );
        CallError::new("dns", Cause::NotFound, detail)
    })
}

/// Where the endpoint is no alias, as a Multi-AZ DB cluster's may be none and an instance's is its
/// own: the member whose address it has, if no other has it too.
fn at_its_address(topology: &Topology, answer: &Answer, answers: &Answers) -> Option<InstanceId> {
    let may_be = answer.aliases.is_empty() || topology.alone().is_some();
    let is_there = |endpoint: &String| {
        let own = answers.get(endpoint).and_then(|own| own.as_ref().ok());
        own.is_some_and(|own| own.addresses == answer.addresses)
    };
    let mut members = topology.instances.iter().filter(|(_, endpoint)| {
        may_be && !answer.addresses.is_empty() && endpoint.as_ref().is_some_and(is_there)
    });
    let (member, _) = members.next()?;
    members.next().is_none().then(|| member.clone())
}

fn addresses(
    topology: &Topology,
    answers: &Answers,
) -> impl Iterator<Item = (InstanceId, Result<Ipv4Addr, NoAddress>)> {
    topology.instances.iter().map(|(instance, endpoint)| {
        let answer = endpoint.as_ref().and_then(|endpoint| answers.get(endpoint));
        let address = match answer {
            Some(Ok(answer)) => address::suitable(instance, &answer.addresses),
            Some(Err(failure)) => Err(failure.clone().into()),
            None => Err(CallError::new(
                "dns",
                Cause::NotFound,
                format!("`{instance}` has no endpoint yet"),
            )
            .into()),
        };
        (instance.clone(), address)
    })
}
