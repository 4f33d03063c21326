//! One look of a run, what it led to, and what a run may still do on the ground of it. Pure.

use std::time::Duration;

use crate::decision::{Decision, Pending};
use crate::error::RunError;
use crate::observe::Observation;
use crate::plan::Plan;
use crate::route::InstanceId;
use crate::world::Cause;

/// A look that is older when it comes to registering is looked again.
const OUTDATED: Duration = Duration::from_secs(2);

/// One look, and what it led to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Look {
    /// When its questions were asked.
    pub asked: Duration,
    /// What it saw.
    pub seen: Observation,
    /// The instance that the statements name.
    pub hint: Option<InstanceId>,
    /// What the group should hold.
    pub decision: Decision,
    /// What to write.
    pub plan: Plan,
}

impl Look {
    /// Whether its answers are young enough to register on, and the event log is among them, unless
    /// it may never be read.
    pub(crate) fn is_good_to_register_on(&self, at: Duration) -> bool {
        let has_log = match &self.seen.log {
            Some(Ok(_)) => true,
            Some(Err(error)) => error.is_final(),
            None => false,
        };
        has_log && at.saturating_sub(self.asked) <= OUTDATED
    }

    /// An error that stays however often it is looked again.
    pub(crate) fn final_error(&self) -> Option<RunError> {
        match &self.seen.targets {
            Err(error) if error.is_final() => Some(RunError::of_targets(error.clone())),
            _ => None,
        }
    }

    /// Whether looking again cannot help: the Writer's address is refused and those who should
    /// leave have left, or this process has never known the cluster's names and the API says that
    /// it never will.
    pub(crate) fn is_hopeless(&self, minimum: Duration) -> bool {
        let Observation { api, topology, .. } = &self.seen;
        match (&self.decision, api) {
            (
                Decision::Evict {
                    pending: Pending::Suitable(..),
                    ..
                },
                _,
            ) => self.seen.targets.is_ok(),
            // In the middle of a blue/green switchover no cluster may have the name.
            (_, Err(error)) if topology.is_none() && error.cause == Cause::NotFound => {
                minimum.is_zero()
            }
            (_, Err(error)) => topology.is_none() && error.is_final(),
            _ => false,
        }
    }

    /// Whether a statement that counts names another than the Writer: it is followed all the same
    /// where the API was seen to turn later, but that is no success until the next statement, or
    /// until this one is old.
    pub(crate) fn is_contradicted(&self) -> bool {
        let stated = self.hint.as_ref();
        stated.is_some_and(|stated| Some(stated) != self.decision.writer())
    }

    /// Why the group is not verified.
    pub(crate) fn failure_reason(&self) -> RunError {
        if let Err(error) = &self.seen.targets {
            return RunError::of_targets(error.clone());
        }
        match &self.decision {
            Decision::Evict { pending, .. } => RunError::of_pending(pending, &self.seen),
            Decision::Follow { .. } if self.is_contradicted() => RunError::Undecided(None),
            Decision::Follow { .. } => RunError::Unverified,
        }
    }
}
