//! The function as Lambda runs it: configuration and clients once, then one invocation after the
//! other.

use std::io::Write;
use std::time::{Duration, SystemTime};

use chrono::Utc;
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::util::MapRequestLayer;
use lambda_runtime::{Diagnostic, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use lambda_runtime_api_client::{Client, build_request};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use tracing::{error, info};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, ConfigError, LevelFilter};
use crate::doctor::{self, Auditor, Format, Invocation, UnknownFormat};
use crate::error::chain;
use crate::handler::Follower;
use crate::metrics;
use crate::report::Report;
use crate::world::{Live, Sdk};

/// What stays of Lambda's time to write the report and hand it over.
pub(crate) const ROOM_TO_REPORT: Duration = Duration::from_millis(1500);

/// Why the function did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable is missing or wrong.
    #[error("the configuration is wrong")]
    Configuration(#[from] ConfigError),
    /// There is no resolver to ask.
    #[error("the system's resolver configuration cannot be read")]
    Resolver(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StartError {
    fn error_type(&self) -> &'static str {
        match self {
            Self::Configuration(_) => "Configuration",
            Self::Resolver(_) => "Resolver",
        }
    }
}

/// Starts the function and runs it for as long as Lambda invokes it.
///
/// # Errors
/// Where it could not start, or Lambda could not be spoken to; the reason has been logged, and told
/// to Lambda as an error of the init phase.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    let (follower, auditor) = match start().await {
        Ok(started) => started,
        Err(error) => {
            error!(error = %chain(&error), "not started");
            tell_lambda(&error).await?;
            return Err(error.into());
        }
    };
    let handler = service_fn(async |event: LambdaEvent<Value>| {
        let (payload, context) = event.into_parts();
        let left = context
            .deadline()
            .duration_since(SystemTime::now())
            .unwrap_or_default();
        let deadline = Instant::now() + left.saturating_sub(ROOM_TO_REPORT);
        if let Some(format) = doctor::asked(&payload) {
            // SAM's emulator says so in this variable, and gives every function the same made-up
            // ARN.
            let is_emulated = std::env::var_os("AWS_SAM_LOCAL").is_some();
            let invocation = Invocation {
                arn: (!is_emulated).then(|| context.invoked_function_arn.clone()),
                time: left,
            };
            // Boxed, so that the future of every other invocation needn't hold room for it.
            let auditing = Box::pin(audit(&follower, &auditor, &invocation, format));
            return timeout_at(deadline, auditing)
                .await
                .unwrap_or_else(|_| unfinished());
        }
        let report = follower.handle(&payload, Utc::now(), deadline).await;
        tell(&report, &context.env_config.function_name);
        answer(&report)
    });
    let runtime = Runtime::new(handler).layer(TracingLayer::new());
    runtime.layer(MapRequestLayer::new(as_json)).run().await
}

/// Lambda hands over JSON. What cannot be loaded as such (bytes that are no UTF-8, a lone
/// surrogate, a number or a nesting beyond all bounds) becomes a text, which is not understood and
/// so a reason to look like any other.
fn as_json(mut invocation: LambdaInvocation) -> LambdaInvocation {
    if serde_json::from_slice::<Value>(&invocation.body).is_err() {
        let text = String::from_utf8_lossy(&invocation.body);
        invocation.body = Value::from(text.as_ref()).to_string().into();
    }
    invocation
}

async fn start() -> Result<(Follower<Live>, Auditor), StartError> {
    let config = Config::from_lookup(|name| std::env::var(name).ok());
    let level = config
        .as_ref()
        .map_or(LevelFilter::INFO, |config| config.log_level);
    // An empty AWS_ENDPOINT_URL is the template's way to leave it unset; the SDK would warn of it.
    let filter = Targets::new().with_default(level).with_target(
        "aws_config::default_provider::endpoint_url",
        LevelFilter::OFF,
    );
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false);
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .init();
    let config = config?;
    let sdk = Sdk::load(&config.endpoints).await;
    let world =
        Live::new(&sdk, config.dns_server).map_err(|error| StartError::Resolver(error.into()))?;
    info!(routes = config.routes.len(), settings = ?config.settings, "started");
    Ok((Follower::new(config, world), Auditor::new(&sdk)))
}

/// The invocation's result where it asks for the doctor. Text goes to the log, too, where it reads
/// better.
async fn audit(
    follower: &Follower<Live>,
    auditor: &Auditor,
    invocation: &Invocation,
    format: Result<Format, UnknownFormat>,
) -> Result<Value, Diagnostic> {
    let format = format.map_err(|error| Diagnostic {
        error_type: "UnknownFormat".to_owned(),
        error_message: error.to_string(),
    })?;
    let (world, config) = (follower.world(), follower.config());
    let diagnosis = doctor::examine(auditor, world, config, invocation).await;
    if format == Format::Text {
        let _ = writeln!(std::io::stdout().lock(), "{diagnosis}");
    }
    Ok(diagnosis.render(format))
}

fn unfinished() -> Result<Value, Diagnostic> {
    Err(Diagnostic {
        error_type: "DoctorUnfinished".to_owned(),
        error_message: "the function's time was up before every question was answered: AWS is \
                        slow, or the function's timeout is below 30 s"
            .to_owned(),
    })
}

/// Tells Lambda why the function did not start, where there is a Lambda to tell.
async fn tell_lambda(error: &StartError) -> Result<(), lambda_runtime::Error> {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return Ok(());
    }
    let diagnostic = json!({"errorType": error.error_type(), "errorMessage": chain(error)});
    let request = build_request()
        .method("POST")
        .uri("/2018-06-01/runtime/init/error")
        .header("lambda-runtime-function-error-type", error.error_type())
        .body(diagnostic.to_string().into())?;
    Client::builder().build()?.call(request).await?;
    Ok(())
}

/// The lines that end a run: the metrics of each route that did something, and the report.
fn tell(report: &Report, function: &str) {
    let metrics = report
        .routes
        .iter()
        .filter_map(|route| metrics::line(route, function, Utc::now()));
    let mut out = std::io::stdout().lock();
    for line in metrics.chain([report.to_json()]) {
        // Standard output that is gone cannot be complained to.
        let _ = writeln!(out, "{line}");
    }
}

/// The invocation's result: the report, or the error of the first route that failed, naming each.
fn answer(report: &Report) -> Result<Value, Diagnostic> {
    let Some((_, error)) = report.failed().next() else {
        return Ok(report.to_json());
    };
    let told: Vec<String> = report
        .failed()
        .filter_map(|(route, _)| route.failure())
        .collect();
    Err(Diagnostic {
        error_type: error.error_type().to_owned(),
        error_message: told.join("\n"),
    })
}
