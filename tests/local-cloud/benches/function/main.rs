//! What the function costs: `cargo bench`.
//!
//! Builds `bootstrap` for release, and measures it from outside, part by part:
//!
//! ```text
//! trips         under the Lambda emulator, against moto with 0, 20, 50 and 100 ms added to each call
//! instructions  under valgrind's callgrind, where that is installed
//! routes        with 1, 10, 100 and 1000 routes in one scheduled run
//! ```
//!
//! `cargo bench -- routes` measures the one part. Nothing is asserted: times are this machine's,
//! the counts are not. docs/benchmarks.md says what to make of them.

mod build;
mod chorus;
mod instructions;
mod lambda;
mod routes;
mod trips;

use std::env;

use anyhow::Result;

#[tokio::main]
async fn main() -> Result<()> {
    // cargo adds `--bench`.
    let asked: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let wants = |part: &str| asked.is_empty() || asked.iter().any(|one| one == part);
    let bootstrap = build::bootstrap()?;
    if wants("trips") {
        trips::measure(&bootstrap).await?;
    }
    if wants("instructions") {
        instructions::measure(&bootstrap).await?;
    }
    if wants("routes") {
        routes::measure(&bootstrap).await?;
    }
    Ok(())
}
