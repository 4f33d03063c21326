//! RDS's events on their way to the function.

use super::Invocation;
use super::ask::{Seen, Subscription, Topic, queue_url};
use super::audit::Audit;
use crate::route::InstanceId;
use crate::world::{CallError, Cause};

/// What has to be subscribed to, each by itself: a subscription has one source type.
const SOURCES: [&str; 3] = ["db-cluster", "db-instance", "blue-green-deployment"];
/// Subscriptions of an account in a Region, unless AWS has raised it (RDS User Guide, "Quotas").
const QUOTA: usize = 20;

pub(super) fn examine(seen: &Seen, invocation: &Invocation, audit: &mut Audit) {
    audit.about("event log");
    audit.answer("rds:DescribeEvents", &seen.events.log);
    audit.about("event subscriptions");
    let Some(function) = invocation.arn.as_deref() else {
        return audit.find("events", "this is not the deployed function");
    };
    let subscriptions = &seen.events.subscriptions;
    let Some(all) = audit.answer("rds:DescribeEventSubscriptions", subscriptions) else {
        return;
    };
    let held = all.len();
    audit.expect("events: quota of subscriptions", held < QUOTA, held);
    let way = Way {
        seen,
        all,
        function,
    };
    for source in SOURCES {
        way.of_source(source, audit);
    }
    for (arn, topic) in &seen.events.topics {
        if let Some(delivery) = way.delivery(topic) {
            keys(seen, arn, topic, delivery, audit);
        }
    }
}

/// The subscriptions, and the function that they are expected to lead to.
struct Way<'a> {
    seen: &'a Seen,
    all: &'a [Subscription],
    function: &'a str,
}

impl<'a> Way<'a> {
    /// A topic's subscription that invokes the function, whichever version of it.
    fn delivery(&self, topic: &'a Topic) -> Option<&'a str> {
        let mut functions = topic.functions.iter().flatten();
        let ours = functions.find(|(arn, _)| unqualified(arn) == unqualified(self.function));
        ours.map(|(_, delivery)| delivery.as_str())
    }

    fn topic(&self, one: &Subscription) -> Option<&'a Topic> {
        self.seen.events.topics.get(&one.topic)
    }

    fn leads(&self, one: &Subscription) -> bool {
        self.topic(one)
            .is_some_and(|topic| self.delivery(topic).is_some())
    }

    /// Whether this kind of event reaches the function: one subscription that is right is enough.
    fn of_source(&self, source: &str, audit: &mut Audit) {
        audit.about(source);
        let is = |one: &&Subscription| one.source_type == source || one.source_type.is_empty();
        let of_source = || self.all.iter().filter(is);
        let ours = of_source().filter(|one| self.leads(one));
        let best = ours
            .map(|one| (fault(self.seen, one), one))
            .min_by_key(|it| it.0.is_some());
        if let Some((fault, one)) = best {
            audit.set("name", &one.name);
            audit.set("topic", &one.topic);
            return match fault {
                None => audit.pass("events: subscription"),
                Some((name, actual)) => audit.find(name, format!("{} {actual}", one.name)),
            };
        }
        // Once a topic is known to be ours, one that cannot be read belongs to another program.
        let like = self.all.iter().find(|one| self.leads(one));
        let unread = |one: &'a Subscription| -> Option<&'a CallError> {
            self.topic(one)?.functions.as_ref().err()
        };
        let unread = of_source().find_map(|one| Some((one, unread(one)?)));
        match (like, unread) {
            (None, Some((one, error))) if error.cause == Cause::NotFound => {
                let actual = format!("{} publishes to {}, which is gone", one.name, one.topic);
                audit.find("events: subscription (its topic is gone)", actual);
            }
            (None, Some((one, error))) => {
                audit.about(&one.topic);
                audit.answer::<()>(error.call, &Err(error.clone()));
            }
            _ => {
                audit.set("name", format!("failover-follower-{source}"));
                let topic = like.map(|one| one.topic.as_str());
                audit.set("topic", topic.unwrap_or_default());
                let actual = "none whose topic invokes this function";
                audit.find("events: subscription", actual);
            }
        }
    }
}

/// What is wrong with a subscription: the check, and what is there.
fn fault(seen: &Seen, one: &Subscription) -> Option<(&'static str, String)> {
    if !one.enabled {
        return Some(("events: subscription (disabled)", "is disabled".to_owned()));
    }
    if one.status != "active" {
        let actual = format!("is {:?}", one.status);
        return Some(("events: subscription (not active)", actual));
    }
    if !one.categories.is_empty() {
        let actual = format!("is limited to the categories {:?}", one.categories);
        return Some(("events: subscription (limited to categories)", actual));
    }
    let clusters = seen.database.clusters.iter();
    let needed: Vec<&str> = match one.source_type.as_str() {
        "db-cluster" => clusters.map(|(id, _)| id.as_str()).collect(),
        "db-instance" => {
            let found = clusters.flat_map(|(_, cluster)| cluster);
            let members = found.flat_map(|one| &one.members);
            let alone = seen.database.alone.keys();
            members.chain(alone).map(InstanceId::as_str).collect()
        }
        _ => Vec::new(),
    };
    let is_missed = |id: &&str| !one.sources.is_empty() && !one.sources.contains(*id);
    let missed = needed.into_iter().find(is_missed)?;
    let actual = format!("is limited to {:?}, without {missed}", one.sources);
    Some(("events: subscription (limited to sources)", actual))
}

/// AWS's own keys let no other service in: neither RDS into the topic nor SNS into the queue.
fn keys(seen: &Seen, arn: &str, topic: &Topic, delivery: &str, audit: &mut Audit) {
    audit.about(arn);
    if let Some(key) = audit.answer("sns:GetTopicAttributes", &topic.key) {
        key_of(
            key.as_deref(),
            "alias/aws/sns",
            "events: topic's key",
            audit,
        );
    }
    audit.about(delivery);
    let answer = seen.events.dead_letters.get(delivery);
    let queue = answer.and_then(|answer| audit.answer("sns:GetSubscriptionAttributes", answer));
    let Some(queue) = queue.and_then(Option::as_ref) else {
        return;
    };
    audit.about(queue);
    audit.set("url", queue_url(queue));
    let answer = seen.events.queues.get(queue);
    if let Some(key) = answer.and_then(|answer| audit.answer("sqs:GetQueueAttributes", answer)) {
        key_of(
            key.as_deref(),
            "alias/aws/sqs",
            "events: queue's key",
            audit,
        );
    }
}

fn key_of(key: Option<&str>, of_aws: &str, check: &str, audit: &mut Audit) {
    audit.set("key", key.unwrap_or_default());
    match key {
        None => audit.pass(check),
        Some(key) if key.ends_with(of_aws) => audit.find(check, key),
        Some(key) => audit.find(&format!("{check} (a policy that is not read)"), key),
    }
}

/// A function's ARN without its version or alias.
fn unqualified(function: &str) -> &str {
    let end = function.match_indices(':').nth(6);
    end.map_or(function, |(end, _)| &function[..end])
}
