//! Everything at one moment: what is true, and what each source shows of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use failover_follower::blue_green::Deployment;
use failover_follower::route::InstanceId;
use failover_follower::world::Target;
use tokio::time::Instant;

use crate::ledger::{Held, Ledger};
use crate::log::EventLog;
use crate::members::Members;
use crate::payload::wall_clock_at;
use crate::reigns::Reigns;
use crate::tally::Tally;
use crate::universe::{PORT, address, instance};
use crate::witness::Witness;

/// How a service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should.
    Up,
    /// "Slow down."
    Throttled,
    /// An error at once.
    Down,
    /// Never.
    Hanging,
}

/// A write that went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// When, since the universe began.
    pub at: Duration,
    /// What was registered after it.
    pub left: Vec<Target>,
}

/// Each target of the group, and until when it drains if it does.
type Group = BTreeMap<Target, Option<Instant>>;

/// Everything at one moment.
#[derive(Debug)]
pub struct State {
    /// Who the Writer is: see [`State::promote`].
    pub writer: InstanceId,
    /// Where each instance is.
    pub addresses: BTreeMap<InstanceId, Ipv4Addr>,
    /// Whom the RDS API lists as the Writer.
    pub api: Option<InstanceId>,
    /// How the RDS API answers, the event log included.
    pub api_health: Health,
    /// The cluster's event log.
    pub log: EventLog,
    /// Whom the cluster endpoint is an alias of; `None` is NXDOMAIN.
    pub dns: Option<InstanceId>,
    /// The cluster endpoint is no alias, and has the address of who it would be one of.
    pub endpoint_is_no_alias: bool,
    /// The account's blue/green deployments.
    pub deployments: Vec<Deployment>,
    /// What DNS answers for each instance endpoint.
    pub dns_addresses: BTreeMap<InstanceId, Vec<Ipv4Addr>>,
    /// The members, beyond where they are.
    pub members: Members,
    /// How DNS answers.
    pub dns_health: Health,
    /// The group: each target, and until when it drains if it does.
    pub group: Group,
    /// How the load balancer's API answers questions.
    pub elb_health: Health,
    /// How long a write goes unseen in the list of targets.
    pub list_lag: Duration,
    /// How the load balancer's API answers writes.
    pub write_health: Health,
    /// How long a registration takes beyond what every call does.
    pub register_latency: Duration,
    /// One call in so many fails, whatever the service's health; 0 is none.
    pub fails_one_in: u32,
    /// The longest an answer takes.
    pub latency: Duration,
    /// How long a deregistered target still shows, draining.
    pub drains_for: Duration,
    /// What happened, for people.
    pub history: Vec<String>,
    /// What was registered after each write, for measurements.
    pub writes: Vec<Write>,
    /// Laws that were broken, for tests.
    pub broken: Vec<String>,
    /// The randomness of the whole universe.
    pub random: fastrand::Rng,
    pub(crate) started: Instant,
    pub(crate) ledger: Ledger,
    pub(crate) api_witness: Witness,
    pub(crate) dns_witness: Witness,
    pub(crate) reigns: Reigns,
    /// Every address that was ever a member's.
    homes: BTreeSet<Target>,
    /// The group as it was before each write, where the list lags.
    before: Vec<(Instant, Group)>,
    /// Up to when time has been counted.
    moment: Instant,
}

impl State {
    /// A healthy cluster of so many instances, the first of which is the Writer and registered.
    pub(crate) fn new(instances: usize, seed: u64) -> Self {
        let now = Instant::now();
        let addresses: BTreeMap<_, _> = (1..=instances)
            .map(|number| (instance(number), address(number)))
            .collect();
        let target = |address: &Ipv4Addr| Target::new(*address, PORT);
        Self {
            writer: instance(1),
            api: Some(instance(1)),
            api_health: Health::Up,
            log: EventLog::new(seed),
            dns: Some(instance(1)),
            endpoint_is_no_alias: false,
            deployments: Vec::new(),
            dns_addresses: addresses
                .iter()
                .map(|(id, address)| (id.clone(), vec![*address]))
                .collect(),
            members: Members::new(),
            dns_health: Health::Up,
            group: BTreeMap::from([(target(&address(1)), None)]),
            elb_health: Health::Up,
            list_lag: Duration::ZERO,
            write_health: Health::Up,
            register_latency: Duration::ZERO,
            fails_one_in: 0,
            latency: Duration::from_millis(50),
            drains_for: Duration::ZERO,
            history: Vec::new(),
            writes: Vec::new(),
            broken: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            started: now,
            ledger: Ledger::default(),
            api_witness: Witness::new(instance(1), now),
            dns_witness: Witness::new(instance(1), now),
            reigns: Reigns::new(instance(1), now),
            homes: addresses.values().map(target).collect(),
            before: Vec::new(),
            moment: now,
            addresses,
        }
    }

    /// The target that an instance really is.
    ///
    /// # Panics
    /// Where there is no such instance.
    #[must_use]
    pub fn target(&self, instance: &InstanceId) -> Target {
        Target::new(self.addresses[instance], PORT)
    }

    /// The Writer's target.
    #[must_use]
    pub fn right(&self) -> Target {
        self.target(&self.writer)
    }

