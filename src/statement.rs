//! Dated statements about the Writer: what RDS's events say, from the payload and from the event
//! log.
//!
//! A statement is about its own time and no other: "at 12:00:05 a failover to B had begun", "at
//! 12:00:17 B was the Writer". They are ordered by that time and not by their arrival. An
//! announcement clears the group and never registers an instance; a completion counts beside what
//! RDS itself answers (`decide.rs`).

use chrono::{DateTime, TimeDelta, Utc};

use crate::route::InstanceId;
use crate::world::LogEntry;

/// How long a statement counts. "Completed" has been seen up to 38 s after "Started", and the API
/// up to a minute behind.
pub const FRESH: TimeDelta = TimeDelta::seconds(60);

/// Two statements of one text this close are one: the payload and the log may differ in the
/// milliseconds.
const SAME: TimeDelta = TimeDelta::seconds(1);

/// A completion that comes sooner after an announcement of another instance is an earlier
/// failover's: "Completed" was never seen less than 6 s after its own "Started".
const OWN_COMPLETION: TimeDelta = TimeDelta::seconds(6);

/// When a log that has been read contradicts a payload by its silence. How late an entry may be is
/// not documented; a forged statement should not count for longer.
const CONTRADICTED: TimeDelta = TimeDelta::seconds(45);

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Said {
    /// A failover to this instance has begun.
    Announced(InstanceId),
    /// This instance is the Writer.
    Completed(InstanceId),
    /// The failover is over, and this instance, the Writer before it, is the Writer again.
    Returned(InstanceId),
    /// The failover is over, and the text names no Writer: it failed, or it is an old text.
    Ended,
}

/// What was said, and of which time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Statement {
    /// When it was so, by RDS's clock.
    pub at: DateTime<Utc>,
    /// What.
    pub said: Said,
}

/// Every statement that a run has met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Statements {
    known: Vec<Known>,
    /// When the log was last read.
    log_read: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Known {
    statement: Statement,
    logged: bool,
}

