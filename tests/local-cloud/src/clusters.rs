//! Further clusters and instances, for a function of several routes or of another source.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};

use crate::cloud::{Cloud, PORT};
use crate::dns::Answer;
use crate::query;

/// A further cluster.
#[derive(Clone, Debug)]
pub struct Added {
    /// The cluster endpoint, a CNAME to the Writer's instance endpoint.
    pub endpoint: String,
    /// The ARN of the target group that follows it.
    pub group: String,
}

impl Cloud {
    /// Adds a cluster of the instances `<name>-instance-1` at 10.0.1.`host`, which is the Writer,
    /// and `<name>-instance-2` at 10.0.2.`host`, and a target group that holds the first.
    ///
    /// # Errors
    ///
    /// If moto refuses.
    pub async fn add_cluster(&self, name: &str, host: u8) -> Result<Added> {
        self.add_cluster_of("aurora-mysql", PORT, name, host).await
    }

    /// The same of another engine, at another port. One of `mysql` or `postgres` is a Multi-AZ DB
    /// cluster.
    ///
    /// # Errors
    ///
    /// If moto refuses.
    pub async fn add_cluster_of(
        &self,
        engine: &str,
        port: u16,
        name: &str,
        host: u8,
    ) -> Result<Added> {
        let text = port.to_string();
        let mut cluster = vec![
            ("DBClusterIdentifier", name),
            ("Engine", engine),
            ("Port", &text),
            ("MasterUsername", "admin"),
            ("MasterUserPassword", "local-cloud"),
        ];
        if !engine.starts_with("aurora") {
            // What RDS asks for where the storage is not Aurora's.
            cluster.extend([
                ("DBClusterInstanceClass", "db.m6gd.large"),
                ("StorageType", "io1"),
                ("AllocatedStorage", "100"),
                ("Iops", "1000"),
            ]);
        }
        let made = self.api("rds", "CreateDBCluster", &cluster).await?;
        let endpoint = query::text(&made, "Endpoint").context("the cluster has no endpoint")?;
        let addresses = [1, 2].map(|zone| Ipv4Addr::new(10, 0, zone, host));
        for (number, address) in (1..).zip(addresses) {
            let instance = format!("{name}-instance-{number}");
            self.add_instance_of(engine, name, &instance, address)
                .await?;
        }
        let writer = self.instance_endpoint(&format!("{name}-instance-1"));
        self.dns().set(endpoint, Answer::Cname(writer));
        Ok(Added {
            endpoint: endpoint.to_owned(),
            group: self.add_group(name, addresses[0], port).await?,
        })
    }

    /// Adds a DB instance of no cluster, with a standby, and a target group that holds its address.
    ///
    /// # Errors
    ///
    /// If moto refuses.
    pub async fn add_alone(&self, name: &str, address: Ipv4Addr) -> Result<Added> {
        let port = PORT.to_string();
        let parameters = [
            ("DBInstanceIdentifier", name),
            ("Engine", "mysql"),
            ("DBInstanceClass", "db.m6g.large"),
            ("AllocatedStorage", "100"),
            ("MultiAZ", "true"),
            ("Port", &port),
            ("MasterUsername", "admin"),
            ("MasterUserPassword", "local-cloud"),
        ];
        let made = self.api("rds", "CreateDBInstance", &parameters).await?;
        let endpoint = query::text(&made, "Address").context("the instance has no endpoint")?;
        self.dns().set(endpoint, Answer::A(vec![address]));
        Ok(Added {
            endpoint: endpoint.to_owned(),
            group: self.add_group(name, address, PORT).await?,
        })
    }

    /// Adds a reader to a cluster, its endpoint with it.
    ///
    /// # Errors
    ///
    /// If moto refuses.
    pub async fn add_instance_to(
        &self,
        cluster: &str,
        instance: &str,
        address: Ipv4Addr,
    ) -> Result<()> {
        self.add_instance_of("aurora-mysql", cluster, instance, address)
            .await
    }

    async fn add_instance_of(
        &self,
        engine: &str,
        cluster: &str,
        instance: &str,
        address: Ipv4Addr,
    ) -> Result<()> {
        self.set_address(instance, address);
        let parameters = [
            ("DBClusterIdentifier", cluster),
            ("DBInstanceIdentifier", instance),
            ("Engine", engine),
            ("DBInstanceClass", "db.r6g.large"),
        ];
        self.api("rds", "CreateDBInstance", &parameters)
            .await
            .map(drop)
    }

    /// Makes `to` the Writer of a cluster, as far as the RDS API goes.
    ///
    /// # Errors
    ///
    /// If moto refuses.
    pub async fn fail_over_in(&self, cluster: &str, to: &str) -> Result<()> {
        let parameters = [
            ("DBClusterIdentifier", cluster),
            ("TargetDBInstanceIdentifier", to),
        ];
        self.api("rds", "FailoverDBCluster", &parameters)
            .await
            .map(drop)
    }

    /// Adds a target group that holds an address, and returns its ARN.
    ///
    /// # Errors
    ///
    /// If moto refuses.
    pub async fn add_group(&self, name: &str, target: Ipv4Addr, port: u16) -> Result<String> {
        let elb = "elasticloadbalancing";
        let groups = self.api(elb, "DescribeTargetGroups", &[]).await?;
        let vpc = query::text(&groups, "VpcId").context("the first group has no VPC")?;
        let (port, target) = (port.to_string(), target.to_string());
        let group = [
            ("Name", name),
            ("Protocol", "TCP"),
            ("Port", &port),
            ("VpcId", vpc),
            ("TargetType", "ip"),
        ];
        let made = self.api(elb, "CreateTargetGroup", &group).await?;
        let arn = query::text(&made, "TargetGroupArn").context("the group has no ARN")?;
        let targets = [
            ("TargetGroupArn", arn),
            ("Targets.member.1.Id", &target),
            ("Targets.member.1.Port", &port),
        ];
        self.api(elb, "RegisterTargets", &targets).await?;
        Ok(arn.to_owned())
    }
}
