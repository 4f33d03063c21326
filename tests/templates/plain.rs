//! The templates as plain `CloudFormation`, made by AWS's own SAM translator.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use local_cloud::Cloud;
use serde_json::Value;

/// The function.
pub(crate) static TEMPLATE: LazyLock<Value> = LazyLock::new(|| plain("template.yaml"));
/// The path to the database.
pub(crate) static PRIVATELINK: LazyLock<Value> = LazyLock::new(|| plain("privatelink.yaml"));
/// Both.
pub(crate) static ALL_IN_ONE: LazyLock<Value> = LazyLock::new(|| plain("all-in-one.yaml"));

/// Where, among what is staged for a deployment, the function's code lies, and below it the nested
/// templates.
pub(crate) const CODE: &str = "code";

fn plain(template: &str) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(root.join("tools/plain-template"))
        .arg(root.join(template))
        .arg(Cloud::staged_at(CODE))
        // It tells of its first use, which installs for a minute.
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "tools/plain-template {template}");
    serde_json::from_slice(&output.stdout).unwrap()
}
