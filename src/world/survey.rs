//! The members in full: who would be promoted next, and what each new connection meets there.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance, Filter, Parameter};
use futures_util::FutureExt;
use futures_util::future::{join_all, try_join};

use super::CallError;
use super::batcher::{Batcher, Found};
use super::concurrency_limit::ConcurrencyLimit;
use crate::route::{ClusterId, InstanceId};

const INSTANCES: &str = "rds:DescribeDBInstances";
const CLUSTER_PARAMETERS: &str = "rds:DescribeDBClusterParameters";
const INSTANCE_PARAMETERS: &str = "rds:DescribeDBParameters";

/// The parameter that the guard is.
const GUARD: &str = "init_connect";
/// The parameters that were set, in `DescribeDBParameters`' words.
const SET: &str = "user";
/// How a parameter group of AWS's own begins, in which nothing can be set.
const DEFAULT: &str = "default.";
/// What a parameter group's status is where an instance has taken in all of it.
const IN_SYNC: &str = "in-sync";

/// A cluster's instances, as they were looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Survey {
    /// `aurora-mysql`, say.
    pub engine: String,
    /// Each instance of which both the cluster and the instances' list know.
    pub members: BTreeMap<InstanceId, Member>,
}

/// An instance of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Member {
    /// `PromotionTier`: the lowest is promoted first.
    pub tier: Option<i32>,
    /// `DBInstanceClass`.
    pub class: String,
    /// `DBInstanceStatus`.
    pub status: String,
    /// What runs for each new connection: the instance's own where it has one, else the cluster's.
    pub init_connect: Option<String>,
    /// The parameter group that is not in effect, and its status; `None` where both are.
    pub pending: Option<String>,
}

/// Asks for the members in full. Instances that several routes ask about are one question.
pub(super) struct Surveyor {
    client: Client,
    limit: ConcurrencyLimit,
    instances: Batcher<ClusterId, Vec<DbInstance>>,
}

impl Surveyor {
    pub(super) fn new(client: Client, limit: ConcurrencyLimit) -> Self {
        let (same, permits) = (client.clone(), limit.clone());
        let fetch = move |ids| instances(same.clone(), permits.clone(), ids).boxed();
        Self {
            client,
            limit,
            instances: Batcher::new(fetch),
        }
    }

    /// The cluster's instances, of which their own list has answered already.
    pub(super) async fn survey(
        &self,
        id: &ClusterId,
        cluster: &DbCluster,
    ) -> Result<Survey, CallError> {
        let group = or_empty(cluster.db_cluster_parameter_group());
        let (found, of_cluster) = try_join(self.instances.ask(id), self.of_cluster(&group)).await?;
        let found = found.unwrap_or_default();
        let groups: BTreeSet<&str> = found.iter().filter_map(parameter_group).collect();
        let asked = groups.into_iter().map(async |group| {
            let set = self.of_instances(group).await?;
            Ok::<_, CallError>((group.to_owned(), set))
        });
        let own: Result<BTreeMap<_, _>, _> = join_all(asked).await.into_iter().collect();
        let own = own?;
        let read = |one: &DbInstance| {
            let id = InstanceId::parse(one.db_instance_identifier()?).ok()?;
            let of_instance = own.get(parameter_group(one)?).cloned().flatten();
            let statement = of_instance.or_else(|| of_cluster.clone());
            Some((id.clone(), member(cluster, one, &id, statement)?))
        };
        Ok(Survey {
            engine: or_empty(cluster.engine()),
            members: found.iter().filter_map(read).collect(),
        })
    }

    /// What a cluster's parameter group sets.
    async fn of_cluster(&self, group: &str) -> Result<Option<String>, CallError> {
        if is_aws_own(group) {
            return Ok(None);
        }
        let call = self.client.describe_db_cluster_parameters();
        let call = call.db_cluster_parameter_group_name(group).source(SET);
        let pages = call.into_paginator().items().send();
        let set: Result<Vec<_>, _> = self.limit.run(pages.collect().boxed()).await;
        let set = set.map_err(|error| CallError::from_sdk(CLUSTER_PARAMETERS, &error))?;
        Ok(statement(set))
    }

    /// What an instance's parameter group sets.
    async fn of_instances(&self, group: &str) -> Result<Option<String>, CallError> {
        if is_aws_own(group) {
            return Ok(None);
        }
        let call = self.client.describe_db_parameters();
        let call = call.db_parameter_group_name(group).source(SET);
        let pages = call.into_paginator().items().send();
        let set: Result<Vec<_>, _> = self.limit.run(pages.collect().boxed()).await;
        let set = set.map_err(|error| CallError::from_sdk(INSTANCE_PARAMETERS, &error))?;
        Ok(statement(set))
    }
}

async fn instances(
    client: Client,
    limit: ConcurrencyLimit,
    ids: Vec<ClusterId>,
) -> Found<ClusterId, Vec<DbInstance>> {
    let ids = ids.iter().map(ToString::to_string).collect();
    let filter = Filter::builder()
        .name("db-cluster-id")
        .set_values(Some(ids));
    let call = client.describe_db_instances().filters(filter.build());
    let call = async { call.into_paginator().items().send().collect().await };
    let answer: Result<Vec<DbInstance>, _> = limit.run(call).await;
    let mut found: BTreeMap<ClusterId, Vec<DbInstance>> = BTreeMap::new();
    for one in answer.map_err(|error| CallError::from_sdk(INSTANCES, &error))? {
        let cluster = one.db_cluster_identifier().map(ClusterId::parse);
        if let Some(Ok(cluster)) = cluster {
            found.entry(cluster).or_default().push(one);
        }
    }
    Ok(found)
}

/// An instance, where the cluster lists it too.
fn member(
    cluster: &DbCluster,
    instance: &DbInstance,
    id: &InstanceId,
    init_connect: Option<String>,
) -> Option<Member> {
    let mut listed = cluster.db_cluster_members().iter();
    let listed = listed.find(|one| {
        let name = one.db_instance_identifier().map(InstanceId::parse);
        name.as_ref().and_then(|name| name.as_ref().ok()) == Some(id)
    })?;
    let own = instance.db_parameter_groups().first();
    let pending = [
        (
            "the cluster's parameter group",
            listed.db_cluster_parameter_group_status(),
        ),
        (
            "its parameter group",
            own.and_then(|own| own.parameter_apply_status()),
        ),
    ];
    let pending = pending
        .into_iter()
        .find(|(_, status)| *status != Some(IN_SYNC));
    let pending = pending
        .map(|(group, status)| format!("{group} is {}", status.unwrap_or("of unknown status")));
    Some(Member {
        tier: listed.promotion_tier,
        class: or_empty(instance.db_instance_class()),
        status: or_empty(instance.db_instance_status()),
        init_connect,
        pending,
    })
}

fn parameter_group(instance: &DbInstance) -> Option<&str> {
    instance
        .db_parameter_groups()
        .first()?
        .db_parameter_group_name()
}

fn is_aws_own(group: &str) -> bool {
    group.is_empty() || group.starts_with(DEFAULT)
}

fn statement(set: Vec<Parameter>) -> Option<String> {
    let mut set = set.into_iter();
    set.find(|one| one.parameter_name() == Some(GUARD))?
        .parameter_value
}

fn or_empty(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}
