//! The AWS CLI, for commands that people paste.

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::cloud::Cloud;
use crate::python::Python;

impl Cloud {
    /// Runs a line of a shell in which `aws` asks moto, past the gateway; returns what it prints.
    ///
    /// # Errors
    ///
    /// If a command of it fails; the error has what it complains of.
    pub async fn shell(&self, line: &str) -> Result<String> {
        let mut bash = bash(line, &format!("http://{}", self.address())).await?;
        let output = bash.output().await?;
        if !output.status.success() {
            bail!("{line}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// Has the AWS CLI read commands, against botocore's models, and send none; returns those that it
/// does not know, or of which it does not know an option, each with its complaint.
///
/// # Errors
///
/// If it cannot be run.
pub async fn parse_commands(commands: impl IntoIterator<Item = &String>) -> Result<Vec<String>> {
    let lines: Vec<&str> = commands.into_iter().map(String::as_str).collect();
    let script = "import os; exec(os.environ['SCRIPT'])";
    let line = format!("python -c \"{script}\" <<<\"$COMMANDS\"");
    let mut bash = bash(&line, NOWHERE).await?;
    bash.env("SCRIPT", PARSER).env("COMMANDS", lines.join("\n"));
    let output = bash.output().await?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let unknown = String::from_utf8(output.stdout)?;
    Ok(unknown.lines().map(str::to_owned).collect())
}

const PARSER: &str = include_str!("../python/parse_commands.py");

/// The discard protocol's port (RFC 863), at which nothing listens.
const NOWHERE: &str = "http://127.0.0.1:9";

async fn bash(line: &str, endpoint: &str) -> Result<Command> {
    let python = tokio::task::spawn_blocking(Python::ready).await??;
    let programs = python.interpreter();
    let programs = programs
        .parent()
        .context("the interpreter is in a folder")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    command
        .args(["-c", line])
        .env_clear()
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("HOME", std::env::temp_dir())
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .current_dir(std::env::temp_dir())
        .kill_on_drop(true);
    Ok(command)
}
