//! RDS, DNS, a target group and a clock, simulated.
//!
//! The functions under test are the real ones: this crate only implements the seam
//! ([`World`](failover_follower::world::World)) and invokes the real handler. Time is tokio's,
//! paused, so that an hour takes milliseconds and a run repeats to the letter.
//!
//! ```text
//! Universe ── what is true, and what each witness shows of it, changing as time goes on
//!    └─ Seat ── one run's view of it: counts calls, and checks the laws at every write
//! Lambda ── invokes the handler as Lambda would: side by side, with retries, with crashes
//! race ── failovers by the thousand, followed by this function and by other strategies
//! ```

pub mod campaign;
pub mod fault;
mod judge;
pub mod lambda;
mod ledger;
pub mod log;
pub mod members;
pub mod payload;
pub mod race;
mod reigns;
pub mod seat;
pub mod state;
pub mod statement;
pub mod tally;
pub mod universe;
mod witness;

pub use fault::Fault;
pub use lambda::{Invocation, Lambda, Run};
pub use seat::Seat;
pub use state::{Health, State, Write};
pub use tally::{Count, Tally};
pub use universe::Universe;
