//! `cargo run --release --example campaign -- --seeds 100000`: failovers at random, every law checked at every step.
//!
//! `-- --seed N` plays one seed again and prints its history.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use simulated_world::campaign::{Ending, play};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["--seed", seed] => seed.parse().map_or_else(|_| usage(), replay),
        ["--seeds", seeds] => seeds.parse().map_or_else(|_| usage(), campaign),
        [] => campaign(10_000),
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    println!("campaign [--seeds HOW_MANY | --seed WHICH]");
    ExitCode::FAILURE
}

fn replay(seed: u64) -> ExitCode {
    let ending = play(seed, None);
    println!("{}", ending.history.join("\n"));
    conclude(&[ending])
}

fn campaign(seeds: u64) -> ExitCode {
    let began = Instant::now();
    let (next, runs, looks) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let failed = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    let ending = play(seed, None);
                    runs.fetch_add(ending.runs as u64, Ordering::Relaxed);
                    looks.fetch_add(ending.looks, Ordering::Relaxed);
                    if !ending.broken.is_empty() {
                        failed
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(ending);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!(
        "{seeds} seeds, {} runs, {} looks in {:.0} s: {} failed",
        runs.into_inner(),
        looks.into_inner(),
        began.elapsed().as_secs_f64(),
        failed.len()
    );
    conclude(&failed)
}

fn conclude(endings: &[Ending]) -> ExitCode {
    let mut failed = endings
        .iter()
        .filter(|ending| !ending.broken.is_empty())
        .peekable();
    if failed.peek().is_none() {
        return ExitCode::SUCCESS;
    }
    for ending in failed.take(10) {
        println!("seed {}: {}", ending.seed, ending.broken.join("; "));
        println!(
            "  again: cargo run --release --example campaign -- --seed {}",
            ending.seed
        );
    }
    ExitCode::FAILURE
}
