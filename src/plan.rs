//! The difference between what the group holds and what it should hold. Pure.

use std::collections::BTreeSet;
use std::fmt;

use crate::decide::Decision;
use crate::world::Target;

/// What to write. Deregistered first, registered second: empty beats wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    /// What leaves.
    pub deregister: BTreeSet<Target>,
    /// What comes in: nothing, or the Writer.
    pub register: Option<Target>,
}

impl Plan {
    /// The plan that makes the group what the decision says it should be.
    #[must_use]
    pub fn new(decision: &Decision, registered: &BTreeSet<Target>) -> Self {
        match decision {
            Decision::Follow { target, writer: _ } => Self {
                deregister: registered
                    .iter()
                    .filter(|other| *other != target)
                    .cloned()
                    .collect(),
                register: (!registered.contains(target)).then(|| target.clone()),
            },
            Decision::Evict {
                targets,
                pending: _,
            } => Self {
                deregister: registered.intersection(targets).cloned().collect(),
                register: None,
            },
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            deregister,
            register,
        } = self;
        deregister.is_empty() && register.is_none()
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
        } = self;
        let out = deregister
            .iter()
            .map(|target| format!("deregister {target}"));
        let steps: Vec<String> = out
            .chain(register.iter().map(|target| format!("register {target}")))
            .collect();
        f.write_str(&steps.join(", then "))
    }
}
