//! One run's seat in the universe: the seam, with a judge behind it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use failover_follower::blue_green::Deployment;
use failover_follower::report::RouteReport;
use failover_follower::route::{InstanceId, TargetGroupArn};
use failover_follower::source::SourceId;
use failover_follower::world::{
    Answer, CallError, Cause, Cluster, LogEntry, Registration, Survey, Target, Topology, World,
};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::fault::Fault;
use crate::judge::Known;
use crate::state::{Health, State};
use crate::statement::statements;
use crate::universe::{PORT, Universe};

/// One run's view of the universe.
pub struct Seat {
    universe: Universe,
    name: String,
    fault: Option<Fault>,
    known: RefCell<Known>,
    /// What the API answered last.
    api: RefCell<Option<InstanceId>>,
    /// What [`Fault::RegisterFirst`] takes out only when it has registered another.
    withheld: RefCell<BTreeSet<Target>>,
    wrote: Cell<bool>,
    /// Told once a run with [`Fault::NoSecondLook`] would have stopped looking.
    blind: Rc<Notify>,
}

const API: &str = "rds:DescribeDBClusters";
const LOG: &str = "rds:DescribeEvents";
const SURVEY: &str = "rds:DescribeDBInstances";
const DEPLOYMENTS: &str = "rds:DescribeBlueGreenDeployments";
const READ: &str = "elasticloadbalancing:DescribeTargetHealth";
const IN: &str = "elasticloadbalancing:RegisterTargets";
const OUT: &str = "elasticloadbalancing:DeregisterTargets";

impl Seat {
    /// A seat for the run of that name.
    #[must_use]
    pub fn new(universe: &Universe, name: &str) -> Self {
        Self {
            universe: universe.clone(),
            name: name.to_owned(),
            fault: None,
            known: RefCell::default(),
            api: RefCell::default(),
            withheld: RefCell::default(),
            wrote: Cell::default(),
            blind: Rc::default(),
        }
    }

    /// The same seat for a run with that payload, with a deliberate bug or without.
    #[must_use]
    pub fn with(mut self, payload: &Value, fault: Option<Fault>) -> Self {
        self.known.get_mut().statements = statements(payload);
        self.fault = fault;
        self
    }

    /// Resolves once a run with [`Fault::NoSecondLook`] has stopped looking; else never.
    #[must_use]
    pub fn blinded(&self) -> Rc<Notify> {
        Rc::clone(&self.blind)
    }

    /// The run begins, at that time by the wall clock.
    pub(crate) fn begin(&self, now: DateTime<Utc>) {
        let known = self.known.borrow();
        let given = known.statements.iter().map(|said| {
            let age = now.signed_duration_since(said.time).as_seconds_f64();
            format!("{} {age:.1} s ago", said.says)
        });
        let given: Vec<String> = given.collect();
        self.tell(format!("begins with [{}]", given.join(", ")));
    }

    /// The run has ended with a report.
    pub fn end(&self, report: &RouteReport) {
        let mut state = self.universe.now();
        self.known.borrow().ended(&mut state, &self.name, report);
    }

    async fn call(
        &self,
        call: &'static str,
        health: impl Fn(&State) -> Health,
    ) -> Result<(), CallError> {
        let latency = {
            let mut state = self.universe.now();
            let most = u64::try_from(state.latency.as_millis()).unwrap_or(u64::MAX);
            Duration::from_millis(dice(&mut state, call).u64(0..=most))
        };
        sleep(latency).await;
        let (unlucky, health) = {
            let mut state = self.universe.now();
            let one_in = state.fails_one_in;
            let unlucky = one_in > 0 && dice(&mut state, call).u32(0..one_in) == 0;
            (unlucky, health(&state))
        };
        match health {
            Health::Up if !unlucky => Ok(()),
            Health::Up | Health::Down => Err(CallError::new(call, Cause::Unavailable, "503")),
            Health::Throttled => Err(CallError::new(call, Cause::Throttled, "Rate exceeded")),
            Health::Hanging => std::future::pending().await,
        }
    }

    fn tell(&self, what: impl std::fmt::Display) {
        self.universe.now().tell(format!("[{}] {what}", self.name));
    }

    /// The instance that a run with a deliberate bug takes for the Writer instead of what a source
    /// shows.
    fn misled(&self) -> Option<InstanceId> {
        let known = self.known.borrow();
        let said = known.statements.first()?;
        (self.fault == Some(Fault::TrustStatement)).then(|| said.says.names().cloned())?
    }

    fn take_out(&self, targets: &BTreeSet<Target>) {
        let mut state = self.universe.now();
        state.before_write();
        let drained = Instant::now() + state.drains_for;
        for target in targets {
            if let Some(drains @ None) = state.group.get_mut(target) {
                *drains = Some(drained);
            }
        }
    }
}

impl World for Seat {
    async fn source(&self, id: &SourceId, _known: Option<&Topology>) -> Result<Cluster, CallError> {
        if self.fault == Some(Fault::NoSecondLook) && self.wrote.get() {
            self.blind.notify_one();
            std::future::pending::<()>().await;
        }
        self.known.borrow_mut().look(&self.universe.now());
        self.api.take();
        if let Err(failure) = self.call(API, |state| state.api_health).await {
            if self.fault == Some(Fault::EmptyOnSilence) {
                let all: BTreeSet<Target> = self.universe.now().registered().into_iter().collect();
                self.take_out(&all);
            }
            return Err(failure);
        }
        let state = self.universe.now();
        self.api.borrow_mut().clone_from(&state.api);
        let writer = match self.fault {
            Some(Fault::TrustCname) => state.dns.clone(),
            _ => self.misled().or_else(|| state.api.clone()),
        };
        let instances = state.addresses.keys();
        Ok(Cluster {
            writer,
            topology: Topology {
                endpoint: match id {
                    SourceId::Instance(id) => endpoint(id),
                    SourceId::Cluster(id) => {
                        format!("{id}.cluster-xyz.ap-northeast-1.rds.amazonaws.com")
                    }
                },
                port: PORT,
                instances: instances
                    .map(|id| (id.clone(), Some(endpoint(id))))
                    .collect(),
                listed: true,
            },
        })
    }