/// The statements that count at one moment; of each kind the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing<'a> {
    /// A failover to this instance has begun and, by all that was said, is not over.
    pub announced: Option<(&'a InstanceId, DateTime<Utc>)>,
    /// This instance was the Writer.
    pub completed: Option<(&'a InstanceId, DateTime<Utc>)>,
}

impl Said {
    /// Reads an event's text; `None` where it says nothing about who the Writer is. Texts come with
    /// and without a full stop (Aurora User Guide, event messages).
    #[must_use]
    pub fn read(message: &str) -> Option<Self> {
        const FAILOVER: &str = "failover to DB instance:";
        const BACK: &str = "Promoting previous primary again:";
        let message = message.trim();
        let name = |before: &str| {
            let (_, rest) = message.split_once(before)?;
            let name = rest.split_whitespace().next()?;
            InstanceId::parse(name.trim_matches(|c: char| !c.is_ascii_alphanumeric())).ok()
        };
        if message.starts_with("Started") {
            return name(FAILOVER).map(Self::Announced);
        }
        if let Some(writer) = name(BACK) {
            return Some(Self::Returned(writer));
        }
        if message.starts_with("Completed") && message.contains("failover to") {
            return Some(name(FAILOVER).map_or(Self::Ended, Self::Completed));
        }
        message
            .starts_with("Cluster failover failed")
            .then_some(Self::Ended)
    }

    /// The instance that it names as the Writer, or as the Writer to be.
    #[must_use]
    pub fn names(&self) -> Option<&InstanceId> {
        match self {
            Self::Announced(instance) | Self::Completed(instance) | Self::Returned(instance) => {
                Some(instance)
            }
            Self::Ended => None,
        }
    }
}

impl Statements {
    /// The statements of a payload.
    #[must_use]
    pub fn of_payload(statements: impl IntoIterator<Item = Statement>) -> Self {
        let mut all = Self::default();
        for statement in statements {
            all.add(statement, false);
        }
        all
    }

    /// Takes in what the log held when it was read at `now`.
    pub fn read_log(&mut self, entries: &[LogEntry], now: DateTime<Utc>) {
        for entry in entries {
            if let Some(said) = Said::read(&entry.message) {
                let at = entry.time.min(now);
                self.add(Statement { at, said }, true);
            }
        }
        self.log_read = Some(now);
    }

    /// When the log was last read.
    #[must_use]
    pub fn log_read(&self) -> Option<DateTime<Utc>> {
        self.log_read
    }

    /// When the newest statement was so, however old.
    #[must_use]
    pub fn newest(&self) -> Option<DateTime<Utc>> {
        self.known.last().map(|known| known.statement.at)
    }

    fn add(&mut self, statement: Statement, logged: bool) {
        let same = |known: &&mut Known| {
            known.statement.said == statement.said
                && (known.statement.at - statement.at).abs() <= SAME
        };
        if let Some(known) = self.known.iter_mut().find(same) {
            known.logged |= logged;
            return;
        }
        self.known.push(Known { statement, logged });
        self.known.sort_by_key(|known| known.statement.at);
    }

    /// The statements that count at `now`, among those that name an instance which `may_be` the
    /// Writer. An announcement that the log has is ended by another's completion only if the log
    /// has that too.
    #[must_use]
    pub fn standing(
        &self,
        now: DateTime<Utc>,
        may_be: impl Fn(&InstanceId) -> bool,
    ) -> Standing<'_> {
        let mut standing = Standing::default();
        let mut announced_in_log = false;
        for Known { statement, logged } in &self.known {
            let Statement { at, said } = statement;
            let contradicted =
                !logged && self.log_read.is_some_and(|read| read - *at >= CONTRADICTED);
            if now - *at > FRESH || contradicted || !said.names().is_none_or(&may_be) {
                continue;
            }
            match said {
                Said::Announced(next) => {
                    standing.announced = Some((next, *at));
                    announced_in_log = *logged;
                }
                Said::Completed(writer) => {
                    let is_as_good = *logged || !announced_in_log;
                    let ends = |(next, since): (&InstanceId, DateTime<Utc>)| {
                        next == writer || is_as_good && *at - since >= OWN_COMPLETION
                    };
                    standing.announced = standing.announced.filter(|announced| !ends(*announced));
                    standing.completed = Some((writer, *at));
                }
                Said::Returned(writer) => {
                    standing.announced = None;
                    standing.completed = Some((writer, *at));
                }
                Said::Ended => standing.announced = None,
            }
        }
        standing
    }
}

