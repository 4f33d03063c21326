//! What a run has seen and done so far: its only memory, gone when it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use crate::decide::{Beliefs, Decision, Pending};
use crate::look::Sighting;
use crate::plan::Plan;
use crate::report::Tally;
use crate::route::InstanceId;
use crate::world::{CallError, Target};

/// How long what the witnesses say must have lasted before it is taken for settled where nothing else
/// speaks for it. A group that was found empty is filled only then by a run that knows no reason:
/// another run may have emptied it because a failover was announced, and the topology flips 8 to 12 s
/// after the announcement. So is a word that the API has changed, where the group already agrees with it.
/// And for so long a run that knows no reason leaves another member in that came in under its eyes.
pub(crate) const AGREEMENT: Duration = Duration::from_secs(15);

/// A run's memory.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) started: Instant,
    pub(crate) looks: u32,
    /// The last look, and what it led to.
    pub(crate) last: Option<Look>,
    /// What the group held when it could last be read.
    pub(crate) group: Option<BTreeSet<Target>>,
    /// The group was seen without anybody whom an announcement takes out: that has been done.
    pub(crate) cleared: bool,
    /// Whoever was not the Writer has been taken out, to put the Writer in.
    pub(crate) evicted: bool,
    pub(crate) registered: Vec<Target>,
    pub(crate) deregistered: Vec<Target>,
    /// Why the last write failed; `None` once one has gone through.
    pub(crate) write_failure: Option<CallError>,
    pub(crate) tally: Tally,
    api: Option<ApiWord>,
    pub(crate) agreed: Option<(InstanceId, Instant)>,
    /// Whoever came in under this run's eyes and not by its hand, and when.
    newcomers: BTreeMap<Target, Instant>,
    pretended: Vec<Plan>,
}

/// One look, and what it led to.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) seen: Sighting,
    pub(crate) beliefs: Beliefs,
    pub(crate) decision: Decision,
    pub(crate) plan: Plan,
}

/// Whom the API has named last in this run, since when, and whether it ever named another.
#[derive(Debug)]
struct ApiWord {
    instance: InstanceId,
    since: Instant,
    throughout: bool,
}

impl History {
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            looks: 0,
            last: None,
            group: None,
            cleared: false,
            evicted: false,
            registered: Vec::new(),
            deregistered: Vec::new(),
            write_failure: None,
            tally: Tally::default(),
            api: None,
            agreed: None,
            newcomers: BTreeMap::new(),
            pretended: Vec::new(),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn wrote(&self) -> bool {
        !(self.registered.is_empty() && self.deregistered.is_empty())
    }

    /// Takes in what a look saw, and who is confirmed by it, before anything is decided.
    pub(crate) fn note(&mut self, seen: &Sighting, confirmed: Option<InstanceId>) {
        self.looks += 1;
        if let Ok(targets) = &seen.targets {
            self.newcomers.retain(|target, _| targets.contains(target));
            if let Some(before) = &self.group {
                let came_in = targets
                    .difference(before)
                    .filter(|target| !self.registered.contains(target))
                    .map(|target| (target.clone(), Instant::now()));
                self.newcomers.extend(came_in);
            }
            self.group = Some(targets.clone());
        }
        if let Ok(Some(named)) = &seen.api {
            self.api = Some(match self.api.take() {
                Some(word) if word.instance == *named => word,
                before => ApiWord {
                    instance: named.clone(),
                    since: Instant::now(),
                    throughout: before.is_none(),
                },
            });
            self.tally.disagreed |= seen.dns.as_ref().is_ok_and(|dns| dns != named);
        }
        self.agreed = confirmed.map(|writer| match self.agreed.take() {
            Some((before, since)) if before == writer => (before, since),
            _ => (writer, Instant::now()),
        });
    }

    /// Who is confirmed, and for how long the looks have agreed on it.
    pub(crate) fn agreed(&self) -> Option<(&InstanceId, Duration)> {
        self.agreed
            .as_ref()
            .map(|(writer, since)| (writer, since.elapsed()))
    }

