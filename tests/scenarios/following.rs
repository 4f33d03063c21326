//! A failover, announced or not, with each witness as late as it may be.

use failover_follower::config::{OnFailoverStart, Settings};
use failover_follower::error::RunError;
use failover_follower::report::Outcome;
use simulated_world::payload::{completed, schedule, started};
use simulated_world::universe::instance;
use simulated_world::{Lambda, Universe};

use crate::scene::{assert_nothing_written, assert_right, at, of, seconds, target};

const ONE: &str = "aurora-source-instance-1";
const TWO: &str = "aurora-source-instance-2";

#[tokio::test(start_paused = true)]
async fn radio_silence_when_all_is_well() {
    let universe = Universe::new(2, 1);
    let runs = Lambda::default()
        .deliver(&universe, vec![at(0, schedule()), at(60, schedule())])
        .await;
    assert!(
        runs.iter()
            .all(|run| of(run).outcome == Outcome::Unchanged && of(run).looks == 1)
    );
    assert_nothing_written(&universe);
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_failover_announced_at_its_start_is_followed_when_the_api_shows_it_and_dns_does_not() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(20));
    let runs = Lambda::default()
        .deliver(&universe, vec![at(2, started(TWO, 1.0))])
        .await;
    let report = of(&runs[0]);
    assert_eq!(report.outcome, Outcome::Switched);
    assert_eq!(report.deregistered, [target(1)]);
    assert_eq!(report.registered, [target(2)]);
    assert_eq!(report.witnesses.dns, Some(instance(1)), "DNS still lags");
    assert!(runs[0].ended < seconds(13), "{:?}", runs[0].ended);
    assert!(
        universe.now().writes[0].at < seconds(10),
        "taken out before the Writer moved"
    );
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn waiting_leaves_the_old_writer_in_until_the_new_one_is_confirmed() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(20));
    let settings = Settings {
        on_failover_start: OnFailoverStart::Wait,
        ..Settings::default()
    };
    let runs = Lambda {
        settings,
        ..Lambda::default()
    }
    .deliver(&universe, vec![at(2, started(TWO, 1.0))])
    .await;
    assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
    assert!(
        universe.now().writes[0].at > seconds(10),
        "nothing before the Writer moved"
    );
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_failover_announced_only_at_its_end_is_followed_at_the_first_look() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(25));
    let runs = Lambda::default()
        .deliver(&universe, vec![at(16, completed(TWO, 15.0))])
        .await;
    assert_eq!(
        (of(&runs[0]).outcome, of(&runs[0]).looks),
        (Outcome::Switched, 2),
        "one look to see it, one to verify"
    );
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn an_event_at_the_end_with_the_api_behind_waits_until_it_is_not() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(9), seconds(25));
    let runs = Lambda::default()
        .deliver(&universe, vec![at(13, completed(TWO, 12.0))])
        .await;
    assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
    assert!((seconds(19)..seconds(21)).contains(&runs[0].ended));
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_failover_that_nobody_announced_is_found_by_the_schedule() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(25));
    let runs = Lambda::default()
        .deliver(&universe, vec![at(0, schedule()), at(60, schedule())])
        .await;
    assert_eq!(
        (of(&runs[1]).outcome, of(&runs[1]).looks),
        (Outcome::Switched, 2)
    );
    assert!(of(&runs[1]).tally.wrong_target);
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn the_schedule_waits_for_dns_and_believes_the_api_when_dns_never_moves() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(50), &instance(2), seconds(1), seconds(3600));
    let runs = Lambda::default()
        .deliver(&universe, vec![at(60, schedule())])
        .await;
    assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
    assert!(
        (seconds(90)..seconds(92)).contains(&runs[0].ended),
        "{:?}",
        runs[0].ended
    );
    assert!(of(&runs[0]).tally.disagreed);
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_changes_its_mind_is_not_believed_alone() {
    let universe = Universe::new(2, 1);
    universe.at(seconds(0), |state| state.dns = None);
    for flip in 0..50u64 {
        universe.at(seconds(2 * flip), move |state| {
            state.api = Some(instance(if flip % 2 == 0 { 2 } else { 1 }));
        });
    }
    let lambda = Lambda {
        retries: false,
        ..Lambda::default()
    };
    let runs = lambda.deliver(&universe, vec![at(1, schedule())]).await;
    assert_eq!(
        of(&runs[0]).error.as_ref().map(RunError::error_type),
        Some("Undecided")
    );
    assert_nothing_written(&universe);
}

#[tokio::test(start_paused = true)]
async fn an_event_ten_minutes_late_that_names_the_old_writer_moves_nothing() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(1), &instance(2), seconds(1), seconds(20));
    let group = move |state: &mut simulated_world::State| state.group = [(target(2), None)].into();
    universe.at(seconds(5), group);
    let late = vec![at(700, completed(ONE, 10.0)), at(701, started(ONE, 10.0))];
    let runs = Lambda::default().deliver(&universe, late).await;
    assert!(
        runs.iter()
            .all(|run| of(run).outcome == Outcome::Unchanged && of(run).witnesses.hint.is_none())
    );
    assert_nothing_written(&universe);
    assert_right(&universe);
}
