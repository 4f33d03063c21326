//! `bootstrap` as Lambda runs it: under AWS's own Runtime Interface Emulator.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde_json::Value;

use crate::cloud::REGION;
use crate::logs::{LogLine, Logs};
use crate::python::Python;
use crate::query::{Http, http};

const KEEPER: &str = include_str!("../python/keeper.py");

/// A function about to be started.
#[derive(Clone, Debug)]
pub struct FunctionBuilder {
    bootstrap: PathBuf,
    env: BTreeMap<String, String>,
}

impl FunctionBuilder {
    pub(crate) fn new(bootstrap: &Path, env: BTreeMap<String, String>) -> Self {
        let builder = Self {
            bootstrap: bootstrap.to_owned(),
            env,
        };
        builder
            .timeout(60)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
    }

    pub(crate) fn deployed(bootstrap: &Path, mut env: BTreeMap<String, String>) -> Self {
        env.extend(set_by_lambda());
        Self::new(bootstrap, env)
    }

    /// Sets an environment variable of the function.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// Takes an environment variable from the function.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    /// The function's timeout in seconds, 60 unless set.
    #[must_use]
    pub fn timeout(self, seconds: u32) -> Self {
        self.env("AWS_LAMBDA_FUNCTION_TIMEOUT", seconds.to_string())
    }

    /// Starts the emulator. `bootstrap` itself starts with the first invocation, as in Lambda.
    ///
    /// # Errors
    ///
    /// If there is no such program, or the emulator does not come up.
    pub async fn start(self) -> Result<Function> {
        let bootstrap = fs::canonicalize(&self.bootstrap)
            .with_context(|| format!("there is no bootstrap at {}", self.bootstrap.display()))?;
        let python = tokio::task::spawn_blocking(Python::ready).await??;
        let emulator = python.emulator()?;
        let [invoke, runtime] = addresses()?;
        let mut keeper = Command::new(python.interpreter())
            // The interpreter alone, without site-packages: it starts faster.
            .args(["-I", "-S", "-c", KEEPER])
            .arg(emulator)
            .args(["--log-level", "info"])
            .args(["--runtime-interface-emulator-address", &invoke.to_string()])
            .args(["--runtime-api-address", &runtime.to_string()])
            .arg(&bootstrap)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(&self.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("failed to start the Lambda emulator")?;
        let logs = Logs::default();
        logs.follow(
            keeper.stdout.take().context("the emulator has no output")?,
            false,
        );
        logs.follow(
            keeper
                .stderr
                .take()
                .context("the emulator has no error output")?,
            true,
        );
        let mut function = Function {
            address: invoke,
            bootstrap,
            keeper,
            logs,
            http: http(),
            invocations: AtomicUsize::new(0),
        };
        function.wait_until_up().await?;
        Ok(function)
    }
}

/// The variables that Lambda sets, but for those that the emulator sets itself.
fn set_by_lambda() -> impl Iterator<Item = (String, String)> {
    let variables = [
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_SESSION_TOKEN", "local"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        (
            "LD_LIBRARY_PATH",
            "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
        ),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
        ("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000"),
        ("_AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129"),
        ("_AWS_XRAY_DAEMON_PORT", "2000"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    ];
    variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// A function that can be invoked. It ends, with all its processes, when this is dropped.
pub struct Function {
    address: SocketAddr,
    bootstrap: PathBuf,
    keeper: Child,
    logs: Logs,
    http: Http,
    invocations: AtomicUsize,
}

/// How an invocation ended.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// What the function returned, or the error it ended with.
    pub outcome: Result<Value, LambdaError>,
    /// From the request to its answer, a cold start included.
    pub elapsed: Duration,
}

/// An error as Lambda reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LambdaError {
    /// `errorType`; [`TIMED_OUT`](Self::TIMED_OUT) if the function did not end in time.
    pub error_type: String,
    /// `errorMessage`.
    pub message: String,
}

impl LambdaError {
    /// The `error_type` of a function that Lambda stopped at its timeout.
    pub const TIMED_OUT: &str = "Sandbox.Timedout";
}

