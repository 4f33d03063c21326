//! What the gateway can do to a request.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// One way for a request to go wrong.
#[derive(Clone)]
pub enum Fault {
    /// The request goes on its way after this long.
    Delay(Duration),
    /// The request goes no further and is answered with an AWS error.
    Error {
        /// The HTTP status.
        status: u16,
        /// The error's code, `Throttling` say.
        code: String,
        /// The error's message.
        message: String,
    },
    /// The connection is closed without an answer; the request goes no further.
    Cut,
    /// The request is carried out, and the connection is cut in the middle of the answer.
    Half,
    /// The request goes no further and is never answered.
    Never,
    /// The request is carried out, and this is made of the answer's body.
    Rewrite(Rewrite),
}

/// A change to the body of an answer.
pub type Rewrite = Arc<dyn Fn(String) -> String + Send + Sync>;

impl Fault {
    /// An AWS error of the query protocol.
    #[must_use]
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::Error {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }

    /// Too many requests.
    #[must_use]
    pub fn throttled() -> Self {
        Self::error(400, "Throttling", "Rate exceeded")
    }

    /// The function's role lacks a permission; AWS's message names it.
    #[must_use]
    pub fn access_denied(permission: &str) -> Self {
        let role = "arn:aws:sts::123456789012:assumed-role/failover-follower/failover-follower";
        let message = format!(
            "User: {role} is not authorized to perform: {permission} because no identity-based \
             policy allows the {permission} action"
        );
        Self::error(403, "AccessDenied", &message)
    }

    /// The target group is gone.
    #[must_use]
    pub fn target_group_not_found() -> Self {
        Self::error(
            400,
            "TargetGroupNotFound",
            "One or more target groups not found",
        )
    }

    /// The cluster is gone.
    #[must_use]
    pub fn cluster_not_found() -> Self {
        Self::error(
            404,
            "DBClusterNotFoundFault",
            "DBCluster aurora-source not found.",
        )
    }

    /// The service is down.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::error(
            503,
            "ServiceUnavailable",
            "Service is unable to handle request.",
        )
    }

    /// A change to the body of the answer.
    #[must_use]
    pub fn rewrite(change: impl Fn(String) -> String + Send + Sync + 'static) -> Self {
        Self::Rewrite(Arc::new(change))
    }

    /// `DescribeEvents` answers with these messages of a cluster, each of so many seconds before
    /// now. moto writes no failover events into its log.
    #[must_use]
    pub fn event_log(cluster: &str, entries: &[(&str, i64)]) -> Self {
        let entry = |(message, ago): &(&str, i64)| {
            let date = OffsetDateTime::now_utc() - time::Duration::seconds(*ago);
            let date = date.format(&Rfc3339).unwrap_or_default();
            format!(
                "<Event><SourceIdentifier>{cluster}</SourceIdentifier>\
                 <SourceType>db-cluster</SourceType>\
                 <Message>{message}</Message><Date>{date}</Date></Event>"
            )
        };
        let events: String = entries.iter().map(entry).collect();
        Self::rewrite(move |_| {
            format!(
                "<DescribeEventsResponse><DescribeEventsResult><Events>{events}</Events>\
                 </DescribeEventsResult></DescribeEventsResponse>"
            )
        })
    }

    /// `DescribeDBClusters` lists no Writer, as in the middle of a failover.
    #[must_use]
    pub fn no_writer() -> Self {
        Self::rewrite(|body| {
            body.replace(
                "<IsClusterWriter>true</IsClusterWriter>",
                "<IsClusterWriter>false</IsClusterWriter>",
            )
        })
    }
}
