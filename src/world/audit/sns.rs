//! SNS: whom a topic invokes.

use std::collections::BTreeSet;

use super::Answered;
use super::query::{Query, Service, items, text};

const SNS: Service = Service {
    name: "sns",
    version: "2010-03-31",
};

/// The Lambda functions that the topic invokes: of its first hundred subscriptions, which is a page.
pub(super) async fn functions(query: &Query, topic: &str) -> Answered<BTreeSet<String>> {
    let answer = query
        .ask(
            SNS,
            "ListSubscriptionsByTopic",
            "sns:ListSubscriptionsByTopic",
            &[("TopicArn", topic)],
        )
        .await?;
    let document = answer.document()?;
    let subscriptions = items(document.root_element(), "Subscriptions");
    let functions = subscriptions.filter(|one| text(*one, "Protocol") == Some("lambda"));
    Ok(functions
        .filter_map(|one| Some(text(one, "Endpoint")?.to_owned()))
        .collect())
}
