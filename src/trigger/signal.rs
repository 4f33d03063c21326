//! What an RDS event says about the Writer, by its id: `rds_events.csv` as a look-up.

/// What an event says about the Writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// The Writer is about to move: started, not there yet.
    Moving,
    /// The Writer has moved.
    Moved,
    /// Something happened after which the Writer may be elsewhere.
    Recheck,
    /// Nothing about the Writer: a backup, say.
    Nothing,
}

/// Every RDS event that Aurora MySQL clusters, their instances and their blue/green deployments
/// send and that bears on the Writer, and those that are known not to.
///
/// Columns: `event_id,signal,source_type,category,message`; the first two are never quoted.
/// Source: the Aurora and RDS User Guides, "Amazon RDS event categories and event messages".
const TABLE: &str = include_str!("rds_events.csv");

impl Signal {
    /// The signal of an event id such as `RDS-EVENT-0073`; `None` where the table doesn't list it.
    #[must_use]
    pub fn of(event_id: &str) -> Option<Self> {
        let (_, signal) = rows().find(|(id, _)| *id == event_id)?;
        Some(match signal {
            "moving" => Self::Moving,
            "moved" => Self::Moved,
            "none" => Self::Nothing,
            _ => Self::Recheck,
        })
    }

    /// The signal of an event without an id, or with one that the table doesn't list, by the
    /// wording of the failover messages. Anything else is [`Signal::Recheck`]: AWS adds events, and
    /// a look costs nothing.
    #[must_use]
    pub fn of_message(message: &str) -> Self {
        let failover =
            message.contains("failover to DB instance") || message.contains("failover to instance");
        match message {
            _ if failover && message.starts_with("Started") => Self::Moving,
            _ if failover && message.starts_with("Completed") => Self::Moved,
            _ if message.starts_with("Promoting previous primary again") => Self::Moved,
            _ => Self::Recheck,
        }
    }
}

/// The table's rows: event id and signal.
fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().skip(1).filter_map(|row| {
        let mut columns = row.split(',');
        Some((columns.next()?, columns.next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_an_id_and_a_known_signal_and_no_id_stands_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for (id, signal) in rows() {
            assert!(
                id.strip_prefix("RDS-EVENT-")
                    .is_some_and(|n| n.len() == 4 && n.bytes().all(|b| b.is_ascii_digit())),
                "{id}"
            );
            assert!(
                ["moving", "moved", "recheck", "none"].contains(&signal),
                "{id}: {signal}"
            );
            assert!(seen.insert(id), "{id} stands twice");
        }
        assert_eq!(seen.len(), TABLE.lines().count() - 1);
    }

    #[test]
    fn the_failover_events_are_what_the_design_takes_them_for() {
        assert_eq!(Signal::of("RDS-EVENT-0072"), Some(Signal::Moving));
        assert_eq!(Signal::of("RDS-EVENT-0073"), Some(Signal::Moving));
        assert_eq!(Signal::of("RDS-EVENT-0071"), Some(Signal::Moved));
        assert_eq!(Signal::of("RDS-EVENT-0070"), Some(Signal::Moved));
        assert_eq!(Signal::of("RDS-EVENT-0069"), Some(Signal::Recheck));
        assert_eq!(Signal::of("RDS-EVENT-0002"), Some(Signal::Nothing));
        assert_eq!(Signal::of("RDS-EVENT-9999"), None);
    }

    #[test]
    fn an_event_without_an_id_is_read_by_its_message() {
        for (message, signal) in [
            (
                "Started cross AZ failover to DB instance: a",
                Signal::Moving,
            ),
            (
                "Started same AZ failover to DB instance: a.",
                Signal::Moving,
            ),
            (
                "Completed customer initiated failover to DB instance: a",
                Signal::Moved,
            ),
            ("Completed failover to instance.", Signal::Moved),
            ("Promoting previous primary again: a", Signal::Moved),
            (
                "A new writer was promoted. Restarting database as a reader.",
                Signal::Recheck,
            ),
        ] {
            assert_eq!(Signal::of_message(message), signal, "{message}");
        }
    }
}
