//! The real `bootstrap` under AWS's Lambda emulator, against moto and a real DNS server.
//!
//! By two local settings, `AWS_ENDPOINT_URL` and `DNS_SERVER`, the function finds the cloud on this
//! machine; without them, as it is deployed, it is tested in `templates/room.rs`.
//!
//! Each test is a scenario with a cloud of its own. moto forgets a deregistered target at once,
//! where AWS shows it draining for a while: what hangs on that is in `tests/scenarios/`. moto asks
//! for no permission, so that the gateway has to deny; and it tells all clusters in one answer,
//! where AWS's end at a hundred: what hangs on that is in `src/world/batcher.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod failovers;
mod faults;
mod function;
mod interface;
mod members;
mod routes;
mod sources;
mod triggers;
