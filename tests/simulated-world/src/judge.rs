//! The judge: it knows who the Writer is, and nothing of the function's rules.
//!
//! It keeps what a run could know (what the sources showed when its last look began, the statements
//! that it was given or has read, the group that it last read) and holds what the run does against
//! the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use chrono::TimeDelta;
use failover_follower::report::{Outcome, RouteReport};
use failover_follower::route::InstanceId;
use failover_follower::world::Target;
use tokio::time::Instant;

use crate::state::{Health, State, registered};
use crate::statement::Statement;
use crate::universe::PORT;

/// How long a statement is fresh: the longest that a failover has been seen to take is 38 s.
const FRESH: TimeDelta = TimeDelta::seconds(60);

/// What a run could know.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The payload's statements, and those that it has read in the log.
    pub(crate) statements: Vec<Statement>,
    /// What the sources showed when its last look began.
    asked: Option<Asked>,
    /// The group as it was last listed to it.
    read: Option<Read>,
    /// The members that refused the replica when it last looked them up.
    guarded: BTreeSet<InstanceId>,
}

/// What the sources showed at one moment; `None` where a source could not be asked.
#[derive(Clone, Debug)]
struct Asked {
    at: Instant,
    api: Option<(InstanceId, Instant)>,
    dns: Option<(InstanceId, Instant)>,
    log: bool,
    addresses: BTreeMap<InstanceId, Vec<Ipv4Addr>>,
}

/// A reading of the group.
#[derive(Debug)]
struct Read {
    held: Vec<Target>,
    /// Those of them that the run has not taken out since.
    stay: Vec<Target>,
    right: bool,
}

impl Asked {
    fn of(state: &State) -> Self {
        let shown = |health, named: &Option<InstanceId>, of| {
            let named = named.clone().filter(|_| health == Health::Up)?;
            Some((named, of))
        };
        Self {
            at: Instant::now(),
            api: shown(state.api_health, &state.api, state.api_witness.of),
            dns: shown(state.dns_health, &state.dns, state.dns_witness.of),
            log: state.api_health == Health::Up && !state.log.denied,
            addresses: state.dns_addresses.clone(),
        }
    }

    /// Whose address a target was.
    fn owner(&self, target: &Target) -> Option<&InstanceId> {
        let is_at = |address: &Ipv4Addr| Target::new(*address, PORT) == *target;
        let owner = |(_, addresses): &(&InstanceId, &Vec<Ipv4Addr>)| addresses.iter().any(is_at);
        self.addresses.iter().find(owner).map(|(member, _)| member)
    }

    /// Whether a look then could have known better than to register this target, which is not the
    /// Writer's:
    ///
    /// - The API or the CNAME named the Writer, and spoke of the flip that made it the Writer.
    /// - The log showed a statement that names the Writer, made since it was last demoted, and not
    ///   a minute or more before it was promoted.
    /// - The newest statement in the log was fresh, named another than the one registered, and was
    ///   newer than that one's promotion and than what the run knew in its favour.
    fn could_know_better(&self, state: &State, known: &[Statement], target: &Target) -> bool {
        let owner = self.owner(target);
        if owner == Some(&state.writer) {
            // It has changed its address since.
            return false;
        }
        let reigns = &state.reigns;
        let promoted = reigns.promoted(&state.writer);
        let names_writer = |shown: &Option<(InstanceId, Instant)>| {
            let shown = shown.as_ref();
            shown.is_some_and(|(named, of)| *named == state.writer && Some(*of) >= promoted)
        };
        if names_writer(&self.api) || names_writer(&self.dns) {
            return true;
        }
        if !self.log {
            return false;
        }
        let demoted = reigns.demoted(&state.writer).map(|at| state.time(at));
        let of_this_flip = |said: &Statement| {
            demoted.is_none_or(|demoted| said.time > demoted)
                && promoted.is_none_or(|at| said.time + FRESH > state.time(at))
        };
        let logged = || state.log.statements(self.at);
        if logged().any(|said| said.says.names() == Some(&state.writer) && of_this_flip(&said)) {
            return true;
        }
        let Some(newest) = logged().max_by_key(|said| said.time) else {
            return false;
        };
        let in_favour = known
            .iter()
            .filter(|said| said.says.names() == owner)
            .map(|said| said.time);
        let owner_promoted = owner
            .and_then(|owner| reigns.promoted(owner))
            .map(|at| state.time(at));
        let relied_on = in_favour.chain(owner_promoted).max();
        newest
            .says
            .names()
            .is_some_and(|named| Some(named) != owner)
            && newest.time + FRESH >= state.time(self.at)
            && relied_on.is_none_or(|relied_on| newest.time > relied_on)
    }
}

impl Known {
    /// A look begins.
    pub(crate) fn look(&mut self, state: &State) {
        self.asked = Some(Asked::of(state));
    }

    /// The group is listed.
    pub(crate) fn read(&mut self, state: &State) {
        let held = registered(state.listed());
        let right = state.may_hold(&held);
        let stay = held.clone();
        self.read = Some(Read { held, stay, right });
    }

    /// The members were looked up.
    pub(crate) fn surveyed(&mut self, state: &State) {
        self.guarded.clone_from(&state.members.guarded);
    }

