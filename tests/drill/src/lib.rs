//! Failovers on real parts, and what becomes of a replica.
//!
//! ```text
//!  application ─► source: MySQL on a volume ◄── HAProxy, as the load balancer ◄── replica: MySQL
//!  TPC-H data ──┘
//!                    ▲ killed, promoted, back        ▲ what the group holds,
//!                    │ as a reader                   │ some time later
//!  scenario ─────────┴──► local cloud: RDS, DNS, target group ◄── strategy: the function, or…
//!                    └──► news: events, the schedule ─────────────────┘
//! ```
//!
//! A cell is a scenario against a strategy, with a propagation delay of the load balancer and a
//! retry interval and count of the replica. MariaDB can stand in for MySQL.

mod cell;
mod clock;
mod document;
mod grid;
mod guard;
mod haproxy;
mod kept;
mod kit;
mod load;
mod members;
mod ours;
mod outcome;
mod parts;
mod path;
mod picture;
mod replica;
mod restart;
mod scenario;
mod server;
mod source;
mod sql;
mod strategy;
mod summary;
mod table;
mod timeline;
mod tpch;
mod trial;
mod tries;
mod watching;
mod world;

pub use cell::{Cell, Played, play};
pub use clock::Scale;
pub use document::fill;
pub use grid::{DEFAULTS, grid, play_all, usual};
pub use guard::INIT_CONNECT;
pub use kit::Kit;
pub use members::{member_cells, member_table};
pub use outcome::{Fate, Outcome};
pub use parts::Parts;
pub use path::Nowhere;
pub use picture::draw;
pub use replica::{Place, Retry};
pub use scenario::Scenario;
pub use server::Product;
pub use strategy::Strategy;
pub use summary::{matrix, summary, tally};
pub use table::{LEGEND, headline, table, verdict};
pub use timeline::{Entry, Sample, Topic};
pub use tpch::Proof;
pub use trial::{Trial, USERS, trials};
