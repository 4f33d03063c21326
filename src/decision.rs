//! What the group should hold, as a value: what `decide` makes and `plan` and the report read.

use std::collections::BTreeSet;
use std::fmt;

use crate::address::Unsuitable;
use crate::route::InstanceId;
use crate::standby::{Alone, Standby};
use crate::world::Target;

/// What the group should hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The Writer is confirmed: its target, and beside it at most the standby's.
    Follow {
        /// The Writer.
        writer: InstanceId,
        /// Its target.
        target: Target,
        /// Who is in beside it.
        standby: Standby,
    },
    /// These are known not to be the Writer, or not for long; what should come in instead is not
    /// known yet.
    Evict {
        /// The targets that leave.
        targets: BTreeSet<Target>,
        /// What is missing.
        pending: Pending,
        /// Who comes in all the same, as a standby.
        standby: Standby,
    },
}

impl Decision {
    /// Whether what is written for it is written for a known reason, so that the group is this
    /// run's own from then on, whoever disturbed it before.
    #[must_use]
    pub fn is_explained(&self) -> bool {
        match self {
            Self::Follow { .. } => true,
            Self::Evict { pending, .. } => {
                matches!(pending, Pending::Failover(_) | Pending::Completion(_))
            }
        }
    }

    /// Who is in the group as a standby.
    #[must_use]
    pub fn standby(&self) -> &Standby {
        match self {
            Self::Follow { standby, .. } | Self::Evict { standby, .. } => standby,
        }
    }

    /// Why the group holds no standby, where it could.
    #[must_use]
    pub fn alone(&self) -> Option<&Alone> {
        match self.standby() {
            Standby::Nobody(why) => why.as_ref(),
            Standby::Open { .. } | Standby::Holds { .. } => None,
        }
    }

    /// The Writer, where it is confirmed.
    #[must_use]
    pub fn writer(&self) -> Option<&InstanceId> {
        match self {
            Self::Follow { writer, .. } => Some(writer),
            Self::Evict { pending, .. } => match pending {
                Pending::Address(writer)
                | Pending::Suitable(writer, _)
                | Pending::Reason(writer) => Some(writer),
                Pending::Confirmation
                | Pending::Failover(_)
                | Pending::Completion(_)
                | Pending::Writer => None,
            },
        }
    }
}

/// What is missing before the Writer's target can go in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pending {
    /// The witnesses do not confirm a Writer.
    Confirmation,
    /// The announced failover to this instance.
    Failover(InstanceId),
    /// Witnesses for the completed failover to this instance.
    Completion(InstanceId),
    /// A Writer: the API lists none.
    Writer,
    /// The confirmed Writer's address.
    Address(InstanceId),
    /// An address that a Network Load Balancer takes.
    Suitable(InstanceId, Unsuitable),
    /// The reason why the group was found empty, or was changed by another hand.
    Reason(InstanceId),
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Follow { writer, target, .. } => write!(f, "follow {writer} at {target}")?,
            Self::Evict { pending, .. } => pending.fmt(f)?,
        }
        match self.standby() {
            Standby::Nobody(_) => Ok(()),
            Standby::Open { .. } => f.write_str(", the standby is open"),
            Standby::Holds { instance, target } => write!(f, ", standby {instance} at {target}"),
        }
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confirmation => f.write_str("wait for a second witness"),
            Self::Failover(next) => write!(f, "keep the group clear for {next}"),
            Self::Completion(writer) => {
                write!(
                    f,
                    "keep the group clear for {writer} until a witness shows it"
                )
            }
            Self::Writer => f.write_str("wait for a Writer"),
            Self::Address(writer) => write!(f, "wait for the address of {writer}"),
            Self::Suitable(_, unsuitable) => write!(f, "register nothing: {unsuitable}"),
            Self::Reason(writer) => write!(
                f,
                "leave the group as it is until the event log shows no reason against {writer}"
            ),
        }
    }
}
