//! A route and the names it is made of, each parsed once and right from then on.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::source::SourceId;

/// A source, and the target group that follows its Writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What is followed.
    pub source: SourceId,
    /// The group; it belongs to the function alone.
    pub group: TargetGroupArn,
    /// The cluster endpoint, where it was given: lets DNS speak before the RDS API ever has.
    pub endpoint: Option<ClusterEndpoint>,
    /// What the group holds.
    pub holds: GroupHolds,
    /// The replica's MySQL user, without its host, for whom the readers' guard is judged.
    pub replication_user: Option<String>,
}

/// What a group holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GroupHolds {
    /// The Writer alone.
    #[default]
    Writer,
    /// The Writer and the member that would be promoted next, where the readers' guard is seen for
    /// the replication user; else the Writer alone.
    Members,
}

/// A cluster endpoint and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterEndpoint {
    /// The name, without a final dot.
    pub name: String,
    /// The port; 3306 unless given.
    pub port: u16,
}

/// Says what a name should have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("should be {0}")]
pub struct NameError(&'static str);

impl NameError {
    /// What it should have been.
    #[must_use]
    pub fn should(&self) -> &'static str {
        self.0
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

name! {
    /// A `DBClusterIdentifier`, in lower case as RDS stores it.
    ClusterId
}
name! {
    /// A `DBInstanceIdentifier`, in lower case as RDS stores it.
    InstanceId
}
name! {
    /// The ARN of a target group.
    TargetGroupArn
}

impl ClusterId {
    /// Reads a cluster identifier.
    ///
    /// # Errors
    /// Where the text is no RDS identifier.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        identifier(text).map(Self).ok_or(NameError(
            "a DB cluster identifier: 1 to 63 letters, digits and hyphens, beginning with a letter",
        ))
    }
}

impl ClusterEndpoint {
    /// Aurora MySQL's port, unless the cluster was given another.
    const DEFAULT_PORT: u16 = 3306;

    /// Reads a cluster endpoint, `<cluster>.cluster-<id>.<region>.rds.amazonaws.com` with or
    /// without `:port`.
    ///
    /// # Errors
    /// Where the text is something else: a reader endpoint, an instance's, an address.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let wrong = NameError(
            "a cluster's writer endpoint: <cluster>.cluster-<id>.<region>.rds.amazonaws.com, with or without :port",
        );
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, port.parse().ok().filter(|port| *port != 0)),
            None => (text, Some(Self::DEFAULT_PORT)),
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let kind = name.split('.').nth(1).unwrap_or_default();
        let is_writers = kind.starts_with("cluster-")
            && !kind.starts_with("cluster-ro-")
            && !kind.starts_with("cluster-custom-");
        match port {
            Some(port) if is_writers && name.split('.').all(label) => Ok(Self { name, port }),
            _ => Err(wrong),
        }
    }
}

impl InstanceId {
    /// Reads an instance identifier.
    ///
    /// # Errors
    /// Where the text is no RDS identifier.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        identifier(text)
            .map(Self)
            .ok_or(NameError("a DB instance identifier: 1 to 63 letters, digits and hyphens, beginning with a letter"))
    }
}

/// RDS's rule for identifiers of clusters and instances (API reference of `CreateDBInstance`).
fn identifier(text: &str) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let starts = text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    (starts && text.len() <= 63 && text.bytes().all(allowed)).then(|| text.to_ascii_lowercase())
}

impl GroupHolds {
    /// What the variable should hold.
    pub(crate) const EXPECTED: &str = "writer or members";

    /// Reads `writer` or `members`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "writer" => Some(Self::Writer),
            "members" => Some(Self::Members),
            _ => None,
        }
    }
}

impl Route {
    /// The user for whom the guard has to be seen, where the group holds members.
    #[must_use]
    pub fn guarded_user(&self) -> Option<&str> {
        let user = self.replication_user.as_deref();
        user.filter(|_| self.holds == GroupHolds::Members)
    }
}

impl TargetGroupArn {
    /// Reads the ARN of a target group,
    /// `arn:aws:elasticloadbalancing:<region>:<account>:targetgroup/<name>/<id>`.
    ///
    /// # Errors
    /// Where the text is something else, a load balancer's ARN say.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let is_group = || {
            let parts: Vec<&str> = text.split(':').collect();
            let [arn, partition, service, region, account, resource] = parts.as_slice() else {
                return false;
            };
            let mut resource = resource.split('/');
            *arn == "arn"
                && partition.starts_with("aws")
                && *service == "elasticloadbalancing"
                && !region.is_empty()
                && !account.is_empty()
                && account.bytes().all(|b| b.is_ascii_digit())
                && resource.next() == Some("targetgroup")
                && resource.next().is_some_and(|name| !name.is_empty())
                && resource.next().is_some_and(|id| !id.is_empty())
                && resource.next().is_none()
        };
        is_group().then(|| Self(text.to_owned())).ok_or(NameError(
            "a target group's ARN: arn:aws:elasticloadbalancing:<region>:<account>:targetgroup/<name>/<id>",
        ))
    }

    /// The Region it is in.
    #[must_use]
    pub fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }

    /// The account it is in.
    #[must_use]
    pub fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }

    /// The group's name, for people: the part between the slashes.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or(&self.0)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → target group `{}`", self.source, self.group.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_rds_identifiers_in_lower_case() {
        assert_eq!(
            ClusterId::parse("Aurora-Source").map(|id| id.to_string()),
            Ok("aurora-source".into())
        );
        for bad in ["", "1st", "-a", "a b", "a.b", "ä", &"a".repeat(64)] {
            assert!(ClusterId::parse(bad).is_err(), "{bad}");
            assert!(InstanceId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cluster_endpoint_is_the_writers_and_nobody_elses() {
        let name = "aurora-source.cluster-xyz.ap-northeast-1.rds.amazonaws.com";
        let read = |text: &str| {
            ClusterEndpoint::parse(text).map(|endpoint| (endpoint.name, endpoint.port))
        };
        assert_eq!(read(name), Ok((name.to_owned(), 3306)));
        assert_eq!(read(&format!("{name}.:3307")), Ok((name.to_owned(), 3307)));
        for bad in [
            "",
            "aurora-source",
            "10.0.0.1:3306",
            &name.replace("cluster-", "cluster-ro-"),
            &name.replace("cluster-", ""),
            &format!("{name}:0"),
            &format!("{name}:port"),
            &format!("{name}/x"),
        ] {
            assert!(ClusterEndpoint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_target_group_arn_is_one_and_nothing_else() {
        let arn = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/aurora-writer/0123456789abcdef";
        assert_eq!(
            TargetGroupArn::parse(arn).map(|arn| arn.name().to_owned()),
            Ok("aurora-writer".into())
        );
        assert!(TargetGroupArn::parse(&arn.replace("arn:aws:", "arn:aws-cn:")).is_ok());
        for bad in [
            "",
            "aurora-writer",
            "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:loadbalancer/net/nlb/0123456789abcdef",
            "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/aurora-writer",
            "arn:aws:elasticloadbalancing::123456789012:targetgroup/a/b",
            "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/a/b/c",
            "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/a/b:c",
        ] {
            assert!(TargetGroupArn::parse(bad).is_err(), "{bad}");
        }
    }
}
