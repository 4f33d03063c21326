//! What to make of a look: who the Writer is, and what the group should hold. Pure.
//!
//! A Writer is *confirmed* when two of the three witnesses name the same member:
//!
//! ```text
//!  API    DNS    hint          confirmed
//!  a      a      anything      a
//!  a      other  a             a
//!  b or – a      told a        a          the event says that a is the Writer
//!  –      a      announced a   a          the API can't say otherwise
//!  b, ∅   a      announced a   nobody     a failover to a has only started: DNS may be stale from
//!                                         before an earlier one, and the API doesn't say (yet) that
//!                                         it has come about
//!  any other combination       nobody     a silent witness (–) has no vote, nor has an API that
//!                                         lists no Writer (∅)
//! ```

use std::collections::BTreeSet;
use std::fmt;

use crate::address::{NoAddress, Unsuitable};
use crate::look::Sighting;
use crate::route::InstanceId;
use crate::trigger::Word;
use crate::world::Target;

/// What a run knows beside what it sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beliefs {
    /// What a fresh event says.
    pub word: Option<Word>,
    /// What the announcement of a failover does.
    pub on_announcement: OnAnnouncement,
    /// Whether a group that holds nobody stays so for now: it may have been emptied on purpose.
    pub leave_empty: bool,
    /// Whoever came in while this run was watching, and not by its hand, stays for now: another run put
    /// them there, on the word of two witnesses, and may know more.
    pub newcomers: BTreeSet<Target>,
    /// Whom to believe where nobody is confirmed: the API's word, once the watch has ended and it has
    /// named this one throughout.
    pub api_throughout: Option<InstanceId>,
}

/// What the announcement of a failover does, at this moment of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnAnnouncement {
    /// Takes out whoever is registered and is not the one announced.
    Clear,
    /// Takes nobody out, and keeps whoever is out, out: the run has cleared the group already.
    Hold,
    /// Nothing.
    #[default]
    Nothing,
}

/// What the group should hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The Writer is confirmed: its target, and nothing else.
    Follow {
        /// The Writer.
        writer: InstanceId,
        /// Its target.
        target: Target,
    },
    /// These are known not to be the Writer, or not for long; what should come in instead is not known yet.
    Evict {
        /// Those to take out.
        targets: BTreeSet<Target>,
        /// Why.
        pending: Pending,
    },
    /// Something would be registered that a Network Load Balancer refuses. Touch nothing.
    Refuse(Unsuitable),
}

/// What is missing before the Writer's target can go in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// No two witnesses name the same member.
    Confirmation,
    /// The announced failover.
    Failover(InstanceId),
    /// The confirmed Writer's address.
    Address(InstanceId),
    /// Some seconds of agreement, since another run may have emptied the group on purpose, or has just
    /// filled it with another member.
    Agreement(InstanceId),
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Follow { writer, target } => write!(f, "follow {writer} at {target}"),
            Self::Evict {
                pending: Pending::Confirmation,
                ..
            } => f.write_str("wait for a second witness"),
            Self::Evict {
                pending: Pending::Failover(next),
                ..
            } => write!(f, "keep the group clear for {next}"),
            Self::Evict {
                pending: Pending::Address(writer),
                ..
            } => write!(f, "wait for the address of {writer}"),
            Self::Evict {
                pending: Pending::Agreement(writer),
                ..
            } => {
                write!(
                    f,
                    "leave the group as it is until the witnesses have agreed on {writer} for a while"
                )
            }
            Self::Refuse(reason) => write!(f, "refuse: {reason}"),
        }
    }
}

/// The member that two witnesses name, by the table above.
#[must_use]
pub fn confirmed(sighting: &Sighting, word: Option<&Word>) -> Option<InstanceId> {
    let api = sighting.api.as_ref().ok().and_then(Option::as_ref);
    let dns = sighting.dns.as_ref().ok();
    let word = word.filter(|word| sighting.is_member(word.instance()));
    let hint = word.map(Word::instance);
    let one = match (api, dns) {
        (Some(api), _) if Some(api) == dns || Some(api) == hint => Some(api),
        _ if sighting.api.is_ok() && matches!(word, Some(Word::Announced(_))) => None,
        (_, Some(dns)) if Some(dns) == hint => Some(dns),
        _ => None,
    };
    one.filter(|instance| sighting.is_member(instance)).cloned()
}

