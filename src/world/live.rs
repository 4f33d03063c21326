//! The world as it is: AWS and DNS.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use hickory_resolver::net::NetError;

use super::dns::Dns;
use super::elb::Elb;
use super::rds::Rds;
use super::sdk::Sdk;
use super::{Answer, CallError, Cluster, LogEntry, Registration, Survey, Target, Topology, World};
use crate::blue_green::Deployment;
use crate::route::TargetGroupArn;
use crate::source::SourceId;

/// AWS and DNS, with clients that are made once a process and kept.
pub struct Live {
    rds: Rds,
    elb: Elb,
    dns: Dns,
}

impl Live {
    /// Makes the clients; calls nothing.
    ///
    /// # Errors
    /// Where the system's resolver configuration cannot be read.
    pub fn new(sdk: &Sdk, dns_server: Option<SocketAddr>) -> Result<Self, NetError> {
        Ok(Self {
            rds: Rds::new(sdk.rds()),
            elb: Elb::new(sdk.elb()),
            dns: Dns::new(dns_server)?,
        })
    }
}

impl World for Live {
    async fn source(&self, id: &SourceId, known: Option<&Topology>) -> Result<Cluster, CallError> {
        self.rds.source(id, known).await
    }

    async fn log(&self, id: &SourceId) -> Result<Vec<LogEntry>, CallError> {
        self.rds.log(id).await
    }

    async fn survey(&self, id: &SourceId) -> Result<Survey, CallError> {
        self.rds.survey(id).await
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, CallError> {
        self.rds.deployments().await
    }

    async fn resolve(&self, name: &str) -> Result<Answer, CallError> {
        self.dns.resolve(name).await
    }

    async fn targets(&self, group: &TargetGroupArn) -> Result<Vec<Registration>, CallError> {
        self.elb.targets(group).await
    }

    async fn register(&self, group: &TargetGroupArn, target: &Target) -> Result<(), CallError> {
        self.elb.register(group, target).await
    }

    async fn deregister(
        &self,
        group: &TargetGroupArn,
        targets: &BTreeSet<Target>,
    ) -> Result<(), CallError> {
        self.elb.deregister(group, targets).await
    }
}
