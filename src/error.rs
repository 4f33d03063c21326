//! Why a run failed: one `errorType` for each thing an operator can do something about.

use crate::address::{NoAddress, Unsuitable};
use crate::decision::Pending;
use crate::observe::Observation;
use crate::world::{CallError, Cause};

/// Why a route could not be left verified.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RunError {
    /// RDS knows no cluster of that name.
    #[error("the cluster does not exist")]
    ClusterNotFound(#[source] CallError),
    /// RDS knows no DB instance of that name that a route could follow.
    #[error("there is no such DB instance to follow")]
    InstanceNotFound(#[source] CallError),
    /// The load balancer knows no target group of that ARN.
    #[error("the target group does not exist")]
    TargetGroupNotFound(#[source] CallError),
    /// IAM forbids a call; the failure names the action.
    #[error("the function's role lacks the permission {}", .0.call)]
    AccessDenied(#[source] CallError),
    /// The credentials have expired, are wrong, or there are none.
    #[error("AWS does not accept the function's credentials")]
    Credentials(#[source] CallError),
    /// The function's clock is more than some minutes from AWS's, which then refuses signatures.
    #[error("AWS does not accept the time of the function's clock")]
    ClockSkew(#[source] CallError),
    /// AWS answered too many calls with "slow down".
    #[error("AWS throttled {} to the end", .0.call)]
    Throttled(#[source] CallError),
    /// The API lists no Writer.
    #[error("the cluster has no Writer")]
    NoWriter,
    /// The witnesses confirmed no Writer, or did not say why the group was emptied or changed; or a
    /// completion that counts names another than the Writer that the API has turned to since.
    #[error("the witnesses did not confirm a Writer that may be registered")]
    Undecided(#[source] Option<CallError>),
    /// A failover was announced, and neither came about nor was called off while the run could
    /// watch.
    #[error("the announced failover did not show before the function's time was up")]
    FailoverPending,
    /// The Writer's address is one that a Network Load Balancer refuses.
    #[error("the Writer's address cannot be registered")]
    AddressRefused(#[source] Unsuitable),
    /// DNS does not tell the Writer's address.
    #[error("the Writer's address is unknown")]
    AddressUnknown(#[source] Option<CallError>),
    /// What the group holds could not be read.
    #[error("what the group holds could not be read")]
    TargetsUnknown(#[source] CallError),
    /// The Writer could not be put in.
    #[error("the Writer could not be registered")]
    RegisterFailed(#[source] CallError),
    /// Those who should leave could not be taken out.
    #[error("the wrong target could not be deregistered")]
    DeregisterFailed(#[source] CallError),
    /// Written, but not seen to be so before the time was up.
    #[error("the change was made and not seen before the function's time was up")]
    Unverified,
}

impl RunError {
    /// The Lambda `errorType`: stable, for alarms and runbooks.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::ClusterNotFound(_) => "ClusterNotFound",
            Self::InstanceNotFound(_) => "InstanceNotFound",
            Self::TargetGroupNotFound(_) => "TargetGroupNotFound",
            Self::AccessDenied(_) => "AccessDenied",
            Self::Credentials(_) => "Credentials",
            Self::ClockSkew(_) => "ClockSkew",
            Self::Throttled(_) => "Throttled",
            Self::NoWriter => "NoWriter",
            Self::Undecided(_) => "Undecided",
            Self::FailoverPending => "FailoverPending",
            Self::AddressRefused(_) => "AddressRefused",
            Self::AddressUnknown(_) => "AddressUnknown",
            Self::TargetsUnknown(_) => "TargetsUnknown",
            Self::RegisterFailed(_) => "RegisterFailed",
            Self::DeregisterFailed(_) => "DeregisterFailed",
            Self::Unverified => "Unverified",
        }
    }

    /// A failed call by its cause where that says what to do, else by what it was for.
    fn of_call(failure: CallError, otherwise: impl FnOnce(CallError) -> Self) -> Self {
        match failure.cause {
            Cause::Denied => Self::AccessDenied(failure),
            Cause::Credentials => Self::Credentials(failure),
            Cause::ClockSkew => Self::ClockSkew(failure),
            Cause::Throttled => Self::Throttled(failure),
            _ => otherwise(failure),
        }
    }

    /// The group could not be read.
    #[must_use]
    pub fn of_targets(failure: CallError) -> Self {
        match failure.cause {
            Cause::NotFound => Self::TargetGroupNotFound(failure),
            _ => Self::of_call(failure, Self::TargetsUnknown),
        }
    }

    /// A write failed.
    #[must_use]
    pub fn of_write(failure: CallError) -> Self {
        match failure.cause {
            Cause::NotFound => Self::TargetGroupNotFound(failure),
            _ if failure.call.ends_with("DeregisterTargets") => {
                Self::of_call(failure, Self::DeregisterFailed)
            }
            _ => Self::of_call(failure, Self::RegisterFailed),
        }
    }

    /// The watch ended and something was still missing.
    #[must_use]
    pub fn of_pending(pending: &Pending, seen: &Observation) -> Self {
        match pending {
            Pending::Failover(_) => Self::FailoverPending,
            Pending::Address(writer) => Self::AddressUnknown(match seen.addresses.get(writer) {
                Some(Err(NoAddress::Silent(failure))) => Some(failure.clone()),
                _ => None,
            }),
            Pending::Suitable(_, unsuitable) => Self::AddressRefused(unsuitable.clone()),
            Pending::Writer => Self::NoWriter,
            Pending::Confirmation | Pending::Completion(_) | Pending::Reason(_) => {
                match &seen.api {
                    Ok(_) => Self::Undecided(seen.dns.clone().err()),
                    Err(error) if error.cause == Cause::NotFound => match error.call {
                        "rds:DescribeDBInstances" => Self::InstanceNotFound(error.clone()),
                        _ => Self::ClusterNotFound(error.clone()),
                    },
                    Err(error) => {
                        Self::of_call(error.clone(), |error| Self::Undecided(Some(error)))
                    }
                }
            }
        }
    }
}

/// An error and its causes, each once, outermost first.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
