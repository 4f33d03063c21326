//! One invocation: payload in, report out.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, info_span, warn};

use crate::blue_green::report_coordinates;
use crate::config::Config;
use crate::follow::follow;
use crate::members::Memory;
use crate::report::{Report, RouteReport};
use crate::route::{Route, TargetGroupArn};
use crate::run::Run;
use crate::source::SourceId;
use crate::trigger::{self, Trigger};
use crate::watch::WatchPolicy;
use crate::world::{Topology, World};

/// The function: a configuration, a world, and what this process has learned: names, and who the
/// members are.
pub struct Follower<W> {
    world: W,
    config: Config,
    topologies: Mutex<BTreeMap<SourceId, Topology>>,
    memories: Mutex<BTreeMap<TargetGroupArn, Memory>>,
}

impl<W: World> Follower<W> {
    /// A function that follows the configured routes in this world.
    pub fn new(config: Config, world: W) -> Self {
        Self {
            world,
            config,
            topologies: Mutex::default(),
            memories: Mutex::default(),
        }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The world.
    pub fn world(&self) -> &W {
        &self.world
    }

    /// Handles one invocation. `now` is the wall clock's; the run ends by `deadline`.
    pub async fn handle(&self, payload: &Value, now: DateTime<Utc>, deadline: Instant) -> Report {
        let started = Instant::now();
        let triggers = trigger::read(payload, now);
        for why in triggers.iter().filter_map(|trigger| trigger.why.as_ref()) {
            warn!(why, "this payload was not understood, so look");
        }
        let times = [started, deadline];
        let runs = self
            .config
            .routes
            .iter()
            .map(|route| self.follow(route, &triggers, now, times));
        let mut routes = join_all(runs).await;
        let coordinates = report_coordinates(&self.world, &triggers, &mut routes);
        // They are news, and no reason to be late.
        let _ = timeout_at(deadline, coordinates).await;
        Report {
            triggers: triggers.iter().map(Into::into).collect(),
            routes,
        }
    }

    async fn follow(
        &self,
        route: &Route,
        triggers: &[Trigger],
        now: DateTime<Utc>,
        times: [Instant; 2],
    ) -> RouteReport {
        let settings = self.config.settings;
        let Some(policy) = WatchPolicy::of(triggers, route, settings.longest_watch, now) else {
            return RouteReport::ignored(route);
        };
        let [started, deadline] = times;
        let time = deadline.saturating_duration_since(started);
        let mut run = Run::new(settings, policy, now, time);
        if let Some(user) = route.guarded_user() {
            let memory = lock(&self.memories).get(&route.group).cloned();
            run = run.holding_members(user, memory.unwrap_or_default());
        }
        let known = lock(&self.topologies).get(&route.source).cloned();
        let span = info_span!(
            "route",
            source = route.source.as_str(),
            target_group = route.group.name()
        );
        follow(&self.world, route, &mut run, known, settings.dry_run, times)
            .instrument(span)
            .await;
        if let Some(topology) = run.topology().cloned() {
            lock(&self.topologies).insert(route.source.clone(), topology);
        }
        if let Some(memory) = run.memory().cloned() {
            lock(&self.memories).insert(route.group.clone(), memory);
        }
        run.report(route, started.elapsed())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
