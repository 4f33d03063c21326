//! RDS and DNS: the clusters, their instances and parameters, and their names.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_rds::types::{DbCluster, DbInstance, Filter, Parameter};

use super::{Answered, Attributes, Auditor, Cluster, Database, Instance, each, or_empty, send};
use crate::route::{ClusterId, InstanceId, Route};
use crate::source::SourceId;
use crate::world::{CallError, Cause, World};

const CLUSTERS: &str = "rds:DescribeDBClusters";
const INSTANCES: &str = "rds:DescribeDBInstances";
const CLUSTER_PARAMETERS: &str = "rds:DescribeDBClusterParameters";
const INSTANCE_PARAMETERS: &str = "rds:DescribeDBParameters";

/// The parameters that were set, in `DescribeDBParameters`' words.
const SET: &str = "user";
/// How a parameter group of AWS's own begins, in which nothing can be set.
pub(in crate::doctor) const DEFAULT: &str = "default.";
/// A host that no cluster has.
const PROBE: &str = "failover-follower-probe";

impl Auditor {
    pub(super) async fn database(&self, world: &impl World, routes: &[Route]) -> Database {
        let sources = || routes.iter().map(|route| &route.source);
        let ids: BTreeSet<ClusterId> = sources().filter_map(SourceId::cluster).cloned().collect();
        let lone: BTreeSet<_> = sources().filter_map(SourceId::instance).cloned().collect();
        let (clusters, instances, alone, deployments) = tokio::join!(
            self.clusters(&ids),
            self.instances(&ids),
            each(lone, async |id| self.instance(id).await),
            world.deployments(),
        );
        let found = || clusters.values().flatten();
        let of_clusters = found().map(|one| one.parameter_group.clone());
        let members = || {
            let of_clusters = instances.iter().flat_map(BTreeMap::values).flatten();
            of_clusters.chain(alone.values().flatten())
        };
        let of_instances = members().map(|one| one.parameter_group.clone());
        let of_alone = alone
            .values()
            .flatten()
            .filter_map(|one| one.endpoint.clone());
        let endpoints = found().map(|one| one.endpoint.clone()).chain(of_alone);
        let names = endpoints
            .clone()
            .chain(endpoints.filter_map(|name| probe(&name)));
        let names = names.chain(members().filter_map(|one| one.endpoint.clone()));
        let (cluster_parameters, instance_parameters, names) = tokio::join!(
            each(own(of_clusters), async |group| self
                .cluster_parameters(group)
                .await),
            each(own(of_instances), async |group| self
                .instance_parameters(group)
                .await),
            each(names.collect::<BTreeSet<_>>(), async |name| world
                .resolve(name)
                .await),
        );
        Database {
            clusters,
            instances,
            alone,
            deployments,
            cluster_parameters,
            instance_parameters,
            names,
        }
    }

    /// All in one question; where that is denied, as IAM takes it for one about every cluster, or
    /// there is one only, each by its name.
    async fn clusters(&self, ids: &BTreeSet<ClusterId>) -> BTreeMap<ClusterId, Answered<Cluster>> {
        if ids.len() > 1
            && let Ok(all) = self.describe_clusters(None, ids).await
        {
            let found = |id: &ClusterId| all.get(id).cloned().ok_or_else(|| missing(id));
            return ids.iter().map(|id| (id.clone(), found(id))).collect();
        }
        each(ids.iter().cloned(), async |id| {
            let mut found = self.describe_clusters(Some(id), ids).await?;
            found.remove(id).ok_or_else(|| missing(id))
        })
        .await
    }

    async fn describe_clusters(
        &self,
        only: Option<&ClusterId>,
        ids: &BTreeSet<ClusterId>,
    ) -> Answered<BTreeMap<ClusterId, Cluster>> {
        let call = self.rds.describe_db_clusters();
        let call = match only {
            Some(id) => call.db_cluster_identifier(id.as_str()),
            None => call.filters(of_clusters(ids)),
        };
        let pages = call.into_paginator().items().send();
        let found = send(&self.rds_limit, CLUSTERS, pages.try_collect()).await?;
        Ok(found.iter().filter_map(cluster).collect())
    }

    async fn instances(
        &self,
        ids: &BTreeSet<ClusterId>,
    ) -> Answered<BTreeMap<ClusterId, Vec<Instance>>> {
        let call = self.rds.describe_db_instances().filters(of_clusters(ids));
        let pages = call.into_paginator().items().send();
        let mut by_cluster: BTreeMap<_, Vec<_>> = BTreeMap::new();
        if ids.is_empty() {
            return Ok(by_cluster);
        }
        let found = send(&self.rds_limit, INSTANCES, pages.try_collect()).await?;
        for instance in found.into_iter().filter_map(instance) {
            let cluster = instance.cluster.as_deref().map(ClusterId::parse);
            if let Some(Ok(cluster)) = cluster {
                by_cluster.entry(cluster).or_default().push(instance);
            }
        }
        Ok(by_cluster)
    }

