//! One RDS event, whichever channel brought it: what it is about, and what it says of the Writer.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::binlog::BinlogCoordinates;
use super::signal::Signal;
use crate::route::{ClusterId, InstanceId, TargetGroupArn};
use crate::statement::Said;

/// An RDS event, as SNS and EventBridge deliver it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RdsEvent {
    /// `RDS-EVENT-0073`; some events come without.
    pub id: Option<String>,
    /// The identifier of what it is about: a cluster, an instance or a deployment.
    pub source_id: Option<String>,
    /// What it is about.
    pub source: Source,
    /// Where it happened; `None` where the event has no ARN that could be read.
    pub place: Option<Place>,
    /// When it happened, by RDS's clock.
    pub time: Option<DateTime<Utc>>,
    /// What it means for a run.
    pub signal: Signal,
    /// What it says about the Writer. An event without an ARN says nothing: it could be anybody's.
    pub said: Option<Said>,
    /// Green's binlog coordinates after a blue/green switchover; of an event with an ARN, too.
    pub coordinates: Option<BinlogCoordinates>,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A cluster.
    Cluster(ClusterId),
    /// An instance.
    Instance(InstanceId),
    /// Something else, or it does not say, or it contradicts itself.
    Other,
}

/// The Region and the account of an ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    region: String,
    account: String,
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
    /// The times that the event and then its envelope state; the first that can be read counts.
    pub(super) times: [Option<&'a str>; 2],
    pub(super) message: Option<&'a str>,
}

impl RdsEvent {
    pub(super) fn from_raw(raw: &Raw<'_>) -> Self {
        let id = raw.event_id.and_then(event_id);
        let message = raw.message.unwrap_or_default().trim();
        let arn = raw.source_arn.and_then(Arn::parse);
        let source_id = source_id(raw.source_id, arn.as_ref());
        let source = source(raw.source_type, source_id.as_deref(), arn.as_ref());
        let signal = id.as_deref().and_then(Signal::of);
        Self {
            signal: signal.unwrap_or_else(|| Signal::of_message(message)),
            said: arn.as_ref().and_then(|_| Said::read(message)),
            coordinates: arn.as_ref().and_then(|_| BinlogCoordinates::read(message)),
            place: arn.map(|arn| arn.place),
            time: raw.times.into_iter().flatten().find_map(parse_time),
            source,
            id,
            source_id,
        }
    }
}

impl Place {
    /// Whether a target group is there too.
    #[must_use]
    pub fn is_of(&self, group: &TargetGroupArn) -> bool {
        self.region == group.region() && self.account == group.account()
    }
}

/// `arn:aws:rds:<region>:<account>:<kind>:<name>`.
struct Arn {
    place: Place,
    kind: String,
    name: String,
}

