//! How long a look and a switch take, in round trips.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use local_cloud::{ANY, Call, Cloud, Fault, Function, INSTANCE_1, INSTANCE_2, TARGET_1, announce};
use serde_json::{Value, json};

/// Added to every call.
const ADDED: [u64; 4] = [0, 20, 50, 100];

/// How often each is measured; the least counts, as whatever else the machine does only adds.
const TIMES: usize = 9;

const COMPLETED: &str = include_str!("../../../../events/failover-completed.json");
const SCHEDULE: &str = include_str!("../../../../events/schedule.json");

/// What is measured, in the order of the table.
const KINDS: [&str; 5] = [
    "cold start to the end of the first look",
    "a look: first call to the last answer",
    "a switch: first call to the new target being in",
    "a switch: first call to the group being verified",
    "a switch in a cold start: first call to the new target being in",
];

/// One measurement: how long, and how many calls one after the other.
#[derive(Clone, Copy, Default)]
struct Trip {
    took: Duration,
    deep: usize,
}

pub(crate) async fn measure(bootstrap: &Path) -> Result<()> {
    let cloud = Cloud::start().await?;
    let mut measured: Vec<[Trip; KINDS.len()]> = Vec::new();
    let mut calls = Vec::new();
    for added in ADDED {
        let mut rounds: [Vec<Trip>; KINDS.len()] = Default::default();
        for _ in 0..TIMES {
            let (round, named) = round(&cloud, bootstrap, Duration::from_millis(added)).await?;
            for (trips, trip) in rounds.iter_mut().zip(round) {
                trips.push(trip);
            }
            calls = named;
        }
        let least = rounds.map(|trips| trips.into_iter().min_by_key(|trip| trip.took));
        measured.push(least.map(Option::unwrap_or_default));
    }

    println!("\n## Round trips\n");
    println!(
        "| | one after the other | nothing added | 20 ms added | 50 ms added | 100 ms added |"
    );
    println!("|---|--:|--:|--:|--:|--:|");
    let [nothing, slowed @ ..] = measured.as_slice() else {
        bail!("nothing was measured");
    };
    for (number, kind) in KINDS.iter().enumerate() {
        let base = nothing[number];
        let trips = |(added, trips): (&u64, &[Trip; KINDS.len()])| {
            let more = trips[number].took.saturating_sub(base.took);
            let added = Duration::from_millis(*added);
            format!(
                "{} ms: {:.2} trips",
                trips[number].took.as_millis(),
                more.as_secs_f64() / added.as_secs_f64()
            )
        };
        let columns: Vec<String> = ADDED[1..].iter().zip(slowed).map(trips).collect();
        println!(
            "| {kind} | {} | {} ms | {} |",
            base.deep,
            base.took.as_millis(),
            columns.join(" | ")
        );
    }

    println!("\n## Calls\n");
    println!("| a run | calls | which |\n|---|--:|---|");
    for (kind, names) in calls {
        println!("| {kind} | {} | {} |", names.len(), names.join(", "));
    }
    Ok(())
}

type Named = Vec<(&'static str, Vec<String>)>;

/// One function: its start, a quiet run, a switch; then another one that is started by the switch.
async fn round(
    cloud: &Cloud,
    bootstrap: &Path,
    added: Duration,
) -> Result<([Trip; KINDS.len()], Named)> {
    let schedule: Value = serde_json::from_str(SCHEDULE)?;
    cloud.gateway().clear(ANY);
    if !added.is_zero() {
        cloud.gateway().inject(ANY, Fault::Delay(added));
    }
    let function = cloud.function(bootstrap).start().await?;
    let (began, first) = (Instant::now(), run(cloud, &function, &json!({})).await?);
    let ended = end(first.last().context("no call")?)?;
    let cold = Trip {
        took: ended - began,
        deep: depth(&first)?,
    };
    let quiet = run(cloud, &function, &schedule).await?;
    let switch = switch(cloud, &function).await?;
    let other = cloud.function(bootstrap).start().await?;
    let cold_switch = self::switch(cloud, &other).await?;

    let actions = |calls: &[Call]| calls.iter().map(|call| call.action.clone()).collect();
    let named = vec![
        ("the first of a process", actions(&first)),
        ("a quiet one, as the schedule makes", actions(&quiet)),
        ("a switch", actions(&switch)),
        ("a switch that starts the process", actions(&cold_switch)),
    ];
    let trips = [
        cold,
        until(&quiet, quiet.len())?,
        until(&switch, registered(&switch)?)?,
        until(&switch, switch.len())?,
        until(&cold_switch, registered(&cold_switch)?)?,
    ];
    Ok((trips, named))
}

/// The calls of one run.
async fn run(cloud: &Cloud, function: &Function, payload: &Value) -> Result<Vec<Call>> {
    cloud.gateway().forget();
    let done = function.invoke(payload).await?;
    if let Err(error) = done.outcome {
        bail!("the function failed: {error:?}");
    }
    Ok(cloud.gateway().calls())
}

/// The calls of a run that follows the Writer from the first instance to the second, by its
/// "Completed".
async fn switch(cloud: &Cloud, function: &Function) -> Result<Vec<Call>> {
    cloud.fail_over(INSTANCE_2).await?;
    let event = announce(&serde_json::from_str(COMPLETED)?, Duration::from_secs(1));
    let calls = run(cloud, function, &event).await?;
    cloud.fail_over(INSTANCE_1).await?;
    cloud.set_targets(&[TARGET_1]).await?;
    Ok(calls)
}

/// How many of the calls it takes until the new target is in.
fn registered(calls: &[Call]) -> Result<usize> {
    let at = calls
        .iter()
        .position(|call| call.action == "RegisterTargets");
    Ok(at.context("nothing was registered")? + 1)
}

fn until(calls: &[Call], count: usize) -> Result<Trip> {
    let calls = &calls[..count];
    let (first, ends) = (
        calls.first().context("no call")?,
        calls.iter().map(end).collect::<Result<Vec<_>>>()?,
    );
    let ended = ends.into_iter().max().context("no call")?;
    Ok(Trip {
        took: ended - first.at,
        deep: depth(calls)?,
    })
}

fn end(call: &Call) -> Result<Instant> {
    Ok(call.at + call.took.context("a call was not answered")?)
}

/// The longest chain of calls of which each began after the one before had ended.
fn depth(calls: &[Call]) -> Result<usize> {
    let mut depths: Vec<(Instant, usize)> = Vec::new();
    for call in calls {
        let before = depths
            .iter()
            .filter(|(ended, _)| *ended <= call.at)
            .map(|(_, depth)| *depth);
        depths.push((end(call)?, before.max().unwrap_or_default() + 1));
    }
    Ok(depths
        .iter()
        .map(|(_, depth)| *depth)
        .max()
        .unwrap_or_default())
}
