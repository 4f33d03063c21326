//! The difference between what the group holds and what it should hold. Pure.

use std::collections::BTreeSet;
use std::fmt;

use crate::decision::Decision;
use crate::world::Target;

/// What to write. Deregistered first, registered second: empty beats wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    /// What leaves.
    pub deregister: BTreeSet<Target>,
    /// What comes in: nothing, or the Writer; beside a member only where the guard was seen.
    pub register: Option<Target>,
    /// What comes in after it: nothing, or the standby.
    pub standby: Option<Target>,
}

impl Plan {
    /// The plan that makes the group what the decision says it should be.
    #[must_use]
    pub fn new(decision: &Decision, registered: &BTreeSet<Target>) -> Self {
        let missing = |target: &&Target| !registered.contains(*target);
        let standby = decision.standby().target().filter(missing).cloned();
        match decision {
            Decision::Follow {
                target,
                standby: beside,
                writer: _,
            } => Self {
                deregister: registered
                    .iter()
                    .filter(|other| *other != target && !beside.may_stay(other))
                    .cloned()
                    .collect(),
                register: Some(target)
                    .filter(missing)
                    .filter(|_| !registered.iter().any(|other| beside.is_unsure_of(other)))
                    .cloned(),
                standby,
            },
            Decision::Evict {
                targets,
                pending: _,
                standby: _,
            } => Self {
                deregister: registered.intersection(targets).cloned().collect(),
                register: None,
                standby,
            },
        }
    }

    /// What comes in next.
    #[must_use]
    pub fn registers_next(&self) -> Option<&Target> {
        self.register.as_ref().or(self.standby.as_ref())
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            deregister,
            register,
            standby,
        } = self;
        deregister.is_empty() && register.is_none() && standby.is_none()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing to do");
        }
        let Self {
            deregister,
            register,
            standby,
        } = self;
        let out = deregister
            .iter()
            .map(|target| format!("deregister {target}"));
        let into = register.iter().chain(standby);
        let steps: Vec<String> = out
            .chain(into.map(|target| format!("register {target}")))
            .collect();
        f.write_str(&steps.join(", then "))
    }
}
