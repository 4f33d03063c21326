//! MariaDB: the machine's.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::Role;
use super::dialect::Dialect;
use crate::parts::run;

/// Files that have to have the same size whenever a data directory is opened.
const SIZES: [&str; 3] = [
    "--innodb-log-file-size=8M",
    "--innodb-data-file-path=ibdata1:4M:autoextend",
    "--innodb-autoextend-increment=1",
];

pub(super) static DIALECT: Dialect = Dialect {
    every: &[
        SIZES[0],
        SIZES[1],
        SIZES[2],
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
    ],
    role,
    gtid: &[],
    net_timeout: "--slave-net-timeout",
    retry_count: Some("--master-retry-count"),
    binlog_position: "SHOW MASTER STATUS",
    change: "CHANGE MASTER TO",
    source: "MASTER",
    by_gtid: "MASTER_USE_GTID=slave_pos",
    replica: "SLAVE",
    column: "Slave",
};

fn role(role: Role) -> &'static [&'static str] {
    match role {
        Role::Writer { .. } => &[
            "--log-bin=mysql-bin-changelog",
            "--binlog-format=ROW",
            "--sync-binlog=1",
            "--innodb-flush-log-at-trx-commit=1",
        ],
        Role::Reader => &["--innodb-read-only=1"],
        Role::Replica => &[
            "--read-only=1",
            "--relay-log=relay",
            "--innodb-flush-log-at-trx-commit=2",
        ],
        Role::Template => &[],
    }
}

/// Makes a data directory, whose root has no password.
pub(crate) fn initialize(
    install: &Path,
    data: &Path,
    temporary: &Path,
    user: &[&str],
) -> Result<()> {
    run(Command::new(install)
        .arg("--no-defaults")
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--tmpdir={}", temporary.display()))
        .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
        .args(SIZES)
        .args(user))
}
