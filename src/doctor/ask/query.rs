//! AWS's query protocol, for a few questions to services whose crates cost more than they answer.
//!
//! `aws-sdk-ec2` alone takes four times as long to build as `aws-sdk-rds` (docs/design.md), for
//! four questions; with this in place SNS, SQS and STS need no crate either. What is hard about a
//! call (credentials, signature, TLS, retries, time limits) is still the SDK's.

use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthScheme};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use chrono::{TimeDelta, Utc};
use roxmltree::{Document, Node};

use super::Answered;
use crate::world::{CallError, Cause, ConcurrencyLimit, Sdk, clock_ahead, is_html};

/// An action of a service: its name in IAM, and the version of the service's API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Action {
    /// `ec2:DescribeVpcEndpointConnections`.
    pub(super) name: &'static str,
    /// `2016-11-15`.
    pub(super) version: &'static str,
}

/// Asks, each question once.
#[derive(Clone, Debug)]
pub(super) struct Query {
    sdk: Sdk,
    limit: ConcurrencyLimit,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    call: &'static str,
    xml: String,
    /// How far the function's clock was ahead of the service's.
    pub(super) clock_ahead: Option<TimeDelta>,
}

/// What was answered, whatever it was.
#[derive(Debug)]
struct Response {
    is_success: bool,
    date: Option<String>,
    body: String,
}

impl Query {
    pub(super) fn new(sdk: &Sdk) -> Self {
        Self {
            sdk: sdk.clone(),
            limit: ConcurrencyLimit::new(),
        }
    }

    /// Asks a service for an action.
    pub(super) async fn ask(
        &self,
        action: Action,
        parameters: &[(&str, &str)],
    ) -> Answered<Answer> {
        let call = action.name;
        let (service, name) = call.split_once(':').unwrap_or_default();
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", name)
            .append_pair("Version", action.version)
            .extend_pairs(parameters)
            .finish();
        let operation = self.operation(service, name).ok_or_else(|| {
            let detail = "there is no Region, or there are no credentials";
            CallError::new(call, Cause::Credentials, detail)
        })?;
        let response = self.limit.run(operation.invoke(form)).await;
        let response = response.map_err(|error| CallError::from_dispatch(call, &error))?;
        if !response.is_success || is_html(response.body.as_bytes()) {
            return Err(rejection(call, &response));
        }
        let date = response.date.as_deref();
        Ok(Answer {
            call,
            clock_ahead: date.and_then(|date| clock_ahead(date, Utc::now())),
            xml: response.body,
        })
    }

    fn operation(
        &self,
        service: &str,
        action: &'static str,
    ) -> Option<Operation<String, Response, std::io::Error>> {
        let config = &self.sdk.config;
        let region = config.region()?.clone();
        let endpoint = self.sdk.endpoint(service).map_or_else(
            || format!("https://{service}.{region}.{}/", domain(region.as_ref())),
            str::to_owned,
        );
        let mut signing = Layer::new("signing");
        signing.store_put(AuthSchemeOptionResolverParams::new(()));
        signing.store_put(SigV4OperationSigningConfig {
            region: Some(region.into()),
            name: Some(service.to_owned().into()),
            ..Default::default()
        });
        let options = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
        let scheme = RuntimeComponentsBuilder::new("signing")
            .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
            .with_auth_scheme_option_resolver(Some(options))
            .with_identity_cache(config.identity_cache())
            .with_identity_resolver(SCHEME_ID, config.credentials_provider()?);
        let plugin = StaticRuntimePlugin::new()
            .with_config(signing.freeze())
            .with_runtime_components(scheme);
        let operation = Operation::builder()
            .service_name(service.to_owned())
            .operation_name(action)
            .endpoint_url(&endpoint)
            .http_client(config.http_client()?)
            .sleep_impl(config.sleep_impl()?)
            .timeout_config(config.timeout_config()?.clone())
            .no_retry()
            .runtime_plugin(plugin)
            .serializer(|form: String| {
                let mut request = HttpRequest::new(SdkBody::from(form));
                request.set_method("POST")?;
                let form = "application/x-www-form-urlencoded";
                request.headers_mut().insert("content-type", form);
                Ok(request)
            })
            .deserializer(|response: &HttpResponse| {
                let body = response.body().bytes().unwrap_or_default();
                Ok(Response {
                    is_success: response.status().is_success(),
                    date: response.headers().get("date").map(str::to_owned),
                    body: String::from_utf8_lossy(body).into_owned(),
                })
            })
            .build();
        Some(operation)
    }
}

impl Answer {
    /// The answer's XML, parsed.
    pub(super) fn document(&self) -> Answered<Document<'_>> {
        let unreadable =
            |error| CallError::new(self.call, Cause::Unavailable, format!("no XML: {error}"));
        Document::parse(&self.xml).map_err(unreadable)
    }
}

/// The text of an element of that name: the node's own, or else the first anywhere below.
pub(super) fn text(node: Node<'_, '_>, tag: &str) -> Option<String> {
    let mut all = node.children().chain(node.descendants());
    let found = all.find(|one| one.tag_name().name() == tag)?;
    found.text().map(str::to_owned)
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

/// An error that was answered, read by its code.
fn rejection(call: &'static str, response: &Response) -> CallError {
    let document = Document::parse(&response.body).ok();
    let read = |tag| text(document.as_ref()?.root_element(), tag);
    match read("Code") {
        Some(code) => {
            let date = response.date.as_deref();
            CallError::from_code(call, &code, read("Message").as_deref(), date)
        }
        None if is_html(response.body.as_bytes()) => {
            CallError::new(call, Cause::NotAws, "a page in HTML")
        }
        None => CallError::new(call, Cause::Unavailable, "an error without a code"),
    }
}

/// The domain of a Region's services; those of the isolated partitions are not known here.
pub(super) fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}
