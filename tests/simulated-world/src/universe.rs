//! The universe: its state now, and what is going to happen.

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use failover_follower::route::{ClusterId, GroupHolds, InstanceId, Route, TargetGroupArn};
use failover_follower::source::SourceId;
use tokio::time::Instant;

use crate::payload::wall_clock_at;
use crate::state::State;

/// The port of the cluster.
pub const PORT: u16 = 3306;
/// The cluster's name.
pub const CLUSTER: &str = "aurora-source";
const GROUP: &str = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/aurora-writer/0123456789abcdef";

type Change = Box<dyn FnOnce(&mut State)>;

/// The universe: cheap to clone, and every clone is the same one.
#[derive(Clone)]
pub struct Universe {
    state: Rc<RefCell<State>>,
    future: Rc<RefCell<BTreeMap<(Instant, usize), Change>>>,
    source: SourceId,
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

/// The route of a universe of a cluster.
///
/// # Panics
/// Never: the names are right.
#[must_use]
pub fn route() -> Route {
    #[allow(clippy::expect_used, reason = "the names are right")]
    Route {
        source: SourceId::Cluster(ClusterId::parse(CLUSTER).expect("a cluster identifier")),
        group: TargetGroupArn::parse(GROUP).expect("a target group's ARN"),
        endpoint: None,
        holds: GroupHolds::Writer,
        replication_user: None,
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
        Self {
            state: Rc::new(RefCell::new(State::new(instances, seed))),
            future: Rc::default(),
            source: route().source,
        }
    }

    /// A healthy universe of a DB instance, which is its own Writer and registered.
    #[must_use]
    pub fn of_instance(seed: u64) -> Self {
        Self {
            source: SourceId::Instance(instance(1)),
            ..Self::new(1, seed)
        }
    }

    /// The one route.
    #[must_use]
    pub fn route(&self) -> Route {
        Route {
            source: self.source.clone(),
            ..route()
        }
    }

    /// A failover of a DB instance: its standby, at this address, takes over at `when`, and DNS
    /// shows it `dns_lag` later.
    pub fn move_address(&self, when: Duration, to: Ipv4Addr, dns_lag: Duration) {
        self.at(when, move |state| {
            state.tell(format!("the instance is at {to}"));
            state.relocate(&instance(1), to);
        });
        self.at(when + dns_lag, move |state| {
            state.tell(format!("its name resolves to {to}"));
            state.dns_addresses.insert(instance(1), vec![to]);
        });
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
            let Some(((at, _), change)) = due else { break };
            let mut state = self.state.borrow_mut();
            state.pass(at);
            change(&mut state);
        }
        let mut state = self.state.borrow_mut();
        state.pass(now);
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
        let flip = self.started() + when;
        let (truth, api, dns) = (to.clone(), to.clone(), to.clone());
        self.at(when, move |state| {
            state.tell(format!("{truth} is the Writer"));
            state.promote(truth);
        });
        self.at(when + api_lag, move |state| state.list(api, flip));
        self.at(when + dns_lag, move |state| state.point(dns, flip));
    }

    /// Has the cluster's event log hold a message of `happened`, and show it so much later.
    pub fn log(&self, happened: Duration, message: impl Into<String>, lag: Duration) {
        let happened = self.started() + happened;
        let time = wall_clock_at(self.started(), happened);
        let mut state = self.state.borrow_mut();
        let log = &mut state.log;
        log.write((happened, time), message.into(), happened + lag);
    }

    /// Since when the universe is.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.state.borrow().started
    }
}