impl<'a> Standing<'a> {
    /// What is awaited: the announced failover, or else what the newest completion names.
    #[must_use]
    pub fn names(&self) -> Option<&'a InstanceId> {
        self.announced
            .or(self.completed)
            .map(|(instance, _)| instance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(name: &str) -> InstanceId {
        InstanceId::parse(name).unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn started(name: &str, seconds: i64) -> Statement {
        let (at, said) = (at(seconds), Said::Announced(instance(name)));
        Statement { at, said }
    }

    fn completed(name: &str, seconds: i64) -> Statement {
        let (at, said) = (at(seconds), Said::Completed(instance(name)));
        Statement { at, said }
    }

    /// What is announced, and what completed; `-` is nothing.
    fn names(statements: &Statements, seconds: i64) -> [String; 2] {
        let standing = statements.standing(at(seconds), |_| true);
        [standing.announced, standing.completed]
            .map(|slot| slot.map_or("-".to_owned(), |(instance, _)| instance.to_string()))
    }

    #[test]
    fn texts_say_who_is_announced_and_who_is_the_writer() {
        for text in [
            "Started cross AZ failover to DB instance: aurora-2",
            "Started same AZ failover to DB instance: aurora-2.",
            " Started customer initiated failover to DB instance: `aurora-2`.",
        ] {
            let said = Said::Announced(instance("aurora-2"));
            assert_eq!(Said::read(text), Some(said), "{text}");
        }
        for text in [
            "Completed failover to DB instance: aurora-2",
            "Completed customer initiated failover to DB instance: aurora-2.",
            "Completed RDS initiated failover to DB instance: aurora-2",
        ] {
            let said = Said::Completed(instance("aurora-2"));
            assert_eq!(Said::read(text), Some(said), "{text}");
        }
        let text = "Promoting previous primary again: aurora-2";
        let said = Said::Returned(instance("aurora-2"));
        assert_eq!(Said::read(text), Some(said));
        for text in [
            "Completed failover to instance.",
            "Cluster failover failed, check the health of your cluster instances and try again.",
        ] {
            assert_eq!(Said::read(text), Some(Said::Ended), "{text}");
        }
        for text in [
            "",
            "Started failover to DB instance: .",
            "A new writer was promoted. Restarting database as a reader.",
            "Finished applying modification to DB instance class",
        ] {
            assert_eq!(Said::read(text), None, "{text}");
        }
    }

    #[test]
    fn statements_count_in_the_order_of_their_own_times_however_they_arrive() {
        let statements = Statements::of_payload([completed("b", 12), started("b", 2)]);
        assert_eq!(names(&statements, 20), ["-", "b"]);
        assert_eq!(names(&statements, 72), ["-", "b"]);
        assert_eq!(names(&statements, 73), ["-", "-"], "too old");
    }

    #[test]
    fn an_earlier_failovers_completion_does_not_end_an_announcement() {
        let statements = Statements::of_payload([started("b", 10), completed("c", 12)]);
        assert_eq!(names(&statements, 20), ["b", "c"]);
        let statements = Statements::of_payload([started("b", 10), completed("c", 19)]);
        assert_eq!(names(&statements, 20), ["-", "c"], "its own, to another");
    }

    #[test]
    fn a_payloads_completion_of_another_does_not_end_an_announcement_that_the_log_has() {
        let entry = |text: &str, time| LogEntry {
            time,
            message: text.to_owned(),
        };
        let started = entry("Started cross AZ failover to DB instance: b", at(0));
        let mut statements = Statements::of_payload([completed("a", 9)]);
        statements.read_log(std::slice::from_ref(&started), at(10));
        assert_eq!(names(&statements, 10), ["b", "a"], "it may be forged");
        let completed = entry("Completed failover to DB instance: a", at(9));
        statements.read_log(&[started, completed], at(13));
        assert_eq!(names(&statements, 13), ["-", "a"]);
    }

    #[test]
    fn the_way_back_ends_an_announcement_however_soon_it_comes() {
        let (at, said) = (at(11), Said::Returned(instance("a")));
        let statements = Statements::of_payload([started("b", 10), Statement { at, said }]);
        assert_eq!(names(&statements, 12), ["-", "a"]);
    }

    #[test]
    fn a_failed_failover_ends_its_announcement_and_leaves_the_completion_before_it() {
        let failed = Statement {
            at: at(20),
            said: Said::Ended,
        };
        let statements = Statements::of_payload([completed("a", 0), started("b", 10), failed]);
        assert_eq!(names(&statements, 21), ["-", "a"]);
    }

    #[test]
    fn the_log_confirms_a_payloads_statement_or_contradicts_it_by_its_silence() {
        let entry = |text: &str, time| LogEntry {
            time,
            message: text.to_owned(),
        };
        let mut statements = Statements::of_payload([started("b", 0)]);
        statements.read_log(&[], at(44));
        assert_eq!(names(&statements, 50), ["b", "-"], "it may still come");
        let mut logged = statements.clone();
        statements.read_log(&[], at(45));
        assert_eq!(names(&statements, 50), ["-", "-"]);
        logged.read_log(
            &[entry("Started cross AZ failover to DB instance: b", at(1))],
            at(50),
        );
        assert_eq!(names(&logged, 55), ["b", "-"]);
        assert_eq!(logged.known.len(), 1, "one statement, met twice");
    }

    #[test]
    fn a_statement_about_no_member_is_ignored() {
        let statements = Statements::of_payload([started("stranger", 0)]);
        let standing = statements.standing(at(1), |name| *name != instance("stranger"));
        assert_eq!(standing, Standing::default());
    }
}
