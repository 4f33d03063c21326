//! moto's server as RDS, `ELBv2`, EC2 and SNS, and as `CloudFormation` where a test asks for it.
//!
//! One Python process builds the world once for all clouds of this process and forks a copy for
//! each: the first cloud costs seconds, every further one some hundredths of a second.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::python::Python;

const LAUNCHER: &str = include_str!("../python/moto_world.py");
const CLOUDFORMATION: &str = include_str!("../python/moto_cloudformation.py");

static ORIGINAL: Mutex<Option<Original>> = Mutex::new(None);

/// What the launcher made and says about it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct World {
    pid: u32,
    pub(crate) address: SocketAddr,
    pub(crate) cluster_endpoint: String,
    pub(crate) addresses: BTreeMap<String, Ipv4Addr>,
    pub(crate) target_group_arn: String,
    pub(crate) load_balancer_arn: String,
    pub(crate) endpoint_service: String,
}

/// What a copy knows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// What the function talks to.
    Plain,
    /// `CloudFormation` and what it makes besides.
    CloudFormation,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::CloudFormation => "cloudformation",
        }
    }
}

/// The network namespace of this thread.
fn network() -> Result<String> {
    let thread = fs::read_link("/proc/thread-self")?;
    Ok(format!("/proc/{}/ns/net", thread.display()))
}

/// A running copy of moto, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Moto {
    pub(crate) world: World,
}

impl Moto {
    /// Starts a copy. Blocks: for seconds, or for a minute if Python's packages are missing.
    pub(crate) fn start(kind: Kind) -> Result<Self> {
        let mut original = ORIGINAL.lock().unwrap_or_else(PoisonError::into_inner);
        if original.is_none() {
            *original = Some(Original::start()?);
        }
        // The copy serves where it is asked for: each thread may have a network of its own.
        let line = format!("world {} {}", network()?, kind.word());
        let answer = original.as_mut().map(|original| original.ask(&line));
        match answer.unwrap_or_else(|| bail!("moto is not running")) {
            Ok(line) => Ok(Self {
                world: serde_json::from_str(&line)
                    .with_context(|| format!("moto did not start, its launcher said: {line}"))?,
            }),
            Err(error) => {
                *original = None;
                Err(error)
            }
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let mut original = ORIGINAL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(original) = original.as_mut() {
            // If it cannot be told, it is gone, and its copies with it.
            let _ = original.tell(&format!("end {}", self.world.pid));
        }
    }
}

/// The Python process that is copied. It sees the end of its standard input, and ends itself and
/// its copies, when this process goes, however it goes.
struct Original {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Original {
    fn start() -> Result<Self> {
        let python = Python::ready()?.interpreter();
        let mut process = Command::new(&python)
            .args(["-c", LAUNCHER, CLOUDFORMATION])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A group of its own, so that Ctrl-C at the terminal is left to its owner.
            .process_group(0)
            .spawn()
            .with_context(|| format!("failed to run {}", python.display()))?;
        let input = process
            .stdin
            .take()
            .context("moto's launcher has no input")?;
        let output = process
            .stdout
            .take()
            .context("moto's launcher has no output")?;
        Ok(Self {
            process,
            input,
            output: BufReader::new(output),
        })
    }

    fn tell(&mut self, line: &str) -> std::io::Result<()> {
        self.input.write_all(format!("{line}\n").as_bytes())
    }

    fn ask(&mut self, line: &str) -> Result<String> {
        let mut answer = String::new();
        if self.tell(line).is_err() || self.output.read_line(&mut answer)? == 0 {
            let status = self.process.wait()?;
            bail!("moto's launcher ended with {status}; its own words are on standard error above");
        }
        Ok(answer)
    }
}
