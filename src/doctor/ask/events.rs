//! RDS's events on their way: the log, the subscriptions, the topics and their queues.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_rds::types::{EventSubscription, SourceType};
use serde_json::Value;

use super::query::{Action, domain, items, text};
use super::{Answered, Auditor, Events, Subscription, Topic, each, or_empty, send};

const LOG: &str = "rds:DescribeEvents";
const SUBSCRIPTIONS: &str = "rds:DescribeEventSubscriptions";
const TOPIC_INVOKES: Action = sns("sns:ListSubscriptionsByTopic");
const TOPIC: Action = sns("sns:GetTopicAttributes");
const SUBSCRIPTION: Action = sns("sns:GetSubscriptionAttributes");
const QUEUE: Action = Action {
    name: "sqs:GetQueueAttributes",
    version: "2012-11-05",
};

const fn sns(name: &'static str) -> Action {
    let version = "2010-03-31";
    Action { name, version }
}

impl Auditor {
    pub(super) async fn events(&self) -> Events {
        let (log, subscriptions) = tokio::join!(self.event_log(), self.subscriptions());
        let topics: BTreeSet<_> = subscriptions
            .iter()
            .flatten()
            .map(|one| &one.topic)
            .collect();
        let topics = topics.into_iter().cloned();
        let topics = each(topics, async |arn| self.topic(arn).await).await;
        let functions = topics.values().flat_map(|topic| &topic.functions);
        let subscribed: BTreeSet<_> = functions.flat_map(BTreeMap::values).cloned().collect();
        let dead_letters = each(subscribed, async |arn| self.dead_letters(arn).await).await;
        let queues: BTreeSet<_> = dead_letters.values().flatten().flatten().cloned().collect();
        Events {
            log,
            subscriptions,
            queues: each(queues, async |arn| self.queue_key(arn).await).await,
            topics,
            dead_letters,
        }
    }

    /// The question of a run, about the last minute.
    async fn event_log(&self) -> Answered<()> {
        let call = self
            .rds
            .describe_events()
            .source_type(SourceType::DbCluster)
            .duration(1);
        send(&self.rds_limit, LOG, call.send()).await.map(drop)
    }

    async fn subscriptions(&self) -> Answered<Vec<Subscription>> {
        let pages = self
            .rds
            .describe_event_subscriptions()
            .into_paginator()
            .items()
            .send();
        let all = send(&self.rds_limit, SUBSCRIPTIONS, pages.try_collect()).await?;
        Ok(all.into_iter().map(subscription).collect())
    }

    async fn topic(&self, arn: &str) -> Topic {
        let (functions, key) = tokio::join!(self.functions(arn), self.topic_key(arn));
        Topic { functions, key }
    }

    /// The functions that a topic invokes: of its first hundred subscriptions, which is a page.
    async fn functions(&self, topic: &str) -> Answered<BTreeMap<String, String>> {
        let answer = self
            .query
            .ask(TOPIC_INVOKES, &[("TopicArn", topic)])
            .await?;
        let document = answer.document()?;
        let all = items(document.root_element(), "Subscriptions");
        let functions = all.filter(|one| text(*one, "Protocol").as_deref() == Some("lambda"));
        let read = |one| Some((text(one, "Endpoint")?, text(one, "SubscriptionArn")?));
        Ok(functions.filter_map(read).collect())
    }

    async fn topic_key(&self, topic: &str) -> Answered<Option<String>> {
        self.attribute(TOPIC, &[("TopicArn", topic)], "KmsMasterKeyId")
            .await
    }

    async fn dead_letters(&self, subscription: &str) -> Answered<Option<String>> {
        let about = [("SubscriptionArn", subscription)];
        let policy = self
            .attribute(SUBSCRIPTION, &about, "RedrivePolicy")
            .await?;
        let policy: Value = serde_json::from_str(&policy.unwrap_or_default()).unwrap_or_default();
        let queue = policy.get("deadLetterTargetArn").and_then(Value::as_str);
        Ok(queue.map(str::to_owned))
    }

    async fn queue_key(&self, arn: &str) -> Answered<Option<String>> {
        let url = queue_url(arn);
        let about = [
            ("QueueUrl", url.as_str()),
            ("AttributeName.1", "KmsMasterKeyId"),
        ];
        self.attribute(QUEUE, &about, "KmsMasterKeyId").await
    }

    /// One of the attributes that an action answers with.
    async fn attribute(
        &self,
        action: Action,
        about: &[(&str, &str)],
        key: &str,
    ) -> Answered<Option<String>> {
        let answer = self.query.ask(action, about).await?;
        let document = answer.document()?;
        let mut nodes = document.descendants();
        let named = nodes.find(|node| node.is_element() && node.text() == Some(key));
        let entry = named.and_then(|name| name.parent());
        // SNS writes the one, SQS the other.
        let value = entry.and_then(|entry| text(entry, "value").or(text(entry, "Value")));
        Ok(value.filter(|value| !value.is_empty()))
    }
}

/// The URL of the queue `arn:aws:sqs:<region>:<account>:<name>`.
pub(in crate::doctor) fn queue_url(arn: &str) -> String {
    let mut parts = arn.split(':').skip(3);
    let [region, account, name] = [(); 3].map(|()| parts.next().unwrap_or_default());
    format!("https://sqs.{region}.{}/{account}/{name}", domain(region))
}

fn subscription(one: EventSubscription) -> Subscription {
    Subscription {
        source_type: or_empty(one.source_type()),
        name: or_empty(one.cust_subscription_id()),
        status: or_empty(one.status()),
        topic: or_empty(one.sns_topic_arn()),
        enabled: one.enabled.unwrap_or_default(),
        sources: one
            .source_ids_list
            .unwrap_or_default()
            .into_iter()
            .collect(),
        categories: one
            .event_categories_list
            .unwrap_or_default()
            .into_iter()
            .collect(),
    }
}
