//! What becomes of the group: scenarios, the one with nothing to do first.

use std::net::Ipv4Addr;

use failover_follower::address::{NoAddress, suitable};
use failover_follower::config::OnFailoverStart;
use failover_follower::decision::{Decision, Pending};
use failover_follower::observe::Observation;
use failover_follower::plan::Plan;
use failover_follower::world::{CallError, Cause, Target};

use crate::scene::{Scene, at, evict, follow, id, logs, seen, silent, target, targets};

fn reason(name: &str) -> Pending {
    Pending::Reason(id(name))
}

#[test]
fn nothing_to_do_comes_first() {
    let scene = Scene::new(&[], seen("a", "a", "a"));
    assert_eq!(scene.decide(), follow("a"));
    assert!(scene.plan().is_empty());
}

#[test]
fn a_plan_made_twice_is_empty_the_second_time() {
    for (group, planned) in [
        (
            "b",
            "deregister 10.0.0.98:3306, then register 10.0.0.97:3306",
        ),
        ("a b", "deregister 10.0.0.98:3306"),
    ] {
        let scene = Scene::new(&[], seen("a", "a", group));
        assert_eq!(scene.plan().to_string(), planned);
        let after = scene.carried_out();
        assert_eq!(after.held(), targets("a"));
        assert!(after.plan().is_empty(), "{}", after.plan());
    }
}

#[test]
fn a_write_that_the_list_does_not_show_yet_is_not_planned_again() {
    let lags = logs(seen("a", "a", "b"), &[]);
    let written = Scene::new(&[], lags.clone()).written();
    let soon = written.look(2, lags.clone());
    assert!(soon.plan().is_empty(), "{}", soon.plan());
    let late = soon.looks_until(60, &lags);
    assert!(!late.plan().is_empty(), "it was not done");
}

#[test]
fn an_announcement_clears_the_group_each_time_it_is_seen_filled() {
    let scene = Scene::new(&[("started b", 0)], seen("a", "a", "a"));
    let pending = || Pending::Failover(id("b"));
    assert_eq!(scene.decide(), evict("a", pending()));
    let refilled = scene.carried_out().look(5, seen("a", "a", "a"));
    assert_eq!(refilled.decide(), evict("a", pending()));
    let arrived = refilled.look(10, seen("b", "a", ""));
    assert_eq!(arrived.decide(), follow("b"), "seen to turn since");
}

#[test]
fn whom_an_announcement_or_a_completion_names_may_stay() {
    for said in ["started b", "completed b"] {
        let scene = Scene::new(&[(said, 0)], seen("a", "a", "a b c"));
        assert_eq!(scene.plan().deregister, targets("a c"), "{said}");
    }
}

#[test]
fn waiting_keeps_the_registered_target_and_registers_none() {
    let scene = Scene::new(&[("started b", 0)], seen("a", "a", "a"));
    let pending = || Pending::Failover(id("b"));
    let wait = |scene: &Scene| scene.decide_with(OnFailoverStart::Wait);
    assert_eq!(wait(&scene), evict("", pending()));
    assert_eq!(
        wait(&scene.look(5, seen("a", "a", ""))),
        evict("", pending())
    );
}

#[test]
fn a_completion_clears_even_where_announcements_do_not() {
    let scene = Scene::new(&[("completed b", 0)], seen("a", "a", "a"));
    let decision = scene.decide_with(OnFailoverStart::Wait);
    assert_eq!(decision, evict("a", Pending::Completion(id("b"))));
}

#[test]
fn an_announcement_of_an_instance_with_an_unknown_address_takes_out_only_other_members() {
    let mut unknown = seen("a", "a", "a");
    let strange = Target::new(Ipv4Addr::new(10, 9, 9, 9), 3306);
    unknown.targets.as_mut().unwrap().insert(strange);
    let unanswered = Err(NoAddress::Silent(silent()));
    unknown.addresses.insert(id("b"), unanswered);
    let scene = Scene::new(&[("started b", 0)], unknown);
    assert_eq!(scene.plan().deregister, targets("a"));
}

#[test]
fn a_log_that_holds_the_reason_explains_an_empty_group_at_once() {
    let found = logs(
        seen("b", "a", ""),
        &[("started b", -20), ("completed b", -5)],
    );
    assert_eq!(Scene::new(&[], found).decide(), follow("b"));
    let found = logs(seen("a", "a", ""), &[("started b", -5)]);
    let pending = Pending::Failover(id("b"));
    assert_eq!(Scene::new(&[], found).decide(), evict("", pending));
}

#[test]
fn an_empty_group_without_a_reason_is_left_until_a_later_log_shows_none() {
    let found = logs(seen("a", "a", ""), &[]);
    let scene = Scene::new(&[], found.clone());
    assert_eq!(scene.decide(), evict("", reason("a")));
    let read_early = scene.clone().looks_until(25, &found);
    assert_eq!(read_early.decide(), evict("", reason("a")));
    let unread = read_early.clone().looks_until(50, &seen("a", "a", ""));
    assert_eq!(unread.decide(), evict("", reason("a")), "not read since");
    assert_eq!(read_early.looks_until(35, &found).decide(), follow("a"));
}

