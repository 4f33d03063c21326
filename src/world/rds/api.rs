//! The questions as they are put: about one cluster or instance, or a page of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance, Filter, SourceType};

use super::{CLUSTERS, Endpoints, INSTANCES, read};
use crate::blue_green::Deployment;
use crate::route::{ClusterId, InstanceId};
use crate::source::SourceId;
use crate::world::batcher::Found;
use crate::world::concurrency_limit::ConcurrencyLimit;
use crate::world::{CallError, LogEntry};

const LOG: &str = "rds:DescribeEvents";
const DEPLOYMENTS: &str = "rds:DescribeBlueGreenDeployments";

/// How far back the event log is read, in minutes: an event may come up to about five minutes late
/// (Aurora User Guide, working with events), and what is older explains nothing any more.
const LOG_MINUTES: i32 = 10;

#[derive(Clone)]
pub(super) struct Api {
    pub(super) client: Client,
    pub(super) limit: ConcurrencyLimit,
}

impl Api {
    /// A lone cluster is asked for by name, for which the right to that cluster is enough. IAM
    /// takes a filter for a question about every cluster.
    pub(super) async fn clusters(self, ids: Vec<ClusterId>) -> Found<ClusterId, Arc<DbCluster>> {
        let call = self.client.describe_db_clusters();
        let call = match ids.as_slice() {
            [id] => call.db_cluster_identifier(id.as_str()),
            ids => call.filters(filter("db-cluster-id", ids)),
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

    /// The same of instances.
    pub(super) async fn instances(
        self,
        ids: Vec<InstanceId>,
    ) -> Found<InstanceId, Arc<DbInstance>> {
        let call = self.client.describe_db_instances();
        let call = match ids.as_slice() {
            [id] => call.db_instance_identifier(id.as_str()),
            ids => call.filters(filter("db-instance-id", ids)),
        };
        let call = async { call.into_paginator().items().send().collect().await };
        let answer: Result<Vec<_>, _> = self.limit.run(call).await;
        let instances = answer.map_err(|error| CallError::from_sdk(INSTANCES, &error))?;
        let by_id = instances.into_iter().filter_map(|instance| {
            let id = InstanceId::parse(instance.db_instance_identifier()?).ok()?;
            Some((id, Arc::new(instance)))
        });
        Ok(by_id.collect())
    }

    /// The event log of each source, all of one kind. One call is about one source, or about all
    /// of that kind in the account.
    pub(super) async fn logs(self, ids: Vec<SourceId>) -> Found<SourceId, Vec<LogEntry>> {
        let kind = match ids.first() {
            Some(SourceId::Instance(_)) => SourceType::DbInstance,
            _ => SourceType::DbCluster,
        };
        let call = self.client.describe_events();
        let call = call.source_type(kind).duration(LOG_MINUTES);
        let call = match ids.as_slice() {
            [id] => call.source_identifier(id.as_str()),
            _ => call,
        };
        let call = async { call.into_paginator().items().send().collect().await };
        let answer: Result<Vec<_>, _> = self.limit.run(call).await;
        let events = answer.map_err(|error| CallError::from_sdk(LOG, &error))?;
        let mut entries: BTreeMap<String, Vec<LogEntry>> = BTreeMap::new();
        for (source, entry) in events.into_iter().filter_map(read::log_entry) {
            entries.entry(source).or_default().push(entry);
        }
        let of = |id: SourceId| {
            let its = entries.remove(id.as_str()).unwrap_or_default();
            (id, its)
        };
        Ok(ids.into_iter().map(of).collect())
    }

    /// The endpoints of each cluster's instances, of which there are more than one answer can hold.
    pub(super) async fn endpoints(self, ids: Vec<ClusterId>) -> Found<ClusterId, Endpoints> {
        let call = self.client.describe_db_instances();
        let call = call.filters(filter("db-cluster-id", &ids));
        let call = async { call.into_paginator().items().send().collect().await };
        let answer: Result<Vec<_>, _> = self.limit.run(call).await;
        let instances = answer.map_err(|error| CallError::from_sdk(INSTANCES, &error))?;
        let mut found: BTreeMap<ClusterId, Endpoints> = BTreeMap::new();
        for (cluster, instance, endpoint) in instances.into_iter().filter_map(read::endpoint) {
            found.entry(cluster).or_default().insert(instance, endpoint);
        }
        Ok(found)
    }

    /// The account's blue/green deployments. A deployment is not found by what it was made from
    /// once the switchover has renamed that, so all are read.
    pub(super) async fn deployments(&self) -> Result<Vec<Deployment>, CallError> {
        let call = self.client.describe_blue_green_deployments();
        let call = async { call.into_paginator().items().send().collect().await };
        let answer: Result<Vec<_>, _> = self.limit.run(call).await;
        let all = answer.map_err(|error| CallError::from_sdk(DEPLOYMENTS, &error))?;
        Ok(all.iter().map(read::deployment).collect())
    }
}

fn filter<'a>(name: &str, ids: impl IntoIterator<Item = &'a (impl ToString + 'a)>) -> Filter {
    let ids = ids.into_iter().map(ToString::to_string).collect();
    Filter::builder().name(name).set_values(Some(ids)).build()
}
