//! One run's seat in the universe: the seam, with a judge behind it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use failover_follower::route::{ClusterId, InstanceId, TargetGroupArn};
use failover_follower::trigger::{ANNOUNCED, FRESH, Hint};
use failover_follower::world::{
    Answer, CallError, Cause, Cluster, LogEntry, Registration, Target, Topology, World,
};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::universe::{CLUSTER, Health, PORT, Universe};

/// A deliberate bug, to show that the judge can find one. Each turns what the real function sees or
/// does at the seam into what a function with that bug would see or do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Registers first and deregisters after.
    RegisterFirst,
    /// Takes the hint for the truth.
    TrustHint,
    /// Takes draining targets for registered ones.
    CountDraining,
    /// Is content with the API's word.
    TrustOneWitness,
    /// Empties the group when the API is silent.
    EmptyOnSilence,
    /// Takes an address for a target, whatever the port.
    IgnorePort,
    /// Never looks again after a write.
    NoSecondLook,
    /// Reads the first record of an event and no other.
    FirstRecordOnly,
}

/// What this run has been told last; what the judge knows of it.
#[derive(Debug, Default)]
struct Told {
    api: Option<InstanceId>,
    api_ever: BTreeSet<InstanceId>,
    dns: Option<InstanceId>,
    members: BTreeSet<InstanceId>,
    addresses: BTreeMap<InstanceId, Target>,
    read: Option<BTreeSet<Target>>,
    withheld: BTreeSet<Target>,
}

/// One run's view of the universe.
pub struct Seat {
    universe: Universe,
    name: String,
    hints: Vec<Hint>,
    since: Instant,
    fault: Option<Fault>,
    told: RefCell<Told>,
    wrote: Cell<bool>,
    /// Told once a run with [`Fault::NoSecondLook`] would have stopped looking.
    blind: Rc<Notify>,
}

/// How long a run must have watched before it may believe the API alone: 30 s, less the time that its
/// last look began before the seat could see it.
const API_ALONE: Duration = Duration::from_secs(29);

/// What an event was still worth to a look may have gone stale when the write comes that it led to: at most a
/// look's and a write's time later.
const SLACK: Duration = Duration::from_secs(11);

const API: &str = "rds:DescribeDBClusters";
const READ: &str = "elasticloadbalancing:DescribeTargetHealth";
const IN: &str = "elasticloadbalancing:RegisterTargets";
const OUT: &str = "elasticloadbalancing:DeregisterTargets";

impl Seat {
    /// A seat for the run of that name, which was told these hints.
    #[must_use]
    pub fn new(universe: &Universe, name: &str, hints: Vec<Hint>, fault: Option<Fault>) -> Self {
        Self {
            universe: universe.clone(),
            name: name.to_owned(),
            hints,
            since: Instant::now(),
            fault,
            told: RefCell::default(),
            wrote: Cell::default(),
            blind: Rc::default(),
        }
    }

    /// Resolves once a run with [`Fault::NoSecondLook`] has stopped looking; else never.
    #[must_use]
    pub fn blinded(&self) -> Rc<Notify> {
        Rc::clone(&self.blind)
    }

    async fn call(
        &self,
        call: &'static str,
        health: impl Fn(&Universe) -> Health,
    ) -> Result<(), CallError> {
        let latency = {
            let mut state = self.universe.now();
            let most = u64::try_from(state.latency.as_millis()).unwrap_or(u64::MAX);
            Duration::from_millis(state.random.u64(0..=most))
        };
        sleep(latency).await;
        let unlucky = {
            let mut state = self.universe.now();
            let one_in = state.fails_one_in;
            one_in > 0 && state.random.u32(0..one_in) == 0
        };
        match health(&self.universe) {
            Health::Up if !unlucky => Ok(()),
            Health::Up | Health::Down => Err(CallError::new(call, Cause::Unavailable, "503")),
            Health::Throttled => Err(CallError::new(call, Cause::Throttled, "Rate exceeded")),
            Health::Hanging => std::future::pending().await,
        }
    }

    fn tell(&self, what: impl std::fmt::Display) {
        self.universe.now().tell(format!("[{}] {what}", self.name));
    }

