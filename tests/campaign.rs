//! The campaign in small, and the proof that it can fail.

#![allow(clippy::panic, reason = "tests")]

use simulated_world::Fault;
use simulated_world::campaign::play;

#[test]
fn no_seed_breaks_a_law_or_ends_wrong() {
    for seed in 0..150 {
        let ending = play(seed, None);
        assert!(
            ending.broken.is_empty(),
            "seed {seed}: {:#?}\n{}",
            ending.broken,
            ending.history.join("\n")
        );
    }
}

#[test]
fn every_deliberate_bug_is_caught() {
    for fault in [
        Fault::RegisterFirst,
        Fault::TrustHint,
        Fault::CountDraining,
        Fault::TrustOneWitness,
        Fault::EmptyOnSilence,
        Fault::IgnorePort,
        Fault::NoSecondLook,
        Fault::FirstRecordOnly,
    ] {
        let caught = (0..300).find(|seed| !play(*seed, Some(fault)).broken.is_empty());
        assert!(caught.is_some(), "{fault:?} went unnoticed");
    }
}

#[test]
fn a_seed_plays_the_same_story_every_time() {
    for seed in 0..10 {
        let (one, two) = (play(seed, None), play(seed, None));
        assert_eq!(one.history, two.history, "seed {seed}");
        assert!(!one.history.is_empty());
    }
}
