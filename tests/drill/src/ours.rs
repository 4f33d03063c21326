//! The function under Lambda's emulator, woken as AWS would wake it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use local_cloud::{Cloud, Function, announce};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::scenario::News;
use crate::strategy::Strategy;
use crate::timeline::{Timeline, Topic};

/// `WATCH_SECONDS`, and what a run watches that no start of something woke: 120 s and 30 s.
const WATCHES: [u32; 2] = [120, 30];

/// The environments that Lambda keeps, one invocation at a time in each.
pub(crate) struct Ours {
    cloud: Arc<Cloud>,
    bootstrap: PathBuf,
    on_failover_start: &'static str,
    timeline: Timeline,
    idle: [Mutex<Vec<Function>>; 2],
}

impl Ours {
    /// Starts an environment of each kind and has it look once, so that it is warm.
    pub(crate) async fn start(
        cloud: &Arc<Cloud>,
        bootstrap: &Path,
        strategy: Strategy,
        timeline: &Timeline,
    ) -> Result<Option<Arc<Self>>> {
        let on_failover_start = match strategy {
            Strategy::Wait => "wait",
            Strategy::Detach => "detach",
            _ => return Ok(None),
        };
        let ours = Self {
            cloud: Arc::clone(cloud),
            bootstrap: bootstrap.to_owned(),
            on_failover_start,
            timeline: timeline.clone(),
            idle: [Mutex::default(), Mutex::default()],
        };
        for kind in 0..WATCHES.len() {
            let function = ours.function(kind).await?;
            function.invoke(&serde_json::json!({})).await?;
            ours.idle[kind].lock().await.push(function);
        }
        Ok(Some(Arc::new(ours)))
    }

    /// The function: with its defaults where the scenario is played as fast as time passes. Played
    /// faster, its waits are shortened as all times are, but not the times in which it weighs
    /// evidence; and a run that nothing announced gets a `WATCH_SECONDS` of its own.
    async fn function(&self, kind: usize) -> Result<Function> {
        let factor = self.timeline.clock().scale().factor();
        let watch = match factor {
            1 => WATCHES[0],
            factor => WATCHES[kind].div_ceil(factor),
        };
        let function = self.cloud.function(&self.bootstrap);
        function
            .timeout(watch + 30)
            .env("WATCH_SECONDS", watch.to_string())
            .env("POLL_INTERVAL_MS", (1000 / factor).to_string())
            .env("ON_FAILOVER_START", self.on_failover_start)
            .start()
            .await
    }

    /// Wakes the function, and again after one and two minutes where it fails, as Lambda does.
    pub(crate) async fn invoke(&self, news: News, happened: f64) -> Result<()> {
        let clock = self.timeline.clock();
        let kind = usize::from(!matches!(news, News::Started(_) | News::Changing(_)));
        for pause in [60.0, 120.0, 0.0] {
            let idle = self.idle[kind].lock().await.pop();
            let function = match idle {
                Some(function) => function,
                None => self.function(kind).await?,
            };
            let age = clock.scale().event_age(clock.now() - happened);
            let done = function.invoke(&announce(&payload(news)?, age)).await?;
            self.idle[kind].lock().await.push(function);
            match done.outcome {
                Ok(report) => {
                    let outcome = report["routes"][0]["outcome"].as_str().unwrap_or("?");
                    if outcome != "unchanged" {
                        self.timeline
                            .note(Topic::Report, format!("run of `{news}`: {outcome}"));
                    }
                    return Ok(());
                }
                Err(error) => {
                    let what = format!("run of `{news}` failed: {}", error.error_type);
                    self.timeline.note(Topic::Report, what);
                    clock.pass(pause).await;
                }
            }
        }
        Ok(())
    }
}

/// The event as AWS sends it.
fn payload(news: News) -> Result<Value> {
    let (file, edits): (_, Vec<(&str, &str)>) = match news {
        News::Started(to) => ("failover", vec![("aurora-source-instance-2", to.name())]),
        News::Completed(to) => (
            "failover-completed",
            vec![("aurora-source-instance-2", to.name())],
        ),
        News::BackAgain(to) => (
            "failover-back",
            vec![("aurora-source-instance-1", to.name())],
        ),
        News::Changing(one) => (
            "instance-class-changed",
            vec![
                ("aurora-source-instance-1", one.name()),
                ("RDS-EVENT-0014", "RDS-EVENT-0012"),
                (
                    "Finished applying modification to DB instance class",
                    "Applying modification to database instance class",
                ),
            ],
        ),
        News::Changed(one) => (
            "instance-class-changed",
            vec![("aurora-source-instance-1", one.name())],
        ),
        News::Tick => ("schedule", vec![]),
    };
    let path = format!("{}/../../events/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let mut text =
        std::fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    for (before, after) in edits {
        text = text.replace(before, after);
    }
    Ok(serde_json::from_str(&text)?)
}
