//! A question that got no answer, or a write that was not done.

use aws_sdk_rds::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// One call that failed, named as IAM names it (`rds:DescribeDBClusters`), or `dns`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{call} {cause}{}", if detail.is_empty() { String::new() } else { format!(" ({detail})") })]
pub struct CallError {
    /// What was called.
    pub call: &'static str,
    /// What kind of failure.
    pub cause: Cause,
    /// What the other side said, or nothing.
    pub detail: String,
}

/// The kinds of failure that matter to whoever reads of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Cause {
    /// What was asked for does not exist.
    #[error("found nothing")]
    NotFound,
    /// IAM forbids it.
    #[error("is denied")]
    Denied,
    /// Too many calls for the account.
    #[error("was throttled")]
    Throttled,
    /// AWS won't have it: this target, or a question put like this.
    #[error("was rejected")]
    Rejected,
    /// No answer in time.
    #[error("timed out")]
    TimedOut,
    /// No answer, or one that makes no sense.
    #[error("failed")]
    Unavailable,
}

impl CallError {
    /// A failure of `call`.
    pub fn new(call: &'static str, cause: Cause, detail: impl Into<String>) -> Self {
        Self {
            call,
            cause,
            detail: detail.into(),
        }
    }

    /// Whether it stays an error however often it is tried.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self.cause {
            Cause::Denied | Cause::NotFound | Cause::Rejected => true,
            Cause::Throttled | Cause::TimedOut | Cause::Unavailable => false,
        }
    }

    /// A failure of an AWS call, told by the service's error code and never by its text.
    pub(super) fn from_sdk<E>(call: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let Some(service) = error.as_service_error() else {
            let cause = match error {
                SdkError::TimeoutError(_) => Cause::TimedOut,
                _ => Cause::Unavailable,
            };
            return Self::new(call, cause, DisplayErrorContext(error).to_string());
        };
        let code = service.code().unwrap_or("no error code");
        let detail = match service.message() {
            Some(message) => format!("{code}: {message}"),
            None => code.to_owned(),
        };
        Self::new(call, Cause::of_code(code), detail)
    }
}

impl Cause {
    /// What an AWS error code says of the failure.
    pub(super) fn of_code(code: &str) -> Self {
        match code {
            "DBClusterNotFoundFault"
            | "DBInstanceNotFound"
            | "DBInstanceNotFoundFault"
            | "DBParameterGroupNotFound"
            | "LoadBalancerNotFound"
            | "NotFound"
            | "TargetGroupNotFound" => Self::NotFound,
            // `UnauthorizedOperation` is EC2's, `AuthorizationError` SNS's.
            "AccessDenied"
            | "AccessDeniedException"
            | "AuthorizationError"
            | "UnauthorizedOperation" => Self::Denied,
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "RequestThrottled"
            | "RequestThrottledException" => Self::Throttled,
            // `ValidationError` is how an address outside the VPC is refused that came without `AvailabilityZone`.
            "InvalidTarget"
            | "TooManyTargets"
            | "TooManyRegistrationsForTargetId"
            | "InvalidParameterCombination"
            | "InvalidParameterValue"
            | "ValidationError" => Self::Rejected,
            _ => Self::Unavailable,
        }
    }
}
