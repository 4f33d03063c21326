//! What is asked of what was seen.

use std::net::Ipv4Addr;
use std::slice;

use super::seen::{Balancer, Cluster, Database, Instance, Path};
use crate::address::{NoAddress, suitable};
use crate::route::{ClusterId, InstanceId, TargetGroupArn};
use crate::source::SourceId;

impl Database {
    /// The cluster, where RDS has answered.
    pub(in crate::doctor) fn cluster(&self, id: &ClusterId) -> Option<&Cluster> {
        self.clusters.get(id)?.as_ref().ok()
    }

    /// A cluster's instances, or an instance itself, as far as RDS has answered.
    pub(in crate::doctor) fn members(&self, source: &SourceId) -> &[Instance] {
        match source {
            SourceId::Cluster(id) => {
                let found = self.instances.as_ref().ok().and_then(|all| all.get(id));
                found.map(Vec::as_slice).unwrap_or_default()
            }
            SourceId::Instance(id) => self.alone(id).map(slice::from_ref).unwrap_or_default(),
        }
    }

    /// An instance that a route follows, where RDS has answered.
    pub(in crate::doctor) fn alone(&self, id: &InstanceId) -> Option<&Instance> {
        self.alone.get(id)?.as_ref().ok()
    }

    /// Who the Writer is, by RDS's answer.
    pub(in crate::doctor) fn writer(&self, source: &SourceId) -> Option<&InstanceId> {
        match source {
            SourceId::Cluster(id) => self.cluster(id)?.writer.as_ref(),
            SourceId::Instance(id) => Some(&self.alone(id)?.id),
        }
    }

    /// The port, by RDS's answer.
    pub(in crate::doctor) fn port(&self, source: &SourceId) -> Option<u16> {
        match source {
            SourceId::Cluster(id) => Some(self.cluster(id)?.port),
            SourceId::Instance(id) => Some(self.alone(id)?.port),
        }
    }

    /// The status, by RDS's answer.
    pub(in crate::doctor) fn status(&self, source: &SourceId) -> Option<&str> {
        match source {
            SourceId::Cluster(id) => Some(&self.cluster(id)?.status),
            SourceId::Instance(id) => Some(&self.alone(id)?.status),
        }
    }

    /// The engine, by RDS's answer.
    pub(in crate::doctor) fn engine(&self, source: &SourceId) -> Option<Engine> {
        Some(Engine::of(match source {
            SourceId::Cluster(id) => &self.cluster(id)?.engine,
            SourceId::Instance(id) => &self.alone(id)?.engine,
        }))
    }

    /// The endpoint that is followed, by RDS's answer.
    pub(in crate::doctor) fn endpoint(&self, source: &SourceId) -> Option<&str> {
        match source {
            SourceId::Cluster(id) => Some(&self.cluster(id)?.endpoint),
            SourceId::Instance(id) => self.alone(id)?.endpoint.as_deref(),
        }
    }

    /// The addresses of an instance, as far as DNS has answered.
    pub(in crate::doctor) fn addresses(&self, instance: &Instance) -> &[Ipv4Addr] {
        let answer = instance
            .endpoint
            .as_ref()
            .and_then(|name| self.names.get(name));
        let found = answer.and_then(|answer| answer.as_ref().ok());
        found
            .map(|answer| answer.addresses.as_slice())
            .unwrap_or_default()
    }

    /// The address of an instance that can be registered, or why there is none.
    pub(in crate::doctor) fn address(
        &self,
        instance: &Instance,
    ) -> Option<Result<Ipv4Addr, NoAddress>> {
        let answer = self.names.get(instance.endpoint.as_ref()?)?;
        Some(match answer {
            Ok(answer) => suitable(&instance.id, &answer.addresses),
            Err(error) => Err(error.clone().into()),
        })
    }

    /// The instance that the endpoint leads to: the one it is an alias of, or whose address it has.
    pub(in crate::doctor) fn named_by_dns(&self, source: &SourceId) -> Option<&Instance> {
        let answer = self.names.get(self.endpoint(source)?)?.as_ref().ok()?;
        let members = self.members(source).iter();
        let mut named = members.filter(|one| match answer.aliases.first() {
            Some(alias) if source.cluster().is_some() => one.endpoint.as_ref() == Some(alias),
            _ => !answer.addresses.is_empty() && self.addresses(one) == answer.addresses,
        });
        named.next().filter(|_| named.next().is_none())
    }
}

/// What kind of replication an engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Aurora MySQL: readers have no binlog.
    AuroraMySql,
    /// MySQL or `MariaDB`, of a Multi-AZ DB cluster or an instance.
    MySql,
    /// `PostgreSQL`, Aurora's too.
    PostgreSql,
    /// Another.
    Other,
}

impl Engine {
    fn of(name: &str) -> Self {
        match name {
            "aurora-mysql" => Self::AuroraMySql,
            "mysql" | "mariadb" => Self::MySql,
            "aurora-postgresql" | "postgres" => Self::PostgreSql,
            _ => Self::Other,
        }
    }
}

impl Path {
    /// The load balancers that lead to a group.
    pub(in crate::doctor) fn balancers_of(
        &self,
        group: &TargetGroupArn,
    ) -> impl Iterator<Item = &Balancer> {
        let leads = move |one: &&Balancer| one.groups().any(|arn| arn == group.as_str());
        self.balancers.iter().flatten().filter(leads)
    }
}

impl Balancer {
    /// The groups that it leads to.
    pub(in crate::doctor) fn groups(&self) -> impl Iterator<Item = &String> {
        let listeners = self.listeners.iter().flatten();
        listeners.flat_map(|listener| listener.groups.keys())
    }
}
