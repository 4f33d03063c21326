//! One run of one route: look, decide, apply, look again, until it is right or time is up.
//!
//! ```text
//!          ┌──────────────── sleep ◄───────────────┐
//!          ▼                                       │
//!        look ─► decide ─► plan ──nothing to do──► done? ─► report
//!          ▲                 │
//!          └───── apply ◄────┘
//! ```

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{info, warn};

use crate::config::{OnFailoverStart, Settings};
use crate::decide::{Beliefs, Decision, OnAnnouncement, confirmed, decide};
use crate::ending;
use crate::error::RunError;
use crate::history::{AGREEMENT, History, Look};
use crate::look::{Sighting, look};
use crate::plan::Plan;
use crate::report::RouteReport;
use crate::route::Route;
use crate::trigger::Word;
use crate::watch::Wake;
use crate::world::{CallError, Cause, Topology, World};

/// What stays of a run's time for the writes, and the looks after them, once its watch has ended.
const ROOM_TO_WRITE: Duration = Duration::from_secs(10);

/// A run of one route.
pub struct Run<'a, W> {
    /// The world.
    pub world: &'a W,
    /// The cluster and its group.
    pub route: &'a Route,
    /// Why, and how long.
    pub wake: &'a Wake,
    /// How.
    pub settings: Settings,
    /// When it began.
    pub started: Instant,
    /// When it has to have ended.
    pub deadline: Instant,
}

/// What a look leads to.
enum Step {
    /// Write this, and look again.
    Write(Plan),
    /// Look again later.
    Again,
    /// The group is verified.
    Done,
}