/// Decides what the group should hold. The same sighting and beliefs always give the same decision.
#[must_use]
pub fn decide(sighting: &Sighting, beliefs: &Beliefs) -> Decision {
    let confirmed = confirmed(sighting, beliefs.word.as_ref());
    if let Some(Word::Announced(next)) = &beliefs.word
        && beliefs.on_announcement != OnAnnouncement::Nothing
        && sighting.is_member(next)
        && confirmed.as_ref() != Some(next)
    {
        return clear_for(sighting, next, beliefs.on_announcement);
    }
    match confirmed.or_else(|| beliefs.api_throughout.clone()) {
        Some(writer) => follow(sighting, writer, beliefs),
        None => Decision::Evict {
            targets: BTreeSet::new(),
            pending: Pending::Confirmation,
        },
    }
}

/// A failover to `next` has started: nobody else may stay where a replica could meet them demoted.
fn clear_for(sighting: &Sighting, next: &InstanceId, on_announcement: OnAnnouncement) -> Decision {
    if let Some(Err(NoAddress::Unsuitable(reason))) = sighting.addresses.get(next) {
        return Decision::Refuse(reason.clone());
    }
    let targets = match on_announcement {
        OnAnnouncement::Clear => known_not_to_be(sighting, next),
        OnAnnouncement::Hold | OnAnnouncement::Nothing => BTreeSet::new(),
    };
    Decision::Evict {
        targets,
        pending: Pending::Failover(next.clone()),
    }
}

fn follow(sighting: &Sighting, writer: InstanceId, beliefs: &Beliefs) -> Decision {
    if let Some(Err(NoAddress::Unsuitable(reason))) = sighting.addresses.get(&writer) {
        return Decision::Refuse(reason.clone());
    }
    let Some(target) = sighting.target(&writer) else {
        let targets = known_not_to_be(sighting, &writer);
        return Decision::Evict {
            targets,
            pending: Pending::Address(writer),
        };
    };
    let registered = sighting.targets.as_ref();
    let spared = spared(sighting, &target, &beliefs.newcomers);
    if !spared.is_empty() || beliefs.leave_empty && registered.is_ok_and(BTreeSet::is_empty) {
        let targets = known_not_to_be(sighting, &writer);
        return Decision::Evict {
            targets: targets.difference(&spared).cloned().collect(),
            pending: Pending::Agreement(writer),
        };
    }
    Decision::Follow { writer, target }
}

/// The newcomers that another run may have registered in the Writer's place: members of the cluster.
/// None where the Writer is registered too, since a run takes out before it puts in.
fn spared(sighting: &Sighting, writer: &Target, newcomers: &BTreeSet<Target>) -> BTreeSet<Target> {
    let registered = sighting.targets.iter().flatten();
    let is_writer_in = registered.clone().any(|target| target == writer);
    let members: BTreeSet<Target> = sighting
        .addresses
        .keys()
        .filter_map(|member| sighting.target(member))
        .collect();
    registered
        .filter(|target| !is_writer_in && newcomers.contains(*target) && members.contains(*target))
        .cloned()
        .collect()
}

/// The registered targets that are known not to be `instance`: all others where its address is
/// known, else those that are another member's. Silence convicts nobody.
fn known_not_to_be(sighting: &Sighting, instance: &InstanceId) -> BTreeSet<Target> {
    let registered = sighting.targets.iter().flatten();
    if let Some(own) = sighting.target(instance) {
        return registered
            .filter(|target| **target != own)
            .cloned()
            .collect();
    }
    let others = sighting.addresses.keys().filter(|other| *other != instance);
    let of_others: BTreeSet<Target> = others.filter_map(|other| sighting.target(other)).collect();
    registered
        .filter(|target| of_others.contains(target))
        .cloned()
        .collect()
}
