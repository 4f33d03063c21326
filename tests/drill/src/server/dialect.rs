//! What differs between MySQL and MariaDB, as far as the drill meets it.

use std::fmt;

use super::{Role, mariadb, mysql};

/// The server that source and replica are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// MySQL 8.4 or newer.
    MySql,
    /// MariaDB.
    MariaDb,
}

impl Product {
    /// Both.
    pub const ALL: [Self; 2] = [Self::MySql, Self::MariaDb];

    /// The name to ask for it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
        }
    }

    pub(crate) fn dialect(self) -> &'static Dialect {
        match self {
            Self::MySql => &mysql::DIALECT,
            Self::MariaDb => &mariadb::DIALECT,
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
        })
    }
}

/// A product's options and words.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// Options of every server: as small and quick to start as it gets.
    pub(crate) every: &'static [&'static str],
    /// Options by what a server is started as.
    pub(crate) role: fn(Role) -> &'static [&'static str],
    /// Further options of source and replica where the replica replicates by GTID.
    pub(crate) gtid: &'static [&'static str],
    /// The replica's option for the seconds after which a silent source counts as lost.
    pub(crate) net_timeout: &'static str,
    /// The replica's option for the retry count, where it is none of the statement `change`.
    pub(crate) retry_count: Option<&'static str>,
    /// The statement that shows where the source's binlog ends.
    pub(crate) binlog_position: &'static str,
    /// The statement that names the source.
    pub(crate) change: &'static str,
    /// The prefix of that statement's options.
    pub(crate) source: &'static str,
    /// Its option to replicate by GTID.
    pub(crate) by_gtid: &'static str,
    /// What follows SHOW and START.
    pub(crate) replica: &'static str,
    /// The prefix of the status's columns.
    pub(crate) column: &'static str,
}
