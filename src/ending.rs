//! How a run ended: its report, and why it failed.

use crate::config::Settings;
use crate::decide::Decision;
use crate::error::RunError;
use crate::history::{History, Look};
use crate::report::{Outcome, RouteReport, Witnesses};
use crate::route::Route;
use crate::watch::Wake;

/// The report of a run, from all that it has seen and done.
pub(crate) fn report(
    route: &Route,
    wake: &Wake,
    settings: Settings,
    history: History,
    error: Option<RunError>,
) -> RouteReport {
    let outcome = match &error {
        Some(_) => Outcome::Failed,
        None if !history.wrote() => Outcome::Unchanged,
        None if settings.dry_run => Outcome::Planned,
        None => Outcome::Switched,
    };
    let elapsed = history.elapsed();
    let mut tally = history.tally;
    tally.followed_after = wake
        .since
        .filter(|_| outcome == Outcome::Switched)
        .map(|age| age + elapsed);
    let mut report = RouteReport {
        outcome,
        registered: history.registered,
        deregistered: history.deregistered,
        targets: history.group.map(|targets| targets.into_iter().collect()),
        looks: history.looks,
        elapsed,
        error,
        tally,
        ..RouteReport::ignored(route)
    };
    if let Some(Look {
        seen,
        beliefs,
        decision,
        ..
    }) = history.last
    {
        let word = beliefs.word.filter(|word| seen.is_member(word.instance()));
        report.witnesses = Witnesses {
            api: seen.api.ok().flatten(),
            dns: seen.dns.ok(),
            hint: word.map(|word| word.instance().clone()),
        };
        report.writer = match decision {
            Decision::Follow { writer, .. } => Some(writer),
            _ => history.agreed.map(|(writer, _)| writer),
        };
    }
    report
}

/// Why a run that has looked long enough has not verified the group.
pub(crate) fn why(history: &History) -> RunError {
    let Some(Look { seen, decision, .. }) = &history.last else {
        return RunError::Undecided(None);
    };
    if let Err(failure) = &seen.targets {
        return RunError::of_targets(failure.clone());
    }
    match decision {
        Decision::Evict { pending, .. } => RunError::of_pending(pending, seen),
        Decision::Refuse(unsuitable) => RunError::AddressRefused(unsuitable.clone()),
        Decision::Follow { .. } => RunError::Unverified,
    }
}

/// Why a run that Lambda's deadline ended has not verified the group.
pub(crate) fn out_of_time(history: &History) -> RunError {
    match &history.write_failure {
        Some(failure) => RunError::of_write(failure.clone()),
        None => why(history),
    }
}
