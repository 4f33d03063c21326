//! The guard of the readers, as docs/guard.md has it.

/// The user as which the replica connects.
pub(crate) const REPLICATION_USER: &str = "rpluser001";

/// What keeps a replica from a server that is not the Writer, whatever the path does: a reader ends
/// the connection of the replication user before it can ask for the binlog.
pub const INIT_CONNECT: &str = "SET @demoted = IF(@@global.innodb_read_only AND \
    SUBSTRING_INDEX(CURRENT_USER(), '@', 1) = 'rpluser001', (SELECT 1 UNION SELECT 2), NULL)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_played_is_what_is_documented() {
        let documented = include_str!("../../../docs/guard.md");
        assert!(documented.contains(INIT_CONNECT), "{INIT_CONNECT}");
        assert!(INIT_CONNECT.contains(REPLICATION_USER));
    }
}
