//! Plays failovers on real parts and says what became of the replica.
//!
//! ```text
//! cargo run --example drill                 one failover: its timeline and its picture
//! cargo run --example drill -- --all        the table
//! cargo run --example drill -- --members    all members in the group, beside the Writer alone
//! cargo run --example drill -- --help       everything that can be chosen
//! ```

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Instant;

use drill::{Cell, Kit, Nowhere, Parts, Place, Played, Product, Proof, Scale, Scenario, Strategy};

type CallError = Box<dyn std::error::Error + Send + Sync>;

const HELP: &str = "\
cargo run --example drill -- [OPTION]…

  --all                 play the whole grid, side by side, and print the table (half an hour)
  --members             play a guarded group that holds all members, and print that table
  --times N             with --members: how often to play each cell, a matter of chance (3)
  --document FILE       write the table into a document that has places for it: docs/drill.md for --all
  --scenario NAME       what happens to the cluster (announced-at-start)
  --strategy NAME       what follows the Writer (detach)
  --propagation SECONDS how long the load balancer takes to let a target in or out (90)
  --nowhere HOW         a connection without a target: refused, closed or unanswered (refused)
  --retry SECONDS       the replica's retry interval (60)
  --count N             the replica's retry count (10)
  --gtid                replicate by GTID instead of file and position
  --guard yes|no        whether readers refuse the replication user (yes)
  --restart             have an event start a stopped receiver (MySQL)
  --server PRODUCT      mysql, unpacked into target/ where there is none, or mariadb (mysql)
  --factor N            play it N times as fast as it would happen (1 with the function, else 5)
  --picture FILE        where to draw it (target/drill.svg)
  --jobs N              how many cells of a table to play side by side, 0.6 GB each (12)

--strategy and --guard take several values with commas between. Each is played, and drawn below
the one before.
";

/// What was asked for.
struct Asked {
    all: bool,
    members: bool,
    times: usize,
    product: Product,
    cell: Cell,
    strategies: Vec<Strategy>,
    guards: Vec<bool>,
    factor: Option<u32>,
    picture: PathBuf,
    document: Option<PathBuf>,
    jobs: usize,
}

impl Asked {
    /// `None` where help was.
    fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, CallError> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let usual = drill::usual(
            Scenario::AnnouncedAtStart,
            Strategy::Detach,
            90,
            drill::DEFAULTS,
        );
        let mut asked = Self {
            all: false,
            members: false,
            times: 3,
            product: Product::MySql,
            cell: Cell {
                tpch: true,
                ..usual
            },
            strategies: vec![Strategy::Detach],
            guards: vec![true],
            factor: None,
            picture: root.join("target/drill.svg"),
            document: None,
            jobs: 12,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            let cell = &mut asked.cell;
            match word.as_str() {
                "--all" => asked.all = true,
                "--members" => asked.members = true,
                "--times" => asked.times = value()?.parse()?,
                "--scenario" => cell.scenario = named(&value()?, &Scenario::ALL, Scenario::name)?,
                "--strategy" => {
                    let one = |name| named(name, &Strategy::ALL, Strategy::name);
                    asked.strategies = value()?.split(',').map(one).collect::<Result<_, _>>()?;
                }
                "--guard" => {
                    let one = |name| named(name, &[true, false], yes_or_no);
                    asked.guards = value()?.split(',').map(one).collect::<Result<_, _>>()?;
                }
                "--propagation" => cell.propagation = value()?.parse()?,
                "--nowhere" => cell.nowhere = named(&value()?, &Nowhere::ALL, Nowhere::name)?,
                "--retry" => cell.retry.interval = value()?.parse()?,
                "--count" => cell.retry.count = value()?.parse()?,
                "--gtid" => cell.place = Place::Gtid,
                "--restart" => cell.restarted = true,
                "--server" => asked.product = named(&value()?, &Product::ALL, Product::name)?,
                "--factor" => asked.factor = Some(value()?.parse()?),
                "--picture" => asked.picture = value()?.into(),
                "--document" => asked.document = Some(value()?.into()),
                "--jobs" => asked.jobs = value()?.parse()?,
                "--help" | "-h" => return Ok(None),
                other => return Err(format!("{other} is no option; see --help").into()),
            }
        }
        if asked.cell.restarted && asked.product != Product::MySql {
            return Err("--restart is played on MySQL".into());
        }
        Ok(Some(asked))
    }

    fn cells(&self) -> Vec<Cell> {
        let Cell { retry, .. } = self.cell;
        let cell = |strategy, guarded| Cell {
            strategy,
            guarded,
            scale: self.factor.map_or_else(
                || drill::usual(self.cell.scenario, strategy, 0, retry).scale,
                Scale::new,
            ),
            ..self.cell
        };
        let guards = |&strategy| {
            self.guards
                .iter()
                .map(move |&guarded| cell(strategy, guarded))
        };
        self.strategies.iter().flat_map(guards).collect()
    }
}

