//! Where AWS's services are called instead of at their own addresses: `AWS_ENDPOINT_URL`, ….
//!
//! The SDK reads these variables too, and takes an empty one for a URL. So each client is given its
//! endpoint from here, where an empty value counts as unset, as of every other variable.

use std::collections::BTreeMap;

use http::Uri;

/// The variable for every service without one of its own.
pub(crate) const EVERY_SERVICE: &str = "AWS_ENDPOINT_URL";

/// The variable that has all the others ignored.
pub(crate) const IGNORED: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

/// The services that the function calls, by their names in signatures and IAM, and the variable of
/// each.
pub(crate) const SERVICES: [(&str, &str); 6] = [
    ("ec2", "AWS_ENDPOINT_URL_EC2"),
    (
        "elasticloadbalancing",
        "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2",
    ),
    ("rds", "AWS_ENDPOINT_URL_RDS"),
    ("sns", "AWS_ENDPOINT_URL_SNS"),
    ("sqs", "AWS_ENDPOINT_URL_SQS"),
    ("sts", "AWS_ENDPOINT_URL_STS"),
];

/// The endpoints that were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// For every service that is not in `services`.
    pub every_service: Option<EndpointUrl>,
    /// By the service's name in signatures and IAM.
    pub services: BTreeMap<&'static str, EndpointUrl>,
}

impl Endpoints {
    /// The endpoint that was given for a service, by its name in signatures and IAM; `None` for
    /// AWS's own.
    #[must_use]
    pub fn of(&self, service: &str) -> Option<&str> {
        debug_assert!(
            SERVICES.iter().any(|(known, _)| *known == service),
            "the variable of {service} is not read"
        );
        let url = self.services.get(service).or(self.every_service.as_ref());
        url.map(EndpointUrl::as_str)
    }
}

/// The URL of a service: `http` or `https`, a host, perhaps a port and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl(String);

impl EndpointUrl {
    /// What [`parse`](Self::parse) accepts.
    pub const EXPECTED: &str = "a URL with http or https and a host, such as http://127.0.0.1:5000";

    /// The URL that a text is, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url: Uri = text.parse().ok()?;
        let host = url.host().filter(|host| !host.is_empty())?;
        // Neither a user nor a port that is no number.
        let place = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let is_endpoint = matches!(url.scheme_str(), Some("http" | "https"))
            && url.authority()?.as_str() == place
            && url.query().is_none()
            && !text.contains('#');
        is_endpoint.then(|| Self(text.to_owned()))
    }

    /// The URL as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
