//! One RDS event, whichever channel brought it: what it is about, and whom it names.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::signal::Signal;
use crate::route::{ClusterId, InstanceId};

/// An RDS event as SNS and EventBridge both tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RdsEvent {
    /// `RDS-EVENT-0073`; some events come without.
    pub id: Option<String>,
    /// Whom it is about, as the event names it: a cluster, an instance or a deployment.
    pub source_id: Option<String>,
    /// The cluster it is about; `None` where it is about something else, or does not say.
    pub cluster: Option<ClusterId>,
    /// When it happened, by RDS's clock.
    pub time: Option<DateTime<Utc>>,
    /// What it says about the Writer.
    pub signal: Signal,
    /// The instance that a failover event names as the Writer, or as the Writer to be.
    pub names: Option<InstanceId>,
}

/// An event's fields as a channel delivers them, before anything is made of them.
#[derive(Debug, Default)]
pub(super) struct Raw<'a> {
    /// SNS: a URL that ends in `#RDS-EVENT-0071`. EventBridge: the id itself.
    pub(super) event_id: Option<&'a str>,
    /// SNS: `db-cluster`. EventBridge: `CLUSTER`.
    pub(super) source_type: Option<&'a str>,
    pub(super) source_id: Option<&'a str>,
    pub(super) source_arn: Option<&'a str>,
    pub(super) time: Option<&'a str>,
    pub(super) message: Option<&'a str>,
}

impl RdsEvent {
    pub(super) fn from_raw(raw: &Raw<'_>) -> Self {
        let id = raw.event_id.and_then(event_id);
        let message = raw.message.unwrap_or_default().trim();
        let source_id = source_id(raw);
        Self {
            signal: id
                .as_deref()
                .map_or_else(|| Signal::of_message(message), Signal::of),
            cluster: cluster(raw, source_id.as_deref()),
            time: raw.time.and_then(parse_time),
            names: named_writer(message),
            id,
            source_id,
        }
    }
}

/// `RDS-EVENT-0071` out of a URL, or out of itself; seen with a space behind it.
fn event_id(text: &str) -> Option<String> {
    let start = text.rfind("RDS-EVENT-")?;
    let id: String = text[start..]
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    Some(id)
}

/// The source's identifier; where it is missing, the last part of the ARN. Seen with `rds:` before it.
fn source_id(raw: &Raw<'_>) -> Option<String> {
    let from_arn = || raw.source_arn.and_then(|arn| arn.rsplit(':').next());
    raw.source_id
        .map(|id| id.trim().trim_start_matches("rds:"))
        .filter(|id| !id.is_empty())
        .or_else(from_arn)
        .map(str::trim)
        .filter(|id| !id.is_empty())
        .map(ToOwned::to_owned)
}

/// The cluster an event is about. A cluster's event whose ARN is an instance's (seen in the wild)
/// contradicts itself and counts as being about no cluster in particular.
fn cluster(raw: &Raw<'_>, source_id: Option<&str>) -> Option<ClusterId> {
    let is_cluster = raw.source_type.map(str::trim).is_some_and(|kind| {
        kind.eq_ignore_ascii_case("db-cluster") || kind.eq_ignore_ascii_case("cluster")
    });
    let contradicted = raw.source_arn.is_some_and(|arn| !arn.contains(":cluster:"));
    if !is_cluster || contradicted {
        return None;
    }
    ClusterId::parse(source_id?).ok()
}

/// SNS: `2023-08-14 13:04:12.874`, UTC without saying so. EventBridge: RFC 3339.
fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").map(|time| time.and_utc())
        })
        .or_else(|_| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc())
        })
        .ok()
}

/// The instance behind "… failover to DB instance: X" and "Promoting previous primary again: X",
/// with or without a full stop. No other message names a Writer.
fn named_writer(message: &str) -> Option<InstanceId> {
    const BEFORE_THE_NAME: [&str; 2] = [
        "failover to DB instance:",
        "Promoting previous primary again:",
    ];
    let rest = BEFORE_THE_NAME
        .iter()
        .find_map(|text| message.split_once(text))
        .map(|(_, rest)| rest)?;
    let name = rest.split_whitespace().next()?;
    InstanceId::parse(name.trim_matches(|c: char| !c.is_ascii_alphanumeric())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(name: &str) -> Option<InstanceId> {
        InstanceId::parse(name).ok()
    }

    #[test]
    fn event_ids_are_found_in_urls_and_with_stray_spaces() {
        let url = "http://docs.amazonwebservices.com/AmazonRDS/latest/UserGuide/USER_Events.html#RDS-EVENT-0071 ";
        assert_eq!(event_id(url).as_deref(), Some("RDS-EVENT-0071"));
        assert_eq!(
            event_id("RDS-EVENT-0073").as_deref(),
            Some("RDS-EVENT-0073")
        );
        assert_eq!(event_id("something else"), None);
        assert_eq!(event_id(""), None);
    }

    #[test]
    fn the_named_writer_is_found_with_and_without_a_full_stop() {
        for message in [
            "Started cross AZ failover to DB instance: aurora-2",
            "Started same AZ failover to DB instance: aurora-2.",
            "Completed customer initiated failover to DB instance: aurora-2",
            "Completed RDS initiated failover to DB instance: `aurora-2`.",
            "Promoting previous primary again: aurora-2",
        ] {
            assert_eq!(named_writer(message), instance("aurora-2"), "{message}");
        }
        for message in [
            "Completed failover to instance.",
            "Finished applying modification to DB instance class",
            "failover to DB instance:",
            "failover to DB instance: .",
            "",
        ] {
            assert_eq!(named_writer(message), None, "{message}");
        }
    }

    #[test]
    fn both_channels_tell_the_time_in_utc() {
        let expected = DateTime::parse_from_rfc3339("2023-08-14T13:04:12.874Z")
            .map(|t| t.to_utc())
            .ok();
        assert_eq!(parse_time("2023-08-14 13:04:12.874"), expected);
        assert_eq!(parse_time("2023-08-14T13:04:12.874Z"), expected);
        assert_eq!(parse_time("2023-08-14T13:04:12.874"), expected);
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn a_source_is_read_with_its_oddities() {
        let raw = Raw {
            source_id: Some("rds:aurora-source"),
            source_type: Some("CLUSTER"),
            ..Raw::default()
        };
        assert_eq!(source_id(&raw).as_deref(), Some("aurora-source"));
        assert_eq!(
            cluster(&raw, Some("aurora-source")),
            ClusterId::parse("aurora-source").ok()
        );

        let raw = Raw {
            source_arn: Some("arn:aws:rds:eu-west-1:1:cluster:aurora-source"),
            ..Raw::default()
        };
        assert_eq!(source_id(&raw).as_deref(), Some("aurora-source"));
        assert_eq!(
            cluster(&raw, Some("aurora-source")),
            None,
            "it doesn't say that it is a cluster's"
        );

        let raw = Raw {
            source_type: Some("CLUSTER"),
            source_id: Some("aurora-source"),
            source_arn: Some("arn:aws:rds:eu-west-1:1:db:aurora-source-instance-1"),
            ..Raw::default()
        };
        assert_eq!(
            cluster(&raw, Some("aurora-source")),
            None,
            "its ARN is an instance's"
        );
    }
}
