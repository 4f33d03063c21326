//! What the API's answers say, or why they say nothing.

use aws_sdk_rds::types::{BlueGreenDeployment, DbCluster, DbInstance, Event as RdsEvent};
use chrono::DateTime;

use super::{CLUSTERS, Endpoints, INSTANCES};
use crate::blue_green::Deployment;
use crate::route::{ClusterId, InstanceId};
use crate::source::SourceId;
use crate::world::{CallError, Cause, Cluster, LogEntry, Topology};

/// An instance's cluster, name and endpoint; one that is being made has no endpoint yet.
pub(super) fn endpoint(instance: DbInstance) -> Option<(ClusterId, InstanceId, String)> {
    let cluster = ClusterId::parse(instance.db_cluster_identifier()?).ok()?;
    let id = InstanceId::parse(instance.db_instance_identifier()?).ok()?;
    Some((cluster, id, instance.endpoint?.address?))
}

/// A log entry and its source; one without a time or a text says nothing.
pub(super) fn log_entry(event: RdsEvent) -> Option<(String, LogEntry)> {
    let source = event.source_identifier()?.to_ascii_lowercase();
    let date = event.date?;
    let time = DateTime::from_timestamp(date.secs(), date.subsec_nanos())?;
    let message = event.message?;
    Some((source, LogEntry { time, message }))
}

/// A blue/green deployment, as far as its ARNs name clusters and instances.
pub(super) fn deployment(one: &BlueGreenDeployment) -> Deployment {
    let named = |arn: Option<&str>| arn.and_then(SourceId::of_arn);
    let details = one.switchover_details().iter();
    Deployment {
        source: named(one.source()),
        target: named(one.target()),
        members: details
            .filter_map(|detail| named(detail.target_member()))
            .collect(),
        status: one.status().unwrap_or_default().to_owned(),
    }
}

/// Makes sense of what the API told of a cluster, or says why there is none in it.
pub(super) fn cluster(cluster: &DbCluster, endpoints: &Endpoints) -> Result<Cluster, CallError> {
    let nonsense = |what: String| CallError::new(CLUSTERS, Cause::Unavailable, what);
    let writers: Vec<InstanceId> = members(cluster)
        .filter(|(_, is_writer)| *is_writer)
        .map(|(id, _)| id)
        .collect();
    if writers.len() > 1 {
        return Err(nonsense(format!("it lists {} Writers", writers.len())));
    }
    let endpoint = cluster
        .endpoint
        .clone()
        .filter(|endpoint| !endpoint.is_empty());
    Ok(Cluster {
        writer: writers.into_iter().next(),
        topology: Topology {
            endpoint: endpoint
                .ok_or_else(|| nonsense("it tells no cluster endpoint".to_owned()))?,
            port: port(cluster.port)
                .ok_or_else(|| nonsense(format!("it tells the port {:?}", cluster.port)))?,
            instances: members(cluster)
                .map(|(id, _)| (id.clone(), endpoints.get(&id).cloned()))
                .collect(),
            listed: true,
        },
    })
}

/// Makes sense of what the API told of an instance: a cluster of one member, whose endpoint is its
/// own. An instance that is a member of a cluster is no source, since the Writer leaves it.
pub(super) fn instance(id: &InstanceId, one: &DbInstance) -> Result<Cluster, CallError> {
    if let Some(cluster) = one.db_cluster_identifier() {
        let detail = format!(
            "`{id}` is a member of the cluster `{cluster}`, whose Writer moves between its members: \
             follow the cluster (DB_CLUSTER_IDENTIFIER), not the instance"
        );
        return Err(CallError::new(INSTANCES, Cause::NotFound, detail));
    }
    let nonsense = |what: String| CallError::new(INSTANCES, Cause::Unavailable, what);
    let endpoint = one.endpoint();
    let name = endpoint.and_then(|endpoint| endpoint.address());
    let name = name.filter(|name| !name.is_empty()).ok_or_else(|| {
        let status = one.db_instance_status().unwrap_or("unknown");
        nonsense(format!("it tells no endpoint of `{id}`, which is {status}"))
    })?;
    let told = endpoint.and_then(|endpoint| endpoint.port);
    let port = port(told).ok_or_else(|| nonsense(format!("it tells the port {told:?}")))?;
    Ok(Cluster {
        writer: Some(id.clone()),
        topology: Topology {
            endpoint: name.to_owned(),
            port,
            instances: [(id.clone(), Some(name.to_owned()))].into(),
            listed: true,
        },
    })
}

