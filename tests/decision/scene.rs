//! Observations at times, fed into the real evidence, and what is decided on it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use chrono::{DateTime, TimeDelta, Utc};
use failover_follower::config::OnFailoverStart;
use failover_follower::decide::{Context, decide};
use failover_follower::decision::{Decision, Pending};
use failover_follower::evidence::Evidence;
use failover_follower::members::{Members, Memory};
use failover_follower::observe::Observation;
use failover_follower::plan::Plan;
use failover_follower::route::InstanceId;
use failover_follower::standby::Standby;
use failover_follower::statement::{Said, Statement, Statements};
use failover_follower::world::{CallError, Cause, LogEntry, Target, Topology};

pub(crate) const MEMBERS: [&str; 3] = ["a", "b", "c"];
/// The replica's user.
pub(crate) const USER: &str = "rpluser001";
pub(crate) const PORT: u16 = 3306;

pub(crate) fn id(name: &str) -> InstanceId {
    InstanceId::parse(name).unwrap()
}

/// Seconds from the moment when the scene begins.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

pub(crate) fn silent() -> CallError {
    CallError::new("rds:DescribeDBClusters", Cause::TimedOut, "")
}

pub(crate) fn address(name: &str) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, name.as_bytes()[0])
}

/// An instance's target; `strange` is no member's.
pub(crate) fn target(name: &str) -> Target {
    Target::new(address(name), PORT)
}

/// The targets of these instances, by their names' letters.
pub(crate) fn targets(names: &str) -> BTreeSet<Target> {
    names.split_whitespace().map(target).collect()
}

/// What a look sees that doesn't ask for the log. `-` is silence, `none` an API that lists no
/// Writer, and the group holds the targets of these instances.
pub(crate) fn seen(api: &str, dns: &str, group: &str) -> Observation {
    Observation {
        api: match api {
            "-" => Err(silent()),
            "none" => Ok(None),
            name => Ok(Some(id(name))),
        },
        dns: match dns {
            "-" => Err(silent()),
            name => Ok(id(name)),
        },
        log: None,
        survey: None,
        topology: Some(Topology {
            endpoint: "cluster.cluster-xyz.eu-west-1.rds.amazonaws.com".to_owned(),
            port: PORT,
            instances: MEMBERS.iter().map(|name| (id(name), None)).collect(),
            listed: true,
        }),
        addresses: MEMBERS
            .iter()
            .map(|name| (id(name), Ok(address(name))))
            .collect(),
        targets: Ok(targets(group)),
    }
}

/// A statement: `started b`, `completed b` or `failed`, at a time.
pub(crate) fn statement((text, seconds): (&str, i64)) -> Statement {
    let said = match text.split_once(' ') {
        Some(("started", name)) => Said::Announced(id(name)),
        Some(("completed", name)) => Said::Completed(id(name)),
        _ => Said::Ended,
    };
    Statement {
        at: at(seconds),
        said,
    }
}

/// The same as the log has it.
pub(crate) fn entry((text, seconds): (&str, i64)) -> LogEntry {
    let message = match text.split_once(' ') {
        Some(("started", name)) => format!("Started cross AZ failover to DB instance: {name}"),
        Some(("completed", name)) => format!("Completed failover to DB instance: {name}"),
        _ => "Cluster failover failed, check the health of your cluster instances.".to_owned(),
    };
    LogEntry {
        time: at(seconds),
        message,
    }
}

/// A run's evidence and its last look.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) evidence: Evidence,
    pub(crate) seen: Observation,
    pub(crate) now: DateTime<Utc>,
}

impl Scene {
    /// A run with these statements in its payload, after a first look at second 0.
    pub(crate) fn new(payload: &[(&str, i64)], first: Observation) -> Self {
        let statements = Statements::of_payload(payload.iter().copied().map(statement));
        Self::after(Evidence::new(statements, at(0)), first, 0)
    }

    /// The same where the group holds members, in a new process.
    pub(crate) fn of_members(payload: &[(&str, i64)], first: Observation) -> Self {
        Self::later(0, payload, Memory::default(), first)
    }

    /// A run of the same process that begins at this second, after runs that left this memory.
    pub(crate) fn later(
        seconds: i64,
        payload: &[(&str, i64)],
        memory: Memory,
        first: Observation,
    ) -> Self {
        let statements = Statements::of_payload(payload.iter().copied().map(statement));
        let (anew, began) = (!payload.is_empty(), at(seconds));
        let members = Members::new(USER.to_owned(), memory, began, anew);
        let evidence = Evidence::new(statements, began).with(Some(members));
        Self::after(evidence, first, seconds)
    }

    fn after(mut evidence: Evidence, seen: Observation, seconds: i64) -> Self {
        let now = at(seconds);
        evidence.note(&seen, now);
        let mut scene = Self {
            evidence,
            seen,
            now,
        };
        let decision = scene.decide();
        scene.evidence.decided(&decision, now);
        scene
    }

    /// Another look, at this second.
    pub(crate) fn look(self, seconds: i64, seen: Observation) -> Self {
        Self::after(self.evidence, seen, seconds)
    }

    /// Looks that all see this, every five seconds until this second.
    pub(crate) fn looks_until(self, seconds: i64, seen: &Observation) -> Self {
        let next = (self.now - at(0)).num_seconds() + 5;
        (next..=seconds)
            .step_by(5)
            .fold(self, |scene, second| scene.look(second, seen.clone()))
    }

    pub(crate) fn decide(&self) -> Decision {
        self.decide_with(OnFailoverStart::Detach)
    }

    pub(crate) fn decide_with(&self, on_failover_start: OnFailoverStart) -> Decision {
        decide(&Context {
            seen: &self.seen,
            evidence: &self.evidence,
            on_failover_start,
            now: self.now,
        })
    }

    pub(crate) fn held(&self) -> BTreeSet<Target> {
        self.evidence.group.held.clone().unwrap_or_default()
    }

    pub(crate) fn plan(&self) -> Plan {
        Plan::new(&self.decide(), &self.held())
    }

    /// The scene after the plan has been carried out, which no look has seen.
    pub(crate) fn written(mut self) -> Self {
        let Plan {
            deregister,
            register,
            standby,
        } = self.plan();
        let out = deregister.iter().map(|target| (target, false));
        let into = register.iter().chain(&standby).map(|target| (target, true));
        for (target, registers) in out.chain(into) {
            let group = &mut self.evidence.group;
            group.wrote(target, registers, self.now, false);
        }
        self
    }

    /// The scene after the plan has been carried out and seen, at the same moment.
    pub(crate) fn carried_out(self) -> Self {
        let mut scene = self.written();
        scene.seen.targets = Ok(scene.held());
        scene.seen.log = None;
        scene.evidence.note(&scene.seen, scene.now);
        scene
    }
}

/// An observation with what the log holds.
pub(crate) fn logs(seen: Observation, entries: &[(&str, i64)]) -> Observation {
    Observation {
        log: Some(Ok(entries.iter().copied().map(entry).collect())),
        ..seen
    }
}

pub(crate) fn follow(name: &str) -> Decision {
    Decision::Follow {
        writer: id(name),
        target: target(name),
        standby: Standby::Nobody(None),
    }
}

pub(crate) fn evict(names: &str, pending: Pending) -> Decision {
    Decision::Evict {
        targets: targets(names),
        pending,
        standby: Standby::Nobody(None),
    }
}
