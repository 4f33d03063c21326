//! The `bootstrap` that is deployed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Builds it for release, and tells where it is.
pub(crate) fn bootstrap() -> Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--bin", "bootstrap"]);
    build.args(["--message-format", "json-render-diagnostics"]);
    // What cargo says about the package it runs would have build scripts run again.
    for (name, _) in env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|own| name.to_string_lossy().starts_with(own))
        {
            build.env_remove(name);
        }
    }
    let output = build
        .current_dir(workspace)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "bootstrap could not be built");
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "bootstrap")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo built bootstrap without saying where")
}