impl<W: World> Run<'_, W> {
    /// Follows the Writer. `topology` is what this process knows of the cluster's names, and learns.
    pub async fn follow(&self, topology: &mut Option<Topology>) -> RouteReport {
        let mut history = History::new(self.started);
        let error = match timeout_at(self.deadline, self.watch(&mut history, topology)).await {
            Ok(result) => result.err(),
            Err(_) => Some(ending::out_of_time(&history)),
        };
        ending::report(self.route, self.wake, self.settings, history, error)
    }

    async fn watch(
        &self,
        history: &mut History,
        topology: &mut Option<Topology>,
    ) -> Result<(), RunError> {
        let mut verifying = false;
        loop {
            let began = Instant::now();
            let seen = look(self.world, self.route, topology.clone()).await;
            if seen.api.is_ok() {
                topology.clone_from(&seen.topology);
            }
            let wrote = match self.step(history, seen)? {
                Step::Done => return Ok(()),
                Step::Write(plan) => self.apply(history, &plan).await?,
                Step::Again => false,
            };
            // What was written is verified at once. Where even that look found it undone, somebody
            // else writes too, and that is no race.
            verifying = wrote && !verifying;
            if !verifying {
                sleep_until(self.beat_after(began)).await;
            }
        }
    }

    /// When the next look is due: on a beat that all routes of an invocation share, so that they ask RDS
    /// together again though some have written meanwhile.
    fn beat_after(&self, look: Instant) -> Instant {
        let interval = self.settings.poll_interval;
        let since = look.saturating_duration_since(self.started);
        let beats = since.as_nanos() / interval.as_nanos().max(1) + 1;
        self.started + interval * u32::try_from(beats).unwrap_or(u32::MAX)
    }

    /// What a look leads to: the whole of a run's judgement, without any I/O.
    fn step(&self, history: &mut History, seen: Sighting) -> Result<Step, RunError> {
        let word = self
            .wake
            .hint
            .as_ref()
            .and_then(|hint| hint.word(history.elapsed()));
        history.note(&seen, confirmed(&seen, word.as_ref()));
        let beliefs = self.beliefs(history, &seen, word);
        let decision = decide(&seen, &beliefs);
        let held = seen
            .targets
            .as_ref()
            .map(|targets| history.pretend(targets));
        let plan = held
            .map(|held| Plan::new(&decision, &held))
            .unwrap_or_default();
        history.keep(
            Look {
                seen,
                beliefs,
                decision,
                plan,
            },
            self.wake.since.is_some(),
        );
        self.judge(history)
    }

    fn beliefs(&self, history: &History, seen: &Sighting, word: Option<Word>) -> Beliefs {
        let over = self.is_over(history, self.wake.patience);
        // A watch that Lambda's deadline cut short has not seen the announced failover fail.
        let called_off = over && history.elapsed() >= self.wake.patience;
        let agreed = history.agreed();
        let knows_why = self.wake.by_hand
            || word
                .as_ref()
                .is_some_and(|word| agreed.is_some_and(|(writer, _)| writer == word.instance()));
        Beliefs {
            word: word.map(|word| match word {
                Word::Announced(next) if called_off => Word::Told(next),
                word => word,
            }),
            on_announcement: match self.settings.on_failover_start {
                OnFailoverStart::Wait => OnAnnouncement::Nothing,
                OnFailoverStart::Detach if history.cleared => OnAnnouncement::Hold,
                OnFailoverStart::Detach => OnAnnouncement::Clear,
            },
            newcomers: if knows_why {
                BTreeSet::new()
            } else {
                history.newcomers()
            },
            leave_empty: !(knows_why
                || history.evicted
                || over
                || agreed.is_some_and(|(_, since)| since >= AGREEMENT)),
            api_throughout: over.then(|| history.api_alone(seen)).flatten(),
        }
    }

    /// What the last look means for the run.
    fn judge(&self, history: &History) -> Result<Step, RunError> {
        let Some(Look {
            seen,
            beliefs,
            decision,
            plan,
        }) = &history.last
        else {
            return Ok(Step::Again);
        };
        if let Decision::Refuse(unsuitable) = decision {
            return Err(RunError::AddressRefused(unsuitable.clone()));
        }
        if let Err(failure) = &seen.targets
            && is_final(failure)
        {
            return Err(RunError::of_targets(failure.clone()));
        }
        if !plan.is_empty() {
            return Ok(Step::Write(plan.clone()));
        }
        let verified = matches!(decision, Decision::Follow { .. }) && seen.targets.is_ok();
        let (length, nothing_to_wait_for) = if verified {
            (
                self.wake.expect,
                is_settled(history, seen, beliefs, decision),
            )
        } else {
            (self.wake.patience, self.is_hopeless(seen))
        };
        match nothing_to_wait_for || self.is_over(history, length) {
            true if verified => Ok(Step::Done),
            true => Err(ending::why(history)),
            false => Ok(Step::Again),
        }
    }

    /// Whether looking again cannot help: this process has never known the cluster's names, and the
    /// API says that it never will.
    fn is_hopeless(&self, seen: &Sighting) -> bool {
        let Sighting {
            api: Err(failure),
            topology: None,
            ..
        } = seen
        else {
            return false;
        };
        // In the middle of a blue/green switchover nobody bears the cluster's name.
        let may_appear = self.wake.expect > Duration::ZERO;
        failure.cause == Cause::Denied || (failure.cause == Cause::NotFound && !may_appear)
    }

    /// Whether a watch of this length has ended: never later than leaves room to write.
    fn is_over(&self, history: &History, length: Duration) -> bool {
        let time = self.deadline.saturating_duration_since(self.started);
        history.elapsed() >= length.min(time.saturating_sub(ROOM_TO_WRITE))
    }

    /// Carries a plan out, those who leave first, and tells whether all of it was done.
    async fn apply(&self, history: &mut History, plan: &Plan) -> Result<bool, RunError> {
        info!(%plan, dry_run = self.settings.dry_run, "writing");
        if self.settings.dry_run {
            history.wrote_nothing(plan);
            return Ok(true);
        }
        let result = self.write(history, plan).await;
        history.write_failure = result.as_ref().err().cloned();
        match result {
            Ok(()) => Ok(true),
            Err(failure) if is_final(&failure) || failure.cause == Cause::Rejected => {
                Err(RunError::of_write(failure))
            }
            Err(failure) => {
                warn!(%failure, "not written; the next look tries again");
                Ok(false)
            }
        }
    }

    async fn write(&self, history: &mut History, plan: &Plan) -> Result<(), CallError> {
        let Plan {
            deregister,
            register,
        } = plan;
        if !deregister.is_empty() {
            self.world.deregister(&self.route.group, deregister).await?;
            history.deregistered.extend(deregister.iter().cloned());
        }
        if let Some(target) = register {
            self.world.register(&self.route.group, target).await?;
            history.registered.push(target.clone());
        }
        Ok(())
    }
}

/// Whether a verified group leaves nothing to wait for: the hint came true, or, where there is none,
/// something was written and both other witnesses name the Writer.
fn is_settled(history: &History, seen: &Sighting, beliefs: &Beliefs, decision: &Decision) -> bool {
    let Decision::Follow { writer, .. } = decision else {
        return false;
    };
    match &beliefs.word {
        Some(word) => word.instance() == writer,
        None => {
            history.wrote()
                && seen.dns.as_ref() == Ok(writer)
                && seen.api.as_ref() == Ok(&Some(writer.clone()))
        }
    }
}

/// Whether a failure of the load balancer's API stays however often it is asked.
fn is_final(failure: &CallError) -> bool {
    matches!(failure.cause, Cause::Denied | Cause::NotFound)
}
