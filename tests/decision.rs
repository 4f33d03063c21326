//! The decision and the plan: as a table, and as properties over everything a look can see.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use failover_follower::address::{NoAddress, suitable};
use failover_follower::decide::{Beliefs, Decision, OnAnnouncement, Pending, confirmed, decide};
use failover_follower::look::Sighting;
use failover_follower::plan::Plan;
use failover_follower::route::InstanceId;
use failover_follower::trigger::Word;
use failover_follower::world::{CallError, Cause, Target, Topology};
use proptest::prelude::*;

const MEMBERS: [&str; 3] = ["a", "b", "c"];
const PORT: u16 = 3306;

fn id(name: &str) -> InstanceId {
    InstanceId::parse(name).unwrap()
}

fn silent() -> CallError {
    CallError::new("dns", Cause::TimedOut, "")
}

fn address(name: &str) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, name.as_bytes()[0])
}

fn target(name: &str) -> Target {
    Target::new(address(name), PORT)
}

/// What a look sees when the witnesses name these; `-` is silence, and everybody's address is known.
fn seen(api: &str, dns: &str, registered: &[Target]) -> Sighting {
    let endpoint = |name: &str| format!("{name}.xyz.eu-west-1.rds.amazonaws.com");
    Sighting {
        api: match api {
            "-" => Err(silent()),
            "none" => Ok(None),
            name => Ok(Some(id(name))),
        },
        dns: if dns == "-" {
            Err(silent())
        } else {
            Ok(id(dns))
        },
        topology: Some(Topology {
            endpoint: "cluster.cluster-xyz.eu-west-1.rds.amazonaws.com".to_owned(),
            port: PORT,
            instances: MEMBERS
                .iter()
                .map(|name| (id(name), Some(endpoint(name))))
                .collect(),
        }),
        addresses: MEMBERS
            .iter()
            .map(|name| (id(name), Ok(address(name))))
            .collect(),
        targets: Ok(registered.iter().cloned().collect()),
    }
}

fn told(name: &str) -> Beliefs {
    Beliefs {
        word: Some(Word::Told(id(name))),
        ..Beliefs::default()
    }
}

fn announced(name: &str, on_announcement: OnAnnouncement) -> Beliefs {
    Beliefs {
        word: Some(Word::Announced(id(name))),
        on_announcement,
        ..Beliefs::default()
    }
}

fn follow(name: &str) -> Decision {
    Decision::Follow {
        writer: id(name),
        target: target(name),
    }
}

fn evict(targets: &[Target], pending: Pending) -> Decision {
    Decision::Evict {
        targets: targets.iter().cloned().collect(),
        pending,
    }
}

#[test]
fn nothing_to_do_comes_first() {
    let seen = seen("a", "a", &[target("a")]);
    let decision = decide(&seen, &Beliefs::default());
    assert_eq!(decision, follow("a"));
    assert!(Plan::new(&decision, seen.targets.as_ref().unwrap()).is_empty());
}

#[test]
fn two_of_three_witnesses_confirm() {
    // api, dns, hint (`!` before it: announced, else told), confirmed
    for (api, dns, hint, expected) in [
        ("a", "a", "-", "a"),
        ("a", "a", "a", "a"),
        ("a", "a", "b", "a"),
        ("a", "a", "!b", "a"),
        ("a", "b", "a", "a"),
        ("a", "b", "!a", "a"),
        ("a", "-", "a", "a"),
        ("a", "-", "!a", "a"),
        ("b", "a", "a", "a"),
        ("-", "a", "a", "a"),
        ("-", "a", "!a", "a"),
        ("b", "a", "!a", "-"), // a failback: DNS may be stale, and the API says that it isn't there yet
        ("none", "a", "!a", "-"), // the same, in the moment when the API lists no Writer
        ("none", "a", "a", "a"),
        ("none", "a", "-", "-"),
        ("a", "-", "-", "-"),
        ("-", "a", "-", "-"),
        ("-", "-", "a", "-"),
        ("-", "-", "!a", "-"),
        ("-", "-", "-", "-"),
        ("a", "b", "-", "-"),
        ("a", "b", "c", "-"),
        ("a", "-", "b", "-"),
        ("-", "a", "b", "-"),
        ("z", "z", "z", "-"), // nobody outside the cluster
    ] {
        let word = match hint.strip_prefix('!') {
            Some(name) => Some(Word::Announced(id(name))),
            None => (hint != "-").then(|| Word::Told(id(hint))),
        };
        let expected = (expected != "-").then(|| id(expected));
        assert_eq!(
            confirmed(&seen(api, dns, &[]), word.as_ref()),
            expected,
            "api {api}, dns {dns}, hint {hint}"
        );
    }
}

