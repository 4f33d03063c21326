//! Plays failovers on real parts and says what became of the replica.
//!
//! ```text
//! cargo run --example drill                             one cell, its timeline and its picture
//! cargo run --example drill -- --all                    the table
//! cargo run --example drill -- --scenario fail-back --strategy look-once --propagation 90 --retry 10
//! ```

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use drill::{Cell, Kit, Place, Scale, Scenario, Strategy};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cell = Cell {
        scenario: Scenario::AnnouncedAtStart,
        strategy: Strategy::Detach,
        propagation: 0,
        retry: 10,
        place: Place::File,
        guarded: false,
        scale: Scale::new(5),
    };
    let kit = Arc::new(Kit::new(&bootstrap()?).await?);
    let played = drill::play(&kit, cell, true).await?;
    println!("{:#?}", played.outcome);
    Ok(())
}

/// Builds the function, and says where it is.
fn bootstrap() -> Result<PathBuf, Box<dyn std::error::Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--bin", "bootstrap", "--example", "drill"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !status.success() {
        return Err("the function does not build".into());
    }
    let here = std::env::current_exe()?;
    let profile = here.ancestors().nth(2).ok_or("no target folder")?;
    Ok(profile.join("bootstrap"))
}
