//! The function's state machine as the explorer holds it: shared, hashed once, each step taken
//! once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use failover_follower::run::{Action, Event, Run};

/// As many steps as a thread remembers: about a gigabyte.
const REMEMBERED: usize = 250_000;

/// A machine, which is the same as another if their hashes are.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) run: Arc<Run>,
    hash: u64,
}

thread_local! {
    /// There are far fewer machines, and things to tell them, than states.
    static STEPS: RefCell<HashMap<(u64, u64), (Machine, Action)>> = RefCell::default();
}

impl Machine {
    pub(crate) fn new(run: Run) -> Self {
        let hash = hash(&run);
        let run = Arc::new(run);
        Self { run, hash }
    }

    /// The machine after the event that `cause` stands for, and what it asks for.
    pub(crate) fn step(
        &self,
        cause: &impl Hash,
        event: impl FnOnce() -> Event,
        at: Duration,
    ) -> (Self, Action) {
        STEPS.with_borrow_mut(|steps| {
            if steps.len() == REMEMBERED {
                steps.clear();
            }
            let step = steps.entry((self.hash, hash(&(cause, at))));
            let step = step.or_insert_with(|| {
                let mut run = Run::clone(&self.run);
                let action = run.step(event(), at);
                (Self::new(run), action)
            });
            step.clone()
        })
    }

    /// Orders machines, in no meaningful way.
    pub(crate) fn key(&self) -> u64 {
        self.hash
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Hash for Machine {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialEq for Machine {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for Machine {}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = self.run.last().map(|look| look.decision.to_string());
        f.write_str(&decision.unwrap_or_default())
    }
}