#[test]
fn an_announcement_empties_the_group_until_the_new_writer_is_confirmed() {
    let clear = announced("b", OnAnnouncement::Clear);
    let pending = || Pending::Failover(id("b"));
    assert_eq!(
        decide(&seen("a", "a", &[target("a")]), &clear),
        evict(&[target("a")], pending())
    );
    assert_eq!(
        decide(&seen("-", "-", &[target("a")]), &clear),
        evict(&[target("a")], pending())
    );
    assert_eq!(decide(&seen("a", "a", &[]), &clear), evict(&[], pending()));
    assert_eq!(decide(&seen("b", "a", &[]), &clear), follow("b"));
    assert_eq!(
        decide(&seen("-", "-", &[target("b")]), &clear),
        evict(&[], pending()),
        "b may stay"
    );
}

#[test]
fn a_group_that_was_cleared_is_not_cleared_again() {
    let hold = announced("b", OnAnnouncement::Hold);
    assert_eq!(
        decide(&seen("a", "a", &[target("a")]), &hold),
        evict(&[], Pending::Failover(id("b")))
    );
    assert_eq!(decide(&seen("b", "a", &[target("a")]), &hold), follow("b"));
}

#[test]
fn waiting_leaves_the_registered_target_until_the_new_writer_is_confirmed() {
    let wait = announced("b", OnAnnouncement::Nothing);
    assert_eq!(decide(&seen("a", "a", &[target("a")]), &wait), follow("a"));
    assert_eq!(decide(&seen("b", "a", &[target("a")]), &wait), follow("b"));
}

#[test]
fn the_announcement_of_somebody_outside_the_cluster_does_nothing() {
    let forged = announced("z", OnAnnouncement::Clear);
    assert_eq!(
        decide(&seen("a", "a", &[target("a")]), &forged),
        follow("a")
    );
}

#[test]
fn an_announcement_with_its_own_address_unknown_takes_out_only_other_members() {
    let mut sighting = seen(
        "a",
        "a",
        &[
            target("a"),
            Target {
                id: "10.9.9.9".to_owned(),
                port: PORT,
            },
        ],
    );
    sighting
        .addresses
        .insert(id("b"), Err(NoAddress::Silent(silent())));
    let decision = decide(&sighting, &announced("b", OnAnnouncement::Clear));
    assert_eq!(decision, evict(&[target("a")], Pending::Failover(id("b"))));
}

#[test]
fn a_confirmed_writer_without_an_address_evicts_known_others_and_nobody_else() {
    let stranger = Target {
        id: "10.9.9.9".to_owned(),
        port: PORT,
    };
    let mut sighting = seen("b", "b", &[target("a"), stranger]);
    sighting
        .addresses
        .insert(id("b"), Err(NoAddress::Silent(silent())));
    assert_eq!(
        decide(&sighting, &Beliefs::default()),
        evict(&[target("a")], Pending::Address(id("b")))
    );
}

#[test]
fn a_public_address_touches_nothing() {
    for beliefs in [Beliefs::default(), announced("b", OnAnnouncement::Clear)] {
        let mut sighting = seen("b", "b", &[target("a")]);
        sighting
            .addresses
            .insert(id("b"), suitable(&id("b"), &[Ipv4Addr::new(54, 1, 2, 3)]));
        let decision = decide(&sighting, &beliefs);
        assert!(matches!(decision, Decision::Refuse(_)), "{decision:?}");
        assert!(Plan::new(&decision, sighting.targets.as_ref().unwrap()).is_empty());
    }
}

#[test]
fn an_empty_group_can_be_left_empty_and_a_wrong_one_cannot() {
    let beliefs = Beliefs {
        leave_empty: true,
        ..Beliefs::default()
    };
    assert_eq!(
        decide(&seen("a", "a", &[]), &beliefs),
        evict(&[], Pending::Agreement(id("a")))
    );
    assert_eq!(
        decide(&seen("a", "a", &[target("b")]), &beliefs),
        follow("a")
    );
}

