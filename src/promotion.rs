//! Which members could be promoted, and which is the next. Pure.

use std::cmp::Reverse;

use crate::address::NoAddress;
use crate::decide::Context;
use crate::route::InstanceId;
use crate::world::{Member, Survey};

impl Context<'_> {
    /// The members that could be promoted, the next one first: as AWS documents, by promotion tier
    /// and then size. Where two are as good, the one that is in, so that the group stays as it is.
    pub(crate) fn candidates<'a>(
        &self,
        writer: &InstanceId,
        survey: &'a Survey,
    ) -> Vec<&'a InstanceId> {
        let is_in = |instance: &InstanceId| {
            let target = self.seen.target(instance);
            target.is_some_and(|target| self.holds(&target))
        };
        let could = |(instance, member): &(&InstanceId, &Member)| {
            let address = self.seen.addresses.get(*instance);
            let is_suitable = !matches!(address, None | Some(Err(NoAddress::Unsuitable(_))));
            let state = State::of(member);
            let is_up = state == State::Available || state == State::Busy && is_in(instance);
            *instance != writer && is_suitable && is_up
        };
        let mut found: Vec<_> = survey.members.iter().filter(could).collect();
        found.sort_by_key(|(instance, member)| {
            let tier = member.tier.unwrap_or(i32::MAX);
            (
                tier,
                Reverse(size(&member.class)),
                !is_in(instance),
                *instance,
            )
        });
        found.into_iter().map(|(instance, _)| instance).collect()
    }
}

/// Whether an instance could be promoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Available,
    /// For now: it restarts, or is being changed.
    Busy,
    Gone,
}

impl State {
    pub(crate) fn of(member: &Member) -> Self {
        match member.status.as_str() {
            "available" => Self::Available,
            "backing-up"
            | "maintenance"
            | "modifying"
            | "rebooting"
            | "renaming"
            | "resetting-master-credentials"
            | "storage-optimization"
            | "upgrading" => Self::Busy,
            status if status.starts_with("configuring-") => Self::Busy,
            _ => Self::Gone,
        }
    }
}

/// The size of a class, for comparison; 0 where its name does not say.
fn size(class: &str) -> u32 {
    match class.rsplit('.').next().unwrap_or_default() {
        "micro" => 1,
        "small" => 2,
        "medium" => 4,
        "large" => 8,
        size => {
            let times = size.strip_suffix("xlarge").unwrap_or("-");
            if times.is_empty() {
                16
            } else {
                times.parse().map_or(0, |times: u32| times * 16)
            }
        }
    }
}
