//! The limit: a follower that knows, at every moment and for nothing, what any witness shows.
//!
//! It is told of every change of the API, of the CNAME and of every event's arrival in the instant
//! they happen, decides by the function's own rule, and pays for nothing but its writes, which take
//! as long as anybody's. So its moment is the first at which the rule could have confirmed the Writer
//! from what the world showed: two witnesses, or an API that has kept to one word for as long as the
//! shortest watch. It empties the group at an announcement, as the function does by default.
//!
//! What lies between it and the function is looking once a second, the time that a look takes, not
//! being woken, and runs that each know of one event only.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use failover_follower::decide::{Beliefs, OnAnnouncement, confirmed, decide};
use failover_follower::look::Sighting;
use failover_follower::plan::Plan;
use failover_follower::route::InstanceId;
use failover_follower::trigger::{ANNOUNCED, FRESH, Hint, Word};
use failover_follower::world::{CallError, Cause, Topology, World};

use super::{hint, wait_until};
use crate::race::failover::Failover;
use crate::seat::Seat;
use crate::state::State;
use crate::universe::{PORT, Universe, route};

/// The function's shortest watch: how long it waits for witnesses that disagree (`src/watch.rs`).
const KEPT: Duration = Duration::from_secs(30);

pub(super) async fn follow(failover: &Failover, universe: &Universe) {
    let seat = Seat::new(universe, "all-knowing");
    let mut heard: Vec<(Duration, Hint)> = Vec::new();
    let mut moments = moments(failover);
    while let Some(now) = moments.pop_first().filter(|now| *now < failover.end) {
        wait_until(universe, now).await;
        for (_, payload) in failover.events.iter().filter(|(at, _)| *at == now) {
            let Some(hint) = hint(universe, payload) else {
                continue;
            };
            // A word loses its weight with age, and what it held up or held back then changes.
            let fades = [ANNOUNCED, FRESH].map(|life| (now + life).saturating_sub(hint.age));
            moments.extend(fades.map(|at| at.max(now) + Duration::from_millis(1)));
            heard.push((now, hint));
        }
        let plan = {
            let seen = see(&universe.now());
            let beliefs = Beliefs {
                word: word(&heard, now, &seen),
                on_announcement: OnAnnouncement::Clear,
                leave_empty: false,
                newcomers: BTreeSet::new(),
                api_throughout: kept(failover, now),
            };
            let decision = decide(&seen, &beliefs);
            Plan::new(&decision, &seen.targets.unwrap_or_default())
        };
        carry_out(&seat, &plan).await;
    }
}

/// The word that counts: of those that name whom the freshest names, one by which that instance is
/// confirmed, else an announcement that still stands.
fn word(heard: &[(Duration, Hint)], now: Duration, seen: &Sighting) -> Option<Word> {
    let freshest = heard
        .iter()
        .min_by_key(|(at, hint)| hint.age + (now.saturating_sub(*at)))?;
    let named = &freshest.1.instance;
    let words: Vec<Word> = heard
        .iter()
        .filter(|(_, hint)| hint.instance == *named)
        .filter_map(|(at, hint)| hint.word(now.saturating_sub(*at)))
        .collect();
    let confirms = |word: &&Word| confirmed(seen, Some(word)).as_ref() == Some(named);
    let announces = |word: &&Word| matches!(word, Word::Announced(_));
    let best = words.iter().find(confirms);
    best.or_else(|| words.iter().find(announces))
        .or_else(|| words.first())
        .cloned()
}

/// Whom the API has named for long enough to be believed alone.
fn kept(failover: &Failover, now: Duration) -> Option<InstanceId> {
    let (since, named) = failover.api.iter().rfind(|(at, _)| *at <= now)?;
    named.clone().filter(|_| now.saturating_sub(*since) >= KEPT)
}

/// Every moment at which a witness changes its word, or has kept it for long enough.
fn moments(failover: &Failover) -> BTreeSet<Duration> {
    let api = failover.api.iter().flat_map(|(at, _)| [*at, *at + KEPT]);
    let dns = failover.dns.iter().map(|(at, _)| *at);
    let events = failover.events.iter().map(|(at, _)| *at);
    api.chain(dns).chain(events).collect()
}

/// All there is to see.
fn see(state: &State) -> Sighting {
    let silent = || CallError::new("dns", Cause::NotFound, "no records found");
    let instances: BTreeMap<_, _> = state
        .addresses
        .keys()
        .map(|instance| (instance.clone(), Some(instance.to_string())))
        .collect();
    Sighting {
        api: Ok(state.api.clone()),
        dns: state.dns.clone().ok_or_else(silent),
        topology: Some(Topology {
            endpoint: route().cluster.to_string(),
            port: PORT,
            instances,
        }),
        addresses: state
            .addresses
            .iter()
            .map(|(instance, address)| (instance.clone(), Ok(*address)))
            .collect(),
        targets: Ok(state.registered().into_iter().collect()),
    }
}

async fn carry_out(seat: &Seat, plan: &Plan) {
    let group = route().group;
    if !plan.deregister.is_empty() {
        // Nothing fails in this race.
        let _ = seat.deregister(&group, &plan.deregister).await;
    }
    if let Some(target) = &plan.register {
        let _ = seat.register(&group, target).await;
    }
}
