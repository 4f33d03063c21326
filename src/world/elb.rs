//! The target group: read it, take out of it, put into it.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealthDescription, TargetHealthStateEnum,
};

use super::concurrency_limit::ConcurrencyLimit;
use super::{CallError, Cause, Registration, Target};
use crate::route::TargetGroupArn;

const DESCRIBE: &str = "elasticloadbalancing:DescribeTargetHealth";
pub(crate) const REGISTER: &str = "elasticloadbalancing:RegisterTargets";
pub(crate) const DEREGISTER: &str = "elasticloadbalancing:DeregisterTargets";

/// What `AvailabilityZone` holds for a target outside the load balancer's VPC (API reference of
/// `TargetDescription`); a target inside is placed by itself.
const OUTSIDE_THE_VPC: &str = "all";

/// The error code for a target outside the load balancer's VPC that came without a zone
/// (aws-load-balancer-controller #3084, #3714).
const WITHOUT_A_ZONE: &str = "ValidationError";

/// The Elastic Load Balancing API.
#[derive(Debug)]
pub(super) struct Elb {
    client: Client,
    limit: ConcurrencyLimit,
}

impl Elb {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            limit: ConcurrencyLimit::new(),
        }
    }

    pub(super) async fn targets(
        &self,
        group: &TargetGroupArn,
    ) -> Result<Vec<Registration>, CallError> {
        let call = self
            .client
            .describe_target_health()
            .target_group_arn(group.as_str());
        let answer = self.limit.run(call.send()).await;
        let answer = answer.map_err(|error| CallError::from_sdk(DESCRIBE, &error))?;
        answer
            .target_health_descriptions()
            .iter()
            .map(read)
            .collect()
    }

    pub(super) async fn register(
        &self,
        group: &TargetGroupArn,
        target: &Target,
    ) -> Result<(), CallError> {
        let result = self.register_in(group, target, None).await;
        match &result {
            Err(error) if error.detail.starts_with(WITHOUT_A_ZONE) => {
                let again = self.register_in(group, target, Some(OUTSIDE_THE_VPC)).await;
                // Where that is rejected too, the first reason is the one to read.
                again.or_else(|error| match error.cause {
                    Cause::Rejected => result,
                    _ => Err(error),
                })
            }
            _ => result,
        }
    }

    async fn register_in(
        &self,
        group: &TargetGroupArn,
        target: &Target,
        zone: Option<&str>,
    ) -> Result<(), CallError> {
        let mut description = describe(target);
        description.availability_zone = zone.map(ToOwned::to_owned);
        let call = self
            .client
            .register_targets()
            .target_group_arn(group.as_str())
            .targets(description);
        let answer = self.limit.run(call.send()).await;
        answer
            .map(|_| ())
            .map_err(|error| CallError::from_sdk(REGISTER, &error))
    }

    pub(super) async fn deregister(
        &self,
        group: &TargetGroupArn,
        targets: &BTreeSet<Target>,
    ) -> Result<(), CallError> {
        let descriptions = targets.iter().map(describe).collect();
        let call = self
            .client
            .deregister_targets()
            .target_group_arn(group.as_str())
            .set_targets(Some(descriptions));
        let answer = self.limit.run(call.send()).await;
        answer
            .map(|_| ())
            .map_err(|error| CallError::from_sdk(DEREGISTER, &error))
    }
}

fn describe(target: &Target) -> TargetDescription {
    TargetDescription::builder()
        .id(&target.id)
        .port(i32::from(target.port))
        .build()
}

fn read(description: &TargetHealthDescription) -> Result<Registration, CallError> {
    let nonsense = || {
        CallError::new(
            DESCRIBE,
            Cause::Unavailable,
            "it tells a target without an id or a port",
        )
    };
    let target = description.target().ok_or_else(nonsense)?;
    let port = target
        .port()
        .and_then(|port| u16::try_from(port).ok())
        .ok_or_else(nonsense)?;
    let id = target
        .id()
        .filter(|id| !id.is_empty())
        .ok_or_else(nonsense)?;
    let state = description
        .target_health()
        .and_then(|health| health.state());
    Ok(Registration {
        target: Target {
            id: id.to_owned(),
            port,
        },
        // Not `unhealthy.draining`: that one is still registered.
        draining: state == Some(&TargetHealthStateEnum::Draining),
    })
}
