//! One cell of the table: a scenario against a strategy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use local_cloud::{Cloud, PORT};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::clock::{Clock, Scale};
use crate::kept::Folder;
use crate::kit::Kit;
use crate::load::Load;
use crate::ours::Ours;
use crate::outcome::Outcome;
use crate::path::{Nowhere, Path};
use crate::replica::{Place, Replica, Retry};
use crate::scenario::{FIRST_TICK, News, Scenario};
use crate::source::{Instance, Source};
use crate::strategy::{self, Strategy};
use crate::timeline::{Entry, Sample, Timeline};
use crate::tpch::{self, Loading, Proof};
use crate::watching::{Tasks, Watching};
use crate::world::World;

/// Seconds of plain replication before anything happens.
pub(crate) const LEAD: f64 = 15.0;

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What befalls the cluster.
    pub scenario: Scenario,
    /// Who follows.
    pub strategy: Strategy,
    /// How long the load balancer takes to let a target in or out, in seconds.
    pub propagation: u32,
    /// What becomes of a connection while the load balancer has no target.
    pub nowhere: Nowhere,
    /// How often the replica tries to connect again.
    pub retry: Retry,
    /// How the replica finds its place in the binlog.
    pub place: Place,
    /// Whether readers refuse the replication user.
    pub guarded: bool,
    /// Whether an event on the replica starts its receiver each minute.
    pub restarted: bool,
    /// Whether TPC-H data is loaded meanwhile, and compared at the end.
    pub tpch: bool,
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
    /// TPC-H's query 1 on both sides, where its data was loaded.
    pub proof: Option<Proof>,
    /// What happened when.
    pub entries: Vec<Entry>,
    /// Rows over time.
    pub samples: Vec<Sample>,
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
    let source = Arc::new(Source::new(kit, folder.path(), &cell).await?);
    source.promote(Instance::One.address()).await?;
    for instance in &cell.scenario.instances()[1..] {
        source.read(instance.address()).await?;
    }
    let clock = Clock::new(cell.scale);
    let timeline = Timeline::new(clock.clone(), aloud);
    let ours = Ours::start(&cloud, &kit.bootstrap, cell.strategy, &timeline).await?;
    let path = Path::start(kit, folder.path(), source.ports(), &cell, timeline.clone()).await?;
    path.begin_with(Instance::One.address()).await?;
    let mut replica = Replica::start(kit, folder.path(), &source, path.address(), &cell).await?;
    let data = if cell.tpch {
        Some(spawn_blocking(tpch::batches).await?)
    } else {
        None
    };
    let load = Load::start(source.writer(), clock.clone());
    replicates(&mut replica, &load).await?;
    if cell.strategy == Strategy::Members {
        // A channel is made while the group holds the Writer alone: START REPLICA throws no dice.
        hold_all(&cloud, &path, cell.scenario.instances()).await?;
    }
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
    let loading = data.map(|data| Loading::start(data, source.writer(), timeline.clone()));
    let watching = Watching {
        cell,
        replica,
        load,
        loading,
        path,
        source,
        timeline: timeline.clone(),
    };
    let (outcome, proof) = watching.watch(script, &mut tasks).await?;
    let (entries, samples) = timeline.take();
    Ok(Played {
        cell,
        outcome,
        proof,
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
            begun.elapsed() < Duration::from_mins(1),
            "nothing is replicated at the start: {} rows, {status:?}",
            load.acknowledged().count()
        );
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Has the group hold these instances, and the load balancer know it already.
async fn hold_all(cloud: &Cloud, path: &Path, instances: &[Instance]) -> Result<()> {
    let targets = instances
        .iter()
        .map(|one| format!("{}:{PORT}", one.address()));
    let targets: Vec<String> = targets.collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    cloud.set_targets(&targets).await?;
    for instance in &instances[1..] {
        path.begin_with(instance.address()).await?;
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
