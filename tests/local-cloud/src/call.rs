//! What the gateway writes down about a request.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A request that came through the gateway.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it arrived.
    pub at: Instant,
    /// The host it was sent to, with the port where that isn't the scheme's own.
    pub host: String,
    /// The service it was signed for: `rds`, `elasticloadbalancing`.
    pub service: String,
    /// What it asked for, `DescribeDBClusters` say.
    pub action: String,
    /// The rest of the form, without `Action` and `Version`.
    pub parameters: BTreeMap<String, String>,
    /// The status it was answered with; none as long as, and if ever, it was not.
    pub status: Option<u16>,
    /// How long the answer took.
    pub took: Option<Duration>,
}

impl Call {
    /// Whether it asked for a change.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !["Describe", "List", "Get"]
            .iter()
            .any(|read| self.action.starts_with(read))
    }

    /// The targets it names, each as `ip:port`, or as `ip` where no port is given.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        (1..)
            .map_while(|n| {
                let member = |key| self.parameters.get(&format!("Targets.member.{n}.{key}"));
                let id = member("Id")?;
                Some(member("Port").map_or_else(|| id.clone(), |port| format!("{id}:{port}")))
            })
            .collect()
    }
}
