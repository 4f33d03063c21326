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
                    // A timer rounds up to the millisecond, which would take the routes'
                    // questions apart (`world/batcher.rs`).
                    if started.elapsed() < *at {
                        sleep_until(started + *at).await;
                    }
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeSet;
    use std::future::{Future, pending};
    use std::pin::pin;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use chrono::DateTime;

    use super::*;
    use crate::blue_green::Deployment;
    use crate::config::Settings;
    use crate::route::{ClusterId, GroupHolds, TargetGroupArn};
    use crate::source::SourceId;
    use crate::watch::WatchPolicy;
    use crate::world::{Answer, CallError, Cluster, LogEntry, Registration, Survey, Target};

    /// A world that never answers, and notes that it was asked.
    #[derive(Default)]
    struct Silent {
        asked: Cell<bool>,
    }

    impl World for Silent {
        async fn source(&self, _: &SourceId, _: Option<&Topology>) -> Result<Cluster, CallError> {
            self.asked.set(true);
            pending().await
        }

        async fn log(&self, _: &SourceId) -> Result<Vec<LogEntry>, CallError> {
            pending().await
        }

        async fn deployments(&self) -> Result<Vec<Deployment>, CallError> {
            pending().await
        }

        async fn survey(&self, _: &SourceId) -> Result<Survey, CallError> {
            pending().await
        }

        async fn resolve(&self, _: &str) -> Result<Answer, CallError> {
            pending().await
        }

        async fn targets(&self, _: &TargetGroupArn) -> Result<Vec<Registration>, CallError> {
            pending().await
        }

        async fn register(&self, _: &TargetGroupArn, _: &Target) -> Result<(), CallError> {
            pending().await
        }

        async fn deregister(
            &self,
            _: &TargetGroupArn,
            _: &BTreeSet<Target>,
        ) -> Result<(), CallError> {
            pending().await
        }
    }

    /// Else routes that begin in one moment, within the same millisecond or not, would not ask in
    /// one call.
    #[tokio::test(start_paused = true)]
    async fn a_look_that_is_due_is_asked_at_once() {
        tokio::time::advance(Duration::from_micros(300)).await;
        let group =
            "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/w/0123456789abcdef";
        let route = Route {
            source: SourceId::Cluster(ClusterId::parse("cluster").unwrap()),
            group: TargetGroupArn::parse(group).unwrap(),
            endpoint: None,
            holds: GroupHolds::Writer,
            replication_user: None,
        };
        let time = Duration::from_mins(1);
        let began = DateTime::UNIX_EPOCH;
        let mut run = Run::new(Settings::default(), WatchPolicy::default(), began, time);
        let (world, started) = (Silent::default(), Instant::now());
        let times = [started, started + time];
        let mut following = pin!(follow(&world, &route, &mut run, None, false, times));
        let mut context = Context::from_waker(Waker::noop());
        assert!(following.as_mut().poll(&mut context).is_pending());
        assert!(world.asked.get());
    }
}