    /// Adds a write to the history, and what the sources showed when the look began that it rests
    /// on.
    pub(crate) fn tell(&self, state: &mut State, run: &str, what: &str) {
        let asked = self.asked.as_ref();
        let shown = asked.map_or_else(String::new, |asked| asked.describe(state));
        state.tell(format!("[{run}] {what} ({shown})"));
    }

    /// The run has taken targets out.
    pub(crate) fn took_out(&mut self, targets: &BTreeSet<Target>) {
        if let Some(read) = &mut self.read {
            read.stay.retain(|target| !targets.contains(target));
        }
    }

    /// A registration has landed.
    pub(crate) fn registered(&self, state: &mut State, run: &str, target: &Target) {
        if !state.is_home(target) {
            break_law(state, run, &format!("{target} is no member's address"));
        }
        let read = self.read.iter().flat_map(|read| &read.stay);
        let others: Vec<&Target> = read.filter(|other| *other != target).collect();
        let stands_by = |target: &Target| {
            let owner = state.owner(target);
            state.members.held && owner.is_some_and(|owner| self.guarded.contains(owner))
        };
        let refuses = stands_by(target);
        let may_be_beside = others.len() <= 1 && refuses && others.iter().all(|one| stands_by(one));
        if !others.is_empty() && !may_be_beside {
            let law = format!("{target} is registered beside {others:?}, which were listed");
            break_law(state, run, &law);
        }
        if *target == state.right() || refuses {
            return;
        }
        state.ledger.tally.another.hit();
        let asked = self.asked.as_ref();
        let avoidable =
            asked.is_some_and(|asked| asked.could_know_better(state, &self.statements, target));
        if avoidable {
            state.ledger.tally.avoidable.hit();
        }
        let how = if avoidable { ", avoidably" } else { "" };
        let writer = state.writer.clone();
        state.tell(format!(
            "[{run}] ### another than {writer} is registered{how}"
        ));
    }

    /// A run has ended with a report.
    pub(crate) fn ended(&self, state: &mut State, run: &str, report: &RouteReport) {
        state.tell(format!(
            "[{run}] ends {:?} after {} looks, the group holds {}",
            report.outcome,
            report.looks,
            list(report.targets.iter().flatten())
        ));
        if !matches!(report.outcome, Outcome::Unchanged | Outcome::Switched) {
            return;
        }
        let held = self.read.as_ref().map(|read| read.held.as_slice());
        let is_reported = |target: &Target| {
            let writer = report.writer.as_ref();
            let asked = self.asked.as_ref().and_then(|asked| asked.owner(target));
            writer.is_some() && (asked == writer || Asked::of(state).owner(target) == writer)
        };
        let stands_by = |target: &Target| {
            let asked = self.asked.as_ref().and_then(|asked| asked.owner(target));
            let owner = asked.or_else(|| state.owner(target));
            state.members.held && owner.is_some_and(|owner| self.guarded.contains(owner))
        };
        let is_as_reported = |held: &[Target]| match held {
            [one] => is_reported(one),
            [one, other] => {
                stands_by(one) && stands_by(other) && (is_reported(one) || is_reported(other))
            }
            _ => false,
        };
        if !held.is_some_and(is_as_reported) {
            let law = format!("success over {held:?} as of {:?}", report.writer);
            break_law(state, run, &law);
        }
        if self.read.as_ref().is_some_and(|read| !read.right) {
            state.ledger.tally.success_over_wrong.hit();
        }
        let newest = self.statements.iter().max_by_key(|said| said.time);
        let contradicted = newest.is_some_and(|said| {
            let is_fresh = said.time + FRESH >= state.time(Instant::now());
            let names = said.says.names();
            let is_member = names.is_some_and(|named| state.addresses.contains_key(named));
            is_fresh && is_member && names != report.writer.as_ref()
        });
        if contradicted {
            state.ledger.tally.success_against_statement.hit();
            let said = newest.map_or_else(String::new, |said| said.says.to_string());
            state.tell(format!("[{run}] ### succeeds against: {said}"));
        }
    }
}

impl Asked {
    fn describe(&self, state: &State) -> String {
        let since_start = |at: Instant| at.duration_since(state.started).as_secs_f64();
        let shown = |shown: &Option<(InstanceId, Instant)>| match shown {
            None => "silent".to_owned(),
            Some((named, of)) => format!("{named} as of {:.3}", since_start(*of)),
        };
        let newest = state.log.statements(self.at).max_by_key(|said| said.time);
        let log = match newest {
            _ if !self.log => "silent".to_owned(),
            None => "empty".to_owned(),
            Some(said) => said.says.to_string(),
        };
        let [api, dns] = [&self.api, &self.dns].map(shown);
        let at = since_start(self.at);
        format!("looked at {at:.3}: api {api}, dns {dns}, log {log}")
    }
}

fn list<'a>(targets: impl Iterator<Item = &'a Target>) -> String {
    let targets: Vec<String> = targets.map(ToString::to_string).collect();
    format!("[{}]", targets.join(", "))
}

/// A law was broken outright.
fn break_law(state: &mut State, run: &str, how: &str) {
    let line = format!("{:8.3} [{run}] {how}", state.clock());
    state.tell(format!("*** {line}"));
    state.broken.push(line);
}
