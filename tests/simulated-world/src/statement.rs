//! A cluster event's statement about the Writer, as the simulated world's own reader understands
//! it.
//!
//! The judge and the deliberate bugs read statements with this; nothing of the function's reader is
//! in it.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use failover_follower::route::InstanceId;
use serde_json::Value;

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// A failover to this instance has started.
    Started(InstanceId),
    /// This instance is the Writer: "Completed failover" or "Promoting previous primary again".
    Completed(InstanceId),
    /// The failover has failed.
    Failed,
}

/// A statement, dated by RDS's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// When it was true.
    pub time: DateTime<Utc>,
    /// What it says.
    pub says: Says,
}

impl Says {
    /// The instance it names, if it names one.
    #[must_use]
    pub fn names(&self) -> Option<&InstanceId> {
        match self {
            Self::Started(instance) | Self::Completed(instance) => Some(instance),
            Self::Failed => None,
        }
    }

    /// Reads an event's text; `None` where it is about something else than the Writer.
    #[must_use]
    pub fn read(message: &str) -> Option<Self> {
        let named = |text: &str| {
            let (_, name) = message.split_once(text)?;
            InstanceId::parse(name.trim()).ok()
        };
        if message.contains("failover failed") {
            return Some(Self::Failed);
        }
        if let Some(instance) = named("Promoting previous primary again:") {
            return Some(Self::Completed(instance));
        }
        let instance = named("failover to DB instance:")?;
        Some(if message.starts_with("Started") {
            Self::Started(instance)
        } else {
            Self::Completed(instance)
        })
    }
}

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(instance) => write!(f, "started to {instance}"),
            Self::Completed(instance) => write!(f, "completed to {instance}"),
            Self::Failed => f.write_str("failed"),
        }
    }
}

/// The message of each cluster event among an SNS payload's records, and its time.
pub(crate) fn cluster_messages(payload: &Value) -> Vec<(DateTime<Utc>, String)> {
    let records = payload["Records"].as_array().into_iter().flatten();
    records
        .filter_map(|record| {
            let event: Value = serde_json::from_str(record["Sns"]["Message"].as_str()?).ok()?;
            let time = event["Event Time"].as_str()?;
            let time = NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S%.f").ok()?;
            let message = event["Event Message"].as_str()?;
            (event["Event Source"] == "db-cluster").then(|| (time.and_utc(), message.to_owned()))
        })
        .collect()
}

/// The statements in an SNS payload.
#[must_use]
pub fn statements(payload: &Value) -> Vec<Statement> {
    let messages = cluster_messages(payload).into_iter();
    messages
        .filter_map(|(time, message)| {
            let says = Says::read(&message)?;
            Some(Statement { time, says })
        })
        .collect()
}

/// A message as a reader understands it that takes a failover's start for its end.
pub(crate) fn as_if_completed(message: &str) -> String {
    message.replacen("Started cross AZ failover", "Completed failover", 1)
}
