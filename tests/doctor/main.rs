//! The doctor: what it makes of what it sees (`diagnosis`, `cases`, `guard`), and the real
//! `bootstrap` on moto's installation (`remedies`, `failures`), which it leaves as it was. The
//! function finds moto by two local settings, `AWS_ENDPOINT_URL` and `DNS_SERVER`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod cases;
mod diagnosis;
mod failures;
mod guard;
mod installation;
mod remedies;
mod world;
