//! Blue/green deployments: whose coordinates an event carries, and which addresses are the old
//! side's.
//!
//! A switchover renames: blue `a` becomes `a-old1`, green `a-green-4fk2jp` becomes `a`. The event
//! with green's binlog coordinates comes under green's old name, which nothing has any more. The
//! deployment says whose that was.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::address::NoAddress;
use crate::report::RouteReport;
use crate::route::InstanceId;
use crate::source::SourceId;
use crate::trigger::{BinlogCoordinates, RdsEvent, Source, Trigger};
use crate::world::{Answer, CallError, Cause, Registration, Target, Topology, World};

/// How long whose coordinates an event carries may take to be answered.
const MAXIMUM_WAIT: Duration = Duration::from_secs(5);

/// The old sides that are asked for. RDS numbers them, and the last ones are seldom kept.
const OLD: std::ops::RangeInclusive<u8> = 1..=3;

/// A blue/green deployment. After its switchover the names are those that the switchover gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployment {
    /// What it was made from: blue.
    pub source: Option<SourceId>,
    /// What it made: green.
    pub target: Option<SourceId>,
    /// Green's clusters and instances.
    pub members: Vec<SourceId>,
    /// Its status, `SWITCHOVER_COMPLETED` say.
    pub status: String,
}

impl Deployment {
    /// Whether it is about what a route follows.
    #[must_use]
    pub fn is_of(&self, route: &SourceId) -> bool {
        self.source.as_ref() == Some(route) || self.target.as_ref() == Some(route)
    }

    /// Whether its switchover, begun or done, is of what a route follows.
    fn is_switched(&self, route: &SourceId) -> bool {
        let begun = ["SWITCHOVER_IN_PROGRESS", "SWITCHOVER_COMPLETED"];
        self.is_of(route) && begun.contains(&self.status.as_str())
    }

    /// Whether an instance of this name was green's, before the switchover or as it is now.
    #[must_use]
    pub fn had(&self, green: &InstanceId) -> bool {
        let target = self.target.iter().chain(&self.members);
        let mut instances = target.filter_map(SourceId::instance);
        instances.any(|member| green == member || was_green(green, member))
    }
}

/// Puts the binlog coordinates that events brought into the reports of the routes whose switchover
/// they are of; a stranger's come into none. Asks for the deployments only where there are any.
pub async fn report_coordinates(
    world: &impl World,
    triggers: &[Trigger],
    routes: &mut [RouteReport],
) {
    let events = triggers.iter().filter_map(|trigger| trigger.event.as_ref());
    let mut carried: Vec<(&InstanceId, &RdsEvent, &BinlogCoordinates)> = events
        .filter_map(|event| match (&event.source, &event.coordinates) {
            (Source::Instance(green), Some(coordinates)) => Some((green, event, coordinates)),
            _ => None,
        })
        .collect();
    if carried.is_empty() {
        return;
    }
    carried.sort_by_key(|(_, event, _)| event.time);
    let deployments = match timeout(MAXIMUM_WAIT, world.deployments()).await {
        Ok(Ok(deployments)) => deployments,
        Ok(Err(error)) => return warn!(%error, "whose binlog coordinates these are is unknown"),
        Err(_) => return warn!("whose binlog coordinates these are is unknown: no answer in time"),
    };
    for route in routes {
        let switched = deployments
            .iter()
            .filter(|one| one.is_switched(&route.source));
        let is_its = |(green, event, _): &&(&InstanceId, &RdsEvent, &BinlogCoordinates)| {
            let place = event.place.as_ref();
            place.is_some_and(|place| place.is_of(&route.target_group_arn))
                && switched.clone().any(|one| one.had(green))
        };
        let newest = carried.iter().rfind(is_its);
        if let Some((_, _, coordinates)) = newest {
            let statement = coordinates.statement();
            info!(
                source = route.source.as_str(),
                statement, "binlog coordinates of green"
            );
            route.binlog_coordinates = Some((*coordinates).clone());
        }
    }
}

/// Whether this is the name that RDS gave the green copy of `member`: `<member>-green-4fk2jp`.
fn was_green(green: &InstanceId, member: &InstanceId) -> bool {
    let rest = green.as_str().strip_prefix(member.as_str());
    let random = rest.and_then(|rest| rest.strip_prefix("-green-"));
    random.is_some_and(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Takes out of `addresses` what DNS says of `writer` where that is the address of its old side:
/// after a switchover `a` can still resolve to what is now called `a-old1`. Asked only where the
/// address would be registered, so that a quiet look costs nothing.
pub async fn refuse_old_side(
    world: &impl World,
    topology: &Topology,
    writer: &InstanceId,
    held: &[Registration],
    addresses: &mut BTreeMap<InstanceId, Result<Ipv4Addr, NoAddress>>,
) {
    let Some(Ok(address)) = addresses.get(writer) else {
        return;
    };
    let address = *address;
    let endpoint = topology.instances.get(writer).and_then(Option::as_ref);
    let zone = endpoint.and_then(|endpoint| endpoint.split_once('.'));
    let target = Target::new(address, topology.port);
    let is_held = held.iter().any(|one| one.target == target && !one.draining);
    let Some((_, zone)) = zone.filter(|_| !is_held) else {
        return;
    };
    let names = OLD.map(|number| format!("{writer}-old{number}.{zone}"));
    let asked = names.map(async |name| (world.resolve(&name).await, name));
    let answers: Vec<(Result<Answer, CallError>, String)> = join_all(asked).await;
    let is_its = |answer: &Result<Answer, CallError>| {
        let answer = answer.as_ref();
        answer.is_ok_and(|answer| answer.addresses.contains(&address))
    };
    if let Some((_, name)) = answers.iter().find(|(answer, _)| is_its(answer)) {
        let detail = format!("`{writer}` still resolves to {address}, which is {name}'s");
        let error = CallError::new("dns", Cause::NotFound, detail);
        addresses.insert(writer.clone(), Err(error.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::ClusterId;

    fn cluster(name: &str) -> SourceId {
        SourceId::Cluster(ClusterId::parse(name).unwrap())
    }

    fn instance(name: &str) -> InstanceId {
        InstanceId::parse(name).unwrap()
    }

    fn deployment(source: &str, target: &str, members: &[&str]) -> Deployment {
        let members = members
            .iter()
            .map(|name| SourceId::Instance(instance(name)));
        Deployment {
            source: Some(cluster(source)),
            target: Some(cluster(target)),
            members: members.collect(),
            status: String::new(),
        }
    }

    #[test]
    fn green_is_recognized_by_the_name_it_had_before_the_switchover_and_after() {
        let before = deployment("a", "a-green-x1", &["a-1-green-y2"]);
        let after = deployment("a-old1", "a", &["a-1"]);
        for one in [&before, &after] {
            assert!(one.is_of(&cluster("a")));
            assert!(one.had(&instance("a-1-green-y2")));
            assert!(!one.is_of(&cluster("b")));
        }
    }

    #[test]
    fn a_stranger_is_not_green() {
        let after = deployment("a-old1", "a", &["a-1"]);
        for name in [
            "a-2-green-y2",
            "a-1-green",
            "a-1-green-y2-z",
            "a-10",
            "a-1-old1",
        ] {
            assert!(!after.had(&instance(name)), "{name}");
        }
    }
}
