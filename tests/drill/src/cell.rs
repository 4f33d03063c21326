//! One cell of the table: a scenario against a strategy.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use local_cloud::Cloud;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::clock::{Clock, Scale};
use crate::kept::Folder;
use crate::kit::Kit;
use crate::load::Load;
use crate::ours::Ours;
use crate::outcome::{Fate, Outcome};
use crate::path::Path;
use crate::replica::{Ledger, Place, Replica, Status};
use crate::scenario::{FIRST_TICK, News, Scenario};
use crate::source::{Instance, Source};
use crate::strategy::{self, Strategy};
use crate::timeline::{Entry, Sample, Timeline, Topic};
use crate::world::World;

/// Seconds of plain replication before anything happens.
const LEAD: f64 = 15.0;
/// How often source and replica are looked at, in seconds of the scenario, and at least by the wall.
const SAMPLE: f64 = 0.5;
/// A minute's poll, and a little, has to have passed after the last change before all is settled.
const QUIET: f64 = 65.0;

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What befalls the cluster.
    pub scenario: Scenario,
    /// Who follows.
    pub strategy: Strategy,
    /// How long the load balancer takes to let a target in or out, in seconds.
    pub propagation: u32,
    /// The replica's retry interval, in seconds.
    pub retry: u32,
    /// How the replica finds its place in the binlog.
    pub place: Place,
    /// Whether readers refuse the replication user.
    pub guarded: bool,
    /// By how much it is shortened.
    pub scale: Scale,
}

/// What came of a cell.
#[derive(Clone, Debug)]
pub struct Played {
    /// The cell.
    pub cell: Cell,
    /// How it ended.
    pub outcome: Outcome,
    /// What happened when.
    pub entries: Vec<Entry>,
    /// Rows over time.
    pub samples: Vec<Sample>,
}

