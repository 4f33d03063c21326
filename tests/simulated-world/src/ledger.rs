//! Time, counted by what the group held: exact, since it is told of every stretch in which nothing
//! changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use failover_follower::world::Target;
use tokio::time::Instant;

use crate::tally::Tally;

/// How long two members may be in at once: a plan's two calls follow each other within that.
const TWO_AT_ONCE: Duration = Duration::from_secs(2);

/// What a story's group was worth so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) tally: Tally,
    /// The registered targets that have been the Writer's since they came in.
    served: BTreeSet<Target>,
    /// The registered targets that another hand than the function's put in.
    foreign: BTreeSet<Target>,
    /// For how long two members have been in by now.
    two_for: Duration,
}

/// What a group holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held<'a> {
    pub(crate) group: &'a BTreeMap<Target, Option<Instant>>,
    pub(crate) writer: &'a Target,
    /// How many members may be in.
    pub(crate) most: usize,
    /// Those that refuse the replica while they are not the Writer.
    pub(crate) harmless: &'a BTreeSet<Target>,
}

impl Ledger {
    /// Another hand puts a target in.
    pub(crate) fn intrude(&mut self, target: Target) {
        self.foreign.insert(target);
    }

    /// The function puts a target in.
    pub(crate) fn register(&mut self, target: &Target) {
        self.foreign.remove(target);
    }

    /// A stretch of time in which the group held this, and the Writer was there.
    pub(crate) fn pass(
        &mut self,
        span: Duration,
        held: &Held<'_>,
        is_member: impl Fn(&Target) -> bool,
    ) {
        let Held {
            group,
            writer,
            most,
            harmless,
        } = *held;
        let registered = || {
            let held = group.iter().filter(|(_, drains)| drains.is_none());
            held.map(|(target, _)| target)
        };
        let is_registered = |target: &Target| group.get(target).is_some_and(Option::is_none);
        self.served.retain(is_registered);
        self.foreign.retain(is_registered);
        if is_registered(writer) {
            self.served.insert(writer.clone());
        }
        let own = |target: &&Target| !self.foreign.contains(*target);
        let two = registered()
            .filter(own)
            .filter(|one| is_member(one))
            .nth(most)
            .is_some();
        let before = self.two_for;
        self.two_for = if two { before + span } else { Duration::ZERO };
        if before <= TWO_AT_ONCE && self.two_for > TWO_AT_ONCE {
            self.tally.two.hit();
        }
        if !is_registered(writer) {
            self.tally.without += span;
        }
        let is_wrong = |target: &&Target| *target != writer && !harmless.contains(*target);
        let mut wrong = registered().filter(is_wrong).peekable();
        if wrong.peek().is_none() {
            if registered().next().is_none() {
                self.tally.empty += span;
            }
        } else if registered().any(|one| is_wrong(&one) && self.served.contains(one)) {
            self.tally.wrong_after += span;
        } else if wrong.any(|target| !self.foreign.contains(target)) {
            self.tally.wrong_before += span;
        } else {
            self.tally.foreign += span;
        }
    }
}
