//! AWS's query protocol, for the few questions to services whose crates would cost more than they tell.
//!
//! `aws-sdk-ec2` alone takes four times as long to build as `aws-sdk-rds` (docs/design.md), for three
//! questions. What is hard about a call (credentials, signature, TLS, time limits) is still the SDK's.

use aws_config::SdkConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthScheme};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use chrono::{DateTime, Utc};
use roxmltree::{Document, Node};

use crate::endpoints::Endpoints;
use crate::error::chain;
use crate::world::{CallError, Cause};

/// A service that speaks the query protocol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    /// Its name in host names, signatures and IAM.
    pub(super) name: &'static str,
    /// The version of its API.
    pub(super) version: &'static str,
}

/// Asks.
#[derive(Clone, Debug)]
pub(super) struct Query {
    config: SdkConfig,
    endpoints: Endpoints,
}

/// An answer: XML, and when the other side says it gave it.
#[derive(Debug)]
pub(super) struct Answer {
    call: &'static str,
    xml: String,
    /// To the second.
    pub(super) date: Option<DateTime<Utc>>,
}

/// What the other side answered, whatever it was.
#[derive(Debug)]
struct Response {
    status: u16,
    date: Option<String>,
    body: String,
}

impl Query {
    pub(super) fn new(config: &SdkConfig, endpoints: &Endpoints) -> Self {
        Self {
            config: config.clone(),
            endpoints: endpoints.clone(),
        }
    }

    /// Asks `service` to do `action`, once; `call` is its name in IAM.
    pub(super) async fn ask(
        &self,
        service: Service,
        action: &'static str,
        call: &'static str,
        parameters: &[(&str, &str)],
    ) -> Result<Answer, CallError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", service.version)
            .extend_pairs(parameters)
            .finish();
        let operation = self.operation(service, action).ok_or_else(|| {
            CallError::new(
                call,
                Cause::Unavailable,
                "there is no Region, or there are no credentials",
            )
        })?;
        let response = operation.invoke(form).await.map_err(|error| {
            let cause = match &error {
                SdkError::TimeoutError(_) => Cause::TimedOut,
                _ => Cause::Unavailable,
            };
            CallError::new(call, cause, chain(&error))
        })?;
        let Response { status, date, body } = response;
        if !(200..300).contains(&status) {
            return Err(refused(call, status, &body));
        }
        let date = date
            .and_then(|date| DateTime::parse_from_rfc2822(&date).ok())
            .map(|date| date.to_utc());
        Ok(Answer {
            call,
            xml: body,
            date,
        })
    }

    fn operation(
        &self,
        service: Service,
        action: &'static str,
    ) -> Option<Operation<String, Response, std::io::Error>> {
        let config = &self.config;
        let region = config.region()?.clone();
        let given = self.endpoints.of(service.name);
        let endpoint = given.or(config.endpoint_url()).map_or_else(
            || {
                format!(
                    "https://{}.{region}.{}/",
                    service.name,
                    domain(region.as_ref())
                )
            },
            str::to_owned,
        );
        let mut signing = Layer::new("signing");
        signing.store_put(AuthSchemeOptionResolverParams::new(()));
        signing.store_put(SigV4OperationSigningConfig {
            region: Some(region.into()),
            name: Some(service.name.into()),
            ..Default::default()
        });
        let scheme = RuntimeComponentsBuilder::new("signing")
            .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
                SCHEME_ID,
            ])))
            .with_identity_cache(config.identity_cache())
            .with_identity_resolver(SCHEME_ID, config.credentials_provider()?);
        let operation = Operation::builder()
            .service_name(service.name)
            .operation_name(action)
            .endpoint_url(&endpoint)
            .http_client(config.http_client()?)
            .sleep_impl(config.sleep_impl()?)
            .timeout_config(config.timeout_config()?.clone())
            .no_retry()
            .runtime_plugin(
                StaticRuntimePlugin::new()
                    .with_config(signing.freeze())
                    .with_runtime_components(scheme),
            )
            .serializer(|form: String| {
                let mut request = HttpRequest::new(SdkBody::from(form));
                request.set_method("POST")?;
                request
                    .headers_mut()
                    .insert("content-type", "application/x-www-form-urlencoded");
                Ok(request)
            })
            .deserializer(|response: &HttpResponse| {
                Ok(Response {
                    status: response.status().as_u16(),
                    date: response.headers().get("date").map(ToOwned::to_owned),
                    body: String::from_utf8_lossy(response.body().bytes().unwrap_or_default())
                        .into_owned(),
                })
            })
            .build();
        Some(operation)
    }
}

impl Answer {
    /// The answer's XML, to look around in.
    pub(super) fn document(&self) -> Result<Document<'_>, CallError> {
        Document::parse(&self.xml).map_err(|error| {
            CallError::new(self.call, Cause::Unavailable, format!("no XML: {error}"))
        })
    }
}

/// The text of the first element of that name below a node.
pub(super) fn text<'a>(node: Node<'a, '_>, tag: &str) -> Option<&'a str> {
    node.descendants()
        .find(|one| one.tag_name().name() == tag)?
        .text()
}

/// The elements of the first list of that name below a node.
pub(super) fn items<'a, 'input>(
    node: Node<'a, 'input>,
    list: &str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    let list = node.descendants().find(|one| one.tag_name().name() == list);
    list.into_iter()
        .flat_map(|list| list.children().filter(Node::is_element))
}

/// An error that AWS answered with, told by its code.
fn refused(call: &'static str, status: u16, body: &str) -> CallError {
    let document = Document::parse(body).ok();
    let told = |tag: &str| {
        let root = document.as_ref()?.root_element();
        text(root, tag).map(str::to_owned)
    };
    let code = told("Code").unwrap_or_else(|| format!("HTTP {status}"));
    let detail = match told("Message") {
        Some(message) => format!("{code}: {message}"),
        None => code.clone(),
    };
    CallError::new(call, Cause::of_code(&code), detail)
}

/// The domain of a Region's services; the isolated partitions have their own, which it does not know.
fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}
