//! What goes wrong beside the failovers: outages, changed addresses, foreign targets, forged
//! events.

use std::net::Ipv4Addr;
use std::time::Duration;

use failover_follower::world::Target;
use serde_json::json;

use super::story::Story;
use crate::Invocation;
use crate::payload::{completed, started};
use crate::state::{Health, State};
use crate::universe::{PORT, instance};

impl Story {
    /// What goes wrong beside the failovers.
    pub(super) fn mischief(&mut self) {
        let end = self.end.as_secs_f64() + 30.0;
        for _ in 0..self.random.u32(0..4) {
            let (from, lasts) = (self.seconds(0.0, end), self.seconds(3.0, 90.0));
            let health =
                [Health::Down, Health::Throttled, Health::Hanging][self.random.usize(0..3)];
            let (name, service): (_, fn(&mut State) -> &mut Health) = match self.random.u8(0..4) {
                0 => ("the RDS API", |state| &mut state.api_health),
                1 => ("DNS", |state| &mut state.dns_health),
                2 => ("DescribeTargetHealth", |state| &mut state.elb_health),
                _ => ("every write", |state| &mut state.write_health),
            };
            for (when, health) in [(from, health), (from + lasts, Health::Up)] {
                self.universe.at(when, move |state| {
                    *service(state) = health;
                    state.tell(format!("{name} is {health:?}"));
                });
            }
        }
        if self.chance(15) {
            let (when, lasts) = (self.seconds(0.0, end), self.seconds(1.0, 40.0));
            self.universe.at(when, |state| state.dns = None);
            self.universe.at(when + lasts, |state| {
                state.point_present();
            });
        }
        if self.chance(20) {
            let (when, number, host) = (
                self.seconds(0.0, end),
                self.random.usize(1..=self.instances),
                self.random.u8(20..90),
            );
            self.universe.at(when, move |state| {
                state.tell(format!("instance {number} gets another address"));
                state.replace(&instance(number), Ipv4Addr::new(10, 0, 9, host));
            });
        }
        if self.chance(10) {
            let when = self.seconds(0.0, end);
            self.universe.at(when, |state| {
                let (one, two) = (state.addresses[&instance(1)], state.addresses[&instance(2)]);
                state.tell("instances 1 and 2 swap their addresses");
                state.replace(&instance(1), two);
                state.replace(&instance(2), one);
            });
        }
        if self.chance(25) {
            let (when, port) = (
                self.seconds(0.0, end),
                if self.chance(50) { PORT } else { 3307 },
            );
            let number = self.random.usize(1..=self.instances);
            let stranger = self.chance(50);
            self.universe.at(when, move |state| {
                let address = if stranger {
                    Ipv4Addr::new(10, 9, 9, 9)
                } else {
                    state.addresses[&instance(number)]
                };
                let target = Target::new(address, port);
                state.tell(format!("somebody registers {target}"));
                state.intrude(target);
            });
        }
        for _ in 0..self.random.u32(0..3) {
            let when = self.seconds(0.0, end);
            let who = if self.chance(80) {
                self.someone_else().to_string()
            } else {
                "a-stranger".to_owned()
            };
            let forged = match self.random.u8(0..3) {
                0 => started(&who, when.as_secs_f64()),
                1 => completed(&who, when.as_secs_f64()),
                _ => json!({"nonsense": who}),
            };
            if self.climate.is_honest() && forged.get("nonsense").is_none() {
                continue;
            }
            self.invocations
                .push(Invocation::new(when + Duration::from_millis(400), forged));
        }
    }
}
