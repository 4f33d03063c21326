//! Every way in which an installation may be wrong: what has changed, and the one finding it makes.

use failover_follower::doctor::Severity;

use crate::world::World;

/// A list of cases: severity and check of the finding, and the change that makes it.
macro_rules! cases {
    ($($severity:ident $check:literal: $it:ident => $change:expr;)*) => {
        &[$((
            {
                fn change($it: &mut World) {
                    $change;
                }
                change
            },
            Severity::$severity,
            $check,
        )),*]
    };
}

mod calls;
mod database;
mod events;
mod path;

/// What has changed, and the one finding that it makes.
pub(crate) type Case = (fn(&mut World), Severity, &'static str);

/// All of them.
pub(crate) const CASES: &[&[Case]] = &[
    path::GROUP,
    path::PATH,
    database::CLUSTER,
    database::PARAMETERS,
    database::RESOLVER,
    events::EVENTS,
    calls::CALLS,
];
