//! A small race: the strategies come in in the order that docs/race.md tells of.

use std::time::Duration;

use failover_follower::config::OnFailoverStart;
use simulated_world::race::{Ending, Failover, News, Score, Strategy, follow};

const OURS: [Strategy; 2] = [
    Strategy::Ours(OnFailoverStart::Detach),
    Strategy::Ours(OnFailoverStart::Wait),
];

/// Far fewer than the example draws.
fn failovers() -> Vec<Failover> {
    (0..40).map(Failover::draw).collect()
}

/// From each flip to the right target, in order; who never got there took the longest.
fn seconds(failovers: &[Failover], strategy: Strategy) -> Vec<Duration> {
    let scores = failovers.iter().map(|failover| follow(failover, strategy));
    let mut seconds: Vec<Duration> = scores
        .flat_map(|score| score.followed)
        .map(|followed| followed.after.unwrap_or(Duration::MAX))
        .collect();
    seconds.sort_unstable();
    seconds
}

fn median(seconds: &[Duration]) -> Duration {
    seconds[seconds.len() / 2]
}

#[test]
fn the_failovers_meet_everything_that_can_happen() {
    let failovers: Vec<Failover> = (0..1000).map(Failover::draw).collect();
    for ending in [Ending::Moved, Ending::MovedBack, Ending::Failed] {
        assert!(failovers.iter().any(|one| one.ending == ending));
    }
    for news in [News::InTime, News::Patchy, News::None] {
        assert!(failovers.iter().any(|one| one.news == news), "{news:?}");
    }
}

#[test]
fn the_same_seed_is_the_same_race() {
    let score = || follow(&Failover::draw(7), OURS[0]);
    assert_eq!(score().followed, score().followed);
    assert_eq!(score().writes, score().writes);
}

#[test]
fn ours_follows_every_flip_and_never_ends_wrong() {
    for failover in failovers() {
        for strategy in OURS {
            let Score {
                followed,
                ends_right,
                ..
            } = follow(&failover, strategy);
            let seed = failover.seed;
            assert!(ends_right, "{strategy:?}, seed {seed}");
            assert!(
                followed.iter().all(|one| one.after.is_some()),
                "{strategy:?}, seed {seed}"
            );
        }
    }
}

#[test]
fn ours_is_close_behind_the_limit_and_the_others_are_not() {
    let failovers = failovers();
    let limit = median(&seconds(&failovers, Strategy::AllKnowing));
    for strategy in OURS {
        let ours = median(&seconds(&failovers, strategy));
        assert!(limit <= ours && ours < limit + Duration::from_millis(1500));
        for minutes in [1, 5] {
            let poll = Strategy::Poll(Duration::from_mins(minutes));
            assert!(ours < median(&seconds(&failovers, poll)));
        }
        assert!(ours < median(&seconds(&failovers, Strategy::DnsOnce)));
        assert!(ours < median(&seconds(&failovers, Strategy::ApiOnce)));
    }
}

#[test]
fn detaching_spares_the_replica_the_demoted_writer_and_the_events_word_does_not_spare_it_a_reader()
{
    let wrong = |strategy| {
        let scores = failovers().into_iter().map(|one| follow(&one, strategy));
        let flips = scores.flat_map(|score| score.followed);
        flips
            .map(|flip| flip.wrong_before + flip.wrong_after)
            .sum::<Duration>()
    };
    let [detach, wait] = OURS.map(wrong);
    assert!(detach < wait && wait < wrong(Strategy::Word));
}