#[test]
fn a_member_that_came_in_a_moment_ago_is_left_in_and_nobody_else_is() {
    let stranger = Target::new(Ipv4Addr::new(10, 9, 9, 9), PORT);
    let beliefs = Beliefs {
        newcomers: BTreeSet::from([target("b"), stranger.clone()]),
        ..Beliefs::default()
    };
    let decided = |targets: &[Target]| decide(&seen("a", "a", targets), &beliefs);
    let agreement = Pending::Agreement(id("a"));
    assert_eq!(decided(&[target("b")]), evict(&[], agreement.clone()));
    assert_eq!(
        decided(&[target("b"), target("c")]),
        evict(&[target("c")], agreement)
    );
    assert_eq!(decided(&[stranger]), follow("a"), "it is no member");
    assert_eq!(
        decided(&[target("a"), target("b")]),
        follow("a"),
        "no run puts one in beside the Writer"
    );
}

#[test]
fn the_api_alone_is_believed_only_where_nobody_is_confirmed() {
    let beliefs = Beliefs {
        api_throughout: Some(id("a")),
        ..Beliefs::default()
    };
    assert_eq!(
        decide(&seen("a", "b", &[target("b")]), &beliefs),
        follow("a")
    );
    let beliefs = Beliefs {
        api_throughout: Some(id("a")),
        ..told("b")
    };
    assert_eq!(
        decide(&seen("a", "b", &[target("b")]), &beliefs),
        follow("b")
    );
}

#[test]
fn a_port_is_half_of_a_targets_identity() {
    let elsewhere = Target {
        port: 3307,
        ..target("a")
    };
    let registered = BTreeSet::from([elsewhere.clone()]);
    let plan = Plan::new(&follow("a"), &registered);
    assert_eq!(
        plan,
        Plan {
            deregister: registered,
            register: Some(target("a"))
        }
    );
    assert_eq!(
        plan.to_string(),
        format!("deregister {elsewhere}, then register {}", target("a"))
    );
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "z"])
}

fn any_target() -> impl Strategy<Value = Target> {
    (
        name(),
        prop::sample::select(vec![PORT, 3307]),
        any::<bool>(),
    )
        .prop_map(|(name, port, foreign)| Target {
            port,
            id: if foreign {
                "10.9.9.9".to_owned()
            } else {
                address(name).to_string()
            },
        })
}

fn any_address() -> impl Strategy<Value = Result<Vec<Ipv4Addr>, CallError>> {
    prop_oneof![
        6 => (1u8..=4).prop_map(|last| Ok(vec![Ipv4Addr::new(10, 0, 0, last)])),
        1 => Just(Ok(vec![Ipv4Addr::new(54, 1, 2, 3)])),
        1 => Just(Ok(vec![])),
        2 => Just(Err(silent())),
    ]
}

prop_compose! {
    /// Anything a look can see, its members' addresses included, which several may share.
    fn any_sighting()(
        api in prop_oneof![5 => name().prop_map(|name| Ok(Some(id(name)))), 1 => Just(Ok(None)), 2 => Just(Err(silent()))],
        dns in prop_oneof![5 => name().prop_map(|name| Ok(id(name))), 2 => Just(Err(silent()))],
        knows_layout in prop::bool::weighted(0.9),
        addresses in prop::collection::vec(any_address(), MEMBERS.len()),
        targets in prop_oneof![6 => prop::collection::btree_set(any_target(), 0..4).prop_map(Ok), 1 => Just(Err(silent()))],
    ) -> Sighting {
        let full = seen("a", "a", &[]);
        let addresses: BTreeMap<_, _> = MEMBERS.iter().zip(addresses).map(|(name, answer)| {
            let address = answer.map_err(NoAddress::Silent).and_then(|addresses| suitable(&id(name), &addresses));
            (id(name), address)
        }).collect();
        let topology = full.topology.filter(|_| knows_layout);
        Sighting { api, dns, addresses: if topology.is_some() { addresses } else { BTreeMap::new() }, topology, targets }
    }
}

