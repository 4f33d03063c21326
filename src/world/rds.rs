//! The first witness: the RDS API.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance, Event as RdsEvent, Filter, SourceType};
use chrono::DateTime;
use futures_util::FutureExt;

use super::batcher::{Batcher, Found};
use super::concurrency_limit::ConcurrencyLimit;
use super::survey::{Survey, Surveyor};
use super::{CallError, Cause, Cluster, LogEntry, Topology};
use crate::route::{ClusterId, InstanceId};

const CLUSTERS: &str = "rds:DescribeDBClusters";
const INSTANCES: &str = "rds:DescribeDBInstances";
const LOG: &str = "rds:DescribeEvents";

/// How far back the event log is read, in minutes: an event may come up to about five minutes late
/// (Aurora User Guide, working with events), and what is older explains nothing any more.
const LOG_MINUTES: i32 = 10;

/// The RDS API. What several routes ask in the same moment is one question.
pub(super) struct Rds {
    clusters: Batcher<ClusterId, Arc<DbCluster>>,
    instances: Batcher<ClusterId, Endpoints>,
    logs: Batcher<ClusterId, Vec<LogEntry>>,
    surveyor: Surveyor,
}

type Endpoints = BTreeMap<InstanceId, String>;

impl Rds {
    pub(super) fn new(client: Client) -> Self {
        let api = Api {
            client,
            limit: ConcurrencyLimit::new(),
        };
        let (same, third) = (api.clone(), api.clone());
        Self {
            surveyor: Surveyor::new(api.client.clone(), api.limit.clone()),
            clusters: Batcher::new(move |ids| api.clone().clusters(ids).boxed()),
            instances: Batcher::new(move |ids| same.clone().endpoints(ids).boxed()),
            logs: Batcher::new(move |ids| third.clone().logs(ids).boxed()),
        }
    }

    /// The cluster's entries of the event log.
    pub(super) async fn log(&self, id: &ClusterId) -> Result<Vec<LogEntry>, CallError> {
        self.logs.ask(id).await.map(Option::unwrap_or_default)
    }

    /// The cluster's instances in full.
    pub(super) async fn survey(&self, id: &ClusterId) -> Result<Survey, CallError> {
        let cluster = self.describe_cluster(id).await?;
        self.surveyor.survey(id, &cluster).await
    }

    /// The cluster, with the endpoints of its members. Where no endpoint is known yet, both
    /// questions are asked side by side.
    pub(super) async fn cluster(
        &self,
        id: &ClusterId,
        known: Option<&Topology>,
    ) -> Result<Cluster, CallError> {
        let known = known.into_iter().flat_map(|known| &known.instances);
        let known = known.filter_map(|(id, endpoint)| Some((id.clone(), endpoint.clone()?)));
        let mut known: Endpoints = known.collect();
        let (cluster, mut learned) = if known.is_empty() {
            let (cluster, learned) =
                tokio::join!(self.describe_cluster(id), self.describe_endpoints(id));
            (cluster?, Some(learned))
        } else {
            (self.describe_cluster(id).await?, None)
        };
        if learned.is_none() && members(&cluster).any(|(member, _)| !known.contains_key(&member)) {
            learned = Some(self.describe_endpoints(id).await);
        }
        let missed =
            learned.and_then(|learned| learned.map(|endpoints| known.extend(endpoints)).err());
        let cluster = read(&cluster, &known)?;
        let lacks_endpoint = |writer| !known.contains_key(writer);
        match missed {
            // Without the Writer's endpoint the answer is of no use.
            Some(error) if cluster.writer.as_ref().is_some_and(lacks_endpoint) => Err(error),
            _ => Ok(cluster),
        }
    }

    async fn describe_cluster(&self, id: &ClusterId) -> Result<Arc<DbCluster>, CallError> {
        let found = self.clusters.ask(id).await?;
        found.ok_or_else(|| CallError::new(CLUSTERS, Cause::NotFound, format!("no cluster `{id}`")))
    }

    async fn describe_endpoints(&self, id: &ClusterId) -> Result<Endpoints, CallError> {
        self.instances.ask(id).await.map(Option::unwrap_or_default)
    }
}

/// The two questions as they are put: about one cluster, or a page of them.
#[derive(Clone)]
struct Api {
    client: Client,
    limit: ConcurrencyLimit,
}

