//! Elastic Load Balancing: the groups, and what leads to them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types::{self, TargetDescription};
use futures_util::future::{join_all, try_join_all};

use super::{
    Answered, Attributes, Auditor, Balancer, Group, GroupDetails, Listener, Path, TargetHealth,
    each, or_empty, send,
};
use crate::route::{Route, TargetGroupArn};
use crate::world::{CallError, Cause, Target};

const GROUPS: &str = "elasticloadbalancing:DescribeTargetGroups";
const GROUP_ATTRIBUTES: &str = "elasticloadbalancing:DescribeTargetGroupAttributes";
const HEALTH: &str = "elasticloadbalancing:DescribeTargetHealth";
const DEREGISTER: &str = "elasticloadbalancing:DeregisterTargets";
const BALANCERS: &str = "elasticloadbalancing:DescribeLoadBalancers";
const BALANCER_ATTRIBUTES: &str = "elasticloadbalancing:DescribeLoadBalancerAttributes";
const LISTENERS: &str = "elasticloadbalancing:DescribeListeners";
const LISTENER_ATTRIBUTES: &str = "elasticloadbalancing:DescribeListenerAttributes";

/// As many load balancers as one question takes (API reference of `DescribeLoadBalancers`).
const PAGE: usize = 20;
/// The probe target's address, which no group can hold: no VPC may have it (VPC User Guide, "VPC
/// CIDR blocks"), and it is none of the private ones that a load balancer takes from elsewhere.
const PROBE_ADDRESS: &str = "127.0.0.1";
/// The discard protocol's port (RFC 863).
const PROBE_PORT: i32 = 9;

impl Auditor {
    pub(super) async fn path(&self, routes: &[Route], dry_run: bool) -> Path {
        let arns: BTreeSet<&TargetGroupArn> = routes.iter().map(|route| &route.group).collect();
        let (details, mut groups) = tokio::join!(
            self.groups(&arns),
            each(arns.iter().map(|&arn| arn.clone()), async |arn| {
                Box::pin(self.group(arn, dry_run)).await
            }),
        );
        for (arn, found) in details {
            groups.entry(arn).and_modify(|group| group.details = found);
        }
        let leading = groups.values().flat_map(|group| &group.details);
        let leading: BTreeSet<&String> = leading.flat_map(|group| &group.balancers).collect();
        let (balancers, services) =
            tokio::join!(self.balancers(&leading, &arns), self.services(&leading));
        let (lets_in, connections) = tokio::join!(
            self.lets_in(balancers.as_deref().unwrap_or_default()),
            self.connections(services.as_deref().unwrap_or_default()),
        );
        Path {
            groups,
            balancers,
            lets_in,
            services,
            connections,
        }
    }

    /// A lone group by its ARN; several out of the list of all.
    async fn groups(
        &self,
        arns: &BTreeSet<&TargetGroupArn>,
    ) -> BTreeMap<TargetGroupArn, Answered<GroupDetails>> {
        let call = self.elb.describe_target_groups();
        let call = match arns.first() {
            Some(arn) if arns.len() == 1 => call.target_group_arns(arn.as_str()),
            _ => call,
        };
        let pages = call.into_paginator().items().send();
        let all = send(&self.elb_limit, GROUPS, pages.try_collect()).await;
        let all = all.map(|all: Vec<types::TargetGroup>| {
            let by_arn = all
                .iter()
                .filter_map(|one| Some((one.target_group_arn()?, one)));
            by_arn
                .map(|(arn, one)| (arn.to_owned(), details(one)))
                .collect()
        });
        let of = |arn: &TargetGroupArn| {
            let all: &BTreeMap<String, GroupDetails> = all.as_ref().map_err(CallError::clone)?;
            let missing = || CallError::new(GROUPS, Cause::NotFound, format!("no group {arn}"));
            all.get(arn.as_str()).cloned().ok_or_else(missing)
        };
        arns.iter().map(|&arn| (arn.clone(), of(arn))).collect()
    }

    /// What has to be asked of each group by itself.
    async fn group(&self, arn: &TargetGroupArn, dry_run: bool) -> Group {
        let (attributes, targets, deregister) = tokio::join!(
            self.group_attributes(arn),
            self.targets(arn),
            self.try_to_deregister(arn, dry_run),
        );
        Group {
            details: Err(CallError::new(GROUPS, Cause::Unavailable, "")),
            attributes,
            targets,
            deregister,
        }
    }

    async fn group_attributes(&self, arn: &TargetGroupArn) -> Answered<Attributes> {
        let call = self
            .elb
            .describe_target_group_attributes()
            .target_group_arn(arn.as_str());
        let answer = send(&self.elb_limit, GROUP_ATTRIBUTES, call.send()).await?;
        let all = answer.attributes.unwrap_or_default().into_iter();
        Ok(all.filter_map(|one| Some((one.key?, one.value?))).collect())
    }

    async fn targets(&self, arn: &TargetGroupArn) -> Answered<Vec<TargetHealth>> {
        let call = self
            .elb
            .describe_target_health()
            .target_group_arn(arn.as_str());
        let answer = send(&self.elb_limit, HEALTH, call.send()).await?;
        let all = answer.target_health_descriptions.unwrap_or_default();
        Ok(all.into_iter().filter_map(health).collect())
    }