impl Function {
    /// Invokes the function with an event and waits for its end. The emulator runs one invocation
    /// at a time: for runs that overlap, start several functions.
    ///
    /// # Errors
    ///
    /// If the emulator could not be asked. That the function failed is an outcome, not an error.
    pub async fn invoke(&self, event: &Value) -> Result<Invocation> {
        self.invoke_raw(event.to_string().into_bytes()).await
    }

    /// Invokes the function with any bytes.
    ///
    /// # Errors
    ///
    /// As [`invoke`](Self::invoke).
    pub async fn invoke_raw(&self, payload: Vec<u8>) -> Result<Invocation> {
        let uri = format!(
            "http://{}/2015-03-31/functions/function/invocations",
            self.address
        );
        let started = Instant::now();
        let answer = self
            .http
            .request(Request::post(uri).body(Full::from(payload))?)
            .await;
        let answer = answer.context("the Lambda emulator does not answer")?;
        let body = answer.into_body().collect().await?.to_bytes();
        let elapsed = started.elapsed();
        let outcome = outcome(&body);
        let crashed = matches!(&outcome, Err(error) if error.error_type == "Runtime.ExitError");
        if !crashed {
            let ended = self.invocations.fetch_add(1, Ordering::Relaxed) + 1;
            let logs = self.logs.clone();
            tokio::task::spawn_blocking(move || logs.wait_for_end_of(ended)).await?;
        }
        Ok(Invocation { outcome, elapsed })
    }

    /// What the function has printed so far, to either output, as it came.
    #[must_use]
    pub fn logs(&self) -> Vec<LogLine> {
        self.all_logs()
            .into_iter()
            .filter(|line| !line.from_emulator)
            .collect()
    }

    /// The same with what the emulator says about the function.
    #[must_use]
    pub fn all_logs(&self) -> Vec<LogLine> {
        self.logs.lines()
    }

    /// The process of `bootstrap`, if it runs: from the first invocation on.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        let emulator = *children(self.keeper.id()).first()?;
        children(emulator).into_iter().next_back()
    }

    /// The program that runs.
    #[must_use]
    pub fn bootstrap(&self) -> &Path {
        &self.bootstrap
    }

    async fn wait_until_up(&mut self) -> Result<()> {
        let started = Instant::now();
        loop {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            let ended = self.keeper.try_wait()?;
            if ended.is_some() || started.elapsed() > Duration::from_secs(20) {
                let said: Vec<_> = self.all_logs().into_iter().map(|line| line.text).collect();
                bail!(
                    "the Lambda emulator did not come up ({ended:?}); it said: {}",
                    said.join("\n")
                );
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // The keeper sees the end of its input, ends everything below it, and then itself.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// The emulator answers 200 to most failures, so the body has to tell: an error has both fields of
/// one and no others that a report could have, and a timeout is a sentence.
fn outcome(body: &[u8]) -> Result<Value, LambdaError> {
    let text = String::from_utf8_lossy(body);
    let failed = |error_type: &str, message: &str| {
        Err(LambdaError {
            error_type: error_type.to_owned(),
            message: message.to_owned(),
        })
    };
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        let timed_out = text.starts_with("Task timed out");
        return failed(
            if timed_out {
                LambdaError::TIMED_OUT
            } else {
                ""
            },
            &text,
        );
    };
    match (value["errorType"].as_str(), value["errorMessage"].as_str()) {
        (Some(error_type), Some(message)) => failed(error_type, message),
        _ => Ok(value),
    }
}

fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Two addresses for an emulator, which can only be told its ports. Each process takes them from a
/// loopback address of its own, made of its id, so that no two processes meet on one.
fn addresses() -> Result<[SocketAddr; 2]> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let [_, high, middle, low] = process::id().to_be_bytes();
    let own = Ipv4Addr::new(127, 64 | (high & 63), middle, low);
    for _ in 0..1000 {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let pair = [0, 1].map(|n| SocketAddr::from((own, 20_000 + number % 5_000 * 2 + n)));
        if pair
            .iter()
            .all(|address| TcpListener::bind(address).is_ok())
        {
            return Ok(pair);
        }
    }
    bail!("no two ports in a row are free on {own}")
}