prop_compose! {
    fn any_beliefs()(
        word in prop::option::of((name(), any::<bool>()).prop_map(|(name, announced)| {
            if announced { Word::Announced(id(name)) } else { Word::Told(id(name)) }
        })),
        on_announcement in prop::sample::select(vec![OnAnnouncement::Clear, OnAnnouncement::Hold, OnAnnouncement::Nothing]),
        leave_empty in any::<bool>(),
        newcomers in prop::collection::btree_set(any_target(), 0..3),
    ) -> Beliefs {
        Beliefs { word, on_announcement, leave_empty, newcomers, api_throughout: None }
    }
}

/// How many of the three witnesses name this member.
fn voices(sighting: &Sighting, beliefs: &Beliefs, member: &InstanceId) -> usize {
    let api = sighting.api.as_ref().ok().and_then(Option::as_ref) == Some(member);
    let dns = sighting.dns.as_ref().ok() == Some(member);
    let hint = beliefs.word.as_ref().map(Word::instance) == Some(member);
    [api, dns, hint].into_iter().filter(|names| *names).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// Laws 2 and 3: only a member that two witnesses name is registered, at its own address and the cluster's port.
    #[test]
    fn nothing_is_registered_but_the_confirmed_writers_target(sighting in any_sighting(), beliefs in any_beliefs()) {
        let decision = decide(&sighting, &beliefs);
        let held = sighting.targets.clone().unwrap_or_default();
        if let Some(registered) = Plan::new(&decision, &held).register {
            let Decision::Follow { writer, target } = decision else { panic!("{decision:?} registers") };
            prop_assert!(voices(&sighting, &beliefs, &writer) >= 2);
            prop_assert!(sighting.is_member(&writer));
            prop_assert_eq!(Some(registered.clone()), sighting.target(&writer));
            prop_assert_eq!(registered, target);
        }
    }

    /// Law 4: a group is emptied, or anybody taken out, only for a confirmed Writer or an announced failover.
    #[test]
    fn silence_detaches_nothing(sighting in any_sighting(), beliefs in any_beliefs()) {
        let held = sighting.targets.clone().unwrap_or_default();
        let plan = Plan::new(&decide(&sighting, &beliefs), &held);
        if !plan.deregister.is_empty() {
            let confirmed = MEMBERS.iter().any(|name| voices(&sighting, &beliefs, &id(name)) >= 2);
            let announced = matches!(&beliefs.word, Some(Word::Announced(next)) if sighting.is_member(next))
                && beliefs.on_announcement == OnAnnouncement::Clear;
            prop_assert!(confirmed || announced, "{plan}");
        }
    }

    /// Law 1: whoever the group holds once a Writer is followed is the Writer, and it never held a mixture on the way.
    #[test]
    fn a_followed_writer_is_alone(sighting in any_sighting(), beliefs in any_beliefs()) {
        let decision = decide(&sighting, &beliefs);
        let held = sighting.targets.clone().unwrap_or_default();
        let plan = Plan::new(&decision, &held);
        if let Decision::Follow { target, .. } = &decision {
            prop_assert_eq!(plan.applied_to(&held), BTreeSet::from([target.clone()]));
            let after_the_first_write: BTreeSet<_> = held.difference(&plan.deregister).cloned().collect();
            prop_assert!(after_the_first_write.is_empty() || after_the_first_write == BTreeSet::from([target.clone()]));
        }
    }

    /// Law 8: a plan made twice is empty the second time.
    #[test]
    fn the_second_round_is_empty(sighting in any_sighting(), beliefs in any_beliefs()) {
        let held = sighting.targets.clone().unwrap_or_default();
        let first = decide(&sighting, &beliefs);
        let after = Plan::new(&first, &held).applied_to(&held);
        let again = Sighting { targets: Ok(after.clone()), ..sighting };
        // The loop holds no empty group back that it emptied for the Writer itself.
        let beliefs = Beliefs { leave_empty: false, ..beliefs };
        let second = Plan::new(&decide(&again, &beliefs), &after);
        let filled_now = matches!(first, Decision::Evict { pending: Pending::Agreement(_), .. });
        prop_assert!(second.is_empty() || filled_now, "{second}");
    }

    /// Nothing unsuitable is ever planned, and a refusal touches nothing.
    #[test]
    fn a_refusal_touches_nothing(sighting in any_sighting(), beliefs in any_beliefs()) {
        let decision = decide(&sighting, &beliefs);
        let held = sighting.targets.clone().unwrap_or_default();
        if matches!(decision, Decision::Refuse(_)) {
            prop_assert!(Plan::new(&decision, &held).is_empty());
        }
    }
}
