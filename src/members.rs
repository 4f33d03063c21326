//! What a run knows of the members, where its group holds them: the look-ups, and for how long the
//! Writer has been one. Pure.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::decide::Context;
use crate::decision::Decision;
use crate::guard::{self, Unguarded};
use crate::observe::Observation;
use crate::route::InstanceId;
use crate::standby::Standby;
use crate::world::{CallError, Survey};

/// How old a look-up of the members may be.
const LOOK_UP_AGAIN: TimeDelta = TimeDelta::hours(1);
/// How old it may be where no later one is answered.
const COUNTS: TimeDelta = TimeDelta::hours(2);
/// For how long a question about the standby stays open in a run: one failed call is not silence.
const UNANSWERED: TimeDelta = TimeDelta::seconds(10);

/// What a process remembers of a route from one run to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    pub(crate) survey: Option<Surveyed>,
    pub(crate) reign: Option<Reign>,
}

/// A look-up of the members, and of when and of whom it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Surveyed {
    pub(crate) survey: Survey,
    pub(crate) at: DateTime<Utc>,
    listed: BTreeSet<InstanceId>,
    writer: Option<InstanceId>,
}

/// The Writer that was confirmed last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reign {
    pub(crate) writer: InstanceId,
    pub(crate) since: DateTime<Utc>,
    /// Another was, in this process, until then.
    pub(crate) began_here: bool,
}

/// What a run knows of the members, where its group holds them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Members {
    pub(crate) user: String,
    pub(crate) memory: Memory,
    pub(crate) began: DateTime<Utc>,
    /// No look-up of before this run counts: an event started it.
    anew: bool,
    /// Why the last look-up of this run failed.
    error: Option<CallError>,
    /// Since when the standby has been an open question.
    open: Option<DateTime<Utc>>,
}

/// What the look-ups say.
pub(crate) enum LookUp<'a> {
    Awaited,
    Failed(Unguarded),
    Answered(&'a Surveyed),
}

impl Members {
    /// What a run knows that began at `now`: the guard has to be seen for `user`.
    #[must_use]
    pub fn new(user: String, memory: Memory, now: DateTime<Utc>, anew: bool) -> Self {
        Self {
            user,
            memory,
            began: now,
            anew,
            error: None,
            open: None,
        }
    }

    /// What the next run may know.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Takes in what a look saw.
    pub(crate) fn note(&mut self, seen: &Observation, now: DateTime<Utc>) {
        match &seen.survey {
            None => {}
            Some(Err(error)) => self.error = Some(error.clone()),
            Some(Ok(survey)) => {
                self.error = None;
                self.memory.survey = Some(Surveyed {
                    survey: survey.clone(),
                    at: now,
                    listed: listed(seen),
                    writer: seen.api.clone().ok().flatten(),
                });
            }
        }
    }

    /// Takes in what was decided.
    pub(crate) fn decided(&mut self, decision: &Decision, now: DateTime<Utc>) {
        match decision.standby() {
            Standby::Open { .. } => drop(self.open.get_or_insert(now)),
            Standby::Holds { .. } => self.open = None,
            Standby::Nobody(_) => {}
        }
        let Decision::Follow { writer, .. } = decision else {
            return;
        };
        let before = self.memory.reign.as_ref();
        if before.is_none_or(|reign| reign.writer != *writer) {
            self.memory.reign = Some(Reign {
                writer: writer.clone(),
                since: now,
                began_here: before.is_some(),
            });
        }
    }

    /// Whether the question is not put any more in this run.
    pub(crate) fn has_given_up(&self, now: DateTime<Utc>) -> bool {
        self.error.as_ref().is_some_and(CallError::is_final)
            || self.open.is_some_and(|open| now - open >= UNANSWERED)
    }

    /// The look-up that counts where this instance is the Writer.
    pub(crate) fn look_up(&self, context: &Context<'_>, writer: &InstanceId) -> LookUp<'_> {
        let gave_up = self.has_given_up(context.now);
        let failed = || {
            let error = self.error.clone().map(Unguarded::LookUp);
            LookUp::Failed(error.unwrap_or_else(|| Unguarded::NotFound(writer.clone())))
        };
        let Some(found) = &self.memory.survey else {
            return if gave_up { failed() } else { LookUp::Awaited };
        };
        let age = context.now - found.at;
        let is_recent = age < LOOK_UP_AGAIN && (found.at >= self.began || !self.anew);
        let is_of_these =
            found.listed == listed(context.seen) && found.writer.as_ref() == Some(writer);
        match (is_recent && is_of_these, gave_up) {
            (true, _) => LookUp::Answered(found),
            (false, false) => LookUp::Awaited,
            (false, true) if age < COUNTS => LookUp::Answered(found),
            (false, true) => failed(),
        }
    }

    /// Whether an instance was seen with the guard; `None` where none has been looked up.
    pub(crate) fn is_guarded(&self, instance: &InstanceId) -> Option<bool> {
        let found = self.memory.survey.as_ref()?;
        Some(guard::seen(&found.survey, instance, &self.user).is_ok())
    }
}

/// The members that the API lists.
fn listed(seen: &Observation) -> BTreeSet<InstanceId> {
    let topology = seen.topology.iter();
    topology
        .flat_map(|topology| topology.instances.keys().cloned())
        .collect()
}
