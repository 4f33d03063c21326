//! Elastic Load Balancing: the group, what leads to it, and whether the function may write.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_elasticloadbalancingv2::types::{self, TargetDescription};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures_util::future::join_all;

use super::{Answered, Attributes, Balancer, Group, Listener};
use crate::route::TargetGroupArn;
use crate::world::{CallError, Cause};

const GROUPS: &str = "elasticloadbalancing:DescribeTargetGroups";
const GROUP_ATTRIBUTES: &str = "elasticloadbalancing:DescribeTargetGroupAttributes";
const BALANCERS: &str = "elasticloadbalancing:DescribeLoadBalancers";
const BALANCER_ATTRIBUTES: &str = "elasticloadbalancing:DescribeLoadBalancerAttributes";
const LISTENERS: &str = "elasticloadbalancing:DescribeListeners";
const LISTENER_ATTRIBUTES: &str = "elasticloadbalancing:DescribeListenerAttributes";
const REGISTER: &str = "elasticloadbalancing:RegisterTargets";
const DEREGISTER: &str = "elasticloadbalancing:DeregisterTargets";

/// An address that no group can hold: no VPC may have it (VPC User Guide, "VPC CIDR blocks": 127.0.0.0/8 is
/// not allowed), and it is none of the private ones that a load balancer takes from outside its VPC.
const NOBODY: &str = "127.0.0.1";
/// The discard protocol's port (RFC 863).
const NOWHERE: i32 = 9;

/// AWS's default for a load balancer with security groups.
const ENFORCED: &str = "on";

pub(super) async fn group(client: &Client, arn: &TargetGroupArn) -> Answered<Group> {
    let call = client
        .describe_target_groups()
        .target_group_arns(arn.as_str());
    let answer = call
        .send()
        .await
        .map_err(|error| CallError::from_sdk(GROUPS, &error))?;
    let group = answer.target_groups.unwrap_or_default().into_iter().next();
    let group =
        group.ok_or_else(|| CallError::new(GROUPS, Cause::NotFound, format!("no group {arn}")))?;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Ok(Group {
        target_type: text(
            group
                .target_type
                .as_ref()
                .map(types::TargetTypeEnum::as_str),
        ),
        protocol: text(group.protocol.as_ref().map(types::ProtocolEnum::as_str)),
        port: group.port,
        address_type: text(
            group
                .ip_address_type
                .as_ref()
                .map(types::TargetGroupIpAddressTypeEnum::as_str),
        ),
        health_check_port: group.health_check_port.unwrap_or_default(),
        load_balancers: group.load_balancer_arns.unwrap_or_default(),
    })
}

pub(super) async fn group_attributes(
    client: &Client,
    arn: &TargetGroupArn,
) -> Answered<Attributes> {
    let call = client
        .describe_target_group_attributes()
        .target_group_arn(arn.as_str());
    let answer = call
        .send()
        .await
        .map_err(|error| CallError::from_sdk(GROUP_ATTRIBUTES, &error))?;
    let attributes = answer.attributes.unwrap_or_default();
    Ok(attributes
        .into_iter()
        .filter_map(|one| Some((one.key?, one.value?)))
        .collect())
}

pub(super) async fn balancers(client: &Client, arns: &[String]) -> Answered<Vec<Balancer>> {
    if arns.is_empty() {
        return Ok(Vec::new()); // without a name, AWS would tell of all
    }
    let call = client
        .describe_load_balancers()
        .set_load_balancer_arns(Some(arns.to_vec()));
    let answer = call
        .send()
        .await
        .map_err(|error| CallError::from_sdk(BALANCERS, &error))?;
    let balancers = answer.load_balancers.unwrap_or_default().into_iter();
    Ok(join_all(balancers.map(|one| balancer(client, one))).await)
}

