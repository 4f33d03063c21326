//! An application that inserts rows throughout.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use mysql_async::Conn;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::clock::Clock;
use crate::sql;

/// From one row to the next, by the clock on the wall.
const PACE: Duration = Duration::from_millis(50);
/// How long a statement may take before the application gives its connection up.
const PATIENCE: Duration = Duration::from_secs(5);

type Address = Option<(Ipv4Addr, u16)>;

/// The rows that the source has acknowledged: row `n + 1` at the time in place `n`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acknowledged(Arc<Mutex<Vec<f64>>>);

impl Acknowledged {
    fn times(&self) -> MutexGuard<'_, Vec<f64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self) -> usize {
        self.times().len()
    }

    /// When the first row after so many was acknowledged, if it was.
    pub(crate) fn next_after(&self, rows: usize) -> Option<f64> {
        self.times().get(rows).copied()
    }
}

/// The application.
#[derive(Debug)]
pub(crate) struct Load {
    acknowledged: Acknowledged,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Load {
    /// Starts to insert at wherever `writer` says.
    pub(crate) fn start(writer: watch::Receiver<Address>, clock: Clock) -> Self {
        let acknowledged = Acknowledged::default();
        let stop = watch::Sender::new(false);
        let inserting = insert_all(writer, acknowledged.clone(), clock, stop.subscribe());
        Self {
            acknowledged,
            stop,
            task: tokio::spawn(inserting),
        }
    }

    pub(crate) fn acknowledged(&self) -> &Acknowledged {
        &self.acknowledged
    }

    /// Stops after the row at hand: its fate is known then.
    pub(crate) async fn finish(mut self) -> Result<Acknowledged> {
        self.stop.send_replace(true);
        timeout(Duration::from_secs(30), &mut self.task)
            .await
            .context("the application cannot finish its last row")??;
        Ok(self.acknowledged.clone())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn insert_all(
    writer: watch::Receiver<Address>,
    acknowledged: Acknowledged,
    clock: Clock,
    stop: watch::Receiver<bool>,
) {
    let mut connection = None;
    while !*stop.borrow() {
        let row = acknowledged.count() + 1;
        while !insert(&mut connection, &writer, row).await {
            connection = None;
            sleep(PACE).await;
        }
        acknowledged.times().push(clock.now());
        sleep(PACE).await;
    }
}

/// Tries to get a row in; `true` once the source has acknowledged it.
async fn insert(
    connection: &mut Option<Conn>,
    writer: &watch::Receiver<Address>,
    row: usize,
) -> bool {
    let work = async {
        if let Some(connection) = connection {
            return write(connection, row).await.map(|()| true);
        }
        let address = (*writer.borrow()).context("no Writer")?;
        let connection = connection.insert(sql::app(address).await?);
        // The connection was lost between the row and its acknowledgement, perhaps: look first.
        let present = format!("SELECT id FROM ledger WHERE id = {row}");
        if sql::one(connection, &present, "id").await?.is_none() {
            write(connection, row).await?;
        }
        anyhow::Ok(true)
    };
    matches!(timeout(PATIENCE, work).await, Ok(Ok(true)))
}

async fn write(connection: &mut Conn, row: usize) -> Result<()> {
    let insert = format!("INSERT INTO ledger VALUES ({row}, SHA2({row}, 256))");
    sql::run(connection, &insert).await
}
