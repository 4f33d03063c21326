//! The event that starts a stopped receiver, as docs/guard.md has it: for a replica of one's own.

use crate::clock::Scale;

/// Seconds from one run of the event to the next.
const EVERY: f64 = 60.0;

/// What is run on the replica, as its administrator. The event's owner may do nothing else, and
/// cannot log in.
const STATEMENTS: [&str; 5] = [
    "CREATE DATABASE upkeep",
    "CREATE USER receiver@localhost ACCOUNT LOCK",
    "GRANT REPLICATION_SLAVE_ADMIN ON *.* TO receiver@localhost",
    "GRANT EVENT ON upkeep.* TO receiver@localhost",
    "CREATE DEFINER = receiver@localhost EVENT upkeep.start_receiver ON SCHEDULE EVERY 60 SECOND \
     DO START REPLICA IO_THREAD",
];

/// The statements, with the event's interval shortened as all times are.
pub(crate) fn statements(scale: Scale) -> impl Iterator<Item = String> {
    let seconds = scale.wall(EVERY).as_secs_f64().ceil();
    let every = format!("EVERY {seconds} SECOND");
    STATEMENTS
        .into_iter()
        .map(move |statement| statement.replace("EVERY 60 SECOND", &every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_played_is_what_is_documented() {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let documented = words(include_str!("../../../docs/guard.md"));
        for statement in STATEMENTS {
            assert!(documented.contains(statement), "{statement}");
        }
    }
}
