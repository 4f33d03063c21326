//! Looks on until a cell is decided, and says how.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mysql_async::Conn;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::cell::{Cell, LEAD};
use crate::load::Load;
use crate::outcome::{Fate, Outcome};
use crate::path::Nowhere;
use crate::path::Path;
use crate::replica::{Ledger, NET_TIMEOUT, Replica, Status};
use crate::source::Source;
use crate::strategy::Strategy;
use crate::timeline::{Timeline, Topic};
use crate::tpch::{Loading, Proof};
use crate::tries::Try;
use crate::world::End;

/// How often source and replica are looked at, in seconds of the scenario.
const SAMPLE: f64 = 0.5;
/// A minute's poll, and a little, has to have passed after the last change before all is settled.
const QUIET: f64 = 65.0;
/// For so long at most a replica that still tries is given the time to use its tries up.
const LONGEST: f64 = 1200.0;

/// For so long, by the wall, the last rows may take to reach a replica that runs.
const CATCH_UP: Duration = Duration::from_secs(30);

/// Tasks that end with the cell.
pub(crate) struct Tasks(pub(crate) Vec<JoinHandle<Result<()>>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// Looks at source and replica until all is settled one way or the other.
pub(crate) struct Watching {
    pub(crate) cell: Cell,
    pub(crate) replica: Replica,
    pub(crate) load: Load,
    pub(crate) loading: Option<Loading>,
    pub(crate) path: Arc<Path>,
    pub(crate) source: Arc<Source>,
    pub(crate) timeline: Timeline,
}

impl Watching {
    pub(crate) async fn watch(
        mut self,
        mut script: JoinHandle<Result<End>>,
        tasks: &mut Tasks,
    ) -> Result<(Outcome, Option<Proof>)> {
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
        let tries = self.replica.tries();
        for one in tries.iter().skip(seen.tries.len()) {
            self.timeline.note(Topic::Try, one.to_string());
        }
        seen.tries = tries;
        if status.is_stopped() && !seen.status.is_stopped() {
            seen.stops += 1;
        }
        if status != seen.status {
            self.note(&seen.status, &status);
        }
        seen.status = status;
        Ok(())
    }

    fn note(&self, before: &Status, now: &Status) {
        let (topic, what) = match now {
            now if now.is_stopped() => {
                let error = now.error.lines().next().unwrap_or_default();
                (
                    Topic::Stopped,
                    format!("stops with {} in its status: {error}", now.errno),
                )
            }
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
    fn is_settled(&self, seen: &Seen, end: &End) -> bool {
        let now = self.timeline.clock().now();
        let state = self.path.state();
        let members = self.cell.strategy == Strategy::Members;
        let alone = state.inside == BTreeSet::from([end.writer]);
        let leads = alone || members && state.inside.contains(&end.writer);
        let is_right = leads && state.group == state.inside && state.pending.is_empty();
        // Where nothing polls, nothing is waited for.
        let quiet = if members { 5.0 } else { QUIET };
        let is_loaded = self.loading.as_ref().is_none_or(Loading::is_done);
        match &seen.status {
            status if status.is_stopped() && !self.cell.restarted => now > end.at + 10.0,
            status if status.is_running() && seen.caught_up && is_right && is_loaded => {
                now > end.at + quiet
            }
            _ => now > end.at + QUIET + f64::from(self.cell.propagation) + self.all_tries() + 60.0,
        }
    }

    /// How long the replica goes on trying.
    fn all_tries(&self) -> f64 {
        let retry = self.cell.retry;
        let try_takes = match self.cell.nowhere {
            Nowhere::Unanswered => NET_TIMEOUT,
            Nowhere::Refused | Nowhere::Closed => 0.0,
        };
        (f64::from(retry.count) * (f64::from(retry.interval) + try_takes)).min(LONGEST)
    }

    async fn judge(mut self, mut seen: Seen, end: End) -> Result<(Outcome, Option<Proof>)> {
        let acknowledged = self.load.finish().await?;
        let count = acknowledged.count();
        let begun = Instant::now();
        while seen.status.is_running()
            && self.replica.rows().await? < count
            && begun.elapsed() < CATCH_UP
        {
            sleep(Duration::from_millis(50)).await;
        }
        seen.status = self.replica.status().await?;
        let mut root = self.source.root().await?;
        let here = Ledger::of(self.replica.connection()).await?;
        let there = Ledger::of(&mut root).await?;
        let proof = match self.loading {
            Some(_) => Some(prove(&mut root, &mut self.replica, &self.timeline).await?),
            None => None,
        };
        let distinct: BTreeSet<usize> = here.ids.iter().copied().collect();
        let missing = (1..=count).filter(|row| !distinct.contains(row)).count();
        let fate = match &seen.status {
            status if status.is_stopped() => Fate::Stopped(status.errno),
            status if status.is_running() && missing == 0 && here.checksum == there.checksum => {
                Fate::Recovered
            }
            _ => Fate::Searching,
        };
        let outcome = Outcome {
            fate,
            behind: seen.behind,
            without_source: seen.without_source,
            tries: seen
                .tries
                .iter()
                .map(|one| one.number)
                .max()
                .unwrap_or_default(),
            stops: seen.stops,
            acknowledged: count,
            lost_by_source: (1..=count)
                .filter(|row| there.ids.binary_search(row).is_err())
                .count(),
            missing,
            twice: here.ids.len() - distinct.len(),
            exposed: self.path.state().exposed,
            late: end.late,
        };
        Ok((outcome, proof))
    }
}

async fn prove(source: &mut Conn, replica: &mut Replica, timeline: &Timeline) -> Result<Proof> {
    let proof = Proof::of(source, replica.connection()).await?;
    let verdict = if proof.holds() { "equal" } else { "NOT equal" };
    let what = format!("query 1 {verdict}: TPC-H's, on source and replica, row for row");
    timeline.note(Topic::Data, what);
    Ok(proof)
}

/// What has been seen of the replica so far.
#[derive(Debug, Default)]
struct Seen {
    status: Status,
    behind: f64,
    caught_up: bool,
    stops: u32,
    tries: Vec<Try>,
    connected: f64,
    without_source: f64,
}
