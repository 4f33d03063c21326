//! What befalls the cluster, and what is heard of it: times are seconds since the first event
//! happened, after the timelines that have been measured on Aurora.

use std::fmt;
use std::net::Ipv4Addr;

use crate::source::{ADDRESS_AFTER_CHANGE, Instance};

/// A way for a cluster to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// A cross-zone failover announced at its start, and then at its end.
    AnnouncedAtStart,
    /// A failover of which only the end is heard.
    AnnouncedAtEnd,
    /// A failover whose events come a minute and a half late.
    AnnouncedLate,
    /// A failover of which nothing is heard: the schedule has to find it.
    NotAnnounced,
    /// A failover that is announced, fails, and ends with the previous Writer promoted again.
    FailoverFails,
    /// A failover, and another back within a minute, the old target still on its way out.
    FailBack,
    /// The Writer's class changes: the same instance, a new address.
    ClassChange,
    /// A failover, and a minute later another to a third instance.
    TwoInARow,
    /// Nothing, but that the replica's connection is cut.
    Cut,
}

/// News that reaches what follows the Writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// RDS-EVENT-0073.
    Started(Instance),
    /// RDS-EVENT-0071.
    Completed(Instance),
    /// RDS-EVENT-0070.
    BackAgain(Instance),
    /// RDS-EVENT-0012.
    Changing(Instance),
    /// RDS-EVENT-0014.
    Changed(Instance),
    /// The clock.
    Tick,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// News arrives of what happened then.
    Deliver(News, f64),
    /// The server at an instance's address dies.
    Kill(Instance),
    /// A server opens the volume at an instance's address.
    Promote(Instance),
    /// A reader comes up at an instance's address.
    Read(Instance),
    /// The API calls an instance the Writer.
    Api(Instance),
    /// The cluster's CNAME names an instance.
    Cname(Instance),
    /// An instance gets another address.
    Move(Instance, Ipv4Addr),
    /// The replica's connection is cut.
    Cut,
}

/// When the schedule first wakes its strategies; every minute from then on.
pub(crate) const FIRST_TICK: f64 = 40.0;

/// How news of a failover comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    AtStart,
    AtEnd,
    Late,
    Not,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::AnnouncedAtStart,
        Self::AnnouncedAtEnd,
        Self::AnnouncedLate,
        Self::NotAnnounced,
        Self::FailoverFails,
        Self::FailBack,
        Self::ClassChange,
        Self::TwoInARow,
        Self::Cut,
    ];

    /// Those in which something befalls the cluster.
    pub(crate) fn of_the_cluster() -> Vec<Self> {
        let all = Self::ALL.into_iter();
        all.filter(|one| *one != Self::Cut).collect()
    }

    /// The name to ask for it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AnnouncedAtStart => "announced-at-start",
            Self::AnnouncedAtEnd => "announced-at-end",
            Self::AnnouncedLate => "announced-late",
            Self::NotAnnounced => "not-announced",
            Self::FailoverFails => "failover-fails",
            Self::FailBack => "fail-back",
            Self::ClassChange => "class-change",
            Self::TwoInARow => "two-in-a-row",
            Self::Cut => "cut",
        }
    }

    /// What happens, in the order of time.
    pub(crate) fn steps(self) -> Vec<(f64, Step)> {
        use Instance::{One, Three, Two};
        let mut steps = match self {
            Self::AnnouncedAtStart => failover(0.0, One, Two, Heard::AtStart),
            Self::AnnouncedAtEnd => failover(0.0, One, Two, Heard::AtEnd),
            Self::AnnouncedLate => failover(0.0, One, Two, Heard::Late),
            Self::NotAnnounced => failover(0.0, One, Two, Heard::Not),
            Self::FailoverFails => vec![
                (1.0, Step::Deliver(News::Started(Two), 0.0)),
                (6.0, Step::Kill(One)),
                (18.0, Step::Promote(One)),
                (22.0, Step::Deliver(News::BackAgain(One), 21.0)),
            ],
            Self::FailBack => {
                let mut steps = failover(0.0, One, Two, Heard::AtStart);
                // The CNAME has not moved before it is to move back.
                steps.retain(|(_, step)| !matches!(step, Step::Cname(_)));
                steps.extend(failover(20.0, Two, One, Heard::AtStart));
                steps
            }
            Self::ClassChange => vec![
                (1.0, Step::Deliver(News::Changing(One), 0.0)),
                (6.0, Step::Kill(One)),
                (16.0, Step::Move(One, ADDRESS_AFTER_CHANGE)),
                (16.0, Step::Promote(One)),
                (20.0, Step::Deliver(News::Changed(One), 19.0)),
            ],
            Self::TwoInARow => {
                let mut steps = failover(0.0, One, Two, Heard::AtStart);
                steps.extend(failover(60.0, Two, Three, Heard::AtStart));
                steps
            }
            Self::Cut => vec![(6.0, Step::Cut)],
        };
        steps.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        steps
    }

    /// Which instances there are.
    pub(crate) fn instances(self) -> &'static [Instance] {
        match self {
            Self::TwoInARow => &Instance::ALL,
            _ => &Instance::ALL[..2],
        }
    }
}

/// A failover as Aurora does it. The start is announced at `at`; the Writer dies 6 s later and its
/// volume is opened at the other address, while the old one starts as a reader; the API shows it
/// 9 s after the announcement; the end is announced after 12 s, and the CNAME follows 17 s after
/// the API.
fn failover(at: f64, from: Instance, to: Instance, heard: Heard) -> Vec<(f64, Step)> {
    let started = |delay: f64| (at + delay, Step::Deliver(News::Started(to), at));
    let completed = |delay: f64| (at + delay, Step::Deliver(News::Completed(to), at + 12.0));
    let mut steps = vec![
        (at + 6.0, Step::Kill(from)),
        (at + 6.0, Step::Promote(to)),
        (at + 8.0, Step::Read(from)),
        (at + 9.0, Step::Api(to)),
        (at + 26.0, Step::Cname(to)),
    ];
    steps.extend(match heard {
        Heard::AtStart => vec![started(1.0), completed(13.0)],
        Heard::AtEnd => vec![completed(13.0)],
        Heard::Late => vec![started(90.0), completed(102.0)],
        Heard::Not => vec![],
    });
    steps
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(to) => write!(f, "RDS-EVENT-0073, failover to {} started", to.name()),
            Self::Completed(to) => write!(f, "RDS-EVENT-0071, failover to {} completed", to.name()),
            Self::BackAgain(to) => write!(f, "RDS-EVENT-0070, promoting {} again", to.name()),
            Self::Changing(one) => write!(f, "RDS-EVENT-0012, changing {}'s class", one.name()),
            Self::Changed(one) => write!(f, "RDS-EVENT-0014, {}'s class changed", one.name()),
            Self::Tick => f.write_str("the minute is over"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thing_of_a_failover_is_its_announcement() {
        let steps = Scenario::AnnouncedAtStart.steps();
        let first = Step::Deliver(News::Started(Instance::Two), 0.0);
        assert_eq!(steps.first(), Some(&(1.0, first)));
    }
}
