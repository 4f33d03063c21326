//! RDS, DNS, a target group and a clock, simulated.
//!
//! The functions under test are the real ones: this crate only implements the seam ([`World`](failover_follower::world::World))
//! and invokes the real handler. Time is tokio's, paused, so that an hour takes milliseconds and a run
//! repeats to the letter.
//!
//! ```text
//! Universe ── what is true, and what each witness shows of it, changing as time goes on
//!    └─ Seat ── one run's view of it: counts calls, and checks the laws at every write
//! Lambda ── invokes the handler as Lambda would: side by side, with retries, with crashes
//! race ── failovers by the thousand, followed by this function and by other strategies
//! ```

pub mod campaign;
pub mod lambda;
pub mod payload;
pub mod race;
pub mod seat;
pub mod universe;

pub use lambda::{Invocation, Lambda, Run};
pub use seat::{Fault, Seat};
pub use universe::{Health, State, Universe, Write};
