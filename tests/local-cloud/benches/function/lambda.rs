//! As much of Lambda as a process can be told to be one by: the runtime API, and nothing around it.
//!
//! AWS's emulator ends a function with SIGKILL, under which callgrind says nothing, and waits ten
//! seconds for its start, which valgrind may not keep to.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// Lambda's timeout.
const TIMEOUT: Duration = Duration::from_mins(3);

/// File descriptors of a process in Lambda (Lambda quotas).
const FILES: u32 = 1024;

/// A function, running under the runtime API alone.
pub(crate) struct Function {
    process: Child,
    payloads: Option<mpsc::Sender<String>>,
    answers: mpsc::Receiver<String>,
    _server: JoinSet<()>,
}

impl Function {
    /// Starts `command` with a function's environment.
    pub(crate) async fn start(
        command: &[&Path],
        environment: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (payloads, waiting) = mpsc::channel(1);
        let (answered, answers) = mpsc::channel(1);
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::new(Mutex::new(waiting)), answered));
        let process = Command::new("sh")
            .args(["-c", &format!("ulimit -n {FILES}; exec \"$0\" \"$@\"")])
            .args(command)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(environment)
            .envs(of_lambda(address))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("failed to start the function")?;
        Ok(Self {
            process,
            payloads: Some(payloads),
            answers,
            _server: server,
        })
    }

    /// Invokes it, and tells what it answered and how long that took; the first time, its start
    /// included.
    pub(crate) async fn invoke(&mut self, payload: &str) -> Result<(Value, Duration)> {
        let began = Instant::now();
        let payloads = self.payloads.as_ref().context("it has been ended")?;
        payloads.send(payload.to_owned()).await?;
        let answer = self.answers.recv().await.context("no answer")?;
        Ok((serde_json::from_str(&answer)?, began.elapsed()))
    }

    /// Ends it as if Lambda were gone, which it takes for a reason to stop, and waits until it has.
    pub(crate) async fn end(mut self) -> Result<()> {
        self.payloads = None;
        let began = Instant::now();
        while self.process.try_wait()?.is_none() {
            if began.elapsed() > TIMEOUT {
                bail!("the function does not end");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What Lambda tells a runtime of itself.
fn of_lambda(address: SocketAddr) -> [(&'static str, String); 6] {
    [
        ("AWS_LAMBDA_RUNTIME_API", address.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", "function".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "log".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "log".to_owned()),
    ]
}

type Waiting = Arc<Mutex<mpsc::Receiver<String>>>;

async fn serve(listener: TcpListener, waiting: Waiting, answered: mpsc::Sender<String>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (waiting, answered) = (Arc::clone(&waiting), answered.clone());
        connections.spawn(async move {
            let service = service_fn(|request| answer(&waiting, &answered, request));
            // An error here is the end of the function.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    waiting: &Waiting,
    answered: &mpsc::Sender<String>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>> {
    if request.method() == Method::POST {
        let body = request.into_body().collect().await?.to_bytes();
        answered.send(String::from_utf8(body.to_vec())?).await?;
        return Ok(Response::builder().status(202).body(Full::default())?);
    }
    let payload = waiting.lock().await.recv().await;
    let payload = payload.context("Lambda is gone")?;
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + TIMEOUT;
    let arn = "arn:aws:lambda:ap-northeast-1:123456789012:function:function";
    Ok(Response::builder()
        .header("lambda-runtime-aws-request-id", "1")
        .header(
            "lambda-runtime-deadline-ms",
            deadline.as_millis().to_string(),
        )
        .header("lambda-runtime-invoked-function-arn", arn)
        .header(
            "lambda-runtime-trace-id",
            "Root=1-5759e988-bd862e3fe1be46a994272793",
        )
        .body(Full::from(payload))?)
}
