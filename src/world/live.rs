//! The world as it is: AWS and DNS.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;
use std::{env, fs};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use hickory_resolver::net::NetError;

use super::audit::Auditor;
use super::concurrency_limit::AT_A_TIME;
use super::dns::Dns;
use super::elb::Elb;
use super::rds::Rds;
use super::{Answer, CallError, Cluster, LogEntry, Registration, Target, Topology, World};
use crate::endpoints::Endpoints;
use crate::route::{ClusterId, TargetGroupArn};

/// To open a connection. Within a region it takes milliseconds.
const CONNECT: Duration = Duration::from_secs(2);
/// One try of a call, the answer included.
const TRY: Duration = Duration::from_secs(3);
/// A call with its retries; after that it has failed for this look, and the next look asks again.
const CALL: Duration = Duration::from_secs(5);
/// Tries of a call, the first included. The SDK waits between them, with jitter.
const TRIES: u32 = 3;
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// AWS and DNS, with clients that are made once a process and kept.
pub struct Live {
    rds: Rds,
    elb: Elb,
    dns: Dns,
    auditor: Auditor,
}

impl Live {
    /// Makes the clients; calls nothing.
    ///
    /// # Errors
    /// Where the system's resolver configuration cannot be read.
    pub async fn new(
        dns_server: Option<SocketAddr>,
        endpoints: &Endpoints,
    ) -> Result<Self, NetError> {
        let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
        let mut http = Builder::new()
            .tls_provider(tls)
            .pool_max_idle_per_host(AT_A_TIME);
        if let Some(trusted) = trusted_in_place_of_none() {
            http = http.tls_context(trusted);
        }
        let config = aws_config::from_env()
            .http_client(http.build_https())
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(TRIES)
                    .with_max_backoff(LONGEST_WAIT),
            )
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .operation_attempt_timeout(TRY)
                    .operation_timeout(CALL)
                    .build(),
            )
            .load()
            .await;
        // The SDK's own endpoints may be empty texts (`endpoints`); a profile's is a last resort.
        let endpoint = |service| {
            let given = endpoints.of(service).or(config.endpoint_url());
            given.map(str::to_owned)
        };
        let mut rds = aws_sdk_rds::config::Builder::from(&config);
        rds.set_endpoint_url(endpoint("rds"));
        let rds = aws_sdk_rds::Client::from_conf(rds.build());
        let mut elb = aws_sdk_elasticloadbalancingv2::config::Builder::from(&config);
        elb.set_endpoint_url(endpoint("elasticloadbalancing"));
        let elb = aws_sdk_elasticloadbalancingv2::Client::from_conf(elb.build());
        Ok(Self {
            auditor: Auditor::new(&config, endpoints, rds.clone(), elb.clone()),
            rds: Rds::new(rds),
            elb: Elb::new(elb),
            dns: Dns::new(dns_server)?,
        })
    }

    /// Whom to ask for an audit.
    pub(crate) fn auditor(&self) -> &Auditor {
        &self.auditor
    }
}

/// The system's certificates, where `SSL_CERT_FILE` is empty: rustls would take that for a file that
/// has none, and an empty value counts as unset.
fn trusted_in_place_of_none() -> Option<TlsContext> {
    let is_empty = |name| env::var_os(name).map(|value| value.is_empty());
    if is_empty("SSL_CERT_FILE") != Some(true) || is_empty("SSL_CERT_DIR") == Some(false) {
        return None;
    }
    let system = fs::read(openssl_probe::probe().cert_file?).ok()?;
    let store = TrustStore::empty().with_pem_certificate(system);
    TlsContext::builder().with_trust_store(store).build().ok()
}

impl World for Live {
    async fn cluster(
        &self,
        id: &ClusterId,
        known: Option<&Topology>,
    ) -> Result<Cluster, CallError> {
        self.rds.cluster(id, known).await
    }

    async fn log(&self, id: &ClusterId) -> Result<Vec<LogEntry>, CallError> {
        self.rds.log(id).await
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
