//! What holds whatever a run has seen, looks of all kinds at any times and statements of all times.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use failover_follower::address::{NoAddress, suitable};
use failover_follower::decision::Decision;
use failover_follower::evidence::Evidence;
use failover_follower::observe::Observation;
use failover_follower::statement::Statements;
use failover_follower::world::{CallError, Target};
use proptest::prelude::*;

use crate::scene::{MEMBERS, PORT, Scene, address, at, entry, id, seen, silent, statement};

/// `completed b`, and its second.
type Text = (String, i64);

fn texts(count: usize) -> impl Strategy<Value = Vec<Text>> {
    let text = prop_oneof![
        4 => name().prop_map(|name| format!("started {name}")),
        4 => name().prop_map(|name| format!("completed {name}")),
        1 => Just("failed".to_owned()),
    ];
    prop::collection::vec((text, -70..60_i64), 0..count)
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "z"])
}

fn any_target() -> impl Strategy<Value = Target> {
    let ports = prop::sample::select(vec![PORT, PORT, PORT, 3307]);
    (name(), ports).prop_map(|(name, port)| Target {
        port,
        id: address(name).to_string(),
    })
}

fn any_address() -> impl Strategy<Value = Result<Vec<Ipv4Addr>, CallError>> {
    prop_oneof![
        6 => (1u8..=4).prop_map(|last| Ok(vec![Ipv4Addr::new(10, 0, 0, last)])),
        1 => Just(Ok(vec![Ipv4Addr::new(54, 1, 2, 3)])),
        1 => Just(Ok(vec![])),
        1 => Just(Err(silent())),
    ]
}

prop_compose! {
    /// Anything a look can see; of the log what it shows by then of the story's.
    fn any_look()(
        api in prop_oneof![
            6 => name().prop_map(|name| Ok(Some(id(name)))),
            1 => Just(Ok(None)),
            2 => Just(Err(silent())),
        ],
        dns in prop_oneof![5 => name().prop_map(|name| Ok(id(name))), 2 => Just(Err(silent()))],
        log in prop::option::of(texts(3)),
        listed in prop::bool::weighted(0.9),
        addresses in prop::option::weighted(0.3, prop::collection::vec(any_address(), 3)),
        targets in prop_oneof![
            6 => prop::collection::btree_set(any_target(), 0..4).prop_map(Ok),
            1 => Just(Err(silent())),
        ],
    ) -> Observation {
        let all = seen("-", "-", "");
        let own = |addresses: Vec<_>| MEMBERS.iter().zip(addresses).map(|(name, answer)| {
            let found = |addresses: Vec<_>| suitable(&id(name), &addresses);
            (id(name), Result::map_err(answer, NoAddress::Silent).and_then(found))
        }).collect();
        let mut topology = all.topology;
        if let Some(topology) = &mut topology {
            topology.listed = listed;
        }
        let logged = |(text, time): &Text| entry((text, *time));
        let log = log.map(|texts| Ok(texts.iter().map(logged).collect()));
        let addresses: BTreeMap<_, _> = addresses.map_or(all.addresses, own);
        Observation { api, dns, log, survey: None, topology, addresses, targets }
    }
}

prop_compose! {
    fn any_scene()(
        payload in texts(3),
        looks in prop::collection::vec((any_look(), 1..25_i64), 1..6),
    ) -> Scene {
        let said = payload.iter().map(|(text, time)| statement((text, (*time).min(0))));
        let mut evidence = Evidence::new(Statements::of_payload(said), at(0));
        let mut seconds = 0;
        for (look, gap) in &looks {
            evidence.note(look, at(seconds));
            seconds += gap;
        }
        let (seen, gap) = looks.last().cloned().unwrap();
        Scene { evidence, seen, now: at(seconds - gap) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn the_same_context_gives_the_same_decision(scene in any_scene()) {
        prop_assert_eq!(scene.decide(), scene.clone().decide());
    }

    /// Law 2: only a member is registered, at its own address and the cluster's port.
    #[test]
    fn nothing_is_registered_but_a_members_target(scene in any_scene()) {
        if let Decision::Follow { writer, target, .. } = scene.decide() {
            prop_assert!(scene.seen.may_be_member(&writer));
            prop_assert_eq!(Some(target.clone()), scene.seen.target(&writer));
            prop_assert_eq!(target.port, PORT);
        }
    }

    /// The API is not outvoted; while it is silent, the newest statement is a completion, and the
    /// CNAME names the same.
    #[test]
    fn what_contradicts_is_never_overruled(scene in any_scene()) {
        if let Decision::Follow { writer, .. } = scene.decide() {
            if let Ok(listed) = &scene.seen.api {
                prop_assert_eq!(listed.as_ref(), Some(&writer));
            } else {
                prop_assert_eq!(scene.seen.dns.as_ref(), Ok(&writer));
                let member = |instance: &_| scene.seen.may_be_member(instance);
                let standing = scene.evidence.statements.standing(scene.now, member);
                prop_assert_eq!(standing.announced, None);
                let completed = standing.completed.map(|(named, _)| named);
                prop_assert_eq!(completed, Some(&writer));
            }
        }
    }

    /// An announcement that counts keeps all others out, whatever else is seen.
    #[test]
    fn nothing_is_registered_against_a_standing_announcement(scene in any_scene()) {
        let member = |instance: &_| scene.seen.may_be_member(instance);
        let announced = scene.evidence.statements.standing(scene.now, member).announced;
        if let (Some((next, _)), Decision::Follow { writer, .. }) = (announced, scene.decide()) {
            prop_assert_eq!(&writer, next);
        }
    }

    /// Law 1: the Writer that is followed is alone afterwards, and never beside another on the way.
    #[test]
    fn a_followed_writer_is_alone(scene in any_scene()) {
        if let Decision::Follow { target, .. } = scene.decide() {
            let held = scene.held();
            let first: BTreeSet<_> = held.difference(&scene.plan().deregister).cloned().collect();
            prop_assert!(first.is_subset(&BTreeSet::from([target.clone()])));
            prop_assert_eq!(scene.carried_out().held(), BTreeSet::from([target]));
        }
    }

    /// Law 4: with no statement and no answer of the API ever, nothing leaves.
    #[test]
    fn silence_detaches_nothing(looks in prop::collection::vec(any_look(), 1..5)) {
        let mut evidence = Evidence::new(Statements::default(), at(0));
        let mut last = seen("-", "-", "");
        for (look, seconds) in looks.into_iter().zip((0..).step_by(10)) {
            last = Observation { api: Err(silent()), log: Some(Ok(Vec::new())), ..look };
            evidence.note(&last, at(seconds));
        }
        let scene = Scene { evidence, seen: last, now: at(40) };
        prop_assert!(scene.plan().is_empty(), "{}", scene.plan());
    }

    /// Law 8: a plan made twice is empty the second time.
    #[test]
    fn the_second_round_is_empty(scene in any_scene()) {
        let after = scene.carried_out();
        prop_assert!(after.plan().is_empty(), "{}", after.plan());
    }
}
