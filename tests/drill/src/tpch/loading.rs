//! Loads the data at the Writer, wherever that is.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result};
use mysql_async::Conn;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{Batch, SCALE};
use crate::sql;
use crate::timeline::{Timeline, Topic};

/// When the load begins, and how long it takes where nothing interrupts it, in seconds of the
/// scenario: the failover happens in its middle.
const BEGIN: f64 = -10.0;
const DURATION: f64 = 50.0;
/// How long a statement may take before the connection is given up, and how long after that the
/// next is made.
const STATEMENT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

type Address = Option<(Ipv4Addr, u16)>;

/// The load, under way. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Loading(JoinHandle<Result<()>>);

impl Loading {
    pub(crate) fn start(
        data: Vec<Batch>,
        writer: watch::Receiver<Address>,
        timeline: Timeline,
    ) -> Self {
        Self(tokio::spawn(load(data, writer, timeline)))
    }

    pub(crate) fn is_done(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn load(
    batches: Vec<Batch>,
    writer: watch::Receiver<Address>,
    timeline: Timeline,
) -> Result<()> {
    let all: usize = batches.iter().map(|batch| batch.rows).sum();
    let clock = timeline.clock().clone();
    let pace = DURATION / f64::from(u32::try_from(batches.len())?);
    clock.until(BEGIN).await;
    let what = format!("TPC-H load begins: {all} rows in eight tables, scale {SCALE}");
    timeline.note(Topic::Data, what);
    let (mut connection, mut loaded, mut due) = (None, 0, BEGIN);
    for batch in batches {
        clock.until(due).await;
        due += pace;
        let mut is_waiting = false;
        while write(&mut connection, &writer, &batch).await.is_err() {
            if !is_waiting {
                let what = format!("TPC-H waits: no Writer after {loaded} of {all} rows");
                timeline.note(Topic::Data, what);
            }
            (connection, is_waiting) = (None, true);
            sleep(PAUSE).await;
        }
        if is_waiting {
            timeline.note(Topic::Data, "TPC-H loads on");
        }
        loaded += batch.rows;
    }
    timeline.note(Topic::Data, format!("TPC-H loaded: {loaded} rows"));
    Ok(())
}

async fn write(
    connection: &mut Option<Conn>,
    writer: &watch::Receiver<Address>,
    batch: &Batch,
) -> Result<()> {
    let work = async {
        if connection.is_none() {
            let address = (*writer.borrow()).context("no Writer")?;
            *connection = Some(sql::app(address).await?);
        }
        let connection = connection.as_mut().context("no connection")?;
        sql::run(connection, &batch.statement).await
    };
    timeout(STATEMENT, work).await.context("no answer")?
}