    fn break_law(&self, law: &str, how: impl std::fmt::Display) {
        let mut state = self.universe.now();
        let line = format!("{:8.3} [{}] law {law}: {how}", state.clock(), self.name);
        state.tell(format!("*** {line}"));
        state.broken.push(line);
    }

    /// The members that two of the three witnesses named to this run in its last look, or that the
    /// API alone named throughout a watch that is over.
    fn confirmed(&self) -> BTreeSet<InstanceId> {
        let told = self.told.borrow();
        let now = self.since.elapsed();
        let hint = self
            .hints
            .iter()
            .filter(|hint| hint.age + now <= FRESH + SLACK)
            .map(|hint| &hint.instance);
        let hint: BTreeSet<&InstanceId> = hint.collect();
        let voices = |member: &InstanceId| {
            [
                told.api.as_ref() == Some(member),
                told.dns.as_ref() == Some(member),
                hint.contains(member),
            ]
            .into_iter()
            .filter(|voice| *voice)
            .count()
        };
        let alone = |member: &InstanceId| {
            now >= API_ALONE && told.api_ever.len() == 1 && told.api_ever.contains(member)
        };
        told.members
            .iter()
            .filter(|member| voices(member) >= 2 || alone(member))
            .cloned()
            .collect()
    }

    fn judge_register(&self, target: &Target) {
        let confirmed = self.confirmed();
        let told = self.told.borrow();
        let of_confirmed = confirmed
            .iter()
            .any(|member| told.addresses.get(member) == Some(target));
        let others: Vec<String> = told
            .read
            .iter()
            .flatten()
            .filter(|other| *other != target)
            .map(ToString::to_string)
            .collect();
        drop(told);
        if !of_confirmed {
            self.break_law(
                "2",
                format!("{target} is registered, and confirmed is {confirmed:?}"),
            );
        }
        if !others.is_empty() {
            self.break_law(
                "1",
                format!("{target} is registered beside {}", others.join(", ")),
            );
        }
    }

    fn judge_deregister(&self, targets: &BTreeSet<Target>) {
        let confirmed = self.confirmed();
        let announced = self
            .hints
            .iter()
            .any(|hint| hint.promise && hint.age + self.since.elapsed() <= ANNOUNCED + SLACK);
        let told = self.told.borrow();
        let own = confirmed
            .iter()
            .filter_map(|member| told.addresses.get(member))
            .any(|target| targets.contains(target));
        drop(told);
        if !announced && (confirmed.is_empty() || (own && confirmed.len() == 1)) {
            self.break_law(
                "4",
                format!("{targets:?} are taken out, and confirmed is {confirmed:?}"),
            );
        }
    }

    fn take_out(&self, targets: &BTreeSet<Target>) {
        let mut state = self.universe.now();
        let drained = Instant::now() + state.drains_for;
        for target in targets {
            if let Some(drains @ None) = state.group.get_mut(target) {
                *drains = Some(drained);
            }
        }
    }
}

impl World for Seat {
    async fn cluster(&self, _id: &ClusterId) -> Result<Cluster, CallError> {
        if self.fault == Some(Fault::NoSecondLook) && self.wrote.get() {
            self.blind.notify_one();
            std::future::pending::<()>().await;
        }
        self.told.borrow_mut().api = None;
        let answer = self.call(API, |universe| universe.now().api_health).await;
        if let Err(failure) = answer {
            if self.fault == Some(Fault::EmptyOnSilence) {
                let all: BTreeSet<Target> = self.universe.now().registered().into_iter().collect();
                self.judge_deregister(&all);
                self.take_out(&all);
            }
            return Err(failure);
        }
        let state = self.universe.now();
        let mut told = self.told.borrow_mut();
        told.api.clone_from(&state.api);
        told.api_ever.extend(state.api.clone());
        told.members = state.addresses.keys().cloned().collect();
        let hinted = self.hints.first().map(|hint| hint.instance.clone());
        let writer = match self.fault {
            Some(Fault::TrustHint) => hinted.or_else(|| state.api.clone()),
            _ => state.api.clone(),
        };
        Ok(Cluster {
            writer,
            topology: Topology {
                endpoint: format!("{CLUSTER}.cluster-xyz.ap-northeast-1.rds.amazonaws.com"),
                port: PORT,
                instances: state
                    .addresses
                    .keys()
                    .map(|id| (id.clone(), Some(endpoint(id))))
                    .collect(),
            },
        })
    }

