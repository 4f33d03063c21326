//! Keeps the IP target of a Network Load Balancer on the Writer of an Aurora cluster.
//!
//! ```text
//! payload ─► trigger ─► watch ─► run: observe ─► evidence ─► decide ─► plan ─► write ─► … ─► report
//!            why        how      API ∥ DNS ∥ log  what was    pure      pure    and look
//!                       long     ∥ targets        seen so far                   again until right
//! ```
//!
//! `run` is one pure state machine, `follow` the loop that carries its actions out, `world` the
//! seam to AWS and DNS. Beside it, `{"action": "doctor"}` ─► [`doctor`]: an audit of the
//! installation, which changes nothing.
//!
//! Level-triggered: an event says *look now*, and is a dated statement among others; never what is
//! true. Each run looks at the world, decides, acts and looks again, and remembers nothing but
//! names and what RDS refuses to be asked. `docs/design.md` has the reasons.

pub mod address;
pub mod blue_green;
pub mod config;
pub mod decide;
pub mod decision;
pub mod doctor;
pub mod endpoints;
pub mod error;
pub mod evidence;
pub mod follow;
pub mod guard;
pub mod handler;
pub mod lambda;
pub mod look;
pub mod members;
pub mod metrics;
pub mod observe;
pub mod plan;
pub mod promotion;
pub mod report;
pub mod route;
pub mod run;
pub mod settling;
pub mod source;
pub mod standby;
pub mod statement;
pub mod trigger;
pub mod watch;
pub mod world;
mod write;
