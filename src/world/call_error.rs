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
    /// A page in HTML, which no AWS service answers with: a proxy or a captive portal is in between.
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
        let response = error.raw_response();
        if let Some(service) = error.as_service_error()
            && let Some(code) = service.code()
        {
            return Self::from_code(call, code, service.message(), response);
        }
        Self::from_dispatch(call, error)
    }

    /// An error that AWS answered with.
    pub(crate) fn from_code(
        call: &'static str,
        code: &str,
        message: Option<&str>,
        response: Option<&HttpResponse>,
    ) -> Self {
        let detail = message.map_or(code.to_owned(), |message| format!("{code}: {message}"));
        let skew = response.and_then(|response| clock_ahead(response, Utc::now()));
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
        let mut sources = successors(Some(error as &dyn Error), |error| (*error).source());
        let cause = match error {
            SdkError::TimeoutError(_) => Cause::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Cause::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_io() => Cause::Unreachable,
            _ if sources.any(<dyn Error>::is::<CredentialsError>) => Cause::Credentials,
            _ if error.raw_response().is_some_and(is_html) => Cause::NotAws,
            _ => Cause::Unavailable,
        };
        Self::new(call, cause, DisplayErrorContext(error).to_string())
    }
}

/// How far the clock is ahead of AWS's, by the answer's `Date`, which is cut to the second.
pub(crate) fn clock_ahead(response: &HttpResponse, now: DateTime<Utc>) -> Option<TimeDelta> {
    let date = DateTime::parse_from_rfc2822(response.headers().get("date")?).ok()?;
    Some(now - date.to_utc() - TimeDelta::milliseconds(500))
}

fn is_html(response: &HttpResponse) -> bool {
    let body = response.body().bytes().unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn answer(seconds_behind: i64, body: &'static str) -> HttpResponse {
        let mut answer = HttpResponse::new(StatusCode::try_from(403).unwrap(), SdkBody::from(body));
        let date = (Utc::now() - TimeDelta::seconds(seconds_behind)).to_rfc2822();
        answer.headers_mut().insert("date", date);
        answer
    }

    fn cause(code: &str, seconds_behind: i64) -> Cause {
        CallError::from_code("call", code, None, Some(&answer(seconds_behind, ""))).cause
    }

    #[test]
    fn credentials_that_aws_refuses_are_no_missing_permission() {
        for code in ["ExpiredToken", "InvalidClientTokenId", "AuthFailure"] {
            assert_eq!(cause(code, 2), Cause::Credentials, "{code}");
        }
        assert_eq!(cause("AccessDenied", 2), Cause::Denied);
        assert_eq!(
            CallError::from_code("call", "AuthFailure", None, None).cause,
            Cause::Credentials
        );
    }

    #[test]
    fn the_answers_date_tells_a_clock_that_is_off_from_a_wrong_key() {
        for seconds_behind in [400, -400] {
            assert_eq!(
                cause("SignatureDoesNotMatch", seconds_behind),
                Cause::ClockSkew
            );
        }
        assert_eq!(cause("SignatureDoesNotMatch", 200), Cause::Credentials);
        assert_eq!(
            cause("AccessDenied", 400),
            Cause::Denied,
            "the signature was accepted"
        );
        let skewed = answer(400, "");
        let error = CallError::from_code(
            "call",
            "RequestExpired",
            Some("Request has expired."),
            Some(&skewed),
        );
        assert!(
            error
                .to_string()
                .starts_with("call was refused for the function's clock (+"),
            "{error}"
        );
    }

    #[test]
    fn a_page_in_html_is_not_awss() {
        for body in ["<!DOCTYPE html><title>Sign in</title>", "\n<HTML>\n"] {
            assert!(is_html(&answer(0, body)), "{body}");
        }
        for body in ["<ErrorResponse></ErrorResponse>", "", "{}"] {
            assert!(!is_html(&answer(0, body)), "{body}");
        }
    }
}
