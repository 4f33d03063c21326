//! What an audit asks of the world beside what a run asks, and tells it in plain words.
//!
//! One file for each service; the clients are those of a run where there is one. Everything here reads,
//! but for the two writes that are tried with a target that no group can hold.

mod ec2;
mod elb;
mod query;
mod rds;
mod sns;
mod sts;

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use chrono::TimeDelta;

use crate::endpoints::Endpoints;
use crate::route::{ClusterId, InstanceId, TargetGroupArn};
use crate::world::CallError;
use query::Query;

/// An answer, or why there is none.
pub type Answered<T> = Result<T, CallError>;

/// Attributes by their key.
pub type Attributes = BTreeMap<String, String>;

/// A cluster, as far as a run doesn't need to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDetails {
    /// `available`, or what it is at.
    pub status: String,
    /// `aurora-mysql`.
    pub engine: String,
    /// Its parameter group.
    pub parameter_group: String,
    /// The members that have not taken the parameter group's values in: `pending-reboot`.
    pub pending_reboot: BTreeSet<String>,
}

/// An instance, as far as a run doesn't need to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceDetails {
    /// Its identifier.
    pub id: InstanceId,
    /// The availability zone it is in; `None` while it is being made.
    pub zone: Option<String>,
    /// Whether its name is a public address outside the VPC.
    pub publicly_accessible: bool,
}

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `ip`, `instance`, `alb`.
    pub target_type: String,
    /// `TCP`.
    pub protocol: String,
    /// The port of targets that name none.
    pub port: Option<i32>,
    /// `ipv4`.
    pub address_type: String,
    /// Where a health check knocks: a port, or `traffic-port`.
    pub health_check_port: String,
    /// The load balancers that lead to it.
    pub load_balancers: Vec<String>,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balancer {
    /// Its ARN.
    pub arn: String,
    /// `network`.
    pub kind: String,
    /// `internal` or `internet-facing`.
    pub scheme: String,
    /// `active`.
    pub state: String,
    /// The availability zones it is enabled in.
    pub zones: BTreeSet<String>,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// `on` or `off`; without an answer AWS's default, `on`.
    pub enforces_on_private_link: String,
    /// Its attributes.
    pub attributes: Answered<Attributes>,
    /// Its listeners.
    pub listeners: Answered<Vec<Listener>>,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// `TCP`.
    pub protocol: String,
    /// The groups that it leads to unless a rule says otherwise.
    pub groups: BTreeSet<String>,
    /// Its attributes.
    pub attributes: Answered<Attributes>,
}

/// A `PrivateLink` endpoint service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointService {
    /// `vpce-svc-…`.
    pub id: String,
    /// What a consumer asks for: `com.amazonaws.vpce.<region>.vpce-svc-…`.
    pub name: String,
    /// `Available`.
    pub state: String,
    /// Whether a connection waits for its acceptance.
    pub acceptance_required: bool,
    /// Who may ask for a connection.
    pub principals: Answered<BTreeSet<String>>,
    /// Who has asked: the endpoint, and how far it has come (`available`, `pendingAcceptance`, …).
    pub connections: Answered<BTreeMap<String, String>>,
}

/// A subscription to RDS's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its name.
    pub name: String,
    /// `db-cluster`, `db-instance`, …; empty for everything.
    pub source_type: String,
    /// Whom it is about; empty for all.
    pub sources: BTreeSet<String>,
    /// Which categories; empty for all.
    pub categories: BTreeSet<String>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// `active`, `no-permission`, `topic-not-exist`, …
    pub status: String,
    /// The topic it publishes to.
    pub topic: String,
}

/// As whom the function calls AWS, and what time it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The ARN of the role's session.
    pub arn: String,
    /// How far the function's clock is ahead of AWS's; to the second, as AWS tells it.
    pub clock_ahead: Option<TimeDelta>,
}

impl ClusterDetails {
    /// Whether its parameter group is one of AWS's own, in which nobody can set anything.
    #[must_use]
    pub fn has_default_parameters(&self) -> bool {
        self.parameter_group.starts_with("default.")
    }
}

/// Asks for an audit.
#[derive(Clone, Debug)]
pub(crate) struct Auditor {
    rds: aws_sdk_rds::Client,
    elb: aws_sdk_elasticloadbalancingv2::Client,
    query: Query,
}

impl Auditor {
    pub(super) fn new(
        config: &SdkConfig,
        endpoints: &Endpoints,
        rds: aws_sdk_rds::Client,
        elb: aws_sdk_elasticloadbalancingv2::Client,
    ) -> Self {
        Self {
            rds,
            elb,
            query: Query::new(config, endpoints),
        }
    }

    /// The cluster.
    pub(crate) async fn cluster(&self, id: &ClusterId) -> Answered<ClusterDetails> {
        rds::cluster(&self.rds, id).await
    }

    /// The cluster's instances.
    pub(crate) async fn instances(&self, id: &ClusterId) -> Answered<Vec<InstanceDetails>> {
        rds::instances(&self.rds, id).await
    }

    /// The parameters of a cluster parameter group that somebody has set.
    pub(crate) async fn parameters(&self, group: &str) -> Answered<Attributes> {
        rds::parameters(&self.rds, group).await
    }

    /// Every subscription to RDS's events in the account and Region.
    pub(crate) async fn subscriptions(&self) -> Answered<Vec<Subscription>> {
        rds::subscriptions(&self.rds).await
    }

    /// The Lambda functions that a topic invokes.
    pub(crate) async fn functions(&self, topic: &str) -> Answered<BTreeSet<String>> {
        sns::functions(&self.query, topic).await
    }

    /// The target group.
    pub(crate) async fn group(&self, arn: &TargetGroupArn) -> Answered<Group> {
        elb::group(&self.elb, arn).await
    }

    /// The target group's attributes.
    pub(crate) async fn group_attributes(&self, arn: &TargetGroupArn) -> Answered<Attributes> {
        elb::group_attributes(&self.elb, arn).await
    }

    /// The load balancers of these ARNs, with their attributes and listeners.
    pub(crate) async fn balancers(&self, arns: &[String]) -> Answered<Vec<Balancer>> {
        elb::balancers(&self.elb, arns).await
    }

    /// The account's endpoint services in front of one of these load balancers.
    pub(crate) async fn services(&self, balancers: &[String]) -> Answered<Vec<EndpointService>> {
        ec2::services(&self.query, balancers).await
    }

    /// As whom the function calls. Needs no permission.
    pub(crate) async fn caller(&self) -> Answered<Caller> {
        sts::caller(&self.query).await
    }

    /// Takes a target out that no group can hold; nothing changes, and a missing permission shows.
    pub(crate) async fn try_to_deregister(&self, group: &TargetGroupArn) -> Answered<()> {
        elb::try_to_deregister(&self.elb, group).await
    }

    /// Puts a target in that every load balancer refuses; nothing changes, and a missing permission shows.
    pub(crate) async fn try_to_register(&self, group: &TargetGroupArn) -> Answered<()> {
        elb::try_to_register(&self.elb, group).await
    }
}