    async fn instance(&self, id: &InstanceId) -> Answered<Instance> {
        let call = self.rds.describe_db_instances();
        let call = call.db_instance_identifier(id.as_str());
        let found = send(&self.rds_limit, INSTANCES, call.send()).await?;
        let mut found = found.db_instances.unwrap_or_default().into_iter();
        let missing = || CallError::new(INSTANCES, Cause::NotFound, format!("no instance `{id}`"));
        found.find_map(instance).ok_or_else(missing)
    }

    async fn cluster_parameters(&self, group: &str) -> Answered<Attributes> {
        let call = self.rds.describe_db_cluster_parameters();
        let call = call.db_cluster_parameter_group_name(group).source(SET);
        let pages = call.into_paginator().items().send();
        let set = send(&self.rds_limit, CLUSTER_PARAMETERS, pages.try_collect()).await?;
        Ok(values(set))
    }

    async fn instance_parameters(&self, group: &str) -> Answered<Attributes> {
        let call = self.rds.describe_db_parameters();
        let call = call.db_parameter_group_name(group).source(SET);
        let pages = call.into_paginator().items().send();
        let set = send(&self.rds_limit, INSTANCE_PARAMETERS, pages.try_collect()).await?;
        Ok(values(set))
    }
}

/// A name beside a cluster's instances that none of them has.
pub(in crate::doctor) fn probe(endpoint: &str) -> Option<String> {
    let zone = endpoint
        .split_once(".cluster-")
        .or_else(|| endpoint.split_once('.'));
    let (_, zone) = zone?;
    Some(format!("{PROBE}.{zone}"))
}

fn own(groups: impl Iterator<Item = String>) -> BTreeSet<String> {
    let own = groups.filter(|group| !group.is_empty() && !group.starts_with(DEFAULT));
    own.collect()
}

fn missing(id: &ClusterId) -> CallError {
    CallError::new(CLUSTERS, Cause::NotFound, format!("no cluster `{id}`"))
}

fn of_clusters(ids: &BTreeSet<ClusterId>) -> Filter {
    let ids = ids.iter().map(ToString::to_string).collect();
    Filter::builder()
        .name("db-cluster-id")
        .set_values(Some(ids))
        .build()
}

fn cluster(one: &DbCluster) -> Option<(ClusterId, Cluster)> {
    let id = ClusterId::parse(one.db_cluster_identifier()?).ok()?;
    let members = one.db_cluster_members();
    let named = |keep: &dyn Fn(&aws_sdk_rds::types::DbClusterMember) -> bool| {
        let kept = members.iter().filter(|member| keep(member));
        kept.filter_map(|member| InstanceId::parse(member.db_instance_identifier()?).ok())
            .collect::<BTreeSet<_>>()
    };
    let writers = named(&|member| member.is_cluster_writer == Some(true));
    let waiting =
        named(&|member| member.db_cluster_parameter_group_status() == Some("pending-reboot"));
    let found = Cluster {
        writer: writers.into_iter().next(),
        members: named(&|_| true),
        pending_reboot: waiting,
        status: or_empty(one.status()),
        engine: or_empty(one.engine()),
        endpoint: or_empty(one.endpoint()),
        port: one
            .port
            .and_then(|port| port.try_into().ok())
            .unwrap_or(3306),
        parameter_group: or_empty(one.db_cluster_parameter_group()),
    };
    Some((id, found))
}

fn instance(one: DbInstance) -> Option<Instance> {
    let subnets = one.db_subnet_group();
    let subnet = |subnet: &aws_sdk_rds::types::Subnet| {
        let zone = subnet.subnet_availability_zone()?.name()?;
        Some((subnet.subnet_identifier()?.to_owned(), zone.to_owned()))
    };
    let security_groups = one.vpc_security_groups().iter();
    let parameters = one.db_parameter_groups().first();
    let status = parameters.and_then(|group| group.parameter_apply_status());
    let port = one.endpoint().and_then(|endpoint| endpoint.port);
    Some(Instance {
        id: InstanceId::parse(one.db_instance_identifier()?).ok()?,
        class: or_empty(one.db_instance_class()),
        vpc: or_empty(subnets.and_then(|group| group.vpc_id())),
        subnets: subnets
            .iter()
            .flat_map(|group| group.subnets())
            .filter_map(subnet)
            .collect(),
        security_groups: security_groups
            .filter_map(|group| group.vpc_security_group_id.clone())
            .collect(),
        parameter_group: or_empty(parameters.and_then(|group| group.db_parameter_group_name())),
        pending_reboot: status == Some("pending-reboot"),
        publicly_accessible: one.publicly_accessible.unwrap_or_default(),
        status: or_empty(one.db_instance_status()),
        engine: or_empty(one.engine()),
        port: port
            .and_then(|port| port.try_into().ok())
            .unwrap_or_default(),
        multi_az: one.multi_az.unwrap_or_default(),
        backup_retention: one.backup_retention_period.unwrap_or_default(),
        cluster: one.db_cluster_identifier.clone(),
        zone: one.availability_zone,
        endpoint: one.endpoint.and_then(|endpoint| endpoint.address),
    })
}

fn values(parameters: Vec<Parameter>) -> Attributes {
    let read = |one: Parameter| Some((one.parameter_name?, one.parameter_value?));
    parameters.into_iter().filter_map(read).collect()
}
