//! What IAM judges an action by, as AWS's Service Authorization Reference has it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};

use local_cloud::REGION;
use serde::Deserialize;

use crate::iam::matches;
use crate::intrinsic::ACCOUNT;

/// What IAM knows of an action.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Action {
    /// The formats of the ARNs that it takes, by the kind of resource. Where there is none, it
    /// takes `*` alone.
    pub(crate) resources: BTreeMap<String, String>,
    /// The condition keys that it knows beside those that every action does.
    pub(crate) condition_keys: BTreeSet<String>,
}

type Service = Arc<BTreeMap<String, Action>>;

/// The entry of an action, `rds:DescribeDBClusters` say, if the reference has it.
pub(crate) fn action(name: &str) -> Option<Action> {
    let (prefix, _) = name.split_once(':').unwrap();
    service(prefix).get(name).cloned()
}

fn service(prefix: &str) -> Service {
    static READ: LazyLock<Mutex<BTreeMap<String, Service>>> = LazyLock::new(Mutex::default);
    let mut read = READ.lock().unwrap();
    let service = read.entry(prefix.to_owned()).or_insert_with(|| {
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/iam-reference");
        // It tells of its first use, which installs for some seconds.
        let output = Command::new(tool)
            .arg(prefix)
            .stderr(Stdio::inherit())
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "tools/iam-reference {prefix}");
        Arc::new(serde_json::from_slice(&output.stdout).unwrap())
    });
    Arc::clone(service)
}

impl Action {
    /// Whether a policy that names this resource says anything about the action.
    pub(crate) fn takes(&self, resource: &str) -> bool {
        let mut formats = self.resources.values();
        resource == "*" || formats.any(|format| matches(&filled(format, "*"), resource))
    }
}

/// An ARN in this format, here, with this for the name of what it is.
pub(crate) fn filled(format: &str, name: &str) -> String {
    let here = format
        .replace("${Partition}", "aws")
        .replace("${Region}", REGION)
        .replace("${Account}", ACCOUNT);
    let mut parts = here.split("${");
    let mut arn = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once('}').unwrap();
        arn += name;
        arn += rest;
    }
    arn
}
