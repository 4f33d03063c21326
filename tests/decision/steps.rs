//! The machine step by step: what it asks for next, and when.

use std::time::Duration;

use failover_follower::config::{OnFailoverStart, Settings};
use failover_follower::error::RunError;
use failover_follower::observe::{Asks, Observation};
use failover_follower::report::{Outcome, RouteReport};
use failover_follower::route::{ClusterId, GroupHolds, Route, TargetGroupArn};
use failover_follower::run::{Action, Event, Run};
use failover_follower::source::SourceId;
use failover_follower::watch::WatchPolicy;
use failover_follower::world::{CallError, Cause, LogEntry};

use crate::scene::{at, logs, seen, silent, target, targets};

/// The function's timeout.
const TIME: Duration = Duration::from_mins(5);

/// A run that the schedule started, and every write that it asked for.
struct Driven {
    run: Run,
    writes: u32,
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn look(milliseconds: u64, log: bool) -> Action {
    Action::Look {
        at: ms(milliseconds),
        asks: Asks { log, survey: false },
    }
}

/// What a look sees that asks for the log, which is empty.
fn sees(api: &str, dns: &str, group: &str) -> Observation {
    logs(seen(api, dns, group), &[])
}

fn failed(call: &'static str, cause: Cause) -> Event {
    Event::Written(Err(CallError::new(call, cause, "")))
}

impl Driven {
    fn begin() -> Self {
        let settings = Settings {
            on_failover_start: OnFailoverStart::Detach,
            longest_watch: Duration::from_mins(2),
            poll_interval: Duration::from_secs(1),
            dry_run: false,
        };
        let mut run = Run::new(settings, WatchPolicy::default(), at(0), TIME);
        let action = run.step(Event::Began, Duration::ZERO);
        assert_eq!(action, look(0, true), "the first look asks for the log");
        Self { run, writes: 0 }
    }

    fn step(&mut self, event: Event, milliseconds: u64) -> Action {
        let action = self.run.step(event, ms(milliseconds));
        let writes = matches!(action, Action::Register(_) | Action::Deregister(_));
        self.writes += u32::from(writes);
        action
    }

    /// A look that was asked and answered at these times.
    fn looked(&mut self, asked: u64, answered: u64, seen: Observation) -> Action {
        let event = Event::Looked {
            asked: ms(asked),
            seen: Box::new(seen),
        };
        self.step(event, answered)
    }

    /// Looks that all see this and writes that all end like this, until the run ends; when it does.
    fn until_the_end(
        &mut self,
        mut action: Action,
        seen: &Observation,
        written: &Result<(), CallError>,
    ) -> u64 {
        let mut now = 0;
        loop {
            action = match action {
                Action::Look { at, .. } => {
                    now = now.max(u64::try_from(at.as_millis()).unwrap());
                    self.looked(now, now, seen.clone())
                }
                Action::Register(_) | Action::Deregister(_) => {
                    self.step(Event::Written(written.clone()), now)
                }
                Action::End => return now,
            }
        }
    }

