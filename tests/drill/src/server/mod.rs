//! A database server in one of the parts that one plays.

mod dialect;
pub(crate) mod mariadb;
pub(crate) mod mysql;

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mysql_async::Conn;

pub(crate) use dialect::Dialect;
pub use dialect::Product;

use crate::kept::Kept;
use crate::kit::Kit;
use crate::parts::run;
use crate::sql;

/// How long a server may take to answer.
const STARTUP: Duration = Duration::from_mins(1);

/// What a server is started as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The Writer: a ROW binlog, and nothing acknowledged that a crash could take back, as Aurora's
    /// storage has it.
    Writer { server_id: u32 },
    /// An Aurora reader: `innodb_read_only`, without a binlog.
    Reader,
    /// The replica at the other end of the path.
    Replica,
    /// What the data directory that all others are copies of is made with.
    Template,
}

impl Role {
    fn server_id(self) -> u32 {
        match self {
            Self::Writer { server_id } => server_id,
            Self::Reader | Self::Template => 7,
            Self::Replica => 4711,
        }
    }
}

/// A running server. Dropping it is `kill -9`.
#[derive(Debug)]
pub(crate) struct Server {
    process: Kept,
    socket: PathBuf,
    log: PathBuf,
}

impl Server {
    /// Starts a server on the data directory `data`, whose socket and log are in `folder`, and
    /// waits until it answers.
    pub(crate) async fn start(
        kit: &Kit,
        role: Role,
        data: &Path,
        folder: &Path,
        (ip, port): (Ipv4Addr, u16),
        further: &[String],
    ) -> Result<Self> {
        let file = |kind: &str| folder.join(format!("{port}.{kind}"));
        let dialect = kit.dialect();
        let mut arguments = vec!["--no-defaults".to_owned()];
        let options = [dialect.every, (dialect.role)(role), kit.user()].concat();
        arguments.extend(options.into_iter().map(str::to_owned));
        let paths = [
            ("datadir", data.to_owned()),
            ("socket", file("sock")),
            ("pid-file", file("pid")),
            // A server that starts sweeps its temporary folder of what it takes for left behind.
            ("tmpdir", file("tmp")),
            ("ssl-ca", kit.certificate()),
            ("ssl-cert", kit.certificate()),
            ("ssl-key", kit.key()),
        ];
        arguments.extend(paths.map(|(name, path)| format!("--{name}={}", path.display())));
        arguments.extend([
            format!("--bind-address={ip}"),
            format!("--port={port}"),
            format!("--server-id={}", role.server_id()),
        ]);
        arguments.extend_from_slice(further);
        let _ = fs::remove_file(file("sock"));
        fs::create_dir_all(file("tmp"))?;
        let mut server = Self {
            process: Kept::start(&kit.parts.server, &arguments, &file("log"))?,
            socket: file("sock"),
            log: file("log"),
        };
        server.wait_until_up().await?;
        Ok(server)
    }

    async fn wait_until_up(&mut self) -> Result<()> {
        let started = Instant::now();
        loop {
            if let Ok(mut root) = self.root().await
                && sql::run(&mut root, "SELECT 1").await.is_ok()
            {
                return Ok(());
            }
            if !self.process.is_alive() || started.elapsed() > STARTUP {
                bail!("a server did not come up; its log:\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A connection as root.
    pub(crate) async fn root(&self) -> Result<Conn> {
        sql::root(&self.socket).await
    }

    /// Its error log so far, those of earlier servers at the same port included.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends the server in good order.
    pub(crate) async fn shut_down(mut self, mut root: Conn) -> Result<()> {
        sql::run(&mut root, "SHUTDOWN").await?;
        drop(root);
        let started = Instant::now();
        while self.process.is_alive() {
            if started.elapsed() > STARTUP {
                bail!("a server does not end; its log:\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

/// A data directory of one's own, made of the template: most of that is empty pages, left out.
pub(crate) async fn copy_of_template(kit: &Kit, to: PathBuf) -> Result<PathBuf> {
    let mut copy = Command::new("cp");
    copy.args(["--recursive", "--sparse=always"])
        .arg(kit.template())
        .arg(&to);
    tokio::task::spawn_blocking(move || run(&mut copy)).await??;
    Ok(to)
}