    /// Whoever came in so lately that the looks have not yet agreed for [`AGREEMENT`] since.
    pub(crate) fn newcomers(&self) -> BTreeSet<Target> {
        let agreed = self.agreed().map_or(Duration::ZERO, |(_, since)| since);
        let is_new = |since: &Instant| agreed.min(since.elapsed()) < AGREEMENT;
        let newcomers = self.newcomers.iter().filter(|(_, since)| is_new(since));
        newcomers.map(|(target, _)| target.clone()).collect()
    }

    /// Whom the API alone may be believed about once the watch is over: the one it has named
    /// throughout, or the one it has kept naming who is registered already, for whom no traffic moves.
    pub(crate) fn api_alone(&self, seen: &Sighting) -> Option<InstanceId> {
        let word = self.api.as_ref()?;
        let in_place = || {
            let registered = seen.targets.as_ref().ok()?;
            let target = seen.target(&word.instance)?;
            Some(
                registered.len() == 1
                    && registered.contains(&target)
                    && word.since.elapsed() >= AGREEMENT,
            )
        };
        (word.throughout || in_place() == Some(true)).then(|| word.instance.clone())
    }

    /// The group as it would be, had a dry run written what it planned.
    pub(crate) fn pretend(&self, targets: &BTreeSet<Target>) -> BTreeSet<Target> {
        self.pretended
            .iter()
            .fold(targets.clone(), |held, plan| plan.applied_to(&held))
    }

    /// A dry run's way of writing.
    pub(crate) fn wrote_nothing(&mut self, plan: &Plan) {
        self.deregistered.extend(plan.deregister.iter().cloned());
        self.registered.extend(plan.register.iter().cloned());
        self.pretended.push(plan.clone());
    }

    /// Keeps a look and what it led to, and logs it where it differs from the one before.
    pub(crate) fn keep(&mut self, look: Look, announced_by_event: bool) {
        let Look {
            seen,
            decision,
            plan,
            ..
        } = &look;
        let takes_out = !plan.deregister.is_empty();
        match decision {
            Decision::Evict {
                pending: Pending::Failover(_),
                ..
            } => {
                self.cleared |= seen.targets.is_ok() && !takes_out;
                self.tally.detached |= takes_out;
            }
            Decision::Follow { .. } => {
                self.evicted |= takes_out;
                self.tally.wrong_target |= takes_out && !announced_by_event;
            }
            Decision::Evict { .. } => self.evicted |= takes_out,
            Decision::Refuse(_) => {}
        }
        if self
            .last
            .as_ref()
            .is_none_or(|last| last.differs_from(&look))
        {
            look.log(self.looks);
        }
        self.last = Some(look);
    }
}

impl Look {
    fn differs_from(&self, other: &Self) -> bool {
        let told = |look: &Self| {
            (
                look.seen.api.clone().ok(),
                look.seen.dns.clone().ok(),
                look.seen.targets.clone().ok(),
            )
        };
        told(self) != told(other) || self.decision != other.decision || self.plan != other.plan
    }

    fn log(&self, look: u32) {
        let Self {
            seen,
            beliefs,
            decision,
            plan,
        } = self;
        let api = match &seen.api {
            Ok(Some(writer)) => writer.to_string(),
            Ok(None) => "lists no Writer".to_owned(),
            Err(failure) => failure.to_string(),
        };
        let dns = seen
            .dns
            .as_ref()
            .map_or_else(ToString::to_string, ToString::to_string);
        let hint = beliefs
            .word
            .as_ref()
            .map(|word| word.instance().to_string())
            .unwrap_or_default();
        let targets = match &seen.targets {
            Ok(targets) => targets
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" "),
            Err(failure) => failure.to_string(),
        };
        info!(look, api, dns, hint, targets, %decision, %plan, "looked");
    }
}
