//! Keeps the IP target of a Network Load Balancer on the Writer of an Aurora cluster.
//!
//! ```text
//! payload ─► trigger ─► look ─► decide ─► plan ─► follow ─► report
//!            why, and   world:    pure     pure    apply, and look
//!            how long   API ∥ DNS ∥ targets        again until right
//!            (watch)
//! ```
//!
//! Beside it, `{"action": "doctor"}` ─► [`doctor`]: an audit of the installation, which changes nothing.
//!
//! Level-triggered: an event says *look now*, never what is true. Each run looks at the world, decides,
//! acts and looks again, and remembers nothing but names and what RDS refuses to be asked. `docs/design.md` has the reasons.

pub mod address;
pub mod config;
pub mod decide;
pub mod doctor;
mod ending;
pub mod endpoints;
pub mod error;
pub mod follow;
pub mod handler;
mod history;
pub mod lambda;
pub mod look;
pub mod metrics;
pub mod plan;
pub mod report;
pub mod route;
pub mod trigger;
pub mod watch;
pub mod world;