#[test]
fn an_empty_group_without_a_reason_is_left_for_a_minute_where_there_is_no_log() {
    let denied = CallError::new("rds:DescribeEvents", Cause::Denied, "");
    let found = Observation {
        log: Some(Err(denied)),
        ..seen("a", "a", "")
    };
    let scene = Scene::new(&[], found.clone()).looks_until(55, &found);
    assert_eq!(scene.decide(), evict("", reason("a")));
    assert_eq!(scene.looks_until(65, &found).decide(), follow("a"));
}

#[test]
fn a_member_that_another_hand_put_in_is_left_until_the_log_shows_no_reason() {
    let (before, after) = (seen("a", "a", "a"), seen("a", "a", "b"));
    let changed = Scene::new(&[], before).look(5, logs(after.clone(), &[]));
    assert_eq!(changed.decide(), evict("", reason("a")));
    let settled = changed.looks_until(45, &logs(after, &[]));
    assert_eq!(settled.plan().register, Some(target("a")));
    assert_eq!(settled.plan().deregister, targets("b"));
}

#[test]
fn strangers_leave_a_group_that_another_hand_changed() {
    let mut changed = seen("a", "a", "b");
    let strange = Target::new(Ipv4Addr::new(10, 9, 9, 9), 3306);
    changed.targets.as_mut().unwrap().insert(strange.clone());
    let scene = Scene::new(&[], seen("a", "a", "a")).look(5, changed);
    assert_eq!(scene.plan().deregister, [strange].into());
}

#[test]
fn a_statement_explains_what_another_hand_changed() {
    let scene = Scene::new(&[], seen("a", "a", "a"));
    let changed = logs(seen("a", "a", "b"), &[("completed a", 3)]);
    assert_eq!(scene.look(5, changed).decide(), follow("a"));
}

#[test]
fn a_run_takes_its_own_target_out_that_it_finds_beside_another() {
    let own = Scene::new(&[], seen("a", "a", "c")).carried_out();
    assert_eq!(own.held(), targets("a"));
    for (api, dns) in [("-", "-"), ("b", "a"), ("a", "a")] {
        let beside = own.clone().look(5, seen(api, dns, "a b"));
        assert_eq!(beside.plan().deregister, targets("a"), "{api} {dns}");
        assert_eq!(beside.plan().register, None);
    }
}

#[test]
fn a_writer_with_an_address_that_cannot_be_registered_has_the_others_leave() {
    let mut public = seen("b", "b", "a");
    let address = suitable(&id("b"), &[Ipv4Addr::new(54, 1, 2, 3)]);
    public.addresses.insert(id("b"), address);
    let scene = Scene::new(&[], public);
    assert_eq!(scene.plan().deregister, targets("a"));
    assert_eq!(scene.plan().register, None);
    let Decision::Evict { pending, .. } = scene.decide() else {
        panic!("it is not registered");
    };
    assert!(matches!(pending, Pending::Suitable(..)), "{pending}");
}

#[test]
fn a_writer_with_an_unknown_address_has_known_others_leave() {
    let mut unknown = seen("b", "b", "a");
    let strange = Target::new(Ipv4Addr::new(10, 9, 9, 9), 3306);
    unknown.targets.as_mut().unwrap().insert(strange);
    let unanswered = Err(NoAddress::Silent(silent()));
    unknown.addresses.insert(id("b"), unanswered);
    let decision = Scene::new(&[], unknown).decide();
    assert_eq!(decision, evict("a", Pending::Address(id("b"))));
}

#[test]
fn members_leave_when_no_writer_has_been_listed_for_a_minute() {
    let none = seen("none", "a", "a");
    let scene = Scene::new(&[], none.clone()).looks_until(55, &none);
    assert_eq!(scene.decide(), evict("", Pending::Writer));
    let scene = scene.looks_until(65, &none);
    assert_eq!(scene.plan().deregister, targets("a"));
}

#[test]
fn a_gap_in_the_answers_begins_the_minute_anew() {
    let none = seen("none", "a", "a");
    let scene = Scene::new(&[], none.clone()).looks_until(40, &none);
    let scene = scene.looks_until(60, &seen("-", "a", "a"));
    let scene = scene.looks_until(75, &none);
    assert_eq!(scene.decide(), evict("", Pending::Writer));
}

#[test]
fn a_port_is_half_of_a_targets_identity() {
    let elsewhere = Target {
        port: 3307,
        ..target("a")
    };
    let registered = [elsewhere.clone()].into();
    let plan = Plan::new(&follow("a"), &registered);
    assert_eq!(plan.deregister, registered);
    assert_eq!(plan.register, Some(target("a")));
    let text = format!("deregister {elsewhere}, then register {}", target("a"));
    assert_eq!(plan.to_string(), text);
}

#[test]
fn a_statement_of_the_time_to_come_counts_as_of_now() {
    let early = logs(seen("b", "a", ""), &[("completed b", 500)]);
    let scene = Scene::new(&[], early);
    assert_eq!(scene.decide(), follow("b"));
    assert_eq!(scene.now, at(0));
}