    /// The registered targets; draining ones are not.
    #[must_use]
    pub fn registered(&self) -> Vec<Target> {
        registered(&self.group)
    }

    /// Whether the group holds the Writer, and nothing else but what it may hold beside it.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.may_hold(&self.registered())
    }

    /// The group as the load balancer lists it.
    #[must_use]
    pub fn listed(&self) -> &Group {
        let unseen = |(at, _): &&(Instant, Group)| *at + self.list_lag > self.moment;
        self.before
            .iter()
            .find(unseen)
            .map_or(&self.group, |(_, group)| group)
    }

    /// Makes an instance the Writer.
    pub fn promote(&mut self, to: InstanceId) {
        self.reigns.begin(to.clone(), self.moment);
        self.writer = to;
    }

    /// The API lists who was made the Writer at `flip`, unless it has listed a later one.
    pub fn list(&mut self, writer: InstanceId, flip: Instant) {
        self.api_witness.show(&mut self.api, writer, flip);
    }

    /// The cluster endpoint is an alias of who was made the Writer at `flip`, unless it was of a
    /// later one.
    pub fn point(&mut self, writer: InstanceId, flip: Instant) {
        self.dns_witness.show(&mut self.dns, writer, flip);
    }

    /// The API lists who is the Writer now.
    pub fn list_present(&mut self) {
        self.list(self.writer.clone(), self.moment);
    }

    /// The cluster endpoint is an alias of who is the Writer now.
    pub fn point_present(&mut self) {
        self.point(self.writer.clone(), self.moment);
    }

    /// Gives an instance another address, in truth and in DNS.
    pub fn replace(&mut self, instance: &InstanceId, address: Ipv4Addr) {
        self.relocate(instance, address);
        self.dns_addresses.insert(instance.clone(), vec![address]);
    }

    /// Gives an instance another address, which DNS does not show yet.
    pub fn relocate(&mut self, instance: &InstanceId, address: Ipv4Addr) {
        self.addresses.insert(instance.clone(), address);
        self.homes.insert(Target::new(address, PORT));
    }

    /// Another hand than the function's registers a target.
    pub fn intrude(&mut self, target: Target) {
        if !self.registered().contains(&target) {
            self.ledger.intrude(target.clone());
        }
        self.group.insert(target, None);
    }

    /// The function registers a target.
    pub(crate) fn register(&mut self, target: &Target) {
        self.ledger.register(target);
        self.group.insert(target.clone(), None);
    }

    /// A write is about to change the group.
    pub(crate) fn before_write(&mut self) {
        if self.list_lag > Duration::ZERO {
            self.before.push((self.moment, self.group.clone()));
        }
    }

    /// Notes what a write has left.
    pub(crate) fn note_write(&mut self) {
        let at = self.moment - self.started;
        let left = self.registered();
        self.writes.push(Write { at, left });
        self.ledger.tally.writes += 1;
    }

    /// What the judge has counted so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.ledger.tally
    }

    /// Seconds since the universe began.
    #[must_use]
    pub fn clock(&self) -> f64 {
        (self.moment - self.started).as_secs_f64()
    }

    /// The wall clock at a moment.
    #[must_use]
    pub fn time(&self, at: Instant) -> DateTime<Utc> {
        wall_clock_at(self.started, at)
    }

    /// Adds a line to the history.
    pub fn tell(&mut self, what: impl AsRef<str>) {
        let line = format!("{:8.3} {}", self.clock(), what.as_ref());
        self.history.push(line);
    }

    /// Whether a target is or was a member's address.
    pub(crate) fn is_home(&self, target: &Target) -> bool {
        self.homes.contains(target)
    }

    /// Counts the time up to a moment, through which everything was as it is.
    pub(crate) fn pass(&mut self, until: Instant) {
        let right = self.right();
        let is_member = |target: &Target| {
            let mut members = self.addresses.values();
            members.any(|address| Target::new(*address, PORT) == *target)
        };
        let span = until.saturating_duration_since(self.moment);
        let held = registered(&self.group);
        let mut members = held.iter().filter(|one| self.owner(one).is_some());
        let all_refuse = members.all(|one| self.may_stand_by(one));
        let most = if all_refuse { 2 } else { 1 };
        let harmless: BTreeSet<Target> = registered(&self.group)
            .into_iter()
            .filter(|target| self.may_stand_by(target))
            .collect();
        let group = Held {
            group: &self.group,
            writer: &right,
            most,
            harmless: &harmless,
        };
        self.ledger.pass(span, &group, is_member);
        if self.api_witness.notice(self.api.as_ref(), self.moment) {
            self.tell(format!("the API lists {}", name(self.api.as_ref())));
        }
        if self.dns_witness.notice(self.dns.as_ref(), self.moment) {
            self.tell(format!("the CNAME is {}", name(self.dns.as_ref())));
        }
        self.moment = until.max(self.moment);
    }
}

fn name(instance: Option<&InstanceId>) -> &str {
    instance.map_or("nothing", InstanceId::as_str)
}

/// The registered targets of a group; draining ones are not.
pub(crate) fn registered(group: &Group) -> Vec<Target> {
    let registered = group.iter().filter(|(_, drains)| drains.is_none());
    registered.map(|(target, _)| target.clone()).collect()
}
