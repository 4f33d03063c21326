//! A failover of an Aurora cluster, followed by the real `bootstrap` in a cloud on loopback.
//!
//! ```console
//! $ cargo run --example failover
//! $ cargo run --example failover -- events/schedule.json
//! ```
//!
//! The event file decides the scene: a failover that is announced by its start, by its end, or not
//! at all; one that failed; an instance with a new address; a blue/green switchover.

mod build;
mod scene;
mod stage;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use local_cloud::{Cloud, announce};
use serde_json::Value;

use crate::scene::Scene;
use crate::stage::{Stage, Who};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let played = tokio::select! {
        played = play() => played,
        _ = tokio::signal::ctrl_c() => Err("stopped by Ctrl-C; nothing is left running".into()),
    };
    match played {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            stage::complain(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Plays the event; whether the group ended as it should.
async fn play() -> Result<bool> {
    let path = env::args_os().nth(1).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("events/failover.json"),
        PathBuf::from,
    );
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let scene = Scene::of(&text);

    let bootstrap = build::bootstrap()?;
    stage::progress("starting moto, DNS and the Lambda emulator …");
    let cloud = Cloud::start().await?;
    let function = cloud.function(bootstrap).timeout(150).start().await?;
    scene.prepare(&cloud).await?;

    let mut stage = Stage::new(&cloud, &function);
    stage.title(
        &path.file_name().unwrap_or_default().to_string_lossy(),
        scene.describe(),
    );
    stage.group("before").await?;
    let notes = stage.notes();
    scene.before_the_event(&cloud, &notes).await?;
    let payload = match serde_json::from_str::<Value>(&text) {
        Ok(event) => announce(&event, Duration::ZERO).to_string(),
        Err(_) => text,
    };
    notes.say(Who::Event, &scene::headline(&payload));

    let mut invocation = pin!(function.invoke_raw(payload.into_bytes()));
    let mut world = pin!(scene.after_the_event(&cloud, &notes));
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    let (mut ended, mut moving) = (None, true);
    while ended.is_none() || moving {
        tokio::select! {
            invocation = &mut invocation, if ended.is_none() => {
                let invocation = invocation?;
                if let Err(error) = &invocation.outcome {
                    notes.say(Who::Function, &format!("failed with {}: {}", error.error_type, error.message));
                }
                ended = Some(invocation);
            }
            moved = &mut world, if moving => { moved?; moving = false; }
            _ = tick.tick() => {}
        }
        stage.show_news();
    }
    if let Some(invocation) = ended {
        stage.end(&invocation);
    }
    stage.group("after").await
}