    async fn log(&self, _id: &SourceId) -> Result<Vec<LogEntry>, CallError> {
        self.call(LOG, |state| state.api_health).await?;
        let mut state = self.universe.now();
        if state.log.denied {
            return Err(CallError::new(LOG, Cause::Denied, "AccessDenied"));
        }
        let one_in = state.log.fails_one_in;
        if one_in > 0 && state.log.random.u32(0..one_in) == 0 {
            return Err(CallError::new(LOG, Cause::Throttled, "Rate exceeded"));
        }
        let now = Instant::now();
        let read = state.log.statements(now);
        self.known.borrow_mut().statements.extend(read);
        let entries = state.log.read(now);
        Ok(match self.fault {
            Some(fault) => fault.misreads(entries, state.time(now)),
            None => entries,
        })
    }

    async fn survey(&self, _id: &SourceId) -> Result<Survey, CallError> {
        let health = |state: &State| match state.api_health {
            Health::Up => state.members.health,
            down => down,
        };
        self.call(SURVEY, health).await?;
        let state = self.universe.now();
        self.known.borrow_mut().surveyed(&state);
        Ok(state.survey(self.fault))
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, CallError> {
        self.call(DEPLOYMENTS, |state| state.api_health).await?;
        Ok(self.universe.now().deployments.clone())
    }

    async fn resolve(&self, name: &str) -> Result<Answer, CallError> {
        let nothing =
            || CallError::new("dns", Cause::NotFound, format!("{name}: no records found"));
        let label = name.split('.').next().unwrap_or_default();
        let id = InstanceId::parse(label).map_err(|_| nothing())?;
        if is_old_side(&id) && !self.universe.now().dns_addresses.contains_key(&id) {
            // A resolver keeps for long that a name does not exist. No dice, so that asking changes
            // nothing else in a story.
            return Err(nothing());
        }
        self.call("dns", |state| state.dns_health).await?;
        let state = self.universe.now();
        let (id, aliases) = if name.contains(".cluster-") {
            let api = || self.api.borrow().clone();
            let named = match self.fault {
                Some(Fault::TrustStatement) if api().is_some() => self.misled().or_else(api),
                Some(Fault::TrustApi) => api().or_else(|| state.dns.clone()),
                _ => state.dns.clone(),
            };
            let named = named.ok_or_else(nothing)?;
            let aliases = (!state.endpoint_is_no_alias).then(|| endpoint(&named));
            (named, aliases.into_iter().collect())
        } else {
            (id, Vec::new())
        };
        let addresses = state.dns_addresses.get(&id).cloned();
        Ok(Answer {
            aliases,
            addresses: addresses.ok_or_else(nothing)?,
        })
    }

    async fn targets(&self, _group: &TargetGroupArn) -> Result<Vec<Registration>, CallError> {
        self.call(READ, |state| state.elb_health).await?;
        let state = self.universe.now();
        self.known.borrow_mut().read(&state);
        let withheld = self.withheld.borrow();
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
        let listed = state.listed().iter();
        let listed = listed.filter(|(target, _)| !withheld.contains(*target));
        Ok(listed.map(seen).collect())
    }

    async fn register(&self, _group: &TargetGroupArn, target: &Target) -> Result<(), CallError> {
        self.call(IN, |state| state.write_health).await?;
        let latency = self.universe.now().register_latency;
        sleep(latency).await;
        {
            let mut state = self.universe.now();
            let known = self.known.borrow();
            known.tell(&mut state, &self.name, &format!("registers {target}"));
            known.registered(&mut state, &self.name, target);
            state.before_write();
            state.register(target);
        }
        let withheld = self.withheld.take();
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
        self.call(OUT, |state| state.write_health).await?;
        if self.fault == Some(Fault::RegisterFirst) {
            self.withheld.borrow_mut().extend(targets.iter().cloned());
            return Ok(());
        }
        let list: Vec<String> = targets.iter().map(ToString::to_string).collect();
        {
            let mut known = self.known.borrow_mut();
            let what = format!("deregisters {}", list.join(", "));
            known.tell(&mut self.universe.now(), &self.name, &what);
            known.took_out(targets);
        }
        self.take_out(targets);
        self.wrote.set(true);
        self.universe.now().note_write();
        Ok(())
    }
}

/// The event log's dice are its own, so that reading it changes nothing else in a story.
fn dice<'a>(state: &'a mut State, call: &str) -> &'a mut fastrand::Rng {
    match call {
        LOG => &mut state.log.random,
        _ => &mut state.random,
    }
}

/// Whether this is a name that a blue/green switchover gives, or would.
fn is_old_side(id: &InstanceId) -> bool {
    let number = id.as_str().rsplit_once("-old").map(|(_, number)| number);
    number.is_some_and(|number| number.parse::<u8>().is_ok())
}

fn endpoint(id: &InstanceId) -> String {
    format!("{id}.xyz.ap-northeast-1.rds.amazonaws.com")
}
