//! The campaign where the group holds members: most stories have the guard on all of them, some on
//! none, or not on one. The judge goes by the truth: no member may be in beside another unless both
//! refuse the replica, and what counts is the time without the Writer.

use simulated_world::campaign::{Climate, Ending, play_with_members};
use simulated_world::{Fault, Tally};

/// How many stories of each world are held to the bars.
const SEEDS: u64 = 100;

/// In these a member came in beside one without the guard, since the API listed no Writer.
const FOUND: [u64; 2] = [369, 581];

/// Of [`SEEDS`], no story has another target registered but a standby that refuses the replica, or
/// one too many. `examples/campaign.rs` has the figures of more.
#[track_caller]
fn assert_within(climate: Climate) {
    let mut sum = Tally::default();
    for seed in (0..SEEDS).chain(FOUND) {
        let Ending {
            broken,
            history,
            tally,
            ..
        } = play_with_members(seed, climate, None);
        let history = history.join("\n");
        assert!(
            broken.is_empty(),
            "{climate:?}, seed {seed}: {broken:#?}\n{history}"
        );
        sum += tally;
    }
    let wrong = [sum.another, sum.avoidable, sum.two].map(|count| count.times);
    assert_eq!(wrong, [0, 0, 0], "{sum:#?}");
}

#[test]
fn the_kind_world_breaks_no_law_and_keeps_to_its_bars() {
    assert_within(Climate::Kind);
}

#[test]
fn a_world_without_an_event_log_breaks_no_law_and_keeps_to_its_bars() {
    assert_within(Climate::Unlogged);
}

#[test]
fn the_hostile_world_breaks_no_law_and_keeps_to_its_bars() {
    assert_within(Climate::Hostile);
}

#[test]
fn a_standby_in_an_unguarded_group_is_caught() {
    let broken = |fault| {
        let endings = (0..40).map(|seed| play_with_members(seed, Climate::Kind, fault));
        let broken = endings.flat_map(|ending| ending.broken);
        let beside = broken.filter(|law| law.contains("is registered beside"));
        beside.count()
    };
    assert_eq!(broken(None), 0);
    assert!(broken(Some(Fault::TrustParameters)) > 0);
}

#[test]
fn a_seed_plays_the_same_story_every_time() {
    for seed in 0..10 {
        let [one, two] = [(); 2].map(|()| play_with_members(seed, Climate::Hostile, None));
        assert_eq!(one.history, two.history, "seed {seed}");
        assert_eq!(one.tally, two.tally, "seed {seed}");
    }
}
