//! RDS: the cluster, its instances, its parameters, and who hears of its events.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, EventSubscription, Filter};

use super::{Answered, Attributes, ClusterDetails, InstanceDetails, Subscription};
use crate::route::{ClusterId, InstanceId};
use crate::world::{CallError, Cause};

const CLUSTERS: &str = "rds:DescribeDBClusters";
const INSTANCES: &str = "rds:DescribeDBInstances";
const PARAMETERS: &str = "rds:DescribeDBClusterParameters";
const SUBSCRIPTIONS: &str = "rds:DescribeEventSubscriptions";

/// The parameters that somebody has set, as `DescribeDBClusterParameters` calls them.
const SET_BY_SOMEBODY: &str = "user";

pub(super) async fn cluster(client: &Client, id: &ClusterId) -> Answered<ClusterDetails> {
    let call = client
        .describe_db_clusters()
        .db_cluster_identifier(id.as_str());
    let answer = call
        .send()
        .await
        .map_err(|error| CallError::from_sdk(CLUSTERS, &error))?;
    let cluster = answer.db_clusters.unwrap_or_default().into_iter().next();
    let cluster = cluster
        .ok_or_else(|| CallError::new(CLUSTERS, Cause::NotFound, format!("no cluster `{id}`")))?;
    let pending = cluster
        .db_cluster_members()
        .iter()
        .filter(|member| member.db_cluster_parameter_group_status() == Some("pending-reboot"))
        .filter_map(|member| member.db_instance_identifier.clone())
        .collect();
    Ok(ClusterDetails {
        pending_reboot: pending,
        status: cluster.status.unwrap_or_default(),
        engine: cluster.engine.unwrap_or_default(),
        parameter_group: cluster.db_cluster_parameter_group.unwrap_or_default(),
    })
}

pub(super) async fn instances(client: &Client, id: &ClusterId) -> Answered<Vec<InstanceDetails>> {
    let of_cluster = Filter::builder()
        .name("db-cluster-id")
        .values(id.as_str())
        .build();
    let call = client.describe_db_instances().filters(of_cluster);
    let answer = call
        .send()
        .await
        .map_err(|error| CallError::from_sdk(INSTANCES, &error))?;
    let read = |instance: DbInstance| {
        Some(InstanceDetails {
            id: InstanceId::parse(instance.db_instance_identifier()?).ok()?,
            zone: instance.availability_zone,
            publicly_accessible: instance.publicly_accessible.unwrap_or_default(),
        })
    };
    let instances = answer.db_instances.unwrap_or_default();
    Ok(instances.into_iter().filter_map(read).collect())
}

pub(super) async fn parameters(client: &Client, group: &str) -> Answered<Attributes> {
    let pages = client
        .describe_db_cluster_parameters()
        .db_cluster_parameter_group_name(group)
        .source(SET_BY_SOMEBODY)
        .into_paginator()
        .items()
        .send();
    let parameters = pages.try_collect().await;
    let parameters = parameters.map_err(|error| CallError::from_sdk(PARAMETERS, &error))?;
    let read = parameters
        .into_iter()
        .filter_map(|one| Some((one.parameter_name?, one.parameter_value?)));
    Ok(read.collect())
}

pub(super) async fn subscriptions(client: &Client) -> Answered<Vec<Subscription>> {
    let pages = client
        .describe_event_subscriptions()
        .into_paginator()
        .items()
        .send();
    let subscriptions = pages.try_collect().await;
    let subscriptions =
        subscriptions.map_err(|error| CallError::from_sdk(SUBSCRIPTIONS, &error))?;
    Ok(subscriptions.into_iter().map(read).collect())
}

fn read(one: EventSubscription) -> Subscription {
    Subscription {
        name: one.cust_subscription_id.unwrap_or_default(),
        source_type: one.source_type.unwrap_or_default(),
        sources: one
            .source_ids_list
            .unwrap_or_default()
            .into_iter()
            .collect(),
        categories: one
            .event_categories_list
            .unwrap_or_default()
            .into_iter()
            .collect(),
        enabled: one.enabled.unwrap_or_default(),
        status: one.status.unwrap_or_default(),
        topic: one.sns_topic_arn.unwrap_or_default(),
    }
}
