//! What the clients of a process share: connections, retries, time limits, endpoints.

use std::time::Duration;
use std::{env, fs};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};

use super::concurrency_limit::AT_A_TIME;
use crate::endpoints::Endpoints;

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

/// The SDK, as it was configured.
#[derive(Clone, Debug)]
pub struct Sdk {
    pub(crate) config: SdkConfig,
    endpoints: Endpoints,
}

impl Sdk {
    /// Reads what the SDK reads of the environment; calls nothing.
    pub async fn load(endpoints: &Endpoints) -> Self {
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
        let endpoints = endpoints.clone();
        Self { config, endpoints }
    }

    /// The endpoint that was given for a service. The SDK's own may be empty texts (`endpoints`); a
    /// profile's is a last resort.
    pub(crate) fn endpoint(&self, service: &str) -> Option<&str> {
        self.endpoints.of(service).or(self.config.endpoint_url())
    }

    pub(crate) fn rds(&self) -> aws_sdk_rds::Client {
        let mut rds = aws_sdk_rds::config::Builder::from(&self.config);
        rds.set_endpoint_url(self.endpoint("rds").map(str::to_owned));
        aws_sdk_rds::Client::from_conf(rds.build())
    }

    pub(crate) fn elb(&self) -> aws_sdk_elasticloadbalancingv2::Client {
        let mut elb = aws_sdk_elasticloadbalancingv2::config::Builder::from(&self.config);
        elb.set_endpoint_url(self.endpoint("elasticloadbalancing").map(str::to_owned));
        aws_sdk_elasticloadbalancingv2::Client::from_conf(elb.build())
    }
}

/// The system's certificates, where `SSL_CERT_FILE` is empty: rustls would take that for a file
/// that has none, and an empty value counts as unset.
fn trusted_in_place_of_none() -> Option<TlsContext> {
    let is_empty = |name| env::var_os(name).map(|value| value.is_empty());
    if is_empty("SSL_CERT_FILE") != Some(true) || is_empty("SSL_CERT_DIR") == Some(false) {
        return None;
    }
    let system = fs::read(openssl_probe::probe().cert_file?).ok()?;
    let store = TrustStore::empty().with_pem_certificate(system);
    TlsContext::builder().with_trust_store(store).build().ok()
}
