//! RDS's events on their way to the function.

use std::collections::BTreeSet;

use super::Patient;
use super::finding::{Checkup, Severity, Wrong};
use super::survey::{Surroundings, Survey};
use crate::route::InstanceId;
use crate::world::Cause;
use crate::world::audit::Subscription;

/// What has to be subscribed to, each by itself: a subscription has one source type.
const SOURCES: [&str; 3] = ["db-cluster", "db-instance", "blue-green-deployment"];

/// Whether each kind of event reaches the function through SNS.
pub(super) fn examine(
    survey: &Survey,
    around: &Surroundings,
    patient: &Patient,
    checkup: &mut Checkup,
) {
    let Some(function) = patient.arn.as_deref() else {
        return checkup.find("events", not_the_deployed_function());
    };
    let Some(all) = checkup.answer("events: subscriptions", &around.subscriptions) else {
        return;
    };
    // Once a topic is known to be ours, one that cannot be read is somebody else's.
    let is_ours_known = all.iter().any(|one| invokes(around, one, function));
    for source in SOURCES {
        let check = format!("events: {source}");
        let of_source = || {
            all.iter()
                .filter(move |one| one.source_type == source || one.source_type.is_empty())
        };
        let ours = of_source().filter(|one| invokes(around, one, function));
        // One that is as it should be is enough.
        let best = ours
            .map(|one| fault(survey, one))
            .min_by_key(Option::is_some);
        let unread = of_source()
            .filter(|_| !is_ours_known)
            .find_map(|one| Some((one, around.functions.get(&one.topic)?.as_ref().err()?)));
        match (best, unread) {
            (Some(None), _) => checkup.pass(&check),
            (Some(Some(wrong)), _) => checkup.find(&check, wrong),
            (None, Some((one, failure))) if failure.cause == Cause::NotFound => {
                checkup.find(&check, without_topic(one));
            }
            (None, Some((_, failure))) => {
                checkup.answer::<()>(&check, &Err(failure.clone()));
            }
            (None, None) => checkup.find(&check, missing(all, around, function, source)),
        }
    }
}

fn without_topic(one: &Subscription) -> Wrong {
    Wrong {
        severity: Severity::Warning,
        is: format!("{} publishes to {}, which is gone", one.name, one.topic),
        should: "a topic that invokes this function".to_owned(),
        why: "no event comes through it; EventBridge's rule and the schedule are all that is left",
        mend: "deploy template.yaml again, which makes the topic and its policy".to_owned(),
    }
}

fn not_the_deployed_function() -> Wrong {
    Wrong {
        severity: Severity::Unknown,
        is: "this is not the deployed function".to_owned(),
        should: "the deployed function, asked itself".to_owned(),
        why: "only of itself can it say whether a topic invokes it",
        mend: r#"sam remote invoke Follower --event '{"action": "doctor"}'"#.to_owned(),
    }
}

/// Whether a subscription's topic invokes the function, whichever version of it.
fn invokes(around: &Surroundings, one: &Subscription, function: &str) -> bool {
    let functions = around.functions.get(&one.topic);
    functions.is_some_and(|answer| {
        let mut functions = answer.iter().flatten();
        functions.any(|invoked| unqualified(invoked) == unqualified(function))
    })
}

/// A function's ARN without its version or alias: `arn:aws:lambda:<region>:<account>:function:<name>`.
fn unqualified(function: &str) -> &str {
    let end = function.match_indices(':').nth(6);
    end.map_or(function, |(end, _)| &function[..end])
}

/// What is wrong with a subscription that leads to the function.
fn fault(survey: &Survey, one: &Subscription) -> Option<Wrong> {
    let Subscription {
        name,
        source_type,
        sources,
        categories,
        enabled,
        status,
        topic,
    } = one;
    let modify = format!("aws rds modify-event-subscription --subscription-name {name}");
    let wrong = |is: String, should: &str, why, mend: String| {
        Some(Wrong {
            severity: Severity::Warning,
            is: format!("{name} {is}"),
            should: should.to_owned(),
            why,
            mend,
        })
    };
    let anew = || {
        format!(
            "aws rds create-event-subscription --subscription-name {name}-all --source-type {source_type} --sns-topic-arn {topic} \
             --enabled && aws rds delete-event-subscription --subscription-name {name}"
        )
    };
    let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    if !enabled {
        return wrong(
            "is disabled".to_owned(),
            "enabled",
            "no event comes through it; EventBridge's rule and the schedule are all that is left",
            format!("{modify} --enabled"),
        );
    }
    if status != "active" {
        return wrong(
            format!("is {status:?}"),
            "active",
            "RDS does not publish to the topic: it is being made or changed, the topic is gone, or its policy does not let events.rds.amazonaws.com",
            format!(
                "aws sns get-topic-attributes --topic-arn {topic}, then deploy template.yaml again, which makes the topic and its policy"
            ),
        );
    }
    if !categories.is_empty() {
        return wrong(
            format!("is limited to the categories {}", list(categories)),
            "every category",
            "\"A new writer was promoted\" belongs to no category, and instances have no category `failover`",
            anew(),
        );
    }
    let ids = survey
        .sighting
        .topology
        .iter()
        .flat_map(|topology| topology.instances.keys());
    let needed: Vec<&str> = match source_type.as_str() {
        "db-cluster" => vec![survey.route.cluster.as_str()],
        "db-instance" => ids.map(InstanceId::as_str).collect(),
        _ => Vec::new(),
    };
    let misses = needed
        .into_iter()
        .find(|id| !sources.is_empty() && !sources.contains(*id));
    misses.and_then(|id| {
        wrong(
            format!("is limited to {}, without {id}", list(sources)),
            "every source",
            "names change hands in a blue/green switchover, and instances come and go",
            anew(),
        )
    })
}

/// No subscription to this kind of event leads to the function.
fn missing(all: &[Subscription], around: &Surroundings, function: &str, source: &str) -> Wrong {
    let topic = all.iter().find(|one| invokes(around, one, function));
    let topic = topic.map_or("TOPIC_THAT_INVOKES_THE_FUNCTION", |one| &one.topic);
    Wrong {
        severity: Severity::Warning,
        is: "no subscription whose topic invokes this function".to_owned(),
        should: format!("one with the source type {source}"),
        why: "events then come through EventBridge's rule alone, if it is there, or are found by the schedule up to a minute later",
        mend: format!(
            "deploy template.yaml, which makes it; or: aws rds create-event-subscription --subscription-name follower-{source} \
             --source-type {source} --sns-topic-arn {topic} --enabled"
        ),
    }
}
