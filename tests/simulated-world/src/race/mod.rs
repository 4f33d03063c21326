//! How fast the Writer is followed: failovers by the thousand, each followed by every strategy.
//!
//! ```text
//! Failover ── drawn from a seed: what happens when, what each witness shows when, what arrives when
//!    └─► Strategy ── follows it in a universe of its own
//!           └─► Score ── what each write left, held against who was the Writer
//! ```

mod failover;
mod score;
mod strategies;

pub use failover::{Ending, Failover, Flip, News};
pub use score::{Followed, Score};
pub use strategies::Strategy;

/// Has a strategy follow a failover, and scores it.
///
/// # Panics
/// Where no runtime could be made.
#[must_use]
pub fn follow(failover: &Failover, strategy: Strategy) -> Score {
    #[allow(clippy::expect_used, reason = "a runtime without I/O needs nothing")]
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let universe = failover.universe();
        strategy.follow(failover, &universe).await;
        let state = universe.now();
        Score::of(failover, &state)
    })
}
