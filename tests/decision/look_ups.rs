//! The members' look-up: what it shows of the guard, for how long it counts, and what it is worth
//! where it fails.

use failover_follower::guard::{Unguarded, statement};
use failover_follower::standby::Alone;
use failover_follower::world::{Cause, Member, Survey};

use crate::guarded::{
    all_guarded, assert_plan, failing, later, remembered, scene, survey, surveyed, unguarded,
};
use crate::scene::{Scene, id, logs, seen, target, targets};

#[test]
fn the_first_look_asks_for_no_member_and_leaves_whoever_is_in() {
    for group in ["a", "a b", "a c"] {
        let first = Scene::of_members(&[], logs(seen("a", "a", group), &[]));
        assert!(first.plan().is_empty(), "{}", first.plan());
        assert!(first.decide().standby().asks());
    }
}

/// Each is less than certain.
#[test]
fn without_the_guard_seen_the_writer_is_alone_and_it_is_said_why() {
    type How = fn(&mut Member);
    let cases: [(How, &str); 7] = [
        (|it| it.init_connect = None, "no guard in its init_connect"),
        (
            |it| it.init_connect = Some("SET NAMES utf8mb4".to_owned()),
            "no guard in its init_connect",
        ),
        (
            |it| it.init_connect = Some(statement("another")),
            "its guard is for \"another\" and not for \"rpluser001\"",
        ),
        (
            |it| it.init_connect = Some("SET @a = EXTRACTVALUE('<a/>', '~x')".to_owned()),
            "its init_connect is no guard: an error that is constant",
        ),
        (
            |it| it.init_connect = Some("CALL guard(@@innodb_read_only)".to_owned()),
            "its init_connect has a form that is not known",
        ),
        (
            |it| {
                it.init_connect = Some(
                    "SET @a = IF(@@innodb_read_only, (SELECT 1 UNION SELECT 2), NULL)".to_owned(),
                );
            },
            "its init_connect is no guard: without a condition on the user",
        ),
        (
            |it| it.pending = Some("its parameter group is pending-reboot".to_owned()),
            "its parameters are not in effect: its parameter group is pending-reboot",
        ),
    ];
    for (how, why) in cases {
        for name in ["a", "b"] {
            let seen_so = survey(name, how);
            assert_plan(&scene("a", seen_so.clone()), "", None);
            let both = scene("a b", seen_so);
            assert_plan(&both, "b", None);
            let told = unguarded(&both);
            assert!(told.starts_with(&format!("`{name}`: {why}")), "{told}");
        }
    }
}

#[test]
fn another_engine_has_no_guard() {
    // The readers of a Multi-AZ DB cluster of MySQL are no `innodb_read_only`.
    for engine in ["aurora-postgresql", "mysql"] {
        let another = Survey {
            engine: engine.to_owned(),
            ..all_guarded()
        };
        let scene = scene("a b", another);
        assert_plan(&scene, "b", None);
        assert!(unguarded(&scene).contains(&format!("{engine:?}")));
    }
}

#[test]
fn an_instance_that_no_look_up_found_is_not_guarded() {
    let mut without = all_guarded();
    without.members.remove(&id("a"));
    let scene = scene("a b", without);
    assert_plan(&scene, "b", None);
    assert!(unguarded(&scene).contains("`a` was not found"));
}

#[test]
fn a_look_up_that_fails_leaves_the_standby_for_ten_seconds_and_one_that_is_denied_not() {
    let throttled = failing(seen("a", "a", "a b"), Cause::Throttled);
    let first = logs(seen("a", "a", "a b"), &[]);
    let begin = || Scene::of_members(&[], first.clone());
    let scene = begin().looks_until(5, &throttled);
    assert!(scene.plan().is_empty() && scene.decide().standby().asks());
    let scene = scene.looks_until(10, &throttled);
    assert_plan(&scene, "b", None);
    let why = scene.decide();
    assert!(matches!(
        why.alone(),
        Some(Alone::Unguarded(Unguarded::LookUp(_)))
    ));
    let denied = begin().look(1, failing(seen("a", "a", "a b"), Cause::Denied));
    assert_plan(&denied, "b", None);
}

#[test]
fn what_a_run_has_looked_up_counts_for_an_hour_and_two_where_later_look_ups_fail() {
    let memory = || remembered(scene("a b", all_guarded()));
    let both = logs(seen("a", "a", "a b"), &[]);
    let soon = later(memory(), 3_500, both.clone());
    assert!(soon.plan().is_empty() && !soon.decide().standby().asks());
    let hourly = later(memory(), 3_700, both.clone());
    assert!(hourly.plan().is_empty() && hourly.decide().standby().asks());
    let throttled = failing(seen("a", "a", "a b"), Cause::Throttled);
    let without = hourly.looks_until(3_715, &throttled);
    assert!(without.plan().is_empty(), "what was seen still counts");
    let long = later(memory(), 7_300, both).looks_until(7_315, &throttled);
    assert_plan(&long, "b", None);
}

#[test]
fn another_member_or_another_writer_is_looked_up() {
    let memory = || remembered(scene("a b", all_guarded()));
    let mut fewer = logs(seen("a", "a", "a b"), &[]);
    fewer.topology.as_mut().unwrap().instances.remove(&id("c"));
    let gone = later(memory(), 60, fewer);
    assert!(gone.decide().standby().asks());
    let moved = later(memory(), 60, logs(seen("b", "b", "a b"), &[]));
    assert!(moved.decide().standby().asks());
    assert!(moved.plan().is_empty(), "{}", moved.plan());
}

#[test]
fn nobody_comes_in_on_what_an_earlier_run_has_looked_up() {
    let memory = remembered(scene("a b", all_guarded()));
    let left = later(memory, 60, logs(seen("a", "a", "a"), &[]));
    assert!(left.plan().is_empty() && left.decide().standby().asks());
    let looked = left.look(61, surveyed(seen("a", "a", "a"), all_guarded()));
    assert_plan(&looked, "", Some("b"));
}

#[test]
fn a_member_found_alone_leaves_at_once_where_it_was_seen_unguarded_or_no_look_up_is_allowed() {
    let moved = |group| logs(seen("b", "b", group), &[]);
    let scene = Scene::of_members(&[], moved("a"));
    let scene = scene.look(1, failing(moved("a"), Cause::Denied));
    assert_eq!(scene.plan().deregister, targets("a"), "as with `writer`");
    assert_eq!(scene.plan().register, Some(target("b")));

    let unguarded = survey("a", |it| it.init_connect = None);
    let memory = remembered(crate::guarded::scene("a", unguarded));
    let scene = later(memory, 400, moved("a b"));
    assert_eq!(
        scene.plan().deregister,
        targets("a"),
        "seen by the run before"
    );
}
