//! Failovers on real parts, and what becomes of a replica.
//!
//! ```text
//!  application ─► source: MariaDB on a volume ◄── HAProxy, as the load balancer ◄── replica: MariaDB
//!                    ▲ killed, promoted, back        ▲ what the group holds,
//!                    │ as a reader                   │ some time later
//!  scenario ─────────┴──► local cloud: RDS, DNS, target group ◄── strategy: the function, or another
//!                    └──► news: events, the schedule ─────────────────┘
//! ```
//!
//! A cell is a scenario against a strategy, with a propagation delay of the load balancer and a
//! retry interval of the replica.

mod cell;
mod clock;
mod grid;
mod kept;
mod kit;
mod load;
mod mariadb;
mod ours;
mod outcome;
mod path;
mod picture;
mod replica;
mod scenario;
mod source;
mod sql;
mod strategy;
mod table;
mod timeline;
mod world;

pub use cell::{Cell, Played, play};
pub use clock::Scale;
pub use grid::{grid, play_all, usual};
pub use kit::{Kit, missing};
pub use outcome::{Fate, Outcome};
pub use picture::draw;
pub use replica::Place;
pub use scenario::Scenario;
pub use strategy::Strategy;
pub use table::{LEGEND, summary, table, verdict};
pub use timeline::{Entry, Sample, Topic};
