//! Who is in the group beside the Writer, where it holds members: the table of `standby.rs`, row by
//! row, and what a statement makes of a group of two.

use failover_follower::address::NoAddress;
use failover_follower::config::OnFailoverStart;
use failover_follower::decision::{Decision, Pending};
use failover_follower::observe::Observation;
use failover_follower::standby::{Alone, Standby};
use failover_follower::world::{CallError, Cause, Survey, Target};

use crate::guarded::{all_guarded, assert_plan, remembered, scene, survey, surveyed};
use crate::scene::{Scene, evict, id, logs, seen, silent, target, targets};

#[test]
fn nothing_to_do_comes_first() {
    let scene = scene("a b", all_guarded());
    assert!(scene.plan().is_empty(), "{}", scene.plan());
    assert!(
        matches!(scene.decide().standby(), Standby::Holds { instance, .. } if *instance == id("b"))
    );
}

#[test]
fn a_standby_comes_in_beside_the_writer_and_the_second_round_has_nothing_to_do() {
    let scene = scene("a", all_guarded());
    assert_plan(&scene, "", Some("b"));
    let after = scene.carried_out();
    assert_eq!(after.held(), targets("a b"));
    assert!(after.plan().is_empty(), "{}", after.plan());
}

#[test]
fn into_an_empty_group_the_writer_comes_first() {
    let empty = logs(seen("a", "a", ""), &[]);
    let scene = Scene::of_members(&[], empty.clone()).looks_until(40, &empty);
    let scene = scene.look(41, surveyed(seen("a", "a", ""), all_guarded()));
    let plan = scene.plan();
    assert_eq!(plan.registers_next(), Some(&target("a")));
}

#[test]
fn the_lowest_tier_is_promoted_next_then_the_larger_class() {
    let tier = survey("c", |member| member.tier = Some(0));
    assert_plan(&scene("a", tier.clone()), "", Some("c"));
    assert_plan(&scene("a b", tier), "b", Some("c"));
    let class = survey("c", |member| member.class = "db.r7g.2xlarge".to_owned());
    assert_plan(&scene("a b", class), "b", Some("c"));
}

#[test]
fn one_that_is_as_good_stays_so_that_the_group_stays() {
    assert_plan(&scene("a c", all_guarded()), "", None);
}

#[test]
fn one_that_is_not_available_does_not_come_in_and_one_that_restarts_stays() {
    for status in ["rebooting", "modifying", "deleting", "stopped", "anything"] {
        let busy = survey("b", |member| member.status = status.to_owned());
        assert_plan(&scene("a", busy), "", Some("c"));
    }
    let restarts = survey("b", |member| member.status = "rebooting".to_owned());
    assert_plan(&scene("a b", restarts), "", None);
    let deleted = survey("b", |member| member.status = "deleting".to_owned());
    assert_plan(&scene("a b", deleted), "b", Some("c"));
}

#[test]
fn an_announcement_takes_the_old_writer_out_and_the_named_one_stays() {
    let memory = remembered(scene("a b", all_guarded()));
    let scene = Scene::later(60, &[("started b", 60)], memory, seen("a", "a", "a b"));
    assert_eq!(scene.plan().deregister, targets("a"));
    assert_eq!(scene.plan().registers_next(), None);
    let arrived = scene.carried_out().look(70, seen("b", "a", "b"));
    assert_plan(&arrived, "", None);
    assert_eq!(arrived.decide().writer(), Some(&id("b")));
}

#[test]
fn whom_an_announcement_names_comes_in_where_the_guard_is_seen_and_there_is_room() {
    let announced = |survey| {
        let first = logs(seen("a", "a", "a b"), &[("started c", 0)]);
        let scene = Scene::of_members(&[("started c", 0)], first);
        assert_eq!(scene.plan().deregister, targets("a b"));
        assert_eq!(
            scene.plan().registers_next(),
            None,
            "not before it is looked up"
        );
        assert!(scene.decide().standby().asks());
        scene
            .carried_out()
            .look(1, surveyed(seen("a", "a", ""), survey))
    };
    assert_plan(&announced(all_guarded()), "", Some("c"));
    assert_plan(
        &announced(survey("c", |it| it.init_connect = None)),
        "",
        None,
    );
    assert_plan(
        &announced(survey("a", |it| it.init_connect = None)),
        "",
        None,
    );
    assert_plan(
        &announced(survey("c", |it| it.status = "stopped".to_owned())),
        "",
        None,
    );
    // With `wait` the old Writer and its standby stay, and there is no room.
    let first = surveyed(seen("a", "a", "a b"), all_guarded());
    let scene = Scene::of_members(&[("started c", 0)], first);
    let waiting = scene.decide_with(OnFailoverStart::Wait);
    assert_eq!(waiting, evict("", Pending::Failover(id("c"))));
}

/// The one that is named would stand beside it, though the API lists no Writer.
#[test]
fn whom_an_announcement_names_does_not_come_in_beside_a_member_without_the_guard() {
    let waiting = |survey| {
        let first = surveyed(seen("none", "a", "a"), survey);
        let scene = Scene::of_members(&[("started c", 0)], first);
        let decision = scene.decide_with(OnFailoverStart::Wait);
        decision.standby().target().cloned()
    };
    assert_eq!(waiting(all_guarded()), Some(target("c")));
    assert_eq!(waiting(survey("a", |it| it.init_connect = None)), None);
}

