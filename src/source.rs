//! What a route follows, by its name in RDS.

use std::fmt;

use serde::Serialize;

use crate::route::{ClusterId, InstanceId};

/// A cluster or an instance: what a route follows, and what answers and events are about.
///
/// In a report it is the field that names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum SourceId {
    /// A cluster, whose Writer is one of its members: Aurora, or a Multi-AZ DB cluster.
    #[serde(rename = "dbClusterIdentifier")]
    Cluster(ClusterId),
    /// A DB instance, which is its own Writer; its address moves.
    #[serde(rename = "dbInstanceIdentifier")]
    Instance(InstanceId),
}

impl SourceId {
    /// The cluster's name, where it is a cluster.
    #[must_use]
    pub fn cluster(&self) -> Option<&ClusterId> {
        match self {
            Self::Cluster(cluster) => Some(cluster),
            Self::Instance(_) => None,
        }
    }

    /// The instance's name, where it is an instance.
    #[must_use]
    pub fn instance(&self) -> Option<&InstanceId> {
        match self {
            Self::Instance(instance) => Some(instance),
            Self::Cluster(_) => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Cluster(cluster) => cluster.as_str(),
            Self::Instance(instance) => instance.as_str(),
        }
    }

    /// What it is, and the dimension of its metrics.
    #[must_use]
    pub fn dimension(&self) -> &'static str {
        match self {
            Self::Cluster(_) => "DBClusterIdentifier",
            Self::Instance(_) => "DBInstanceIdentifier",
        }
    }

    /// What the ARN of a cluster or an instance names; `None` where it is another's.
    #[must_use]
    pub fn of_arn(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.trim().splitn(7, ':').collect();
        let ["arn", _, "rds", _, _, kind, name] = parts.as_slice() else {
            return None;
        };
        match *kind {
            "cluster" => ClusterId::parse(name).ok().map(Self::Cluster),
            "db" => InstanceId::parse(name).ok().map(Self::Instance),
            _ => None,
        }
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(cluster) => write!(f, "cluster `{cluster}`"),
            Self::Instance(instance) => write!(f, "instance `{instance}`"),
        }
    }
}
