//! An audit of a live installation, which changes nothing. A wing of its own: no run comes here.
//!
//! ```text
//! {"action": "doctor"} ─► ask ─► diagnose ─► Diagnosis ─► JSON, or text for people
//!                         RDS, ELB,  pure: function, cluster or instance, resolver, parameters
//!                         EC2, DNS …       (guard), blue/green, group, balancer, service, events
//! ```
//!
//! A run keeps the group right with what it is given. Whether it was given the right things shows
//! in the failover, or here before it.

pub mod ask;
mod audit;
mod balancer;
mod blue_green;
mod catalogue;
mod causes;
mod cluster;
mod events;
mod function;
mod group;
mod instance;
mod members;
mod parameters;
mod report;
mod resolver;
mod service;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

pub use ask::Auditor;
pub use report::{Check, Counts, Diagnosis, Finding, Format, NotChecked, Remedy, Severity};

use crate::config::Config;
use crate::source::SourceId;
use crate::world::World;
use ask::Seen;
use audit::Audit;
use causes::Caller;

/// A `format` that there is none of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`format` holds {0}; it should hold \"json\" or \"text\"")]
pub struct UnknownFormat(String);

/// What Lambda says of the invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The function's ARN, with or without a version; `None` where it is not the deployed function
    /// that runs.
    pub arn: Option<String>,
    /// The time that Lambda gave this invocation: the function's timeout, or what is left of it.
    pub time: Duration,
}

impl Invocation {
    /// The function's name, as commands take it.
    fn name(&self) -> Option<&str> {
        self.arn.as_deref()?.split(':').nth(6)
    }
}

/// Whether a payload asks for the doctor, and in which format.
///
/// # Errors
/// Where it asks for a format that there is none of.
#[must_use]
pub fn asked(payload: &Value) -> Option<Result<Format, UnknownFormat>> {
    if payload.get("action")? != "doctor" {
        return None;
    }
    Some(match payload.get("format") {
        None => Ok(Format::Json),
        Some(held) if held == "json" => Ok(Format::Json),
        Some(held) if held == "text" => Ok(Format::Text),
        Some(held) => Err(UnknownFormat(held.to_string())),
    })
}

/// Looks at everything that a failover will depend on.
pub async fn examine(
    auditor: &Auditor,
    world: &impl World,
    config: &Config,
    invocation: &Invocation,
) -> Diagnosis {
    let seen = Box::pin(auditor.look(world, config)).await;
    diagnose(&seen, config, invocation)
}

/// Judges what was seen. Pure.
#[must_use]
pub fn diagnose(seen: &Seen, config: &Config, invocation: &Invocation) -> Diagnosis {
    let caller = seen.caller.as_ref().ok().map(|caller| caller.arn.as_str());
    let caller = Caller::of(caller, &seen.routes);
    let role = caller.role_arn();
    let mut audit = Audit::new(&seen.region, invocation.name(), caller);
    audit.about(invocation.name().unwrap_or("function"));
    function::clock(seen, &mut audit);
    function::settings(config.settings, invocation, &mut audit);
    let sources: BTreeSet<_> = seen.routes.iter().map(|route| &route.source).collect();
    for source in sources {
        match source {
            SourceId::Cluster(id) => cluster::examine(seen, id, &mut audit),
            SourceId::Instance(id) => instance::examine(seen, id, &mut audit),
        }
        resolver::examine(seen, source, &mut audit);
        match source {
            SourceId::Cluster(id) => {
                let user = seen.routes.iter().filter(|route| route.source == *source);
                let user = user.filter_map(|route| route.replication_user.as_deref());
                parameters::examine(seen, id, user.min(), &mut audit);
            }
            SourceId::Instance(id) => instance::parameters(seen, id, &mut audit),
        }
        blue_green::examine(seen, source, &mut audit);
    }
    for route in &seen.routes {
        group::examine(seen, route, &mut audit);
        members::examine(seen, route, &mut audit);
    }
    balancer::examine(seen, &mut audit);
    service::examine(seen, &mut audit);
    events::examine(seen, invocation, &mut audit);
    function::not_checked(seen, &role, invocation, &mut audit);
    audit.end()
}
