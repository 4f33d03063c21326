//! When a new address of an instance counts.
//!
//! An instance has one name, whose address moves when the standby takes over; only DNS knows it. So
//! a new address has no second source, and is confirmed by DNS twice: by two answers that lie
//! further apart than an answer is kept, with no other answer between them. Then they are no two
//! readings of one cached answer, and an answer that goes back and forth confirms nothing. The
//! address that the group holds needs no confirmation: nothing is written for it.

use std::net::Ipv4Addr;

use chrono::{DateTime, TimeDelta, Utc};

use crate::observe::Observation;
use crate::world::{CallError, Cause};

/// How far apart the two answers have to lie: RDS's names have a TTL of 5 s, and answers come a
/// little later than they were asked for.
const APART: TimeDelta = TimeDelta::seconds(6);

/// What DNS has said of an instance's address in this run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Settling {
    /// The address, and when it was first shown with none other since.
    shown: Option<(Ipv4Addr, DateTime<Utc>)>,
}

impl Settling {
    /// Takes in a look whose answers had come by `now`, and takes an address out of it that is
    /// neither in the group nor confirmed. A cluster's members are left as they are: which of them
    /// is the Writer has sources of its own.
    pub fn note(&mut self, seen: &mut Observation, now: DateTime<Utc>) {
        let Some(instance) = seen.topology.as_ref().and_then(|all| all.alone()).cloned() else {
            return;
        };
        let Some(Ok(address)) = seen.addresses.get(&instance) else {
            return;
        };
        let address = *address;
        let since = match self.shown {
            Some((shown, since)) if shown == address => since,
            _ => now,
        };
        self.shown = Some((address, since));
        let target = seen.target(&instance);
        let held = seen.targets.as_ref().ok();
        let is_held = held.is_some_and(|held| target.is_some_and(|target| held.contains(&target)));
        if is_held || now - since >= APART {
            return;
        }
        let detail = format!(
            "`{instance}` resolves to {address} since {:.1} s, which has to be so for {} s",
            (now - since).as_seconds_f64(),
            APART.num_seconds()
        );
        let unconfirmed = CallError::new("dns", Cause::Unavailable, detail);
        seen.addresses.insert(instance, Err(unconfirmed.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::InstanceId;
    use crate::world::{Target, Topology};

    const OLD: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 11);
    const NEW: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 12);

    fn id() -> InstanceId {
        InstanceId::parse("db-1").unwrap()
    }

    /// A look at an instance at this address, while the group holds `OLD`.
    fn look(address: Ipv4Addr) -> Observation {
        let endpoint = "db-1.xyz.eu-west-1.rds.amazonaws.com".to_owned();
        Observation {
            api: Ok(Some(id())),
            dns: Ok(id()),
            log: None,
            survey: None,
            topology: Some(Topology {
                endpoint: endpoint.clone(),
                port: 3306,
                instances: [(id(), Some(endpoint))].into(),
                listed: true,
            }),
            addresses: [(id(), Ok(address))].into(),
            targets: Ok([Target::new(OLD, 3306)].into()),
        }
    }

    /// Which looks leave the address in, each so many seconds after the first.
    fn confirmed(looks: &[(i64, Ipv4Addr)]) -> Vec<i64> {
        let mut settling = Settling::default();
        let began = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut counts = |(at, address): &(i64, Ipv4Addr)| {
            let mut seen = look(*address);
            settling.note(&mut seen, began + TimeDelta::seconds(*at));
            seen.target(&id()).is_some()
        };
        looks
            .iter()
            .filter(|one| counts(one))
            .map(|(at, _)| *at)
            .collect()
    }

    #[test]
    fn the_address_in_the_group_counts_at_once() {
        assert_eq!(confirmed(&[(0, OLD), (1, OLD)]), [0, 1]);
    }

    #[test]
    fn a_new_address_counts_by_an_answer_that_lies_further_apart_than_one_is_kept() {
        let looks = [(0, NEW), (1, NEW), (5, NEW), (6, NEW), (7, NEW)];
        assert_eq!(confirmed(&looks), [6, 7]);
        assert_eq!(
            confirmed(&[(0, NEW), (9, NEW)]),
            [9],
            "two looks are enough"
        );
    }

    #[test]
    fn an_answer_that_goes_back_and_forth_confirms_nothing() {
        let looks = [(0, NEW), (3, OLD), (6, NEW), (9, OLD), (11, NEW), (16, NEW)];
        assert_eq!(
            confirmed(&looks),
            [3, 9],
            "what the group holds, and no other"
        );
    }

    #[test]
    fn a_clusters_members_are_left_as_they_are() {
        let mut seen = look(NEW);
        let other = InstanceId::parse("db-2").unwrap();
        let topology = seen.topology.as_mut().unwrap();
        topology.instances.insert(other, None);
        let before = seen.clone();
        Settling::default().note(&mut seen, Utc::now());
        assert_eq!(seen, before);
    }
}