impl Api {
    /// A lone cluster is asked for by name, for which the right to that cluster is enough. IAM
    /// takes a filter for a question about every cluster.
    async fn clusters(self, ids: Vec<ClusterId>) -> Found<ClusterId, Arc<DbCluster>> {
        let call = self.client.describe_db_clusters();
        let call = match ids.as_slice() {
            [id] => call.db_cluster_identifier(id.as_str()),
            ids => call.filters(of_clusters(ids)),
        };
        let call = async { call.into_paginator().items().send().collect().await };
        let answer: Result<Vec<_>, _> = self.limit.run(call).await;
        let clusters = answer.map_err(|error| CallError::from_sdk(CLUSTERS, &error))?;
        let by_id = clusters.into_iter().filter_map(|cluster| {
            let id = ClusterId::parse(cluster.db_cluster_identifier()?).ok()?;
            Some((id, Arc::new(cluster)))
        });
        Ok(by_id.collect())
    }

    /// The event log of each cluster. One call is about one cluster, or about all of the account.
    async fn logs(self, ids: Vec<ClusterId>) -> Found<ClusterId, Vec<LogEntry>> {
        let call = self.client.describe_events();
        let call = call
            .source_type(SourceType::DbCluster)
            .duration(LOG_MINUTES);
        let call = match ids.as_slice() {
            [id] => call.source_identifier(id.as_str()),
            _ => call,
        };
        let call = async { call.into_paginator().items().send().collect().await };
        let answer: Result<Vec<_>, _> = self.limit.run(call).await;
        let events = answer.map_err(|error| CallError::from_sdk(LOG, &error))?;
        let mut found: BTreeMap<_, _> = ids.into_iter().map(|id| (id, Vec::new())).collect();
        for (cluster, entry) in events.into_iter().filter_map(log_entry) {
            if let Some(log) = found.get_mut(&cluster) {
                log.push(entry);
            }
        }
        Ok(found)
    }

    /// The endpoints of each cluster's instances, of which there are more than one answer can hold.
    async fn endpoints(self, ids: Vec<ClusterId>) -> Found<ClusterId, Endpoints> {
        let call = self.client.describe_db_instances();
        let call = call.filters(of_clusters(&ids));
        let call = async { call.into_paginator().items().send().collect().await };
        let answer: Result<Vec<_>, _> = self.limit.run(call).await;
        let instances = answer.map_err(|error| CallError::from_sdk(INSTANCES, &error))?;
        let mut found: BTreeMap<ClusterId, Endpoints> = BTreeMap::new();
        for (cluster, instance, endpoint) in instances.into_iter().filter_map(endpoint) {
            found.entry(cluster).or_default().insert(instance, endpoint);
        }
        Ok(found)
    }
}

fn of_clusters(ids: &[ClusterId]) -> Filter {
    let filter = Filter::builder().name("db-cluster-id");
    filter
        .set_values(Some(ids.iter().map(ToString::to_string).collect()))
        .build()
}

/// An instance's cluster, name and endpoint; one that is being made has no endpoint yet.
fn endpoint(instance: DbInstance) -> Option<(ClusterId, InstanceId, String)> {
    let cluster = ClusterId::parse(instance.db_cluster_identifier()?).ok()?;
    let id = InstanceId::parse(instance.db_instance_identifier()?).ok()?;
    Some((cluster, id, instance.endpoint?.address?))
}

/// A log entry and its cluster; one without a time or a text says nothing.
fn log_entry(event: RdsEvent) -> Option<(ClusterId, LogEntry)> {
    let cluster = ClusterId::parse(event.source_identifier()?).ok()?;
    let date = event.date?;
    let time = DateTime::from_timestamp(date.secs(), date.subsec_nanos())?;
    let message = event.message?;
    Some((cluster, LogEntry { time, message }))
}

/// Makes sense of what the API told of a cluster, or says why there is none in it.
fn read(cluster: &DbCluster, endpoints: &Endpoints) -> Result<Cluster, CallError> {
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
    let port = cluster
        .port
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port != 0);
    Ok(Cluster {
        writer: writers.into_iter().next(),
        topology: Topology {
            endpoint: endpoint
                .ok_or_else(|| nonsense("it tells no cluster endpoint".to_owned()))?,
            port: port.ok_or_else(|| nonsense(format!("it tells the port {:?}", cluster.port)))?,
            instances: members(cluster)
                .map(|(id, _)| (id.clone(), endpoints.get(&id).cloned()))
                .collect(),
            listed: true,
        },
    })
}

/// A cluster's members, and whether each is its Writer. One without a proper identifier is none.
fn members(cluster: &DbCluster) -> impl Iterator<Item = (InstanceId, bool)> {
    cluster.db_cluster_members().iter().filter_map(|member| {
        let id = InstanceId::parse(member.db_instance_identifier()?).ok()?;
        Some((id, member.is_cluster_writer.unwrap_or(false)))
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::DbClusterMember;
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
            match read(&answer, &Endpoints::new()) {
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
    }
}
