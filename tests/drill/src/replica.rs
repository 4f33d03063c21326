//! The replica at the other end of the path, on which nobody lays a hand once it runs.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};

use crate::clock::Scale;
use crate::kit::{Kit, free_port, loopback};
use crate::mariadb::{Role, Server, copy_of_template};
use crate::source::Source;
use crate::sql;

/// `slave_net_timeout` and the heartbeat's period, in seconds of the scenario: the defaults.
const NET_TIMEOUT: f64 = 60.0;
const HEARTBEAT: f64 = 30.0;

/// How the replica finds its place in the binlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// By file and position.
    File,
    /// By GTID.
    Gtid,
}

/// The replica.
#[derive(Debug)]
pub(crate) struct Replica {
    connection: Conn,
    _server: Server,
}

/// What it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// `Slave_IO_Running`: `Yes`, `Connecting` or `No`.
    pub(crate) io: String,
    /// `Slave_SQL_Running`.
    pub(crate) sql: String,
    /// `Last_IO_Errno`.
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
        retry: u32,
        place: Place,
        scale: Scale,
    ) -> Result<Self> {
        let data = copy_of_template(kit, folder.join("replica")).await?;
        let address = (loopback(), free_port()?);
        let timeout = scale.wall(NET_TIMEOUT).as_secs_f64().ceil();
        let further = [format!("--slave-net-timeout={timeout}")];
        let server =
            Server::start_with(kit, Role::Replica, &data, folder, address, &further).await?;
        let mut connection = server.root().await?;
        let mut root = source.root().await?;
        let at: Row = root
            .query_first("SHOW MASTER STATUS")
            .await?
            .context("the source has no binlog")?;
        let column = |name| sql::text(&at, name).context("SHOW MASTER STATUS");
        let whence = match place {
            Place::File => format!(
                "MASTER_LOG_FILE='{}', MASTER_LOG_POS={}",
                column("File")?,
                column("Position")?
            ),
            Place::Gtid => {
                let all = "SELECT @@global.gtid_binlog_pos AS at";
                let at = sql::one(&mut root, all, "at").await?.unwrap_or_default();
                let begin = format!("SET GLOBAL gtid_slave_pos = '{at}'");
                sql::run(&mut connection, &begin).await?;
                "MASTER_USE_GTID=slave_pos".to_owned()
            }
        };
        let follow = format!(
            "CHANGE MASTER TO MASTER_HOST='{}', MASTER_PORT={}, MASTER_USER='replica', \
             MASTER_PASSWORD='replica', MASTER_SSL=1, MASTER_SSL_CA='{}', MASTER_CONNECT_RETRY={}, \
             MASTER_HEARTBEAT_PERIOD={:.1}, {whence}",
            path.0,
            path.1,
            kit.certificate().display(),
            (retry / scale.factor()).max(1),
            scale.wall(HEARTBEAT).as_secs_f64(),
        );
        sql::run(&mut connection, &follow).await?;
        sql::run(&mut connection, "START SLAVE").await?;
        Ok(Self {
            connection,
            _server: server,
        })
    }

    pub(crate) async fn status(&mut self) -> Result<Status> {
        let row: Option<Row> = self.connection.query_first("SHOW SLAVE STATUS").await?;
        let row = row.context("the replica follows nobody")?;
        let text = |column| sql::text(&row, column).unwrap_or_default();
        let errors = [text("Last_IO_Error"), text("Last_SQL_Error")];
        Ok(Status {
            io: text("Slave_IO_Running"),
            sql: text("Slave_SQL_Running"),
            errno: text("Last_IO_Errno").parse().unwrap_or_default(),
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

    /// Every row, for the comparison at the end.
    pub(crate) async fn ledger(&mut self) -> Result<Ledger> {
        Ledger::of(&mut self.connection).await
    }
}

impl Status {
    pub(crate) fn is_running(&self) -> bool {
        self.io == "Yes" && self.sql == "Yes"
    }

    /// Whether it has stopped, and will not try again.
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
