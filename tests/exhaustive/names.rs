//! Members as small numbers, groups as bits, and what the function calls them.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use failover_follower::route::InstanceId;
use failover_follower::world::Target;

/// A member of the cluster, by its number.
pub(crate) type Member = u8;

/// Registered targets, a bit for each member.
pub(crate) type Group = u8;

pub(crate) const PORT: u16 = 3306;

/// The group that holds this member alone.
pub(crate) fn only(member: Member) -> Group {
    1 << member
}

pub(crate) fn id(member: Member) -> InstanceId {
    InstanceId::parse(&format!("m{member}")).unwrap()
}

pub(crate) fn address(member: Member) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, member)
}

pub(crate) fn target(member: Member) -> Target {
    Target::new(address(member), PORT)
}

pub(crate) fn targets(group: Group) -> BTreeSet<Target> {
    (0..8)
        .filter(|member| group & only(*member) != 0)
        .map(target)
        .collect()
}

pub(crate) fn group<'a>(targets: impl IntoIterator<Item = &'a Target>) -> Group {
    targets.into_iter().map(|target| only(member(target))).sum()
}

pub(crate) fn member(of: &Target) -> Member {
    of.id.rsplit('.').next().unwrap().parse().unwrap()
}