    async fn log(&self, _id: &ClusterId) -> Result<Vec<LogEntry>, CallError> {
        Err(CallError::new(
            "rds:DescribeEvents",
            Cause::Denied,
            "not simulated yet",
        ))
    }

    async fn resolve(&self, name: &str) -> Result<Answer, CallError> {
        let nothing =
            || CallError::new("dns", Cause::NotFound, format!("{name}: no records found"));
        let label = name.split('.').next().unwrap_or_default();
        let id = InstanceId::parse(label).map_err(|_| nothing())?;
        let is_cluster = name.contains(".cluster-");
        if is_cluster {
            self.told.borrow_mut().dns = None;
        } else {
            self.told.borrow_mut().addresses.remove(&id);
        }
        self.call("dns", |universe| universe.now().dns_health)
            .await?;
        let state = self.universe.now();
        let mut told = self.told.borrow_mut();
        if is_cluster {
            told.dns.clone_from(&state.dns);
            let named = match self.fault {
                Some(Fault::TrustOneWitness | Fault::TrustHint) if told.api.is_some() => self
                    .hints
                    .first()
                    .filter(|_| self.fault == Some(Fault::TrustHint))
                    .map(|hint| hint.instance.clone())
                    .or_else(|| told.api.clone()),
                _ => state.dns.clone(),
            };
            let named = named.ok_or_else(nothing)?;
            return Ok(Answer {
                aliases: vec![endpoint(&named)],
                addresses: state
                    .dns_addresses
                    .get(&named)
                    .cloned()
                    .ok_or_else(nothing)?,
            });
        }
        let addresses = state.dns_addresses.get(&id).cloned().ok_or_else(nothing)?;
        match addresses.as_slice() {
            [address] => told.addresses.insert(id, Target::new(*address, PORT)),
            _ => told.addresses.remove(&id),
        };
        Ok(Answer {
            aliases: Vec::new(),
            addresses,
        })
    }

    async fn targets(&self, _group: &TargetGroupArn) -> Result<Vec<Registration>, CallError> {
        let withheld = std::mem::take(&mut self.told.borrow_mut().withheld);
        self.take_out(&withheld);
        self.call(READ, |universe| universe.now().elb_health)
            .await?;
        let state = self.universe.now();
        self.told.borrow_mut().read = Some(state.registered().into_iter().collect());
        let seen = |(target, drains): (&Target, &Option<Instant>)| Registration {
            target: match self.fault {
                Some(Fault::IgnorePort) => Target {
                    port: PORT,
                    ..target.clone()
                },
                _ => target.clone(),
            },
            draining: drains.is_some() && self.fault != Some(Fault::CountDraining),
        };
        Ok(state.group.iter().map(seen).collect())
    }

    async fn register(&self, _group: &TargetGroupArn, target: &Target) -> Result<(), CallError> {
        self.call(IN, |universe| universe.now().write_health)
            .await?;
        self.judge_register(target);
        self.tell(format!("registers {target}"));
        self.universe.now().group.insert(target.clone(), None);
        let withheld = std::mem::take(&mut self.told.borrow_mut().withheld);
        self.take_out(&withheld);
        self.wrote.set(true);
        self.universe.now().note_write();
        Ok(())
    }

    async fn deregister(
        &self,
        _group: &TargetGroupArn,
        targets: &BTreeSet<Target>,
    ) -> Result<(), CallError> {
        self.call(OUT, |universe| universe.now().write_health)
            .await?;
        let list: Vec<String> = targets.iter().map(ToString::to_string).collect();
        if self.fault == Some(Fault::RegisterFirst) {
            self.told
                .borrow_mut()
                .withheld
                .extend(targets.iter().cloned());
            return Ok(());
        }
        self.judge_deregister(targets);
        self.tell(format!("deregisters {}", list.join(", ")));
        self.take_out(targets);
        self.wrote.set(true);
        if let Some(read) = &mut self.told.borrow_mut().read {
            read.retain(|target| !targets.contains(target));
        }
        self.universe.now().note_write();
        Ok(())
    }
}

fn endpoint(id: &InstanceId) -> String {
    format!("{id}.xyz.ap-northeast-1.rds.amazonaws.com")
}
