//! The limit: the function's own machine, driven by somebody who knows, at every moment and for
//! nothing, what each witness shows.
//!
//! It looks in the instant in which the API, the CNAME or an event's arrival changes anything, and
//! in which a piece of evidence comes of age; its event log has every event as soon as it has
//! arrived; it is one run that never ends. It pays for nothing but its writes, which take as long
//! as anybody's. So its moment is the first at which the rule could have confirmed the Writer from
//! what the world showed.
//!
//! What lies between it and the function is looking once a second, the time that a look takes, not
//! being invoked, and runs that each know less.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use failover_follower::config::Settings;
use failover_follower::observe::Observation;
use failover_follower::run::{Action, Event, Run};
use failover_follower::trigger;
use failover_follower::watch::WatchPolicy;
use failover_follower::world::{CallError, Cause, LogEntry, Topology, World};
use serde_json::Value;

use super::wait_until;
use crate::payload::{text, wall_clock};
use crate::race::failover::Failover;
use crate::seat::Seat;
use crate::state::State;
use crate::universe::{PORT, Universe, route};

/// After how many seconds a piece of evidence comes of age, or stops to count (`src/decide.rs`).
const AGES: [u64; 5] = [6, 10, 30, 45, 60];

pub(super) async fn follow(failover: &Failover, universe: &Universe) {
    let seat = Seat::new(universe, "all-knowing");
    let group = route().group;
    let began = wall_clock(universe.started());
    let policy = WatchPolicy::default();
    let mut run = Run::new(Settings::default(), policy, began, failover.end);
    let mut moments = moments(failover);
    let mut log: Vec<LogEntry> = Vec::new();
    while let Some(now) = moments.pop_first().filter(|now| *now < failover.end) {
        wait_until(universe, now).await;
        let arriving = failover.events.iter().filter(|(at, _)| *at == now);
        log.extend(arriving.filter_map(|(_, payload)| entry(universe, payload)));
        let mut event = look(universe, &log);
        loop {
            event = match run.step(event, universe.started().elapsed()) {
                Action::Deregister(targets) => {
                    Event::Written(seat.deregister(&group, &targets).await)
                }
                Action::Register(target) => Event::Written(seat.register(&group, &target).await),
                // At once, or at the next moment.
                Action::Look { at, .. } if at <= universe.started().elapsed() => {
                    look(universe, &log)
                }
                Action::Look { .. } | Action::End => break,
            };
        }
    }
}

/// Every moment at which a witness changes what it shows, or at which that comes of age.
fn moments(failover: &Failover) -> BTreeSet<Duration> {
    let api = failover.api.iter().map(|(at, _)| *at);
    let dns = failover.dns.iter().map(|(at, _)| *at);
    let events = failover.events.iter().map(|(at, _)| *at);
    let changes: BTreeSet<Duration> = api.chain(dns).chain(events).collect();
    let ages = AGES.map(|age| Duration::from_secs(age) + Duration::from_millis(1));
    let later = changes.iter().flat_map(|at| ages.map(|age| *at + age));
    later.chain(changes.iter().copied()).collect()
}

/// What the event log holds of an event.
fn entry(universe: &Universe, payload: &Value) -> Option<LogEntry> {
    let triggers = trigger::read(payload, wall_clock(universe.started()));
    let time = triggers.first()?.event.as_ref()?.time?;
    let message = text(payload)?;
    Some(LogEntry { time, message })
}

/// All there is to see.
fn look(universe: &Universe, log: &[LogEntry]) -> Event {
    Event::Looked {
        asked: universe.started().elapsed(),
        seen: Box::new(see(&universe.now(), log)),
    }
}

fn see(state: &State, log: &[LogEntry]) -> Observation {
    let silent = || CallError::new("dns", Cause::NotFound, "no records found");
    let instances: BTreeMap<_, _> = state
        .addresses
        .keys()
        .map(|instance| (instance.clone(), Some(instance.to_string())))
        .collect();
    Observation {
        api: Ok(state.api.clone()),
        dns: state.dns.clone().ok_or_else(silent),
        log: Some(Ok(log.to_vec())),
        survey: None,
        topology: Some(Topology {
            endpoint: route().source.as_str().to_owned(),
            port: PORT,
            instances,
            listed: true,
        }),
        addresses: state
            .addresses
            .iter()
            .map(|(instance, address)| (instance.clone(), Ok(*address)))
            .collect(),
        targets: Ok(state.registered().into_iter().collect()),
    }
}
