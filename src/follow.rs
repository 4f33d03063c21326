//! The loop around a run: carries its actions out in the world, until it ends or its time is up.

use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{info, warn};

use crate::error::chain;
use crate::look::Look;
use crate::observe::observe;
use crate::route::Route;
use crate::run::{Action, Event, Run};
use crate::world::{Topology, World};

/// Drives `run` along `route`, from `started` to `deadline`. `known` are the names that this
/// process has read before. A dry run differs in nothing but that no write is sent.
pub async fn follow(
    world: &impl World,
    route: &Route,
    run: &mut Run,
    known: Option<Topology>,
    dry_run: bool,
    [started, deadline]: [Instant; 2],
) {
    let mut event = Event::Began;
    loop {
        let before = run.last().cloned();
        let action = run.step(event, started.elapsed());
        log(run, before.as_ref(), &action);
        let known = run.topology().or(known.as_ref());
        let carried_out = async {
            match &action {
                Action::Look { at, asks } => {
                    sleep_until(started + *at).await;
                    let asked = started.elapsed();
                    let seen = observe(world, route, known.cloned(), *asks).await;
                    let seen = Box::new(seen);
                    Some(Event::Looked { asked, seen })
                }
                Action::Deregister(_) | Action::Register(_) if dry_run => {
                    Some(Event::Written(Ok(())))
                }
                Action::Deregister(targets) => Some(Event::Written(
                    world.deregister(&route.group, targets).await,
                )),
                Action::Register(target) => {
                    Some(Event::Written(world.register(&route.group, target).await))
                }
                Action::End => None,
            }
        };
        event = match timeout_at(deadline, carried_out).await {
            Ok(Some(event)) => event,
            Ok(None) => return,
            Err(_) => Event::OutOfTime,
        };
        if let Event::Written(Err(error)) = &event {
            warn!(%error, "not written");
        }
    }
}

/// Logs a look where it differs from the one before, and every write before it is carried out.
fn log(run: &Run, before: Option<&Look>, action: &Action) {
    if let Some(look) = run.last()
        && before.is_none_or(|before| before.differs_from(look))
    {
        look.log();
    }
    match action {
        Action::Deregister(_) | Action::Register(_) => {
            let plan = run.last().map(|look| look.plan.to_string());
            info!(plan, "writing");
        }
        Action::Look { .. } | Action::End => {}
    }
}

impl Look {
    fn differs_from(&self, other: &Self) -> bool {
        let shown = |look: &Self| {
            let seen = &look.seen;
            (
                seen.api.clone().ok(),
                seen.dns.clone().ok(),
                seen.targets.clone().ok(),
            )
        };
        shown(self) != shown(other) || self.decision != other.decision || self.plan != other.plan
    }

    fn log(&self) {
        let Self {
            asked: _,
            seen,
            hint,
            decision,
            plan,
        } = self;
        let api = match &seen.api {
            Ok(Some(writer)) => writer.to_string(),
            Ok(None) => "lists no Writer".to_owned(),
            Err(error) => error.to_string(),
        };
        let dns = seen
            .dns
            .as_ref()
            .map_or_else(ToString::to_string, ToString::to_string);
        let hint = hint.as_ref().map(ToString::to_string).unwrap_or_default();
        let targets = match &seen.targets {
            Ok(targets) => {
                let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
                targets.join(" ")
            }
            Err(error) => error.to_string(),
        };
        let no_standby = decision.alone().map(|why| chain(why));
        info!(api, dns, hint, targets, %decision, %plan, no_standby, "looked");
    }
}
