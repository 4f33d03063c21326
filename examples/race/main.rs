//! How fast the Writer is followed, by this function and by others:
//! `cargo run --release --example race`.
//!
//! Draws failovers from the timelines that have been measured, has each strategy follow each of
//! them in the simulated world, prints a table, and writes it to `docs/race.md` with a picture
//! beside it, `docs/race.svg`. The same number of failovers gives the same table on every machine.
//!
//! ```console
//! $ cargo run --release --example race
//! $ cargo run --release --example race -- 500     # fewer failovers; writes no files
//! ```

mod figures;
mod page;
mod picture;

use std::path::Path;
use std::time::Instant;

use simulated_world::race::{Failover, Score, Strategy, follow};

use crate::figures::Figures;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// As many as the table in docs is made of.
const FAILOVERS: u64 = 10_000;

/// A failover, and how each strategy followed it, in the order of [`Strategy::ALL`].
struct Race {
    failover: Failover,
    scores: Vec<Score>,
}

fn main() -> Result<()> {
    let asked = match std::env::args().nth(1) {
        Some(text) => Some(text.parse::<u64>()?),
        None => None,
    };
    let count = asked.unwrap_or(FAILOVERS);
    let began = Instant::now();
    let races = run(count)?;
    let figures = Figures::of(&races);
    let page = page::page(&figures);
    println!("{page}");
    println!(
        "{count} failovers took {:.0} s",
        began.elapsed().as_secs_f64()
    );
    if asked.is_none() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        std::fs::create_dir_all(&docs)?;
        std::fs::write(docs.join("race.md"), page)?;
        picture::draw(&figures, &docs.join("race.svg"))?;
        println!("written to docs/race.md and docs/race.svg");
    }
    Ok(())
}

/// Every strategy over every failover, on every core.
fn run(count: u64) -> Result<Vec<Race>> {
    let cores = std::thread::available_parallelism()?.get() as u64;
    let share = |core: u64| (core..count).step_by(usize::try_from(cores).unwrap_or(1));
    let race = |seed| {
        let failover = Failover::draw(seed);
        let scores = Strategy::ALL.map(|strategy| follow(&failover, strategy));
        Race {
            failover,
            scores: scores.into(),
        }
    };
    let mut races: Vec<Race> = std::thread::scope(|scope| {
        let cores: Vec<_> = (0..cores)
            .map(|core| scope.spawn(move || share(core).map(race).collect::<Vec<_>>()))
            .collect();
        let joined = cores.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.collect::<std::thread::Result<Vec<_>>>()
    })
    .map_err(|_| "a failover could not be followed")?
    .into_iter()
    .flatten()
    .collect();
    races.sort_by_key(|race| race.failover.seed);
    Ok(races)
}
