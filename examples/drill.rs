//! Plays failovers on real parts and says what became of the replica.
//!
//! ```text
//! cargo run --example drill                 one failover: its timeline and its picture
//! cargo run --example drill -- --all        the table
//! cargo run --example drill -- --help       everything that can be chosen
//! ```

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Instant;

use drill::{Cell, Kit, Place, Played, Scale, Scenario, Strategy};

type CallError = Box<dyn std::error::Error + Send + Sync>;

const HELP: &str = "\
cargo run --example drill -- [OPTION]…

  --all                 play the whole grid, side by side, and print the table (less than half an hour)
  --scenario NAME       play one cell, aloud
  --strategy NAME       who follows the Writer; several, with commas between, are drawn below each other
  --propagation SECONDS how long the load balancer takes to let a target in or out (30)
  --retry SECONDS       the replica's retry interval (60)
  --gtid                replicate by GTID instead of file and position
  --guard               have readers refuse the replication user
  --factor N            play it N times as fast as it would happen (5; 1 where the retry needs it)
  --picture FILE        where to draw it (target/drill.svg)
  --jobs N              how many cells of --all to play side by side (8)
";

/// What was asked for.
struct Asked {
    all: bool,
    scenario: Scenario,
    strategies: Vec<Strategy>,
    propagation: u32,
    retry: u32,
    place: Place,
    guarded: bool,
    factor: Option<u32>,
    picture: PathBuf,
    jobs: usize,
}

impl Asked {
    /// `None` where help was.
    fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, CallError> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut asked = Self {
            all: false,
            scenario: Scenario::AnnouncedAtStart,
            strategies: vec![Strategy::Detach],
            propagation: 30,
            retry: 60,
            place: Place::File,
            guarded: false,
            factor: None,
            picture: root.join("target/drill.svg"),
            jobs: 8,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} what?"));
            match word.as_str() {
                "--all" => asked.all = true,
                "--scenario" => asked.scenario = named(&value()?, &Scenario::ALL, Scenario::name)?,
                "--strategy" => {
                    let names = value()?;
                    let names = names.split(',');
                    asked.strategies = names
                        .map(|name| named(name, &Strategy::ALL, Strategy::name))
                        .collect::<Result<_, _>>()?;
                }
                "--propagation" => asked.propagation = value()?.parse()?,
                "--retry" => asked.retry = value()?.parse()?,
                "--gtid" => asked.place = Place::Gtid,
                "--guard" => asked.guarded = true,
                "--factor" => asked.factor = Some(value()?.parse()?),
                "--picture" => asked.picture = value()?.into(),
                "--jobs" => asked.jobs = value()?.parse()?,
                "--help" | "-h" => return Ok(None),
                other => return Err(format!("{other}? See --help").into()),
            }
        }
        Ok(Some(asked))
    }

    fn cells(&self) -> Vec<Cell> {
        let cell = |strategy| {
            let usual = drill::usual(self.scenario, strategy, self.propagation, self.retry);
            Cell {
                place: self.place,
                guarded: self.guarded,
                scale: self.factor.map_or(usual.scale, Scale::new),
                ..usual
            }
        };
        self.strategies.iter().copied().map(cell).collect()
    }
}

fn named<T: Copy>(name: &str, all: &[T], of: impl Fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|one| of(*one) == name);
    let names = || all.iter().copied().map(&of).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| format!("there is no {name}, but there are: {}", names()))
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("drill: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), CallError> {
    let Some(asked) = Asked::read(std::env::args().skip(1))? else {
        print!("{HELP}");
        return Ok(());
    };
    if let Some(missing) = drill::missing() {
        return Err(missing.into());
    }
    let kit = Arc::new(Kit::new(&bootstrap()?).await?);
    if asked.all {
        return all(&kit, asked.jobs).await;
    }
    let mut played = Vec::new();
    for cell in asked.cells() {
        println!("\n{}", headline(&cell));
        let one = drill::play(&kit, cell, true).await?;
        println!("{}", drill::verdict(&one));
        played.push(one);
    }
    drill::draw(&played, &asked.picture)?;
    println!("\ndrawn in {}", asked.picture.display());
    Ok(())
}

async fn all(kit: &Arc<Kit>, jobs: usize) -> Result<(), CallError> {
    let cells = drill::grid();
    let count = cells.len();
    println!("{count} cells, {jobs} side by side");
    let begun = Instant::now();
    let told = |done: usize, played: &Played| {
        println!(
            "[{done:>3}/{count}] {}: {}",
            headline(&played.cell),
            played.outcome.fate
        );
    };
    let played = drill::play_all(kit, cells, jobs, told).await?;
    println!("\n{}\n{}\n", drill::table(&played), drill::LEGEND);
    println!(
        "Of the cells that every strategy played:\n\n{}",
        drill::summary(&played)
    );
    println!(
        "{count} cells in {:.1} minutes",
        begun.elapsed().as_secs_f64() / 60.0
    );
    Ok(())
}

fn headline(cell: &Cell) -> String {
    format!(
        "{}, {}, propagation {} s, retry {} s{}{}, {}× as fast",
        cell.scenario,
        cell.strategy,
        cell.propagation,
        cell.retry,
        if cell.place == Place::Gtid {
            ", GTID"
        } else {
            ""
        },
        if cell.guarded { ", guard" } else { "" },
        cell.scale.factor(),
    )
}

/// Builds the function, and says where it is. The example is named beside it so that cargo settles
/// on the features it has just built with.
fn bootstrap() -> Result<PathBuf, CallError> {
    let here = std::env::current_exe()?;
    let profile = here.ancestors().nth(2).ok_or("no target folder")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args([
            "build",
            "--quiet",
            "--bin",
            "bootstrap",
            "--example",
            "drill",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.file_name().is_some_and(|name| name == "release") {
        build.arg("--release");
    }
    if !build.status()?.success() {
        return Err("the function does not build".into());
    }
    Ok(profile.join("bootstrap"))
}
