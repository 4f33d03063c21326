//! What a run makes of what it has seen: the decision as a table, as scenarios and as properties,
//! and the steps of the machine that asks for it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod groups;
mod guarded;
mod look_ups;
mod members;
mod properties;
mod scene;
mod steps;
mod truth_table;
