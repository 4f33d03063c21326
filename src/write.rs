//! A write of a run that is under way.

use std::collections::BTreeSet;

use crate::world::{CallError, Cause, DEREGISTER, REGISTER, Target};

/// A write that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Write {
    Deregister(BTreeSet<Target>),
    Register(Target),
}

impl Write {
    pub(crate) fn targets(&self) -> Vec<&Target> {
        match self {
            Self::Deregister(targets) => targets.iter().collect(),
            Self::Register(target) => vec![target],
        }
    }

    pub(crate) fn registers(&self) -> bool {
        matches!(self, Self::Register(_))
    }

    /// What is said of it where the run's time was up before it had ended; `before` is why the one
    /// before it failed.
    pub(crate) fn cut_off(&self, before: Option<&CallError>) -> CallError {
        let call = if self.registers() {
            REGISTER
        } else {
            DEREGISTER
        };
        let targets: Vec<String> = self.targets().iter().map(ToString::to_string).collect();
        let before_that = before.map(|before| format!("; before that: {}", before.detail));
        let detail = format!(
            "the function's time was up while {} was under way, and it may have been done{}",
            targets.join(", "),
            before_that.unwrap_or_default()
        );
        let cause = before.map_or(Cause::TimedOut, |before| before.cause);
        CallError::new(call, cause, detail)
    }
}