impl Arn {
    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.trim().splitn(7, ':').collect();
        let ["arn", partition, "rds", region, account, kind, name] = parts.as_slice() else {
            return None;
        };
        let sound = partition.starts_with("aws") && !region.is_empty() && !name.is_empty();
        sound.then(|| Self {
            place: Place {
                region: (*region).to_owned(),
                account: (*account).to_owned(),
            },
            kind: (*kind).to_owned(),
            name: (*name).to_owned(),
        })
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

/// The source's identifier; where it is missing, the ARN's. Seen with `rds:` before it.
fn source_id(given: Option<&str>, arn: Option<&Arn>) -> Option<String> {
    let given = given.map(|id| id.trim().trim_start_matches("rds:"));
    let given = given.filter(|id| !id.is_empty());
    given
        .or_else(|| arn.map(|arn| arn.name.trim()))
        .map(ToOwned::to_owned)
}

/// What an event is about. A cluster's event whose ARN is an instance's (seen in the wild)
/// contradicts itself, and counts as being about no source in particular.
fn source(kind: Option<&str>, id: Option<&str>, arn: Option<&Arn>) -> Source {
    let kind = kind.map(str::trim).unwrap_or_default();
    let is = |names: [&str; 2]| names.iter().any(|name| kind.eq_ignore_ascii_case(name));
    let agrees = |kind: &str| {
        arn.is_none_or(|arn| {
            arn.kind == kind && id.is_some_and(|id| arn.name.eq_ignore_ascii_case(id))
        })
    };
    let id = id.unwrap_or_default();
    let source = if is(["db-cluster", "cluster"]) && agrees("cluster") {
        ClusterId::parse(id).ok().map(Source::Cluster)
    } else if is(["db-instance", "db_instance"]) && agrees("db") {
        InstanceId::parse(id).ok().map(Source::Instance)
    } else {
        None
    };
    source.unwrap_or(Source::Other)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_ids_are_found_in_urls_and_with_stray_spaces() {
        let url = "http://docs.amazonwebservices.com/AmazonRDS/latest/UserGuide/USER_Events.html#RDS-EVENT-0071 ";
        assert_eq!(event_id(url).as_deref(), Some("RDS-EVENT-0071"));
        let bare = event_id("RDS-EVENT-0073");
        assert_eq!(bare.as_deref(), Some("RDS-EVENT-0073"));
        assert_eq!(event_id("something else"), None);
        assert_eq!(event_id(""), None);
    }

    #[test]
    fn both_channels_state_the_time_in_utc() {
        let expected = DateTime::parse_from_rfc3339("2023-08-14T13:04:12.874Z")
            .map(|t| t.to_utc())
            .ok();
        assert_eq!(parse_time("2023-08-14 13:04:12.874"), expected);
        assert_eq!(parse_time("2023-08-14T13:04:12.874Z"), expected);
        assert_eq!(parse_time("2023-08-14T13:04:12.874"), expected);
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn a_time_that_cannot_be_read_is_the_envelopes() {
        let times = [Some("yesterday"), Some("2023-08-14T13:04:12.874Z")];
        let raw = Raw {
            times,
            ..Raw::default()
        };
        let expected = parse_time("2023-08-14T13:04:12.874Z");
        assert_eq!(RdsEvent::from_raw(&raw).time, expected);
    }

    fn cluster(name: &str) -> Source {
        Source::Cluster(ClusterId::parse(name).unwrap())
    }

    #[test]
    fn a_source_is_read_with_its_oddities() {
        let about = |kind, id, arn| {
            let raw = Raw {
                source_type: kind,
                source_id: id,
                source_arn: arn,
                ..Raw::default()
            };
            let event = RdsEvent::from_raw(&raw);
            (event.source_id, event.source)
        };
        let id = || Some("aurora-source".to_owned());
        let odd = about(Some("CLUSTER"), Some("rds:aurora-source"), None);
        assert_eq!(odd, (id(), cluster("aurora-source")));

        let arn = "arn:aws:rds:eu-west-1:1:cluster:aurora-source";
        let silent = about(None, None, Some(arn));
        assert_eq!(
            silent,
            (id(), Source::Other),
            "it does not say that it is a cluster's"
        );
        let nameless = about(Some("db-cluster"), None, Some(arn));
        assert_eq!(nameless, (id(), cluster("aurora-source")));

        let instance = Some("arn:aws:rds:eu-west-1:1:db:aurora-source-instance-1");
        let wrong = about(Some("CLUSTER"), Some("aurora-source"), instance);
        assert_eq!(wrong.1, Source::Other, "its ARN is an instance's");
        let another = about(Some("CLUSTER"), Some("aurora-other"), Some(arn));
        assert_eq!(another.1, Source::Other, "its ARN is another cluster's");
    }

    #[test]
    fn an_event_without_an_arn_says_nothing_about_the_writer() {
        let text = Some("Started cross AZ failover to DB instance: aurora-2");
        let said = |arn| {
            let raw = Raw {
                message: text,
                source_arn: arn,
                ..Raw::default()
            };
            RdsEvent::from_raw(&raw).said
        };
        for none in [None, Some(""), Some("aurora-source"), Some("arn:aws:rds")] {
            assert_eq!(said(none), None, "{none:?}");
        }
        let next = Said::Announced(InstanceId::parse("aurora-2").unwrap());
        assert_eq!(said(Some("arn:aws:rds:eu-west-1:1:cluster:a")), Some(next));
    }

    #[test]
    fn an_unknown_id_with_a_known_text_is_read_by_its_text() {
        let raw = |message| Raw {
            event_id: Some("RDS-EVENT-9999"),
            message: Some(message),
            ..Raw::default()
        };
        let started = raw("Started cross AZ failover to DB instance: aurora-2");
        assert_eq!(RdsEvent::from_raw(&started).signal, Signal::Moving);
        let unknown = raw("Something new.");
        assert_eq!(RdsEvent::from_raw(&unknown).signal, Signal::Recheck);
    }
}
