//! A call that failed, and the cause as far as the answer shows it.

use std::error::Error;
use std::iter::successors;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_rds::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use chrono::{DateTime, TimeDelta, Utc};

/// How far a clock may be from AWS's before a signature is refused (IAM User Guide, "Signature
/// Version 4": five minutes).
const SIGNATURE_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

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

/// The kinds of failure that call for different remedies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Cause {
    /// What was asked for does not exist.
    #[error("found nothing")]
    NotFound,
    /// A policy forbids it.
    #[error("is denied")]
    Denied,
    /// The credentials have expired, are wrong, or there are none.
    #[error("was refused for its credentials")]
    Credentials,
    /// The clock is so far from AWS's that the signature is refused.
    #[error("was refused for the function's clock")]
    ClockSkew,
    /// Too many calls for the account.
    #[error("was throttled")]
    Throttled,
    /// AWS won't have it: this target, or a question put like this.
    #[error("was rejected")]
    Rejected,
    /// No answer in time.
    #[error("timed out")]
    TimedOut,
    /// No connection, or one that broke.
    #[error("could not be reached")]
    Unreachable,
    /// A page in HTML, which no AWS service answers with: a proxy or a captive portal is in
    /// between.
    #[error("was answered by something that is not AWS")]
    NotAws,
    /// An error of the service's own, or an answer that makes no sense.
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
            Cause::Credentials
            | Cause::ClockSkew
            | Cause::Throttled
            | Cause::TimedOut
            | Cause::Unreachable
            | Cause::NotAws
            | Cause::Unavailable => false,
        }
    }

    /// A failed AWS call, its cause read from the service's error code and never from its text.
    pub(crate) fn from_sdk<E>(call: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        if let Some(service) = error.as_service_error()
            && let Some(code) = service.code()
        {
            let answer = error.raw_response();
            let date = answer.and_then(|answer| answer.headers().get("date"));
            return Self::from_code(call, code, service.message(), date);
        }
        Self::from_dispatch(call, error)
    }

    /// An error that AWS answered with, and the answer's `Date`.
    pub(crate) fn from_code(
        call: &'static str,
        code: &str,
        message: Option<&str>,
        date: Option<&str>,
    ) -> Self {
        let detail = message.map_or(code.to_owned(), |message| format!("{code}: {message}"));
        let skew = date.and_then(|date| clock_ahead(date, Utc::now()));
        match (Cause::of_code(code), skew) {
            (Cause::Credentials, Some(ahead)) if ahead.abs() >= SIGNATURE_TOLERANCE => {
                let off = format!("{:+} s from AWS's", ahead.num_seconds());
                Self::new(call, Cause::ClockSkew, format!("{off}; {detail}"))
            }
            (cause, _) => Self::new(call, cause, detail),
        }
    }

    /// A call without an answer, or with one that has no error code.
    pub(crate) fn from_dispatch<E>(call: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + 'static,
    {
        let answer = error.raw_response();
        let body = answer.and_then(|answer| answer.body().bytes());
        let mut sources = successors(Some(error as &dyn Error), |error| (*error).source());
        let cause = match error {
            SdkError::TimeoutError(_) => Cause::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Cause::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_io() => Cause::Unreachable,
            _ if sources.any(<dyn Error>::is::<CredentialsError>) => Cause::Credentials,
            _ if body.is_some_and(is_html) => Cause::NotAws,
            _ => Cause::Unavailable,
        };
        Self::new(call, cause, DisplayErrorContext(error).to_string())
    }
}

/// How far the clock is ahead of AWS's, by the answer's `Date`, which is cut to the second.
pub(crate) fn clock_ahead(date: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    let date = DateTime::parse_from_rfc2822(date).ok()?;
    Some(now - date.to_utc() - TimeDelta::milliseconds(500))
}

/// Whether a body begins like a page.
pub(crate) fn is_html(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(64)]);
    let start = start.trim_start().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
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
            // A clock that is off shows by the same codes; the answer's `Date` tells the two apart.
            "AuthFailure"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "IncompleteSignature"
            | "InvalidAccessKeyId"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationToken"
            | "RequestExpired"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException" => Self::Credentials,
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "RequestThrottled"
            | "RequestThrottledException" => Self::Throttled,
            // `ValidationError` is how an address outside the VPC is refused that came without
            // `AvailabilityZone`.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An error of AWS's, whose clock is this far behind the function's.
    fn error(code: &str, seconds_behind: i64) -> CallError {
        let date = (Utc::now() - TimeDelta::seconds(seconds_behind)).to_rfc2822();
        CallError::from_code("call", code, Some("in words"), Some(&date))
    }

    #[test]
    fn credentials_that_aws_refuses_are_no_missing_permission() {
        for code in ["ExpiredToken", "InvalidClientTokenId", "AuthFailure"] {
            assert_eq!(error(code, 2).cause, Cause::Credentials, "{code}");
        }
        assert_eq!(error("AccessDenied", 2).cause, Cause::Denied);
        let undated = CallError::from_code("call", "AuthFailure", None, None);
        assert_eq!(undated.cause, Cause::Credentials);
    }

    #[test]
    fn the_answers_date_tells_a_clock_that_is_off_from_a_wrong_key() {
        for seconds_behind in [400, -400] {
            let skewed = error("SignatureDoesNotMatch", seconds_behind);
            assert_eq!(skewed.cause, Cause::ClockSkew);
        }
        let signed = error("SignatureDoesNotMatch", 200);
        assert_eq!(signed.cause, Cause::Credentials);
        let accepted = error("AccessDenied", 400);
        assert_eq!(accepted.cause, Cause::Denied);
        let text = error("RequestExpired", 400).to_string();
        assert!(
            text.starts_with("call was refused for the function's clock (+"),
            "{text}"
        );
    }

    #[test]
    fn a_page_in_html_is_not_awss() {
        for body in ["<!DOCTYPE html><title>Sign in</title>", "\n<HTML>\n"] {
            assert!(is_html(body.as_bytes()), "{body}");
        }
        for body in ["<ErrorResponse></ErrorResponse>", "", "{}"] {
            assert!(!is_html(body.as_bytes()), "{body}");
        }
    }
}
