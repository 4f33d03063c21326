//! The first witness: the RDS API.

mod api;
mod read;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance};
use futures_util::FutureExt;

use super::batcher::Batcher;
use super::concurrency_limit::ConcurrencyLimit;
use super::survey::{Survey, Surveyor};
use super::{CallError, Cause, Cluster, LogEntry, Topology};
use crate::blue_green::Deployment;
use crate::route::{ClusterId, InstanceId};
use crate::source::SourceId;
use api::Api;

const CLUSTERS: &str = "rds:DescribeDBClusters";
const INSTANCES: &str = "rds:DescribeDBInstances";

/// The RDS API. What several routes ask in the same moment is one question.
pub(super) struct Rds {
    clusters: Batcher<ClusterId, Arc<DbCluster>>,
    endpoints: Batcher<ClusterId, Endpoints>,
    instances: Batcher<InstanceId, Arc<DbInstance>>,
    cluster_logs: Batcher<SourceId, Vec<LogEntry>>,
    instance_logs: Batcher<SourceId, Vec<LogEntry>>,
    surveyor: Surveyor,
    api: Api,
}

type Endpoints = BTreeMap<InstanceId, String>;

impl Rds {
    pub(super) fn new(client: Client) -> Self {
        let api = Api {
            client,
            limit: ConcurrencyLimit::new(),
        };
        let [first, second, third, fourth, fifth] = std::array::from_fn(|_| api.clone());
        Self {
            clusters: Batcher::new(move |ids| first.clone().clusters(ids).boxed()),
            endpoints: Batcher::new(move |ids| second.clone().endpoints(ids).boxed()),
            instances: Batcher::new(move |ids| third.clone().instances(ids).boxed()),
            cluster_logs: Batcher::new(move |ids| fourth.clone().logs(ids).boxed()),
            instance_logs: Batcher::new(move |ids| fifth.clone().logs(ids).boxed()),
            surveyor: Surveyor::new(api.client.clone(), api.limit.clone()),
            api,
        }
    }

    /// The source's entries of the event log.
    pub(super) async fn log(&self, id: &SourceId) -> Result<Vec<LogEntry>, CallError> {
        let logs = match id {
            SourceId::Cluster(_) => &self.cluster_logs,
            SourceId::Instance(_) => &self.instance_logs,
        };
        logs.ask(id).await.map(Option::unwrap_or_default)
    }

    /// A cluster's instances in full. An instance has no members.
    pub(super) async fn survey(&self, id: &SourceId) -> Result<Survey, CallError> {
        let SourceId::Cluster(id) = id else {
            return Ok(Survey::default());
        };
        let cluster = self.describe_cluster(id, false).await?;
        self.surveyor.survey(id, &cluster).await
    }

    /// The account's blue/green deployments.
    pub(super) async fn deployments(&self) -> Result<Vec<Deployment>, CallError> {
        self.api.deployments().await
    }

    /// The source, with the endpoints of its members.
    pub(super) async fn source(
        &self,
        id: &SourceId,
        known: Option<&Topology>,
    ) -> Result<Cluster, CallError> {
        match id {
            SourceId::Cluster(id) => self.cluster(id, known).await,
            SourceId::Instance(id) => {
                let found = self.describe_instance(id, known.is_none()).await?;
                read::instance(id, &found)
            }
        }
    }

    /// The cluster, with the endpoints of its members. Where no endpoint is known yet, both
    /// questions are asked side by side.
    async fn cluster(
        &self,
        id: &ClusterId,
        known: Option<&Topology>,
    ) -> Result<Cluster, CallError> {
        let is_first = known.is_none();
        let known = known.into_iter().flat_map(|known| &known.instances);
        let known = known.filter_map(|(id, endpoint)| Some((id.clone(), endpoint.clone()?)));
        let mut known: Endpoints = known.collect();
        let (cluster, mut learned) = if known.is_empty() {
            let (cluster, learned) = tokio::join!(
                self.describe_cluster(id, is_first),
                self.describe_endpoints(id)
            );
            (cluster?, Some(learned))
        } else {
            (self.describe_cluster(id, is_first).await?, None)
        };
        let is_new = |(member, _): (InstanceId, bool)| !known.contains_key(&member);
        if learned.is_none() && read::members(&cluster).any(is_new) {
            learned = Some(self.describe_endpoints(id).await);
        }
        let missed =
            learned.and_then(|learned| learned.map(|endpoints| known.extend(endpoints)).err());
        let cluster = read::cluster(&cluster, &known)?;
        let lacks_endpoint = |writer| !known.contains_key(writer);
        match missed {
            // Without the Writer's endpoint the answer is of no use.
            Some(error) if cluster.writer.as_ref().is_some_and(lacks_endpoint) => Err(error),
            _ => Ok(cluster),
        }
    }

    /// Where there is no such cluster and never was, the error says so if it is an instance.
    async fn describe_cluster(
        &self,
        id: &ClusterId,
        is_first: bool,
    ) -> Result<Arc<DbCluster>, CallError> {
        let error = match found(self.clusters.ask(id).await, CLUSTERS, "cluster", id) {
            Err(error) if is_first && error.cause == Cause::NotFound => error,
            answer => return answer,
        };
        let name = InstanceId::parse(id.as_str());
        let other = match &name {
            Ok(name) => self.instances.ask(name).await.ok().flatten(),
            Err(_) => None,
        };
        let sentence = "is a DB instance, not a cluster: give it as DB_INSTANCE_IDENTIFIER";
        Err(if other.is_some() {
            explained(&error, id, sentence)
        } else {
            error
        })
    }

    /// The same of an instance that may be a cluster.
    async fn describe_instance(
        &self,
        id: &InstanceId,
        is_first: bool,
    ) -> Result<Arc<DbInstance>, CallError> {
        let error = match found(self.instances.ask(id).await, INSTANCES, "instance", id) {
            Err(error) if is_first && error.cause == Cause::NotFound => error,
            answer => return answer,
        };
        let name = ClusterId::parse(id.as_str());
        // Its members are asked for, which takes no other permission.
        let other = match &name {
            Ok(name) => self.endpoints.ask(name).await.ok().flatten(),
            Err(_) => None,
        };
        let sentence = "is a cluster, not a DB instance: give it as DB_CLUSTER_IDENTIFIER";
        Err(if other.is_some() {
            explained(&error, id, sentence)
        } else {
            error
        })
    }

    async fn describe_endpoints(&self, id: &ClusterId) -> Result<Endpoints, CallError> {
        self.endpoints.ask(id).await.map(Option::unwrap_or_default)
    }
}

/// What an answer holds; that it holds nothing is an error, too.
fn found<T>(
    answer: Result<Option<T>, CallError>,
    call: &'static str,
    what: &str,
    id: &impl std::fmt::Display,
) -> Result<T, CallError> {
    answer?.ok_or_else(|| CallError::new(call, Cause::NotFound, format!("no {what} `{id}`")))
}

/// The error, with what the name is before its own words.
fn explained(error: &CallError, id: &impl std::fmt::Display, sentence: &str) -> CallError {
    let detail = format!("`{id}` {sentence}; {}", error.detail);
    CallError::new(error.call, error.cause, detail)
}
