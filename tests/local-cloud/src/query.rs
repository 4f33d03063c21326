//! AWS's protocols, spoken to moto directly, past the gateway.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::http::request::Builder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::cloud::REGION;

pub(crate) type Http = Client<HttpConnector, Full<Bytes>>;

pub(crate) fn http() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Asks the service at `address` for `action` and returns the XML it answers with.
pub(crate) async fn ask(
    http: &Http,
    address: SocketAddr,
    service: &str,
    action: &str,
    parameters: &[(String, String)],
) -> Result<String> {
    let version = match service {
        "rds" => "2014-10-31",
        "elasticloadbalancing" => "2015-12-01",
        "ec2" => "2016-11-15",
        "sns" => "2010-03-31",
        "sqs" => "2012-11-05",
        "iam" => "2010-05-08",
        "cloudformation" => "2010-05-15",
        other => bail!("the local cloud has no service {other}"),
    };
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", action)
        .append_pair("Version", version)
        .extend_pairs(parameters)
        .finish();
    let request = Request::post("/").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    send(http, address, service, action, request, body).await
}

/// Sends a request for `what` to the service at `address`, signed as far as moto reads it, and
/// returns what it answers with.
pub(crate) async fn send(
    http: &Http,
    address: SocketAddr,
    service: &str,
    what: &str,
    request: Builder,
    body: impl Into<String>,
) -> Result<String> {
    let scope = format!("local/20260101/{REGION}/{service}/aws4_request");
    let path = request.uri_ref().context("a request has a path")?;
    let uri = format!("http://{address}{path}");
    let request = request
        .uri(uri)
        .header(
            AUTHORIZATION,
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
        )
        .body(Full::from(body.into()))?;
    let answer = http.request(request).await?;
    let status = answer.status();
    let text = String::from_utf8(answer.into_body().collect().await?.to_bytes().to_vec())?;
    if !status.is_success() {
        bail!("moto answered {what} with {status}: {text}");
    }
    Ok(text)
}

/// What stands between the first `<tag>` and its end.
pub(crate) fn text<'a>(xml: &'a str, tag: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{tag}>"))?;
    rest.split_once(&format!("</{tag}>")).map(|(text, _)| text)
}
