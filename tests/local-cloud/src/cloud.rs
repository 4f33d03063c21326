//! Everything together, as a test uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result};
use hyper::Request;
use serde_json::Value;

use crate::dns::{Answer, Dns};
use crate::function::FunctionBuilder;
use crate::gateway::Gateway;
use crate::moto::{Kind, Moto};
use crate::query::{self, Http, http};

/// The region everything is in.
pub const REGION: &str = "ap-northeast-1";
/// The cluster's identifier.
pub const CLUSTER: &str = "aurora-source";
/// The instance that is the Writer at first.
pub const INSTANCE_1: &str = "aurora-source-instance-1";
/// The other instance.
pub const INSTANCE_2: &str = "aurora-source-instance-2";
/// The cluster's port.
pub const PORT: u16 = 3306;
/// The first instance, as a target.
pub const TARGET_1: &str = "10.0.1.11:3306";
/// The second instance, as a target.
pub const TARGET_2: &str = "10.0.2.12:3306";

/// A cluster of two instances in two zones and the target group that leads to its Writer.
/// Everything stops when this is dropped.
pub struct Cloud {
    moto: Moto,
    http: Http,
    dns: Dns,
    gateway: Gateway,
}

impl Cloud {
    /// Starts moto, the DNS server and the gateway: the first instance is the Writer, all agree on
    /// it, and it is in the group.
    ///
    /// The first start on a machine installs what it needs from Python's package index, which takes
    /// about a minute; the first of a process takes some seconds, every further one far less.
    ///
    /// # Errors
    ///
    /// If a part does not come up; the error says which and what it needs.
    pub async fn start() -> Result<Self> {
        Self::start_kind(Kind::Plain).await
    }

