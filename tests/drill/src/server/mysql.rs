//! MySQL: the machine's own if that is new enough, else the one that `tools/mysql` unpacks.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::Role;
use super::dialect::Dialect;
use crate::parts::{banner, program, run, version};

/// The oldest that speaks the drill's statements.
const OLDEST: [u32; 2] = [8, 4];

pub(super) static DIALECT: Dialect = Dialect {
    every: &[
        "--mysqlx=OFF",
        "--secure-file-priv=",
        "--skip-name-resolve",
        "--performance-schema=OFF",
        "--innodb-buffer-pool-size=8M",
        "--innodb-buffer-pool-dump-at-shutdown=OFF",
        "--innodb-buffer-pool-load-at-startup=OFF",
        "--innodb-redo-log-capacity=8M",
        "--innodb-log-buffer-size=1M",
        // The machine has a limit to it that dozens of servers reach.
        "--innodb-use-native-aio=OFF",
        "--key-buffer-size=64K",
        "--table-open-cache=64",
        "--temptable-max-ram=2M",
        "--max-connections=40",
    ],
    role,
    gtid: &["--gtid-mode=ON", "--enforce-gtid-consistency=ON"],
    net_timeout: "--replica-net-timeout",
    retry_count: None,
    binlog_position: "SHOW BINARY LOG STATUS",
    change: "CHANGE REPLICATION SOURCE TO",
    source: "SOURCE",
    by_gtid: "SOURCE_AUTO_POSITION=1",
    replica: "REPLICA",
    column: "Replica",
};

fn role(role: Role) -> &'static [&'static str] {
    match role {
        Role::Writer { .. } => &[
            "--log-bin=mysql-bin-changelog",
            "--sync-binlog=1",
            "--innodb-flush-log-at-trx-commit=1",
        ],
        Role::Reader => &["--skip-log-bin", "--innodb-read-only=1"],
        Role::Replica => &[
            "--skip-log-bin",
            "--read-only=1",
            "--relay-log=relay",
            "--innodb-flush-log-at-trx-commit=2",
        ],
        Role::Template => &["--skip-log-bin"],
    }
}

/// Finds it, or unpacks it, which takes some ten seconds.
pub(crate) fn find() -> Result<PathBuf> {
    if let Some(own) = program("mysqld")
        && is_new_enough(&own)
    {
        return Ok(own);
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = project.join("target/mysql");
    let unpacked = folder.join("mysqld");
    if !unpacked.is_file() {
        let status = Command::new(project.join("tools/mysql"))
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(std::io::stderr())
            .status()
            .context("failed to run tools/mysql")?;
        ensure!(status.success(), "tools/mysql ended with {status}");
    }
    Ok(unpacked)
}

/// MariaDB comes with a program of the same name.
fn is_new_enough(server: &Path) -> bool {
    banner(server).is_ok_and(|banner| {
        let numbers = version(&banner)
            .split('.')
            .map_while(|part| part.parse::<u32>().ok());
        !banner.contains("MariaDB") && numbers.collect::<Vec<_>>().as_slice() >= OLDEST.as_slice()
    })
}

/// Makes a data directory, whose root has no password.
pub(crate) fn initialize(server: &Path, data: &Path, options: &[&str]) -> Result<()> {
    run(Command::new(server)
        .arg("--no-defaults")
        .args(options)
        .arg("--initialize-insecure")
        .arg(format!("--datadir={}", data.display())))
}
