//! The function itself: its clock, its settings, its time; and what it cannot look at.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Invocation;
use super::ask::{Engine, Seen};
use super::audit::Audit;
use crate::config::Settings;
use crate::lambda::ROOM_TO_REPORT;
use crate::run::ROOM_TO_END;
use crate::watch::UNVERIFIED;

/// How far a clock may be off without a finding; AWS's answers have the time to the second.
const OFF: Duration = Duration::from_secs(5);
/// How far it may be off before events are taken for older or newer than they are: the announcement
/// of a failover counts for a minute.
const FAR_OFF: Duration = Duration::from_secs(30);
/// How much of the time may have passed when Lambda says what is left of it.
const PASSED: Duration = Duration::from_millis(500);

pub(super) fn clock(seen: &Seen, audit: &mut Audit) {
    let caller = audit.answer("sts:GetCallerIdentity", &seen.caller);
    let Some(ahead) = caller.and_then(|caller| caller.clock_ahead) else {
        return;
    };
    let off = ahead.abs().to_std().unwrap_or_default();
    let name = if off < FAR_OFF {
        "function: clock (slightly)"
    } else {
        "function: clock"
    };
    let actual = format!(
        "{:+.1} s from AWS's, by an answer's Date",
        ahead.as_seconds_f64()
    );
    audit.expect(name, off < OFF, actual);
}

pub(super) fn settings(settings: Settings, invocation: &Invocation, audit: &mut Audit) {
    audit.equal("function: DRY_RUN", &settings.dry_run.to_string());
    let beyond = ROOM_TO_END + ROOM_TO_REPORT;
    let needed = settings.longest_watch.max(UNVERIFIED) + beyond;
    let name = if invocation.time < UNVERIFIED + beyond {
        "function: timeout (no run can end)"
    } else {
        "function: timeout"
    };
    let seconds = needed.as_secs() + 1;
    audit.set("needed", seconds);
    audit.set("timeout", seconds.clamp(180, 900));
    let actual = format!("{:.0} s", invocation.time.as_secs_f64());
    audit.expect(name, invocation.time + PASSED >= needed, actual);
}

/// What no audit from the function can see, with where to look instead.
pub(super) fn not_checked(seen: &Seen, role: &str, invocation: &Invocation, audit: &mut Audit) {
    for group in seen.path.groups.keys() {
        audit.about(group);
        audit.set("role", role);
        audit.leave("call elasticloadbalancing:RegisterTargets");
    }
    let sources: BTreeSet<_> = seen.routes.iter().map(|route| &route.source).collect();
    for source in sources {
        audit.about(source.as_str());
        let members = seen.database.members(source).iter();
        audit.list(
            "groups",
            members.flat_map(|one| &one.security_groups).take(1),
        );
        match seen.database.engine(source) {
            Some(Engine::PostgreSql) => audit.leave("cluster: replication slots"),
            _ => audit.leave("cluster: binlog retention"),
        }
        audit.leave("cluster: security groups");
    }
    audit.about(invocation.arn.as_deref().unwrap_or_default());
    audit.leave("function: EventBridge's rule, and the schedule");
    audit.about("");
    audit.leave("consumer: zones, replication user, channel");
    audit.leave("load balancer: how fast it acts");
}