    /// Starts a cloud that [`create_stack`](Self::create_stack) works in, which takes about a
    /// second more the first time in a process.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_with_cloudformation() -> Result<Self> {
        Self::start_kind(Kind::CloudFormation).await
    }

    async fn start_kind(kind: Kind) -> Result<Self> {
        let moto = tokio::task::spawn_blocking(move || Moto::start(kind)).await??;
        let (dns, gateway) = tokio::try_join!(Dns::start(0), Gateway::start(moto.world.address))?;
        Ok(Self::of(moto, dns, gateway))
    }

    /// The cloud that has these parts, in its first state.
    pub(crate) fn of(moto: Moto, dns: Dns, gateway: Gateway) -> Self {
        let cloud = Self {
            moto,
            http: http(),
            dns,
            gateway,
        };
        for (instance, &address) in &cloud.moto.world.addresses {
            cloud.set_address(instance, address);
        }
        cloud.move_cname(INSTANCE_1);
        cloud
    }

    /// Where moto is, past the gateway.
    pub(crate) fn address(&self) -> SocketAddr {
        self.moto.world.address
    }

    /// The proxy between the function and moto.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The DNS server.
    #[must_use]
    pub fn dns(&self) -> &Dns {
        &self.dns
    }

    /// The cluster endpoint, a CNAME to the Writer's instance endpoint.
    #[must_use]
    pub fn cluster_endpoint(&self) -> &str {
        &self.moto.world.cluster_endpoint
    }

    /// An instance's own endpoint.
    #[must_use]
    pub fn instance_endpoint(&self, instance: &str) -> String {
        let zone = self
            .cluster_endpoint()
            .trim_start_matches(CLUSTER)
            .trim_start_matches(".cluster-");
        format!("{instance}.{zone}")
    }

    /// The target group's ARN.
    #[must_use]
    pub fn target_group_arn(&self) -> &str {
        &self.moto.world.target_group_arn
    }

    /// The load balancer's ARN.
    #[must_use]
    pub fn load_balancer_arn(&self) -> &str {
        &self.moto.world.load_balancer_arn
    }

    /// The endpoint service's name, which `PrivateLink` asks for.
    #[must_use]
    pub fn endpoint_service(&self) -> &str {
        &self.moto.world.endpoint_service
    }

    /// Makes `to` the Writer, as far as the RDS API goes. DNS stays where it was until
    /// [`move_cname`](Self::move_cname).
    ///
    /// # Errors
    ///
    /// If moto refuses.
    pub async fn fail_over(&self, to: &str) -> Result<()> {
        self.fail_over_in(CLUSTER, to).await
    }

    /// Makes the cluster endpoint a CNAME to `to`'s endpoint.
    pub fn move_cname(&self, to: &str) {
        self.dns.set(
            self.cluster_endpoint(),
            Answer::Cname(self.instance_endpoint(to)),
        );
    }

    /// Gives an instance another address, as a change of its class does.
    pub fn set_address(&self, instance: &str, address: Ipv4Addr) {
        self.dns
            .set(&self.instance_endpoint(instance), Answer::A(vec![address]));
    }

    /// Adds a reader to the cluster, its endpoint with it.
    ///
    /// # Errors
    ///
    /// If moto refuses.
    pub async fn add_instance(&self, instance: &str, address: Ipv4Addr) -> Result<()> {
        self.add_instance_to(CLUSTER, instance, address).await
    }

    /// Takes an instance from the cluster, its endpoint with it.
    ///
    /// # Errors
    ///
    /// If moto refuses.
    pub async fn remove_instance(&self, instance: &str) -> Result<()> {
        self.api(
            "rds",
            "DeleteDBInstance",
            &[("DBInstanceIdentifier", instance)],
        )
        .await?;
        self.dns
            .set(&self.instance_endpoint(instance), Answer::NxDomain);
        Ok(())
    }

    /// The Writer as the RDS API has it, asked past the gateway.
    ///
    /// # Errors
    ///
    /// If moto cannot be asked.
    pub async fn writer(&self) -> Result<Option<String>> {
        let xml = self
            .api(
                "rds",
                "DescribeDBClusters",
                &[("DBClusterIdentifier", CLUSTER)],
            )
            .await?;
        let mut members = xml.split("<DBClusterMember>").skip(1);
        let writer = members.find(|member| query::text(member, "IsClusterWriter") == Some("true"));
        Ok(writer
            .and_then(|member| query::text(member, "DBInstanceIdentifier"))
            .map(str::to_owned))
    }

    /// The targets in the group, each as `ip:port`, asked past the gateway.
    ///
    /// # Errors
    ///
    /// If moto cannot be asked.
    pub async fn targets(&self) -> Result<BTreeSet<String>> {
        self.targets_in(self.target_group_arn()).await
    }

    /// The targets in any group, given its ARN.
    ///
    /// # Errors
    ///
    /// If moto cannot be asked.
    pub async fn targets_in(&self, group: &str) -> Result<BTreeSet<String>> {
        let group = [("TargetGroupArn", group)];
        let xml = self
            .api("elasticloadbalancing", "DescribeTargetHealth", &group)
            .await?;
        let targets = xml.split("<Target>").skip(1);
        Ok(targets
            .filter_map(|target| {
                let (id, port) = (query::text(target, "Id")?, query::text(target, "Port")?);
                Some(format!("{id}:{port}"))
            })
            .collect())
    }

    /// Has exactly these targets, each `ip:port`, in the group, past the gateway.
    ///
    /// # Errors
    ///
    /// If moto refuses one.
    pub async fn set_targets(&self, targets: &[&str]) -> Result<()> {
        let present = self.targets().await?;
        let wanted: BTreeSet<String> = targets.iter().map(|&target| target.to_owned()).collect();
        self.change("DeregisterTargets", present.difference(&wanted))
            .await?;
        self.change("RegisterTargets", wanted.difference(&present))
            .await
    }

    async fn change(&self, action: &str, targets: impl Iterator<Item = &String>) -> Result<()> {
        let mut parameters = vec![(
            "TargetGroupArn".to_owned(),
            self.target_group_arn().to_owned(),
        )];
        for (n, target) in targets.enumerate() {
            let (id, port) = target.split_once(':').context("a target is ip:port")?;
            parameters.push((format!("Targets.member.{}.Id", n + 1), id.to_owned()));
            parameters.push((format!("Targets.member.{}.Port", n + 1), port.to_owned()));
        }
        if parameters.len() == 1 {
            return Ok(());
        }
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        self.api("elasticloadbalancing", action, &parameters)
            .await
            .map(drop)
    }

    /// Asks moto for anything, past the gateway, and returns the XML it answers with. `service` is
    /// `rds`, `elasticloadbalancing`, `ec2`, `sns`, `sqs`, `iam` or `cloudformation`.
    ///
    /// # Errors
    ///
    /// If moto answers with an error, which the error then shows.
    pub async fn api(
        &self,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String> {
        let parameters: Vec<_> = parameters
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        query::ask(
            &self.http,
            self.moto.world.address,
            service,
            action,
            &parameters,
        )
        .await
    }

    /// Reads something of a service that speaks REST and JSON, past the gateway: `lambda` say, at
    /// `/2015-03-31/functions/NAME/configuration`.
    ///
    /// # Errors
    ///
    /// If moto answers with an error, which the error then shows.
    pub async fn get(&self, service: &str, path: &str) -> Result<Value> {
        let address = self.moto.world.address;
        let request = Request::get(path);
        let text = query::send(&self.http, address, service, path, request, "").await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Asks a service that speaks JSON for an action, past the gateway: `events` say, for
    /// `AWSEvents.PutEvents`.
    ///
    /// # Errors
    ///
    /// If moto answers with an error, which the error then shows.
    pub async fn post(&self, service: &str, action: &str, asked: &Value) -> Result<Value> {
        let address = self.moto.world.address;
        let request = Request::post("/").header("x-amz-target", action);
        let body = asked.to_string();
        let text = query::send(&self.http, address, service, action, request, body).await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Puts something into moto's S3, at `/BUCKET` or `/BUCKET/KEY`, past the gateway.
    ///
    /// # Errors
    ///
    /// If moto refuses.
    pub async fn put(&self, path: &str, body: impl Into<String>) -> Result<()> {
        let address = self.moto.world.address;
        let request = Request::put(path);
        query::send(&self.http, address, "s3", path, request, body)
            .await
            .map(drop)
    }

    /// A function that runs `bootstrap` against this cloud, following its one route. It finds the
    /// cloud by local settings, `AWS_ENDPOINT_URL` and `DNS_SERVER`.
    #[must_use]
    pub fn function(&self, bootstrap: impl AsRef<Path>) -> FunctionBuilder {
        FunctionBuilder::new(bootstrap.as_ref(), self.environment())
    }

    /// A function that runs `bootstrap` with these variables, Lambda's own, and no others; in a
    /// [room](crate::Room) it finds AWS.
    #[must_use]
    pub fn deployed(
        &self,
        bootstrap: impl AsRef<Path>,
        variables: BTreeMap<String, String>,
    ) -> FunctionBuilder {
        FunctionBuilder::deployed(bootstrap.as_ref(), variables)
    }

    /// The environment a function of this cloud is given unless told otherwise.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("AWS_ENDPOINT_URL", self.gateway.url()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("AWS_SESSION_TOKEN", "local".to_owned()),
            ("DNS_SERVER", self.dns.address().to_string()),
            ("DB_CLUSTER_IDENTIFIER", CLUSTER.to_owned()),
            ("TARGET_GROUP_ARN", self.target_group_arn().to_owned()),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).into()
    }
}