/// Tasks that end with the cell.
struct Tasks(Vec<JoinHandle<Result<()>>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// Plays a cell. `aloud`, it prints what happens as it does.
///
/// # Errors
/// Where a part does not start or breaks; what becomes of the replica is no error.
pub async fn play(kit: &Arc<Kit>, cell: Cell, aloud: bool) -> Result<Played> {
    let folder = Folder::new()?;
    let cloud = Arc::new(Cloud::start().await?);
    for instance in &cell.scenario.instances()[2..] {
        cloud
            .add_instance(instance.name(), instance.address())
            .await?;
    }
    let source =
        Arc::new(Source::new(kit, folder.path(), cell.scenario.instances(), cell.guarded).await?);
    source.promote(Instance::One.address()).await?;
    for instance in &cell.scenario.instances()[1..] {
        source.read(instance.address()).await?;
    }
    let clock = Clock::new(cell.scale);
    let timeline = Timeline::new(clock.clone(), aloud);
    let ours = Ours::start(&cloud, &kit.bootstrap, cell.strategy, &timeline).await?;
    let propagation = f64::from(cell.propagation);
    let path = Path::start(
        kit,
        folder.path(),
        source.ports(),
        propagation,
        timeline.clone(),
    )
    .await?;
    path.begin_with(Instance::One.address()).await?;
    let mut replica = Replica::start(
        kit,
        folder.path(),
        &source,
        path.address(),
        cell.retry,
        cell.place,
        cell.scale,
    )
    .await?;
    let load = Load::start(source.writer(), clock.clone());
    replicates(&mut replica, &load).await?;
    clock.start(LEAD);
    let (news, heard) = mpsc::unbounded_channel();
    let following = strategy::follow(
        cell.strategy,
        Arc::clone(&cloud),
        ours,
        heard,
        timeline.clone(),
    );
    let path = Arc::new(path);
    let driving = {
        let (path, cloud, source) = (Arc::clone(&path), Arc::clone(&cloud), Arc::clone(&source));
        async move { path.follow(cloud, source).await }
    };
    let mut tasks = Tasks(vec![
        tokio::spawn(following),
        tokio::spawn(driving),
        tokio::spawn(tick(news.clone(), clock)),
    ]);
    let world = World::new(cloud, Arc::clone(&source), news, timeline.clone());
    let script = tokio::spawn(world.play(cell.scenario));
    let watching = Watching {
        cell,
        replica,
        load,
        path,
        source,
        timeline: timeline.clone(),
    };
    let outcome = watching.watch(script, &mut tasks).await?;
    let (entries, samples) = timeline.take();
    Ok(Played {
        cell,
        outcome,
        entries,
        samples,
    })
}

/// Waits until a row has come the whole way.
async fn replicates(replica: &mut Replica, load: &Load) -> Result<()> {
    let begun = Instant::now();
    while replica.rows().await? == 0 {
        let status = replica.status().await?;
        ensure!(
            begun.elapsed() < Duration::from_secs(30),
            "nothing is replicated at the start: {} rows, {status:?}",
            load.acknowledged().count()
        );
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// The schedule.
async fn tick(news: mpsc::UnboundedSender<(News, f64)>, clock: Clock) -> Result<()> {
    let mut at = FIRST_TICK;
    loop {
        clock.until(at).await;
        if news.send((News::Tick, at)).is_err() {
            return Ok(());
        }
        at += 60.0;
    }
}

/// Looks at source and replica until all is settled one way or the other.
struct Watching {
    cell: Cell,
    replica: Replica,
    load: Load,
    path: Arc<Path>,
    source: Arc<Source>,
    timeline: Timeline,
}

impl Watching {
    async fn watch(
        mut self,
        mut script: JoinHandle<Result<crate::world::End>>,
        tasks: &mut Tasks,
    ) -> Result<Outcome> {
        let clock = self.timeline.clock().clone();
        let mut end = None;
        let mut seen = Seen::default();
        loop {
            if end.is_none() && script.is_finished() {
                end = Some((&mut script).await??);
            }
            if let Some(broken) = tasks.0.iter().position(JoinHandle::is_finished) {
                tasks.0.swap_remove(broken).await??;
            }
            self.sample(&mut seen).await?;
            if let Some(end) = &end
                && self.is_settled(&seen, end)
            {
                break;
            }
            let pause = clock.scale().wall(SAMPLE).max(Duration::from_millis(100));
            sleep(pause).await;
        }
        self.judge(seen, end.context("the script has not ended")?)
            .await
    }

    async fn sample(&mut self, seen: &mut Seen) -> Result<()> {
        let now = self.timeline.clock().now();
        let status = self.replica.status().await?;
        let rows = self.replica.rows().await?;
        let acknowledged = self.load.acknowledged();
        self.timeline.sample(acknowledged.count(), rows);
        // A row of before the clock was started counts from there.
        let behind = acknowledged
            .next_after(rows)
            .map_or(0.0, |at| now - at.max(-LEAD));
        seen.behind = seen.behind.max(behind);
        seen.caught_up = behind < 2.0;
        if status.io == "Yes" {
            seen.connected = now;
        }
        seen.without_source = seen.without_source.max(now - seen.connected);
        if status != seen.status {
            self.note(&seen.status, &status);
        }
        seen.status = status;
        Ok(())
    }

    fn note(&self, before: &Status, now: &Status) {
        let (topic, what) = match now {
            now if now.is_stopped() => (
                Topic::Stopped,
                format!("stopped for good, error {}: {}", now.errno, now.error),
            ),
            now if now.io == "Yes" => (Topic::Reconnect, "replicates".to_owned()),
            _ if before.io == "Yes" => {
                (Topic::Lost, "lost its source, and looks for it".to_owned())
            }
            _ => return,
        };
        let same = match topic {
            Topic::Stopped => before.is_stopped(),
            Topic::Reconnect => before.io == "Yes",
            _ => false,
        };
        if !same {
            self.timeline.note(topic, what);
        }
    }

    /// Whether nothing more can come: the replica runs and the path is right, or it has stopped, or
    /// it had all the time that load balancer, schedule and retries can take.
    fn is_settled(&self, seen: &Seen, end: &crate::world::End) -> bool {
        let now = self.timeline.clock().now();
        let state = self.path.state();
        let right = BTreeSet::from([end.writer]);
        let is_right = state.group == right && state.inside == right && state.pending.is_empty();
        let slack = f64::from(self.cell.propagation + 2 * self.cell.retry);
        match &seen.status {
            status if status.is_stopped() => now > end.at + 10.0,
            status if status.is_running() && seen.caught_up && is_right => now > end.at + QUIET,
            _ => now > end.at + QUIET + slack + 60.0,
        }
    }

    async fn judge(mut self, mut seen: Seen, end: crate::world::End) -> Result<Outcome> {
        let acknowledged = self.load.finish().await?;
        let count = acknowledged.count();
        let begun = Instant::now();
        while seen.status.is_running()
            && self.replica.rows().await? < count
            && begun.elapsed().as_secs() < 10
        {
            sleep(Duration::from_millis(50)).await;
        }
        seen.status = self.replica.status().await?;
        let here = self.replica.ledger().await?;
        let there = Ledger::of(&mut self.source.root().await?).await?;
        let distinct: BTreeSet<usize> = here.ids.iter().copied().collect();
        let missing = (1..=count).filter(|row| !distinct.contains(row)).count();
        let fate = match &seen.status {
            status if status.is_stopped() => Fate::Stopped(status.errno),
            status if status.is_running() && missing == 0 && here.checksum == there.checksum => {
                Fate::Recovered
            }
            _ => Fate::Searching,
        };
        Ok(Outcome {
            fate,
            behind: seen.behind,
            without_source: seen.without_source,
            acknowledged: count,
            lost_by_source: (1..=count)
                .filter(|row| there.ids.binary_search(row).is_err())
                .count(),
            missing,
            twice: here.ids.len() - distinct.len(),
            exposed: self.path.state().exposed,
            late: end.late,
        })
    }
}

/// What has been seen of the replica so far.
#[derive(Debug, Default)]
struct Seen {
    status: Status,
    behind: f64,
    caught_up: bool,
    connected: f64,
    without_source: f64,
}
