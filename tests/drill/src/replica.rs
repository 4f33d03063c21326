//! The replica at the other end of the path, which is left alone once it runs.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};

use crate::cell::Cell;
use crate::guard::REPLICATION_USER;
use crate::kit::{Kit, free_port, loopback};
use crate::restart;
use crate::server::{Dialect, Role, Server, copy_of_template};
use crate::source::Source;
use crate::sql;
use crate::tries::{Try, tries};

/// `replica_net_timeout` and the heartbeat's period, in seconds of the scenario: the defaults.
pub(crate) const NET_TIMEOUT: f64 = 60.0;
const HEARTBEAT: f64 = 30.0;

/// How the replica finds its place in the binlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// By file and position.
    File,
    /// By GTID.
    Gtid,
}

/// How often a replica that has lost its source tries to connect again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// `SOURCE_CONNECT_RETRY`: seconds from one try to the next.
    pub interval: u32,
    /// `SOURCE_RETRY_COUNT`: after so many tries it stops for good.
    pub count: u32,
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} s × {}", self.interval, self.count))
    }
}

/// The replica.
#[derive(Debug)]
pub(crate) struct Replica {
    connection: Conn,
    dialect: &'static Dialect,
    server: Server,
}

/// What it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// `Replica_IO_Running`: `Yes`, `Connecting` or `No`.
    pub(crate) io: String,
    /// `Replica_SQL_Running`.
    pub(crate) sql: String,
    /// `Last_IO_Errno`, or `Last_SQL_Errno` where there is one.
    pub(crate) errno: u32,
    /// `Last_IO_Error` or `Last_SQL_Error`.
    pub(crate) error: String,
}

impl Replica {
    /// Starts a replica that will come to the source's state of now through `path`.
    pub(crate) async fn start(
        kit: &Kit,
        folder: &Path,
        source: &Source,
        path: (Ipv4Addr, u16),
        cell: &Cell,
    ) -> Result<Self> {
        let dialect = kit.dialect();
        let data = copy_of_template(kit, folder.join("replica")).await?;
        let address = (loopback(), free_port()?);
        let timeout = cell.scale.wall(NET_TIMEOUT).as_secs_f64().ceil();
        let mut options = vec![format!("{}={timeout}", dialect.net_timeout)];
        if let Some(option) = dialect.retry_count {
            options.push(format!("{option}={}", cell.retry.count));
        }
        if cell.place == Place::Gtid {
            options.extend(dialect.gtid.iter().map(ToString::to_string));
        }
        let server = Server::start(kit, Role::Replica, &data, folder, address, &options).await?;
        let mut connection = server.root().await?;
        let follow = follow(kit, path, cell, &place(source, cell.place, dialect).await?);
        sql::run(&mut connection, &follow).await?;
        if cell.restarted {
            for statement in restart::statements(cell.scale) {
                sql::run(&mut connection, &statement).await?;
            }
        }
        sql::run(&mut connection, &format!("START {}", dialect.replica)).await?;
        Ok(Self {
            connection,
            dialect,
            server,
        })
    }

    pub(crate) async fn status(&mut self) -> Result<Status> {
        let show = format!("SHOW {} STATUS", self.dialect.replica);
        let row: Option<Row> = self.connection.query_first(show).await?;
        let row = row.context("the replica has no source")?;
        let text = |column: &str| sql::text(&row, column).unwrap_or_default();
        let running = |thread| text(&format!("{}_{thread}_Running", self.dialect.column));
        let errors = ["Last_SQL_Error", "Last_IO_Error"].map(text);
        let numbers = ["Last_SQL_Errno", "Last_IO_Errno"].map(text);
        let numbers = numbers.map(|number| number.parse().unwrap_or_default());
        Ok(Status {
            io: running("IO"),
            sql: running("SQL"),
            errno: numbers.into_iter().find(|number| *number > 0).unwrap_or(0),
            error: errors
                .into_iter()
                .find(|error| !error.is_empty())
                .unwrap_or_default(),
        })
    }

    /// The last row that is here: rows come in their order.
    pub(crate) async fn rows(&mut self) -> Result<usize> {
        let last = "SELECT MAX(id) AS last FROM drill.ledger";
        let last = sql::one(&mut self.connection, last, "last").await?;
        Ok(last.map_or(0, |last| last.parse().unwrap_or_default()))
    }

    /// Its tries to connect again, so far.
    pub(crate) fn tries(&self) -> Vec<Try> {
        tries(&self.server.log())
    }

    /// Its connection, for the comparison at the end.
    pub(crate) fn connection(&mut self) -> &mut Conn {
        &mut self.connection
    }
}

/// By which option the replica starts at the source's state of now.
async fn place(source: &Source, place: Place, dialect: &Dialect) -> Result<String> {
    if place == Place::Gtid {
        // Both are copies of one data directory, and only the source has a binlog.
        return Ok(dialect.by_gtid.to_owned());
    }
    let at: Option<Row> = source
        .root()
        .await?
        .query_first(dialect.binlog_position)
        .await?;
    let at = at.context("the source has no binlog")?;
    let column = |name| sql::text(&at, name).context(dialect.binlog_position);
    Ok(format!(
        "{0}_LOG_FILE='{1}', {0}_LOG_POS={2}",
        dialect.source,
        column("File")?,
        column("Position")?
    ))
}

/// The statement that names the source.
fn follow(kit: &Kit, path: (Ipv4Addr, u16), cell: &Cell, place: &str) -> String {
    let dialect = kit.dialect();
    let mut options = vec![
        ("HOST", format!("'{}'", path.0)),
        ("PORT", path.1.to_string()),
        ("USER", format!("'{REPLICATION_USER}'")),
        ("PASSWORD", "'replica'".to_owned()),
        ("SSL", "1".to_owned()),
        ("SSL_CA", format!("'{}'", kit.certificate().display())),
        (
            "CONNECT_RETRY",
            (cell.retry.interval / cell.scale.factor())
                .max(1)
                .to_string(),
        ),
        (
            "HEARTBEAT_PERIOD",
            format!("{:.1}", cell.scale.wall(HEARTBEAT).as_secs_f64()),
        ),
    ];
    if dialect.retry_count.is_none() {
        options.push(("RETRY_COUNT", cell.retry.count.to_string()));
    }
    let option = |(name, value): &(&str, String)| format!("{}_{name}={value}, ", dialect.source);
    let options: String = options.iter().map(option).collect();
    format!("{} {options}{place}", dialect.change)
}

impl Status {
    pub(crate) fn is_running(&self) -> bool {
        self.io == "Yes" && self.sql == "Yes"
    }

    /// Whether it has stopped, whatever the reason, and will not try again by itself.
    pub(crate) fn is_stopped(&self) -> bool {
        self.io == "No" || self.sql == "No"
    }
}

/// A table's rows, and a checksum over all that is in them.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) ids: Vec<usize>,
    pub(crate) checksum: String,
}

impl Ledger {
    pub(crate) async fn of(connection: &mut Conn) -> Result<Self> {
        let ids = connection.query("SELECT id FROM drill.ledger").await?;
        let sum = "SELECT CAST(COALESCE(SUM(CRC32(CONCAT_WS('#', id, note))), 0) AS CHAR) AS sum \
                   FROM drill.ledger";
        let checksum = sql::one(connection, sum, "sum").await?.unwrap_or_default();
        Ok(Self { ids, checksum })
    }
}
