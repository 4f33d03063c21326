//! Failovers at random, from a seed: every order of events, every fault, every overlap.
//!
//! A seed makes a story: failovers one after the other, back and forth, failing; sources that lag
//! and flap; events that are late, doubled, lost, forged; outages; crashes; foreign targets;
//! addresses that change. Then the world calms down, and two schedule ticks later the group has to
//! be right.

mod climate;
mod mischief;
mod news;
mod story;

use failover_follower::route::GroupHolds;

use crate::fault::Fault;
use crate::tally::Tally;

pub use climate::Climate;

/// How a seed's story ended.
#[derive(Debug)]
pub struct Ending {
    /// The seed, to play it again.
    pub seed: u64,
    /// What the judge counted.
    pub tally: Tally,
    /// The laws it broke; none, if all is well.
    pub broken: Vec<String>,
    /// What happened, line by line.
    pub history: Vec<String>,
}

/// Plays a seed's story, with a deliberate bug or without.
///
/// # Panics
/// If there is no runtime to be had.
#[must_use]
pub fn play(seed: u64, climate: Climate, fault: Option<Fault>) -> Ending {
    play_story(seed, climate, GroupHolds::Writer, fault)
}

/// The same story where the group holds members: in most stories all of them refuse the replica, in
/// some none does or one does not.
///
/// # Panics
/// If there is no runtime to be had.
#[must_use]
pub fn play_with_members(seed: u64, climate: Climate, fault: Option<Fault>) -> Ending {
    play_story(seed, climate, GroupHolds::Members, fault)
}

fn play_story(seed: u64, climate: Climate, holds: GroupHolds, fault: Option<Fault>) -> Ending {
    #[allow(
        clippy::expect_used,
        reason = "a runtime without I/O can always be made"
    )]
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        // Timers tick in milliseconds since the runtime was made. A universe that begins on a tick,
        // and in which everything lasts whole milliseconds, repeats to the letter.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        let story = story::Story::new(seed, climate);
        story.holding(holds).play(fault).await
    })
}
