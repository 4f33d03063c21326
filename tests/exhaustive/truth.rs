//! What is so in the small world, and what of it shows: the judge of every property.

use std::time::Duration;

use chrono::{DateTime, Utc};
use failover_follower::guard::statement;
use failover_follower::observe::{Asks, Observation};
use failover_follower::statement::Said;
use failover_follower::world::{CallError, Cause, LogEntry, Member as Surveyed, Survey, Topology};

use crate::names::{Group, Member, PORT, address, id, only, targets};

/// A coarse step of time, and the interval between two looks of a run. With 10 s the times of the
/// evidence (6, 10, 30, 45, 60 and 75 s) all end at different steps.
pub(crate) const TICK: Duration = Duration::from_secs(10);

/// The replica's user.
pub(crate) const USER: &str = "rpluser001";

/// Steps since the world began.
pub(crate) type Tick = u8;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Truth {
    pub(crate) now: Tick,
    pub(crate) members: u8,
    pub(crate) writer: Member,
    /// A failover that has started and not come about.
    pub(crate) announced: Option<Member>,
    pub(crate) failovers_left: u8,
    /// Whom the CNAME names: the Writer, or one of before.
    pub(crate) cname: Member,
    /// What RDS's events say, in the order of their times.
    pub(crate) events: Vec<Event>,
    /// Which of them stand in the log, a bit for each.
    log: u8,
    /// Whether the log may be read.
    log_readable: bool,
    pub(crate) group: Group,
    pub(crate) holds: Holds,
}

/// What the group should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Holds {
    Writer,
    /// Members, each of which refuses the replica while it is a reader.
    Members,
    /// Members, none of which does.
    UnguardedMembers,
}

/// An event of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Event {
    pub(crate) at: Tick,
    pub(crate) says: Says,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Says {
    Started(Member),
    Completed(Member),
    Returned(Member),
    Failed,
}

/// What shows from a look on; between two looks it makes no difference when it came to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shows {
    /// The CNAME names the Writer.
    cname: bool,
    /// These events stand in the log, a bit for each.
    log: u8,
}

/// The wall clock's time of a step.
pub(crate) fn clock(tick: Tick) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TICK * u32::from(tick)
}

impl Truth {
    pub(crate) fn new(
        members: u8,
        failovers: u8,
        log_readable: bool,
        group: Group,
        holds: Holds,
    ) -> Self {
        Self {
            now: 0,
            members,
            writer: 0,
            announced: None,
            failovers_left: failovers,
            cname: 0,
            events: Vec::new(),
            log: 0,
            log_readable,
            group,
            holds,
        }
    }

    /// Whether the group holds the Writer and nothing else; or one that refuses the replica.
    pub(crate) fn is_right(&self) -> bool {
        let holds_writer = self.group & only(self.writer) != 0;
        holds_writer && self.group.count_ones() <= self.most()
    }

    /// How many members may be in.
    pub(crate) fn most(&self) -> u32 {
        match self.holds {
            Holds::Members => 2,
            Holds::Writer | Holds::UnguardedMembers => 1,
        }
    }

    /// A look-up of the members.
    fn survey(&self, believed: bool) -> Survey {
        let guarded = believed || self.holds == Holds::Members;
        let member = Surveyed {
            tier: Some(1),
            status: "available".to_owned(),
            init_connect: guarded.then(|| statement(USER)),
            ..Surveyed::default()
        };
        Survey {
            engine: "aurora-mysql".to_owned(),
            members: (0..self.members)
                .map(|one| (id(one), member.clone()))
                .collect(),
        }
    }

    pub(crate) fn start_failover(&mut self, to: Member) {
        self.announced = Some(to);
        self.failovers_left -= 1;
        self.happens(Says::Started(to));
    }

    pub(crate) fn promote(&mut self) {
        if let Some(next) = self.announced.take() {
            self.writer = next;
            self.happens(Says::Completed(next));
        }
    }

    /// The failover does not come about: it fails, or the previous Writer is promoted again.
    pub(crate) fn call_off(&mut self, says: Says) {
        self.announced = None;
        self.happens(says);
    }

    /// No two events have one time: RDS's own are seconds apart.
    pub(crate) fn may_happen(&self) -> bool {
        self.events.last().is_none_or(|last| last.at < self.now)
    }

    fn happens(&mut self, says: Says) {
        self.events.push(Event { at: self.now, says });
    }

    /// All that a look may come to see.
    pub(crate) fn may_show(&self, asks_log: bool) -> impl Iterator<Item = Shows> {
        let readable = asks_log && self.log_readable;
        let all = if readable { 1 << self.events.len() } else { 1 };
        let hidden = (0..all).filter(|log| self.log & log == 0);
        let cnames = [false, true]
            .into_iter()
            .take(1 + usize::from(self.cname != self.writer));
        hidden.flat_map(move |log| cnames.clone().map(move |cname| Shows { cname, log }))
    }

    pub(crate) fn show(&mut self, shows: Shows) {
        self.log |= shows.log;
        if shows.cname {
            self.cname = self.writer;
        }
    }

    /// Every witness shows the truth.
    pub(crate) fn show_all(&mut self) {
        self.show(Shows {
            cname: true,
            log: (1 << self.events.len()) - 1,
        });
    }

    /// What a look sees: the API is always right. A look-up of the members shows them all guarded
    /// if that is `believed`.
    pub(crate) fn seen(&self, asks: Asks, believed: bool) -> Observation {
        let members = || (0..self.members).map(id);
        Observation {
            api: Ok(Some(id(self.writer))),
            dns: Ok(id(self.cname)),
            log: asks.log.then(|| self.read_log()),
            survey: asks.survey.then(|| Ok(self.survey(believed))),
            topology: Some(Topology {
                endpoint: "cluster".to_owned(),
                port: PORT,
                instances: members().map(|member| (member, None)).collect(),
                listed: true,
            }),
            addresses: (0..self.members)
                .map(|member| (id(member), Ok(address(member))))
                .collect(),
            targets: Ok(targets(self.group)),
        }
    }

    fn read_log(&self) -> Result<Vec<LogEntry>, CallError> {
        if !self.log_readable {
            return Err(CallError::new("rds:DescribeEvents", Cause::Denied, ""));
        }
        let logged = self.events.iter().enumerate();
        let logged = logged.filter(|(index, _)| self.log & (1 << index) != 0);
        Ok(logged
            .map(|(_, event)| LogEntry {
                time: clock(event.at),
                message: event.says.text(),
            })
            .collect())
    }
}

impl Says {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Started(next) => format!("Started failover to DB instance: {}", id(next)),
            Self::Completed(writer) => format!("Completed failover to DB instance: {}", id(writer)),
            Self::Returned(writer) => format!("Promoting previous primary again: {}", id(writer)),
            Self::Failed => "Cluster failover failed, check the health.".to_owned(),
        }
    }

    pub(crate) fn said(self) -> Option<Said> {
        Said::read(&self.text())
    }
}
