//! Failovers at random in three worlds, judged by who the Writer really was.
//!
//! ```text
//! cargo run --release --example campaign -- --seeds 20000 --from 100000
//! cargo run --release --example campaign -- --seeds 2000 --world kind --list
//! cargo run --release --example campaign -- --seed 17 --world hostile
//! ```
//!
//! The first prints the figures of each world, the second also the seeds behind them, the third one
//! seed's history. `--bug TrustApi` plays them with one of the deliberate bugs, `--members` where
//! the group holds members.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use simulated_world::campaign::{Climate, Ending, play, play_with_members};
use simulated_world::{Count, Fault, Tally};

/// What the command line asks for.
struct Arguments {
    seeds: u64,
    from: u64,
    climates: Vec<Climate>,
    fault: Option<Fault>,
    replays: bool,
    lists: bool,
    members: bool,
}

/// A world's figures, and the seeds behind them.
#[derive(Default)]
struct Figures {
    tally: Tally,
    seeds: BTreeMap<&'static str, Vec<u64>>,
    broken: Vec<String>,
}

fn main() -> ExitCode {
    let Some(arguments) = Arguments::read() else {
        println!(
            "campaign [--seeds HOW_MANY | --seed WHICH] [--from FIRST] [--world NAME] [--bug NAME] [--members] [--list]"
        );
        return ExitCode::FAILURE;
    };
    if arguments.replays {
        for climate in &arguments.climates {
            let ending = arguments.play(arguments.from, *climate);
            println!("{}\n", ending.history.join("\n"));
            let mut figures = Figures::default();
            figures.add(ending);
            print_table(&[(*climate, figures)]);
        }
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    let all = arguments.climates.iter().map(|climate| {
        let figures = campaign(&arguments, *climate);
        (*climate, figures)
    });
    let all: Vec<(Climate, Figures)> = all.collect();
    print_table(&all);
    println!("\n{:.0} s", began.elapsed().as_secs_f64());
    for (climate, figures) in &all {
        if arguments.lists {
            for (what, seeds) in &figures.seeds {
                println!("\n{}, {what}: {seeds:?}", climate.name());
            }
        }
        for line in figures.broken.iter().take(10) {
            println!("{}: {line}", climate.name());
        }
    }
    if all.iter().any(|(_, figures)| !figures.broken.is_empty()) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

impl Arguments {
    fn play(&self, seed: u64, climate: Climate) -> Ending {
        if self.members {
            play_with_members(seed, climate, self.fault)
        } else {
            play(seed, climate, self.fault)
        }
    }

    fn read() -> Option<Self> {
        let mut arguments = Self {
            seeds: 10_000,
            from: 0,
            climates: Climate::ALL.to_vec(),
            fault: None,
            replays: false,
            lists: false,
            members: false,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--seeds" => arguments.seeds = words.next()?.parse().ok()?,
                "--from" => arguments.from = words.next()?.parse().ok()?,
                "--seed" => {
                    arguments.from = words.next()?.parse().ok()?;
                    arguments.replays = true;
                }
                "--world" => {
                    let name = words.next()?;
                    arguments.climates.retain(|climate| climate.name() == name);
                }
                "--bug" => {
                    let name = words.next()?;
                    let is_it = |fault: &Fault| format!("{fault:?}") == name;
                    arguments.fault = Some(Fault::ALL.into_iter().find(is_it)?);
                }
                "--list" => arguments.lists = true,
                "--members" => arguments.members = true,
                _ => return None,
            }
        }
        (!arguments.climates.is_empty()).then_some(arguments)
    }
}

/// Plays all seeds in one world, on every core.
fn campaign(arguments: &Arguments, climate: Climate) -> Figures {
    let next = AtomicU64::new(arguments.from);
    let figures = Mutex::new(Figures::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed - arguments.from >= arguments.seeds {
                        break;
                    }
                    let ending = arguments.play(seed, climate);
                    let mut figures = figures.lock().unwrap_or_else(PoisonError::into_inner);
                    figures.add(ending);
                }
            });
        }
    });
    let mut figures = figures.into_inner().unwrap_or_else(PoisonError::into_inner);
    figures
        .seeds
        .values_mut()
        .for_each(|seeds| seeds.sort_unstable());
    figures
}

impl Figures {
    fn add(&mut self, ending: Ending) {
        let Ending {
            seed,
            tally,
            broken,
            ..
        } = ending;
        let counts = COUNTS.iter().filter(|(_, count)| count(&tally).times > 0);
        for (name, _) in counts {
            self.seeds.entry(name).or_default().push(seed);
        }
        let lines = broken.iter().map(|line| format!("seed {seed}: {line}"));
        self.broken.extend(lines);
        self.tally += tally;
    }
}

type Column<T> = (&'static str, fn(&Tally) -> T);

const COUNTS: [Column<Count>; 6] = [
    ("another registered", |tally| tally.another),
    ("avoidable", |tally| tally.avoidable),
    ("two over 2 s", |tally| tally.two),
    ("success over a wrong group", |tally| {
        tally.success_over_wrong
    }),
    ("success against a fresh statement", |tally| {
        tally.success_against_statement
    }),
    ("laws broken", |tally| tally.broken),
];

const TIMES: [Column<Duration>; 6] = [
    ("wrong s", Tally::wrong),
    ("- after the flip", |tally| tally.wrong_after),
    ("- before it, or for good", |tally| tally.wrong_before),
    ("- by another hand alone", |tally| tally.foreign),
    ("empty s", |tally| tally.empty),
    ("without the Writer s", |tally| tally.without),
];

const NUMBERS: [Column<u64>; 4] = [
    ("writes", |tally| tally.writes),
    ("stories", |tally| tally.stories),
    ("runs", |tally| tally.runs),
    ("looks", |tally| tally.looks),
];

/// One line for each figure, one column for each world. A count is of stories, and in brackets of
/// times.
fn print_table(all: &[(Climate, Figures)]) {
    let line = |name: &str, cell: &dyn Fn(&Tally) -> String| {
        let cells = all.iter().map(|(_, figures)| cell(&figures.tally));
        let cells: Vec<String> = cells.map(|cell| format!("{cell:>16} |")).collect();
        println!("| {name:<34} | {}", cells.join(""));
    };
    let names = all
        .iter()
        .map(|(climate, _)| format!("{:>16} |", climate.name()));
    println!("| {:<34} | {}", "", names.collect::<String>());
    let rule = all.iter().map(|_| format!("{:->17}:|", ""));
    println!("|{:-<36}|-{}", "", rule.collect::<String>());
    for (name, count) in COUNTS {
        line(name, &|tally| {
            let Count { stories, times } = count(tally);
            if stories == times {
                stories.to_string()
            } else {
                format!("{stories} ({times})")
            }
        });
    }
    for (name, time) in TIMES {
        line(name, &|tally| format!("{:.0}", time(tally).as_secs_f64()));
    }
    for (name, number) in NUMBERS {
        line(name, &|tally| number(tally).to_string());
    }
}
