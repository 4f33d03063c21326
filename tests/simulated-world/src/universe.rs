//! What is true, what each witness shows of it, and what is going to happen.

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use failover_follower::route::{ClusterId, InstanceId, Route, TargetGroupArn};
use failover_follower::world::Target;
use tokio::time::Instant;

/// The port of the cluster.
pub const PORT: u16 = 3306;
/// The cluster's name.
pub const CLUSTER: &str = "aurora-source";
const GROUP: &str = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/aurora-writer/0123456789abcdef";

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

/// Everything at one moment.
#[derive(Debug)]
pub struct State {
    /// Who the Writer is.
    pub writer: InstanceId,
    /// Where each instance is.
    pub addresses: BTreeMap<InstanceId, Ipv4Addr>,
    /// Whom the RDS API lists as the Writer.
    pub api: Option<InstanceId>,
    /// How the RDS API answers.
    pub api_health: Health,
    /// Whom the cluster endpoint is an alias of; `None` is NXDOMAIN.
    pub dns: Option<InstanceId>,
    /// What DNS answers for each instance endpoint.
    pub dns_addresses: BTreeMap<InstanceId, Vec<Ipv4Addr>>,
    /// How DNS answers.
    pub dns_health: Health,
    /// The group: each target, and until when it drains if it does.
    pub group: BTreeMap<Target, Option<Instant>>,
    /// How the load balancer's API answers questions.
    pub elb_health: Health,
    /// How the load balancer's API answers writes.
    pub write_health: Health,
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
    started: Instant,
}

type Change = Box<dyn FnOnce(&mut State)>;

/// The universe: cheap to clone, and every clone is the same one.
#[derive(Clone)]
pub struct Universe {
    state: Rc<RefCell<State>>,
    future: Rc<RefCell<BTreeMap<(Instant, usize), Change>>>,
}

/// An instance's identifier from its number: `aurora-source-instance-1`.
///
/// # Panics
/// Never: the name is one.
#[must_use]
pub fn instance(number: usize) -> InstanceId {
    #[allow(clippy::expect_used, reason = "the name is one")]
    InstanceId::parse(&format!("{CLUSTER}-instance-{number}")).expect("an identifier")
}

/// The one route.
///
/// # Panics
/// Never: the names are right.
#[must_use]
pub fn route() -> Route {
    #[allow(clippy::expect_used, reason = "the names are right")]
    Route {
        cluster: ClusterId::parse(CLUSTER).expect("a cluster identifier"),
        group: TargetGroupArn::parse(GROUP).expect("a target group's ARN"),
        endpoint: None,
    }
}

/// An instance's first address, by its number.
#[must_use]
pub fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, u8::try_from(number).unwrap_or(u8::MAX), 11)
}

impl Universe {
    /// A healthy universe of so many instances, the first of which is the Writer and registered.
    #[must_use]
    pub fn new(instances: usize, seed: u64) -> Self {
        let addresses: BTreeMap<_, _> = (1..=instances)
            .map(|number| (instance(number), address(number)))
            .collect();
        let state = State {
            writer: instance(1),
            api: Some(instance(1)),
            api_health: Health::Up,
            dns: Some(instance(1)),
            dns_addresses: addresses
                .iter()
                .map(|(id, address)| (id.clone(), vec![*address]))
                .collect(),
            dns_health: Health::Up,
            group: BTreeMap::from([(Target::new(address(1), PORT), None)]),
            elb_health: Health::Up,
            write_health: Health::Up,
            fails_one_in: 0,
            latency: Duration::from_millis(50),
            drains_for: Duration::ZERO,
            history: Vec::new(),
            writes: Vec::new(),
            broken: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            started: Instant::now(),
            addresses,
        };
        Self {
            state: Rc::new(RefCell::new(state)),
            future: Rc::default(),
        }
    }

    /// The state as it is now.
    #[must_use]
    pub fn now(&self) -> RefMut<'_, State> {
        let now = Instant::now();
        loop {
            let due = {
                let mut future = self.future.borrow_mut();
                match future.first_entry() {
                    Some(entry) if entry.key().0 <= now => Some(entry.remove_entry()),
                    _ => None,
                }
            };
            let Some((_, change)) = due else { break };
            change(&mut self.state.borrow_mut());
        }
        let mut state = self.state.borrow_mut();
        state
            .group
            .retain(|_, drains| drains.is_none_or(|until| until > now));
        state
    }

    /// Makes something happen, so long after the universe began.
    pub fn at(&self, when: Duration, change: impl FnOnce(&mut State) + 'static) {
        let mut future = self.future.borrow_mut();
        let order = future.len() + self.state.borrow().history.len();
        let at = self.state.borrow().started + when;
        let mut key = (at, order);
        while future.contains_key(&key) {
            key.1 += 1;
        }
        future.insert(key, Box::new(change));
    }

    /// A failover: the Writer is another from `when` on, the API shows it `api_lag` later and the
    /// CNAME `dns_lag` later.
    pub fn fail_over(&self, when: Duration, to: &InstanceId, api_lag: Duration, dns_lag: Duration) {
        let (truth, api, dns) = (to.clone(), to.clone(), to.clone());
        self.at(when, move |state| {
            state.tell(format!("{truth} is the Writer"));
            state.writer = truth;
        });
        self.at(when + api_lag, move |state| state.api = Some(api));
        self.at(when + dns_lag, move |state| state.dns = Some(dns));
    }

    /// Since when the universe is.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.state.borrow().started
    }
}

impl State {
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
        self.group
            .iter()
            .filter(|(_, drains)| drains.is_none())
            .map(|(target, _)| target.clone())
            .collect()
    }

    /// Whether the group holds the Writer and nobody else.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.registered() == [self.right()]
    }

    /// Gives an instance another address, in truth and in DNS.
    pub fn replace(&mut self, instance: &InstanceId, address: Ipv4Addr) {
        self.addresses.insert(instance.clone(), address);
        self.dns_addresses.insert(instance.clone(), vec![address]);
    }

    /// Seconds since the universe began.
    #[must_use]
    pub fn clock(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Notes what a write has left.
    pub fn note_write(&mut self) {
        let at = self.started.elapsed();
        let left = self.registered();
        self.writes.push(Write { at, left });
    }

    /// Adds a line to the history.
    pub fn tell(&mut self, what: impl AsRef<str>) {
        let line = format!("{:8.3} {}", self.clock(), what.as_ref());
        self.history.push(line);
    }
}
