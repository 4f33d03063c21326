//! Calls that fail.

use failover_follower::doctor::Severity;
use failover_follower::world::CallError;
use failover_follower::world::Cause::{
    self, ClockSkew, Credentials, Denied, NotAws, NotFound, Rejected, Throttled, TimedOut,
    Unreachable,
};

use super::Case;
use crate::world::{DELIVERY, QUEUE, World, cluster_id, error};

fn denied(call: &'static str, by: &str) -> CallError {
    CallError::new(call, Denied, format!("AccessDenied: not authorized {by}"))
}

pub(super) const CALLS: &[Case] = cases![
    Error "cluster":
        it => lose_cluster(it, NotFound);
    Error "call rds:DescribeDBClusters":
        it => lose_cluster(it, Denied);
    Unknown "call rds:DescribeDBClusters":
        it => lose_cluster(it, Throttled);
    Error "call rds:DescribeDBClusters":
        it => lose_cluster(it, ClockSkew);
    Error "call rds:DescribeDBInstances":
        it => {
            let denied = Err(denied(
                "rds:DescribeDBInstances",
                "by the permissions boundary",
            ));
            it.seen.database.instances = denied;
        };
    Unknown "call rds:DescribeDBClusterParameters":
        it => {
            let denied = Err(error("rds:DescribeDBClusterParameters", Denied));
            it.seen
                .database
                .cluster_parameters
                .insert("replicated".into(), denied);
        };
    Unknown "call rds:DescribeDBParameters":
        it => {
            it.instances()[1].parameter_group = "own".into();
            let denied = Err(error("rds:DescribeDBParameters", Denied));
            it.seen
                .database
                .instance_parameters
                .insert("own".into(), denied);
        };
    Warning "call rds:DescribeEvents":
        it => it.seen.events.log = Err(error("rds:DescribeEvents", Denied));
    Unknown "call rds:DescribeEventSubscriptions":
        it => {
            let denied = Err(error("rds:DescribeEventSubscriptions", Denied));
            it.seen.events.subscriptions = denied;
        };
    Unknown "call sns:ListSubscriptionsByTopic":
        it => it.topic().functions = Err(error("sns:ListSubscriptionsByTopic", Denied));
    Unknown "call sns:GetTopicAttributes":
        it => it.topic().key = Err(error("sns:GetTopicAttributes", Unreachable));
    Unknown "call sns:GetSubscriptionAttributes":
        it => {
            let denied = Err(error("sns:GetSubscriptionAttributes", Denied));
            it.seen.events.dead_letters.insert(DELIVERY.into(), denied);
        };
    Unknown "call sqs:GetQueueAttributes":
        it => {
            let denied = Err(error("sqs:GetQueueAttributes", Denied));
            it.seen.events.queues.insert(QUEUE.into(), denied);
        };
    Error "call elasticloadbalancing:DescribeTargetHealth":
        it => {
            let call = "elasticloadbalancing:DescribeTargetHealth";
            it.group().targets = Err(denied(call, "by the VPC endpoint policy"));
        };
    Error "call elasticloadbalancing:DeregisterTargets":
        it => {
            let call = "elasticloadbalancing:DeregisterTargets";
            let by = "with an explicit deny in a service control policy";
            it.group().deregister = Some(Err(denied(call, by)));
        };
    Error "call elasticloadbalancing:DeregisterTargets":
        it => {
            let call = "elasticloadbalancing:DeregisterTargets";
            let by = "with an explicit deny in an identity-based policy";
            it.group().deregister = Some(Err(denied(call, by)));
        };
    Unknown "call elasticloadbalancing:DescribeTargetGroupAttributes":
        it => {
            let call = "elasticloadbalancing:DescribeTargetGroupAttributes";
            it.group().attributes = Err(error(call, Rejected));
        };
    Unknown "call elasticloadbalancing:DescribeLoadBalancerAttributes":
        it => {
            // What the group leaves to a load balancer that has not answered is not judged.
            let call = "elasticloadbalancing:DescribeLoadBalancerAttributes";
            it.balancer().attributes = Err(error(call, Denied));
        };
    Unknown "call ec2:DescribeSecurityGroups":
        it => it.seen.path.lets_in = Err(error("ec2:DescribeSecurityGroups", TimedOut));
    Unknown "call ec2:DescribeVpcEndpointServiceConfigurations":
        it => {
            let call = "ec2:DescribeVpcEndpointServiceConfigurations";
            it.seen.path.services = Err(error(call, NotAws));
        };
    Error "call sts:GetCallerIdentity":
        it => it.seen.caller = Err(error("sts:GetCallerIdentity", Credentials));
    Error "call sts:GetCallerIdentity":
        it => {
            // Each of an account's calls fails by its credentials; that is one finding.
            it.seen.caller = Err(error("sts:GetCallerIdentity", Credentials));
            it.seen.events.log = Err(error("rds:DescribeEvents", Credentials));
            it.topic().key = Err(error("sns:GetTopicAttributes", Credentials));
        };
    Error "target group":
        it => {
            let gone = Err(error("elasticloadbalancing:DescribeTargetGroups", NotFound));
            it.group().details = gone;
            let call = "elasticloadbalancing:DescribeTargetHealth";
            it.group().targets = Err(error(call, NotFound));
            it.seen.path.balancers = Ok(Vec::new());
            it.seen.path.services = Ok(Vec::new());
        };
    Error "target group: load balancer":
        it => {
            it.details().balancers.clear();
            it.seen.path.balancers = Ok(Vec::new());
            it.seen.path.services = Ok(Vec::new());
            it.attribute("load_balancing.cross_zone.enabled", "true");
        };
];

/// RDS does not answer about the cluster, and nothing can be said of its names and parameters.
fn lose_cluster(it: &mut World, cause: Cause) {
    let lost = Err(error("rds:DescribeDBClusters", cause));
    it.seen.database.clusters.insert(cluster_id(), lost);
    it.seen.database.names.clear();
}