#[test]
fn the_old_writer_comes_back_when_the_new_one_has_been_confirmed_for_three_minutes() {
    let after = |seconds: i64| {
        let said = [("started b", -10 - seconds), ("completed b", -seconds)];
        let two = |survey: Survey| {
            let mut survey = survey;
            survey.members.remove(&id("c"));
            survey
        };
        let mut look = logs(seen("b", "b", "b"), &said);
        look.topology.as_mut().unwrap().instances.remove(&id("c"));
        look.addresses.remove(&id("c"));
        let first = Scene::of_members(&[], look.clone());
        let look = Observation {
            survey: Some(Ok(two(all_guarded()))),
            ..look
        };
        first.look(1, look)
    };
    let soon = after(170);
    assert_plan(&soon, "", None);
    assert_eq!(soon.decide().alone(), Some(&Alone::Recent));
    assert_plan(&after(180), "", Some("a"));
}

#[test]
fn one_that_is_in_after_an_unannounced_failover_stays_the_standby() {
    let said = [("completed b", -2)];
    let first = logs(seen("b", "a", "a b"), &said);
    let scene = Scene::of_members(&[], first.clone());
    assert!(scene.plan().is_empty(), "{}", scene.plan());
    let looked = Observation {
        survey: Some(Ok(survey("a", |it| it.status = "rebooting".to_owned()))),
        ..first
    };
    assert_plan(&scene.look(1, looked), "", None);
}

#[test]
fn without_a_log_a_standby_comes_in_when_the_process_has_known_the_writer_for_three_minutes() {
    let denied = |group: &str| {
        let error = CallError::new("rds:DescribeEvents", Cause::Denied, "");
        Observation {
            log: Some(Err(error)),
            survey: Some(Ok(all_guarded())),
            ..seen("a", "a", group)
        }
    };
    let scene = Scene::of_members(&[], denied("a"));
    assert_plan(&scene.clone().looks_until(175, &denied("a")), "", None);
    assert_plan(&scene.looks_until(180, &denied("a")), "", Some("b"));
}

#[test]
fn a_member_found_alone_without_the_writer_is_explained_before_the_writer_comes_in() {
    let found = || logs(seen("a", "a", "b"), &[]);
    let scene = Scene::of_members(&[], found());
    let reason = |scene: &Scene| match scene.decide() {
        Decision::Evict { pending, .. } => pending == Pending::Reason(id("a")),
        Decision::Follow { .. } => false,
    };
    assert!(
        reason(&scene),
        "the other may have left for an announcement"
    );
    let scene = scene.look(1, surveyed(seen("a", "a", "b"), all_guarded()));
    assert!(reason(&scene));
    let settled = scene.clone().looks_until(31, &found());
    assert_eq!(settled.plan().register, Some(target("a")));
    let unguarded = survey("b", |it| it.init_connect = None);
    let scene = scene.look(2, surveyed(seen("a", "a", "b"), unguarded));
    assert_eq!(
        scene.plan().deregister,
        targets("b"),
        "as where it holds the Writer"
    );
    assert_eq!(scene.plan().register, Some(target("a")));
}

#[test]
fn of_three_the_ones_that_are_not_next_leave() {
    assert_plan(&scene("a b c", all_guarded()), "c", None);
}

#[test]
fn a_run_takes_its_own_target_out_only_where_there_are_too_many() {
    let own = scene("a", all_guarded()).carried_out();
    assert_eq!(own.held(), targets("a b"));
    let two = own.clone().look(5, seen("-", "-", "a b"));
    assert!(two.plan().is_empty(), "{}", two.plan());
    let three = own.clone().look(5, seen("-", "-", "a b c"));
    assert_plan(&three, "b", None);
    let lost = surveyed(
        seen("-", "-", "a b"),
        survey("b", |it| it.init_connect = None),
    );
    assert_plan(&own.look(5, lost), "b", None);
}

#[test]
fn a_standby_whose_address_is_unknown_stays_for_ten_seconds() {
    let begin = scene("a b", all_guarded());
    let mut unknown = logs(seen("a", "a", "a b"), &[]);
    unknown
        .addresses
        .insert(id("b"), Err(NoAddress::Silent(silent())));
    let scene = begin.looks_until(6, &unknown);
    assert!(scene.plan().is_empty(), "{}", scene.plan());
    assert!(!scene.decide().standby().asks());
    assert_plan(&scene.looks_until(21, &unknown), "b", None);
}

#[test]
fn a_stranger_leaves_a_group_of_members() {
    let mut look = surveyed(seen("a", "a", "a b"), all_guarded());
    let strange = Target {
        port: 3307,
        ..target("c")
    };
    look.targets.as_mut().unwrap().insert(strange.clone());
    let first = Scene::of_members(&[], look.clone());
    assert_eq!(first.look(1, look).plan().deregister, [strange].into());
}

#[test]
fn guarded_members_stay_though_no_writer_is_listed_for_long() {
    let none = |survey| surveyed(seen("none", "a", "a b"), survey);
    let guarded = none(all_guarded());
    let scene = Scene::of_members(&[], guarded.clone());
    let scene = scene.looks_until(75, &guarded);
    assert!(scene.plan().is_empty(), "{}", scene.plan());
    let lost = none(survey("b", |it| it.init_connect = None));
    assert_eq!(scene.look(76, lost).plan().deregister, targets("a b"));
}

#[test]
fn a_cluster_of_one_has_no_standby_and_nothing_to_complain_of() {
    let mut look = logs(seen("a", "a", "a"), &[]);
    for name in ["b", "c"] {
        look.topology.as_mut().unwrap().instances.remove(&id(name));
        look.addresses.remove(&id(name));
    }
    let mut one = all_guarded();
    one.members.retain(|name, _| *name == id("a"));
    let scene = Scene::of_members(&[], look.clone());
    let scene = scene.look(
        1,
        Observation {
            survey: Some(Ok(one)),
            ..look
        },
    );
    assert!(scene.plan().is_empty());
    assert_eq!(scene.decide().alone(), Some(&Alone::NoMember));
}