    /// Deregisters the probe target: nothing changes, and a missing permission shows.
    async fn try_to_deregister(&self, arn: &TargetGroupArn, dry_run: bool) -> Option<Answered<()>> {
        if dry_run {
            return None;
        }
        let probe = TargetDescription::builder()
            .id(PROBE_ADDRESS)
            .port(PROBE_PORT)
            .build();
        let call = self
            .elb
            .deregister_targets()
            .target_group_arn(arn.as_str())
            .targets(probe);
        let answer = send(&self.elb_limit, DEREGISTER, call.send())
            .await
            .map(drop);
        Some(match answer {
            // Rejected for what it asked, it was permitted.
            Err(error) if error.cause == Cause::Rejected => Ok(()),
            answer => answer,
        })
    }

    async fn balancers(
        &self,
        arns: &BTreeSet<&String>,
        groups: &BTreeSet<&TargetGroupArn>,
    ) -> Answered<Vec<Balancer>> {
        let arns: Vec<String> = arns.iter().map(|&arn| arn.clone()).collect();
        let pages = arns.chunks(PAGE).map(async |page| {
            let call = self.elb.describe_load_balancers();
            let call = call.set_load_balancer_arns(Some(page.to_vec()));
            send(&self.elb_limit, BALANCERS, call.send()).await
        });
        let pages = try_join_all(pages).await?.into_iter();
        let all = pages.flat_map(|page| page.load_balancers.unwrap_or_default());
        Ok(join_all(all.map(|one| self.balancer(one, groups))).await)
    }

    async fn balancer(
        &self,
        one: types::LoadBalancer,
        groups: &BTreeSet<&TargetGroupArn>,
    ) -> Balancer {
        let arn = or_empty(one.load_balancer_arn());
        let (attributes, listeners) =
            tokio::join!(self.balancer_attributes(&arn), self.listeners(&arn, groups));
        let zones = one.availability_zones().iter();
        let enforces = one.enforce_security_group_inbound_rules_on_private_link_traffic();
        Balancer {
            kind: or_empty(one.r#type()),
            scheme: or_empty(one.scheme()),
            state: or_empty(one.state().and_then(types::LoadBalancerState::code)),
            zones: zones
                .filter_map(|zone| Some((zone.zone_name.clone()?, or_empty(zone.subnet_id()))))
                .collect(),
            enforces_on_private_link: enforces.unwrap_or("on").to_owned(),
            security_groups: one.security_groups.unwrap_or_default(),
            arn,
            attributes,
            listeners,
        }
    }

    async fn balancer_attributes(&self, arn: &str) -> Answered<Attributes> {
        let call = self
            .elb
            .describe_load_balancer_attributes()
            .load_balancer_arn(arn);
        let answer = send(&self.elb_limit, BALANCER_ATTRIBUTES, call.send()).await?;
        let all = answer.attributes.unwrap_or_default().into_iter();
        Ok(all.filter_map(|one| Some((one.key?, one.value?))).collect())
    }

    /// The listeners that forward to one of these groups.
    async fn listeners(
        &self,
        balancer: &str,
        groups: &BTreeSet<&TargetGroupArn>,
    ) -> Answered<Vec<Listener>> {
        let call = self.elb.describe_listeners().load_balancer_arn(balancer);
        let pages = call.into_paginator().items().send();
        let all: Vec<_> = send(&self.elb_limit, LISTENERS, pages.try_collect()).await?;
        let read = all.into_iter().map(|one| {
            let forwards: BTreeMap<String, i32> =
                one.default_actions().iter().flat_map(forwards).collect();
            (one, forwards)
        });
        let is_ours = |forwards: &BTreeMap<String, i32>| {
            groups
                .iter()
                .any(|group| forwards.contains_key(group.as_str()))
        };
        let ours = read.filter(|(_, forwards)| is_ours(forwards));
        let ours = ours.map(async |(one, groups)| {
            let arn = or_empty(one.listener_arn());
            Listener {
                protocol: or_empty(one.protocol()),
                attributes: self.listener_attributes(&arn).await,
                arn,
                groups,
            }
        });
        Ok(join_all(ours).await)
    }

    async fn listener_attributes(&self, arn: &str) -> Answered<Attributes> {
        let call = self.elb.describe_listener_attributes().listener_arn(arn);
        let answer = send(&self.elb_limit, LISTENER_ATTRIBUTES, call.send()).await?;
        let all = answer.attributes.unwrap_or_default().into_iter();
        Ok(all.filter_map(|one| Some((one.key?, one.value?))).collect())
    }
}

fn details(group: &types::TargetGroup) -> GroupDetails {
    GroupDetails {
        target_type: or_empty(group.target_type()),
        protocol: or_empty(group.protocol()),
        port: group.port(),
        address_type: or_empty(group.ip_address_type()),
        vpc: or_empty(group.vpc_id()),
        health_check_port: or_empty(group.health_check_port()),
        balancers: group.load_balancer_arns().to_vec(),
    }
}

/// A target that is registered; one that drains is not any more.
fn health(one: types::TargetHealthDescription) -> Option<TargetHealth> {
    let (target, health) = (one.target?, one.target_health?);
    let state = or_empty(health.state());
    let reason = [or_empty(health.reason()), or_empty(health.description())];
    (state != "draining").then_some(TargetHealth {
        target: Target {
            port: target.port?.try_into().ok()?,
            id: target.id?,
        },
        state,
        reason: reason.join(": "),
    })
}

/// The groups that an action forwards to, each with its weight.
fn forwards(action: &types::Action) -> Vec<(String, i32)> {
    let several = action
        .forward_config()
        .map(types::ForwardActionConfig::target_groups);
    let several = several.unwrap_or_default().iter();
    let weighed =
        several.filter_map(|one| Some((one.target_group_arn.clone()?, one.weight.unwrap_or(1))));
    let single = action.target_group_arn.clone().map(|arn| (arn, 1));
    single.into_iter().chain(weighed).collect()
}