fn port(told: Option<i32>) -> Option<u16> {
    told.and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port != 0)
}

/// A cluster's members, and whether each is its Writer. One without a proper identifier is none.
pub(super) fn members(cluster: &DbCluster) -> impl Iterator<Item = (InstanceId, bool)> {
    cluster.db_cluster_members().iter().filter_map(|member| {
        let id = InstanceId::parse(member.db_instance_identifier()?).ok()?;
        Some((id, member.is_cluster_writer.unwrap_or(false)))
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::{DbClusterMember, Endpoint};
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        /// Anything that the API could say of a member, sense or nonsense.
        fn any_member()(
            id in prop::option::of(prop_oneof!["[a-z]-[0-9]", ".{0,70}"]),
            is_writer in prop::option::of(any::<bool>()),
        ) -> DbClusterMember {
            DbClusterMember::builder().set_db_instance_identifier(id).set_is_cluster_writer(is_writer).build()
        }
    }

    proptest! {
        /// Whatever the API says: a failure that says why, or a cluster with at most one Writer,
        /// which is a member.
        #[test]
        fn any_answer_is_a_cluster_or_a_failure(
            members in prop::option::of(prop::collection::vec(any_member(), 0..5)),
            endpoint in prop::option::of(".{0,80}"),
            port in prop::option::of(any::<i32>()),
        ) {
            let answer = DbCluster::builder()
                .set_db_cluster_members(members.clone())
                .set_endpoint(endpoint.clone())
                .set_port(port)
                .build();
            let writers = members.iter().flatten().filter(|member| member.is_cluster_writer == Some(true)).count();
            match cluster(&answer, &Endpoints::new()) {
                Ok(cluster) => {
                    prop_assert_eq!(Some(cluster.topology.endpoint), endpoint);
                    prop_assert_eq!(Some(i32::from(cluster.topology.port)), port);
                    prop_assert!(cluster.writer.is_none_or(|writer| cluster.topology.instances.contains_key(&writer)));
                }
                Err(failure) => {
                    let sensible = endpoint.is_some_and(|name| !name.is_empty())
                        && port.is_some_and(|port| (1..=65_535).contains(&port))
                        && writers <= 1;
                    prop_assert!(!sensible, "{failure}");
                    prop_assert!(!failure.detail.is_empty());
                }
            }
        }

        /// Whatever the API says of an instance: a failure that says why, or the instance itself,
        /// at its own endpoint.
        #[test]
        fn any_answer_is_an_instance_or_a_failure(
            name in prop::option::of(".{0,80}"),
            port in prop::option::of(any::<i32>()),
            of_cluster in prop::option::of("[a-z]{1,9}"),
        ) {
            let id = InstanceId::parse("db-1").unwrap();
            let endpoint = Endpoint::builder().set_address(name.clone()).set_port(port).build();
            let answer = DbInstance::builder()
                .endpoint(endpoint)
                .set_db_cluster_identifier(of_cluster.clone())
                .build();
            match instance(&id, &answer) {
                Ok(found) => {
                    prop_assert!(of_cluster.is_none());
                    prop_assert_eq!(found.topology.alone(), Some(&id));
                    prop_assert_eq!(found.writer, Some(id));
                }
                Err(failure) => {
                    let sensible = name.is_some_and(|name| !name.is_empty())
                        && port.is_some_and(|port| (1..=65_535).contains(&port))
                        && of_cluster.is_none();
                    prop_assert!(!sensible, "{failure}");
                    prop_assert!(!failure.detail.is_empty());
                }
            }
        }
    }
}
