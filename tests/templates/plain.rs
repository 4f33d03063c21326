//! The templates as plain `CloudFormation`, made by AWS's own SAM translator.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use local_cloud::Cloud;
use serde_json::Value;

/// The function.
pub(crate) static TEMPLATE: LazyLock<Value> = LazyLock::new(|| repositorys("template.yaml"));
/// The path to the database.
pub(crate) static PRIVATELINK: LazyLock<Value> = LazyLock::new(|| repositorys("privatelink.yaml"));
/// Both.
pub(crate) static ALL_IN_ONE: LazyLock<Value> = LazyLock::new(|| repositorys("all-in-one.yaml"));

/// Where, among what is staged for a deployment, the function's code lies, and below it the nested
/// templates.
pub(crate) const CODE: &str = "code";

fn repositorys(template: &str) -> Value {
    let path = format!("{}/{template}", env!("CARGO_MANIFEST_DIR"));
    plain(&path, &Cloud::staged_at(CODE))
}

/// A template's file as plain `CloudFormation`, with its code there if it is in no bucket yet.
pub(crate) fn plain(template: &str, code: &str) -> Value {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/plain-template");
    let output = Command::new(tool)
        .args([template, code])
        // It tells of its first use, which installs for a minute.
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "tools/plain-template {template}");
    serde_json::from_slice(&output.stdout).unwrap()
}