    fn report(self) -> RouteReport {
        let group =
            "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/w/0123456789abcdef";
        let route = Route {
            source: SourceId::Cluster(ClusterId::parse("cluster").unwrap()),
            group: TargetGroupArn::parse(group).unwrap(),
            endpoint: None,
            holds: GroupHolds::Writer,
            replication_user: None,
        };
        self.run.report(&route, TIME)
    }
}

#[test]
fn a_group_that_is_right_is_one_look_and_no_write() {
    let mut run = Driven::begin();
    assert_eq!(run.looked(0, 50, sees("a", "a", "a")), Action::End);
    assert_eq!(run.writes, 0);
    assert_eq!(run.report().outcome, Outcome::Unchanged);
}

#[test]
fn a_wrong_target_leaves_before_the_writer_comes_in_and_then_it_is_looked_at() {
    let mut run = Driven::begin();
    let out = Action::Deregister(targets("b"));
    assert_eq!(run.looked(0, 50, sees("a", "a", "b")), out);
    let into = Action::Register(target("a"));
    assert_eq!(run.step(Event::Written(Ok(())), 100), into);
    assert_eq!(run.step(Event::Written(Ok(())), 200), look(200, true));
    assert_eq!(run.looked(200, 250, sees("a", "a", "a")), Action::End);
    let report = run.report();
    assert_eq!(report.outcome, Outcome::Switched);
    assert_eq!(report.targets, Some(vec![target("a")]));
}

/// A run that has emptied the group on a look that is too old to register on, and looks again at
/// 2,600 ms.
fn emptied() -> Driven {
    let mut run = Driven::begin();
    run.looked(0, 2_500, sees("a", "a", "b"));
    let again = run.step(Event::Written(Ok(())), 2_600);
    assert_eq!(again, look(2_600, true));
    run
}

#[test]
fn a_look_older_than_two_seconds_is_looked_again_before_registering() {
    let mut run = emptied();
    let again = run.looked(2_600, 5_000, sees("a", "a", ""));
    assert_eq!(again, look(5_000, true));
    let flipped = run.looked(5_000, 5_050, sees("b", "a", ""));
    assert_eq!(flipped, look(6_000, true), "what was seen first is void");
}

#[test]
fn a_slow_look_is_looked_again_once_and_then_rested_on() {
    let mut run = emptied();
    run.looked(2_600, 5_000, sees("a", "a", ""));
    let into = Action::Register(target("a"));
    assert_eq!(run.looked(5_000, 8_000, sees("a", "a", "")), into);
}

#[test]
fn a_look_that_did_not_ask_for_the_log_is_looked_again_before_registering() {
    let mut run = emptied();
    let again = run.looked(2_600, 2_650, seen("a", "a", ""));
    assert_eq!(again, look(2_650, true));
}

#[test]
fn deregistering_waits_for_no_second_look() {
    let mut run = Driven::begin();
    let out = Action::Deregister(targets("b"));
    assert_eq!(run.looked(0, 4_000, seen("a", "a", "b")), out);
}

#[test]
fn what_has_to_be_done_again_waits_for_the_next_beat() {
    let mut run = emptied();
    let beat = run.looked(2_600, 2_650, sees("a", "a", "c"));
    assert!(
        matches!(beat, Action::Look { at, .. } if at == ms(3_000)),
        "{beat:?}"
    );
}

#[test]
fn a_write_that_the_list_does_not_show_is_not_repeated_at_once() {
    let mut run = Driven::begin();
    let first = look(0, true);
    let lags = sees("a", "a", "b");
    let ended = run.until_the_end(first, &lags, &Ok(()));
    assert!(ended >= 75_000, "it looks on: {ended}");
    assert!(run.writes <= 10, "{} writes in {ended} ms", run.writes);
    assert_eq!(run.report().outcome, Outcome::Failed);
}

#[test]
fn nothing_is_registered_beside_a_target_that_the_list_still_shows_or_shows_again() {
    let mut run = emptied();
    let waits = run.looked(2_600, 2_650, sees("a", "a", "b"));
    assert!(
        matches!(waits, Action::Look { at, .. } if at == ms(3_000)),
        "{waits:?}"
    );
    let into = Action::Register(target("a"));
    assert_eq!(run.looked(3_000, 3_050, sees("a", "a", "")), into);

    let mut run = emptied();
    for now in [2_600, 4_000, 6_000, 7_000] {
        let waits = run.looked(now, now, sees("a", "a", "b"));
        assert!(matches!(waits, Action::Look { .. }), "{now}: {waits:?}");
    }
    assert_eq!(run.looked(8_000, 8_000, sees("a", "a", "")), into);
}

#[test]
fn a_write_that_failed_is_tried_again_on_the_next_beat() {
    let mut run = Driven::begin();
    run.looked(0, 50, sees("a", "a", "b"));
    let failed = failed("elasticloadbalancing:DeregisterTargets", Cause::Throttled);
    assert_eq!(run.step(failed, 100), look(1_000, false));
    let out = Action::Deregister(targets("b"));
    assert_eq!(run.looked(1_000, 1_050, seen("a", "a", "b")), out);
}

#[test]
fn a_write_that_is_denied_ends_the_run_and_says_what_the_group_holds_now() {
    let mut run = emptied();
    run.looked(100, 150, sees("a", "a", ""));
    let denied = failed("elasticloadbalancing:RegisterTargets", Cause::Denied);
    assert_eq!(run.step(denied, 200), Action::End);
    let report = run.report();
    assert!(
        matches!(report.error, Some(RunError::AccessDenied(_))),
        "{:?}",
        report.error
    );
    assert_eq!(report.targets, Some(Vec::new()));
    assert_eq!(report.deregistered, [target("b")]);
}

#[test]
fn a_run_out_of_time_in_the_middle_of_a_write_says_so() {
    let mut run = emptied();
    run.looked(100, 150, sees("a", "a", ""));
    assert_eq!(run.step(Event::OutOfTime, 290_000), Action::End);
    let failure = run.report().failure().unwrap();
    assert!(failure.contains("was under way"), "{failure}");
    assert!(failure.contains(&target("a").to_string()), "{failure}");
}

#[test]
fn a_run_out_of_time_before_its_first_look_has_failed() {
    let mut run = Driven::begin();
    assert_eq!(run.step(Event::OutOfTime, 290_000), Action::End);
    assert_eq!(run.report().outcome, Outcome::Failed);
}

#[test]
fn a_run_that_cannot_verify_looks_on_as_long_as_evidence_takes_and_then_fails() {
    let mut run = Driven::begin();
    let split = sees("-", "b", "a");
    let ended = run.until_the_end(look(0, true), &split, &Ok(()));
    assert!((75_000..80_000).contains(&ended), "{ended}");
    assert_eq!(run.writes, 0);
    assert!(matches!(run.report().error, Some(RunError::Undecided(_))));
}

#[test]
fn an_empty_group_without_a_reason_is_filled_within_the_run() {
    let mut run = Driven::begin();
    let mut action = look(0, true);
    let (mut now, mut registered) = (0, None);
    while action != Action::End {
        action = if let Action::Look { at, .. } = action {
            now = now.max(u64::try_from(at.as_millis()).unwrap());
            let group = if registered.is_some() { "a" } else { "" };
            run.looked(now, now, sees("a", "a", group))
        } else {
            registered.get_or_insert(now);
            run.step(Event::Written(Ok(())), now)
        };
    }
    let registered = registered.unwrap();
    assert!((30_000..35_000).contains(&registered), "{registered}");
    assert_eq!(run.writes, 1);
    assert_eq!(run.report().outcome, Outcome::Switched);
}

#[test]
fn a_group_that_cannot_be_read_is_not_written_to() {
    let mut run = Driven::begin();
    let unread = Observation {
        targets: Err(silent()),
        ..sees("a", "a", "")
    };
    run.until_the_end(look(0, true), &unread, &Ok(()));
    assert_eq!(run.writes, 0);
    assert!(matches!(
        run.report().error,
        Some(RunError::TargetsUnknown(_))
    ));
}

/// Completed to b, and since then the API has turned to a: a is followed, against the statement.
fn followed_against_a_completion() -> (Driven, Observation) {
    let mut run = Driven::begin();
    let completed = |api, group| logs(seen(api, "a", group), &[("completed b", -5)]);
    let action = run.looked(0, 0, completed("b", "b strange"));
    assert_eq!(action, Action::Deregister(targets("strange")));
    run.step(Event::Written(Ok(())), 100);
    run.looked(200, 200, completed("a", "b"));
    let action = run.looked(1_000, 1_000, completed("a", "b"));
    assert_eq!(action, Action::Deregister(targets("b")));
    let action = run.step(Event::Written(Ok(())), 1_100);
    assert_eq!(action, Action::Register(target("a")));
    run.step(Event::Written(Ok(())), 1_200);
    (run, completed("a", "a"))
}

#[test]
fn no_success_against_a_fresh_completion() {
    let (mut run, right) = followed_against_a_completion();
    let ended = run.until_the_end(look(1_300, true), &right, &Ok(()));
    assert!((55_000..58_000).contains(&ended), "{ended}");
    assert_eq!(run.report().outcome, Outcome::Switched);

    let (mut run, right) = followed_against_a_completion();
    run.looked(1_300, 1_300, right);
    run.step(Event::OutOfTime, 10_000);
    let error = run.report().error;
    assert!(
        matches!(error, Some(RunError::Undecided(None))),
        "{error:?}"
    );
}

#[test]
fn a_target_is_registered_on_a_look_that_has_read_the_log_if_it_may_be_read() {
    let sees = |log: Result<Vec<LogEntry>, CallError>, group| Observation {
        log: Some(log),
        ..seen("a", "a", group)
    };
    let denied = CallError::new("rds:DescribeEvents", Cause::Denied, "");
    for log in [Ok(Vec::new()), Err(denied)] {
        let mut run = Driven::begin();
        run.looked(0, 0, sees(log, "strange"));
        let action = run.step(Event::Written(Ok(())), 100);
        assert_eq!(action, Action::Register(target("a")));
    }
    let mut run = Driven::begin();
    run.looked(0, 0, sees(Err(silent()), "strange"));
    let action = run.step(Event::Written(Ok(())), 100);
    assert_eq!(action, look(100, true), "the log was not read");
    let action = run.looked(100, 200, sees(Err(silent()), ""));
    assert_eq!(action, look(200, true), "nor now");
    let action = run.looked(200, 300, sees(Err(silent()), ""));
    assert_eq!(action, Action::Register(target("a")), "that is enough");
}