fn yes_or_no(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
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
    let parts = Parts::find(asked.product)?;
    let version = parts.version().to_owned();
    println!("{version}");
    let kit = Arc::new(Kit::new(parts, &bootstrap()?).await?);
    if let Some(file) = &asked.document {
        // Before it plays for minutes.
        std::fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if asked.all {
        return all(&kit, &asked, &version).await;
    }
    if asked.members {
        return members(&kit, &asked, &version).await;
    }
    let mut played = Vec::new();
    for cell in asked.cells() {
        println!("\n{}", drill::headline(&cell));
        let one = drill::play(&kit, cell, true).await?;
        println!("\n{}", drill::verdict(&one));
        if let Some(proof) = &one.proof {
            show(proof);
        }
        played.push(one);
    }
    drill::draw(&version, &played, &asked.picture)?;
    println!("\ndrawn in {}", asked.picture.display());
    Ok(())
}

fn show(proof: &Proof) {
    if proof.holds() {
        println!("\nTPC-H query 1, the same on source and replica:\n");
    } else {
        println!(
            "\nTPC-H query 1 on the source:\n\n{}",
            Proof::table(&proof.source)
        );
        println!("and on the replica:\n");
    }
    print!("{}", Proof::table(&proof.replica));
}

async fn all(kit: &Arc<Kit>, asked: &Asked, version: &str) -> Result<(), CallError> {
    let (played, played_on) = side_by_side(kit, drill::grid(asked.product), asked, version).await?;
    let parts = [
        ("played", played_on),
        ("matrix", drill::matrix(&played)),
        ("tally", drill::tally(&played)),
        ("strategies", drill::summary(&played)),
        ("legend", drill::LEGEND.to_owned()),
        ("table", drill::table(&played)),
    ];
    publish(&parts, asked)
}

async fn members(kit: &Arc<Kit>, asked: &Asked, version: &str) -> Result<(), CallError> {
    let cells = drill::member_cells(asked.times);
    let (played, played_on) = side_by_side(kit, cells, asked, version).await?;
    let table = drill::member_table(&played);
    publish(&[("played", played_on), ("members", table)], asked)
}

/// Plays cells, and says how many and on what.
async fn side_by_side(
    kit: &Arc<Kit>,
    cells: Vec<Cell>,
    asked: &Asked,
    version: &str,
) -> Result<(Vec<Played>, String), CallError> {
    let (count, jobs) = (cells.len(), asked.jobs);
    println!("{count} cells, {jobs} side by side");
    let begun = Instant::now();
    let report = |done: usize, played: &Played| {
        println!(
            "[{done:>3}/{count}] {}: {}",
            drill::headline(&played.cell),
            played.outcome.fate
        );
    };
    let played = drill::play_all(kit, cells, jobs, report).await?;
    let minutes = begun.elapsed().as_secs_f64() / 60.0;
    let played_on =
        format!("{count} cells, {jobs} side by side, in {minutes:.0} minutes: {version}.");
    Ok((played, played_on))
}

/// Prints what came out, and writes it into the document.
fn publish(parts: &[(&str, String)], asked: &Asked) -> Result<(), CallError> {
    for (name, text) in parts {
        println!("\n{name}:\n\n{text}");
    }
    if let Some(file) = &asked.document {
        let mut document = std::fs::read_to_string(file)?;
        for (name, text) in parts {
            let missing = || format!("{} has no place for: {name}", file.display());
            document = drill::fill(&document, name, text).ok_or_else(missing)?;
        }
        std::fs::write(file, document)?;
    }
    Ok(())
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
