//! The campaign in small, held to bars by the truth, and the proof that its judge finds a bug.

#![allow(clippy::panic, reason = "tests")]

use simulated_world::campaign::{Climate, Ending, play};
use simulated_world::{Fault, Tally};

/// How many stories of each world are held to the bars.
const SEEDS: u64 = 200;

/// In how many of [`SEEDS`] stories these may happen. `examples/campaign.rs` has the figures of
/// 20,000.
struct Bars {
    another: u64,
    avoidable: u64,
    two: u64,
}

/// A prototype registered another in 8 of 20,000 stories, in 2 avoidably; of [`SEEDS`], that is
/// none.
const KIND: Bars = Bars {
    another: 0,
    avoidable: 0,
    two: 0,
};

/// Without a log it did in 20.
const UNLOGGED: Bars = Bars {
    another: 1,
    avoidable: 0,
    two: 0,
};

/// In the hostile world in 133, and in 12 avoidably: of [`SEEDS`], in one or two, and in none.
const HOSTILE: Bars = Bars {
    another: 2,
    avoidable: 0,
    two: 0,
};

/// What the judge counts over some seeds.
fn tally(seeds: impl IntoIterator<Item = u64>, climate: Climate, fault: Option<Fault>) -> Tally {
    let endings = seeds.into_iter().map(|seed| play(seed, climate, fault));
    endings.map(|ending| ending.tally).sum()
}

#[track_caller]
fn assert_within(climate: Climate, bars: &Bars) {
    let mut sum = Tally::default();
    for seed in 0..SEEDS {
        let Ending {
            broken,
            history,
            tally,
            ..
        } = play(seed, climate, None);
        let history = history.join("\n");
        assert!(
            broken.is_empty(),
            "{climate:?}, seed {seed}: {broken:#?}\n{history}"
        );
        sum += tally;
    }
    let within = sum.another.stories <= bars.another
        && sum.avoidable.stories <= bars.avoidable
        && sum.two.stories <= bars.two;
    assert!(within, "{sum:#?}");
}

#[test]
fn the_kind_world_breaks_no_law_and_keeps_to_its_bars() {
    assert_within(Climate::Kind, &KIND);
}

#[test]
fn a_world_without_an_event_log_breaks_no_law_and_keeps_to_its_bars() {
    assert_within(Climate::Unlogged, &UNLOGGED);
}

#[test]
fn the_hostile_world_breaks_no_law_and_keeps_to_its_bars() {
    assert_within(Climate::Hostile, &HOSTILE);
}

/// A deliberate bug, and the stories in which it has to be found. Some bugs do harm in one story of
/// hundreds only: those stories were found among 4,000.
fn stories(fault: Fault) -> (Climate, Vec<u64>) {
    match fault {
        // Two records of one event in each of its deliveries, and no schedule.
        Fault::FirstRecordOnly => (Climate::Kind, vec![273, 1298]),
        // The API is silent, and the CNAME stale.
        Fault::StartedIsCompleted => (Climate::Hostile, vec![164, 597, 672, 703, 1597]),
        _ => (Climate::Kind, (0..40).collect()),
    }
}

/// By the truth this one does no harm here: the API never leads, and seldom is later than the
/// CNAME. In 4,000 hostile stories it registers another in 15, and the function itself in 17.
const HARMLESS: Fault = Fault::TrustApi;

#[test]
fn every_deliberate_bug_is_caught() {
    for fault in Fault::ALL.into_iter().filter(|fault| *fault != HARMLESS) {
        let (climate, seeds) = stories(fault);
        let own = tally(seeds.clone(), climate, None);
        let its = tally(seeds, climate, Some(fault));
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
            tally.avoidable.times,
            tally.two.times,
            tally.success_over_wrong.times,
            tally.success_against_statement.times,
            tally.wrong().as_secs(),
            tally.empty.as_secs(),
        ]
    };
    let mut pairs = figures(its).into_iter().zip(figures(own));
    its.broken.times > own.broken.times || pairs.any(|(its, own)| its > own + own / 2 + 2)
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
