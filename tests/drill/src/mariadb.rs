//! A `MariaDB` server in one of the three parts that one plays.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mysql_async::Conn;

use crate::kept::Kept;
use crate::kit::Kit;
use crate::sql;

/// Files that have to have the same size whenever a data directory is opened.
pub(crate) const SMALL: [&str; 3] = [
    "--innodb-log-file-size=8M",
    "--innodb-data-file-path=ibdata1:4M:autoextend",
    "--innodb-autoextend-increment=1",
];

/// As small and quick to start as it gets.
const PLAIN: [&str; 11] = [
    "--no-defaults",
    "--skip-name-resolve",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=8M",
    "--innodb-buffer-pool-dump-at-shutdown=OFF",
    "--innodb-buffer-pool-load-at-startup=OFF",
    "--innodb-temp-data-file-path=ibtmp1:1M:autoextend",
    "--key-buffer-size=64K",
    "--aria-pagecache-buffer-size=1M",
    "--table-open-cache=64",
    "--max-connections=40",
];

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a server is started as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The Writer: a ROW binlog, and nothing acknowledged that a crash could take back, as Aurora's
    /// storage has it.
    Writer { server_id: u32 },
    /// An Aurora reader: read-only, without a binlog.
    Reader,
    /// The replica at the other end of the path.
    Replica,
}

impl Role {
    fn options(self) -> Vec<String> {
        match self {
            Self::Writer { server_id } => vec![
                format!("--server-id={server_id}"),
                "--log-bin=mysql-bin-changelog".into(),
                "--binlog-format=ROW".into(),
                "--sync-binlog=1".into(),
                "--innodb-flush-log-at-trx-commit=1".into(),
            ],
            Self::Reader => vec!["--server-id=7".into(), "--read-only=1".into()],
            Self::Replica => vec![
                "--server-id=4711".into(),
                "--read-only=1".into(),
                "--relay-log=relay".into(),
                "--innodb-flush-log-at-trx-commit=2".into(),
            ],
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
    /// Starts a server on the data directory `data`, whose socket and log are in `folder`, and waits
    /// until it answers.
    pub(crate) async fn start(
        kit: &Kit,
        role: Role,
        data: &Path,
        folder: &Path,
        address: (Ipv4Addr, u16),
    ) -> Result<Self> {
        Self::start_with(kit, role, data, folder, address, &[]).await
    }

    /// The same with further options.
    pub(crate) async fn start_with(
        kit: &Kit,
        role: Role,
        data: &Path,
        folder: &Path,
        (ip, port): (Ipv4Addr, u16),
        further: &[String],
    ) -> Result<Self> {
        let file = |kind: &str| folder.join(format!("{port}.{kind}"));
        let mut arguments: Vec<String> = PLAIN
            .iter()
            .chain(&SMALL)
            .map(ToString::to_string)
            .collect();
        let paths = [
            ("datadir", data.to_owned()),
            ("socket", file("sock")),
            ("pid-file", file("pid")),
            ("ssl-ca", kit.certificate()),
            ("ssl-cert", kit.certificate()),
            ("ssl-key", kit.key()),
        ];
        arguments.extend(paths.map(|(name, path)| format!("--{name}={}", path.display())));
        arguments.extend([format!("--bind-address={ip}"), format!("--port={port}")]);
        arguments.extend(role.options());
        arguments.extend_from_slice(further);
        if kit.as_root() {
            arguments.push("--user=root".into());
        }
        let _ = fs::remove_file(file("sock"));
        let mut server = Self {
            process: Kept::start(&kit.mariadbd, &arguments, &file("log"))?,
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
            if !self.process.is_alive() || started.elapsed() > PATIENCE {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                bail!("MariaDB did not come up; it said:\n{said}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A connection as root.
    pub(crate) async fn root(&self) -> Result<Conn> {
        sql::root(&self.socket).await
    }

    /// Ends the server in good order.
    pub(crate) async fn shut_down(mut self, mut root: Conn) -> Result<()> {
        sql::run(&mut root, "SHUTDOWN").await?;
        drop(root);
        let started = Instant::now();
        while self.process.is_alive() {
            if started.elapsed() > PATIENCE {
                bail!("MariaDB does not end");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

/// A data directory of one's own, made of the template.
pub(crate) async fn copy_of_template(kit: &Kit, to: PathBuf) -> Result<PathBuf> {
    let from = kit.template();
    let copy = to.clone();
    tokio::task::spawn_blocking(move || copy_folder(&from, &copy)).await??;
    Ok(to)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("failed to make {}", to.display()))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if entry.file_type()?.is_file() {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
