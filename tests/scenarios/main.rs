//! Failovers in the simulated world, where a minute takes a millisecond and every witness lags as
//! it likes. Each test is a scenario; its name says which. The judge behind the seam knows who the
//! Writer is, and checks the laws at every write.
//!
//! ```text
//! scene      what every scenario is made of, and how it is judged
//! following  a failover, announced or not, and each witness late
//! returning  failovers that go back, or do not come about
//! group      what is in the group beside the Writer, and what a run does without one
//! faults     silence, throttling, crashes
//! histories  those in which programs of this kind have stopped a replication for good
//! sources    blue/green switchovers, DB instances, Multi-AZ DB clusters
//! members    groups that hold the next Writer, too
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod faults;
mod following;
mod group;
mod histories;
mod members;
mod returning;
mod scene;
mod sources;