async fn balancer(client: &Client, one: types::LoadBalancer) -> Balancer {
    let arn = one.load_balancer_arn.unwrap_or_default();
    let (attributes, listeners) =
        tokio::join!(balancer_attributes(client, &arn), listeners(client, &arn));
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Balancer {
        kind: text(one.r#type.as_ref().map(types::LoadBalancerTypeEnum::as_str)),
        scheme: text(
            one.scheme
                .as_ref()
                .map(types::LoadBalancerSchemeEnum::as_str),
        ),
        state: text(
            one.state
                .as_ref()
                .and_then(|state| state.code.as_ref())
                .map(types::LoadBalancerStateEnum::as_str),
        ),
        zones: one
            .availability_zones
            .unwrap_or_default()
            .into_iter()
            .filter_map(|zone| zone.zone_name)
            .collect(),
        security_groups: one.security_groups.unwrap_or_default(),
        enforces_on_private_link: one
            .enforce_security_group_inbound_rules_on_private_link_traffic
            .unwrap_or_else(|| ENFORCED.to_owned()),
        arn,
        attributes,
        listeners,
    }
}

async fn balancer_attributes(client: &Client, arn: &str) -> Answered<Attributes> {
    let call = client
        .describe_load_balancer_attributes()
        .load_balancer_arn(arn);
    let answer = call
        .send()
        .await
        .map_err(|error| CallError::from_sdk(BALANCER_ATTRIBUTES, &error))?;
    let attributes = answer.attributes.unwrap_or_default();
    Ok(attributes
        .into_iter()
        .filter_map(|one| Some((one.key?, one.value?)))
        .collect())
}

async fn listeners(client: &Client, balancer: &str) -> Answered<Vec<Listener>> {
    let call = client.describe_listeners().load_balancer_arn(balancer);
    let answer = call
        .send()
        .await
        .map_err(|error| CallError::from_sdk(LISTENERS, &error))?;
    let listeners = answer.listeners.unwrap_or_default().into_iter();
    Ok(join_all(listeners.map(|one| listener(client, one))).await)
}

async fn listener(client: &Client, one: types::Listener) -> Listener {
    let arn = one.listener_arn.unwrap_or_default();
    let attributes = listener_attributes(client, &arn).await;
    let groups: BTreeSet<String> = one
        .default_actions
        .unwrap_or_default()
        .into_iter()
        .flat_map(|action| {
            let several = action
                .forward_config
                .and_then(|forward| forward.target_groups);
            let several = several.unwrap_or_default().into_iter();
            several
                .filter_map(|group| group.target_group_arn)
                .chain(action.target_group_arn)
        })
        .collect();
    Listener {
        protocol: one
            .protocol
            .map(|protocol| protocol.as_str().to_owned())
            .unwrap_or_default(),
        arn,
        groups,
        attributes,
    }
}

async fn listener_attributes(client: &Client, arn: &str) -> Answered<Attributes> {
    let call = client.describe_listener_attributes().listener_arn(arn);
    let answer = call
        .send()
        .await
        .map_err(|error| CallError::from_sdk(LISTENER_ATTRIBUTES, &error))?;
    let attributes = answer.attributes.unwrap_or_default();
    Ok(attributes
        .into_iter()
        .filter_map(|one| Some((one.key?, one.value?)))
        .collect())
}

pub(super) async fn try_to_deregister(client: &Client, group: &TargetGroupArn) -> Answered<()> {
    let call = client
        .deregister_targets()
        .target_group_arn(group.as_str())
        .targets(nobody());
    permitted(DEREGISTER, call.send().await)
}

pub(super) async fn try_to_register(client: &Client, group: &TargetGroupArn) -> Answered<()> {
    let call = client
        .register_targets()
        .target_group_arn(group.as_str())
        .targets(nobody());
    let answer = call.send().await;
    if answer.is_ok() {
        // No load balancer of AWS's takes it. One that did must not keep it.
        try_to_deregister(client, group).await?;
    }
    permitted(REGISTER, answer)
}

fn nobody() -> TargetDescription {
    TargetDescription::builder()
        .id(NOBODY)
        .port(NOWHERE)
        .build()
}

/// A write that was refused for what it asked was permitted.
fn permitted<T, E>(call: &'static str, answer: Result<T, SdkError<E, HttpResponse>>) -> Answered<()>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer.map_err(|error| CallError::from_sdk(call, &error)) {
        Ok(_)
        | Err(CallError {
            cause: Cause::Rejected,
            ..
        }) => Ok(()),
        Err(failure) => Err(failure),
    }
}
