//! The function's configuration: read once from the environment, right from then on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
pub use tracing_subscriber::filter::LevelFilter;

use crate::endpoints::{self, EndpointUrl, Endpoints};
use crate::route::{ClusterEndpoint, ClusterId, GroupHolds, NameError, Route, TargetGroupArn};

/// How the function was configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What to follow; never empty, and no target group twice. `ROUTES`, or the one of
    /// `DB_CLUSTER_IDENTIFIER`, `TARGET_GROUP_ARN` and `DB_CLUSTER_ENDPOINT`.
    pub routes: Vec<Route>,
    /// How to follow it.
    pub settings: Settings,
    /// `DNS_SERVER`: a resolver to ask instead of the system's.
    pub dns_server: Option<SocketAddr>,
    /// `AWS_ENDPOINT_URL`, …: where AWS's services are called instead of at their own addresses.
    pub endpoints: Endpoints,
    /// `LOG_LEVEL`.
    pub log_level: LevelFilter,
}

/// What a run needs to know of its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// `ON_FAILOVER_START`.
    pub on_failover_start: OnFailoverStart,
    /// `WATCH_SECONDS`: the longest watch.
    pub longest_watch: Duration,
    /// `POLL_INTERVAL_MS`: from one look to the next.
    pub poll_interval: Duration,
    /// `DRY_RUN`: decide and report, change nothing.
    pub dry_run: bool,
}

/// What to do about the registered target when a failover has been announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnFailoverStart {
    /// Take it out at once, so that nobody meets a demoted Writer.
    Detach,
    /// Leave it until the new Writer is confirmed.
    Wait,
}

/// A variable that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It has to be given, and wasn't.
    #[error("{variable} is missing; it should hold {should}")]
    Missing {
        /// The variable's name.
        variable: &'static str,
        /// What it should hold.
        should: String,
    },
    /// It holds something else than it should.
    #[error("{variable} holds {held:?}; it should hold {should}")]
    Wrong {
        /// The variable's name.
        variable: &'static str,
        /// What it holds.
        held: String,
        /// What it should hold.
        should: String,
    },
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            on_failover_start: OnFailoverStart::Detach,
            longest_watch: Duration::from_mins(2),
            poll_interval: Duration::from_secs(1),
            dry_run: false,
        }
    }
}

impl Config {
    /// Reads the configuration from `lookup`, which answers a variable's name with its value; an
    /// empty value counts as none, as templates can't leave a variable out.
    ///
    /// # Errors
    /// Where a variable is missing or wrong; the error names it, what it held and what it should
    /// hold.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env(|name: &str| {
            lookup(name)
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        });
        let defaults = Settings::default();
        Ok(Self {
            routes: env.routes()?,
            settings: Settings {
                on_failover_start: env
                    .read("ON_FAILOVER_START", "detach or wait", |text| match text {
                        "detach" => Some(OnFailoverStart::Detach),
                        "wait" => Some(OnFailoverStart::Wait),
                        _ => None,
                    })?
                    .unwrap_or(defaults.on_failover_start),
                longest_watch: env
                    .read(
                        "WATCH_SECONDS",
                        "a whole number of seconds from 0 to 900",
                        |text| number(text, 0, 900).map(Duration::from_secs),
                    )?
                    .unwrap_or(defaults.longest_watch),
                poll_interval: env
                    .read(
                        "POLL_INTERVAL_MS",
                        "a whole number of milliseconds from 1 to 60000",
                        |text| number(text, 1, 60_000).map(Duration::from_millis),
                    )?
                    .unwrap_or(defaults.poll_interval),
                dry_run: env.flag("DRY_RUN")?.unwrap_or(defaults.dry_run),
            },
            dns_server: env.read(
                "DNS_SERVER",
                "a resolver's ip:port, such as 127.0.0.1:53",
                |text| text.parse().ok(),
            )?,
            endpoints: env.endpoints()?,
            log_level: env
                .read(
                    "LOG_LEVEL",
                    "off, error, warn, info, debug or trace",
                    |text| text.parse().ok(),
                )?
                .unwrap_or(LevelFilter::INFO),
        })
    }
}

/// A name as `CREATE USER` takes it; one with an `@` has its host with it.
fn user_name(text: &str) -> Option<String> {
    let is_name = (1..=32).contains(&text.chars().count()) && !text.contains('@');
    is_name.then(|| text.to_owned())
}

fn number(text: &str, least: u64, most: u64) -> Option<u64> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
}

/// The environment, by name.
struct Env<F>(F);

impl<F: Fn(&str) -> Option<String>> Env<F> {
    /// A variable's value, read by `parse`; `None` where it isn't set.
    fn read<T>(
        &self,
        variable: &'static str,
        should: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(held) = (self.0)(variable) else {
            return Ok(None);
        };
        match parse(&held) {
            Some(value) => Ok(Some(value)),
            None => Err(ConfigError::Wrong {
                variable,
                held,
                should: should.to_owned(),
            }),
        }
    }

    fn flag(&self, variable: &'static str) -> Result<Option<bool>, ConfigError> {
        self.read(variable, "true or false", |text| {
            text.to_ascii_lowercase().parse().ok()
        })
    }

    fn endpoints(&self) -> Result<Endpoints, ConfigError> {
        let url = |variable| self.read(variable, EndpointUrl::EXPECTED, EndpointUrl::parse);
        let every_service = url(endpoints::EVERY_SERVICE)?;
        let mut services = BTreeMap::new();
        for (service, variable) in endpoints::SERVICES {
            if let Some(url) = url(variable)? {
                services.insert(service, url);
            }
        }
        let ignored = self.flag(endpoints::IGNORED)?.unwrap_or_default();
        Ok(if ignored {
            Endpoints::default()
        } else {
            Endpoints {
                every_service,
                services,
            }
        })
    }

    /// What a route has that does not say so itself.
    fn defaults(&self) -> Result<Defaults, ConfigError> {
        Ok(Defaults {
            holds: self
                .read(HOLDS, GroupHolds::EXPECTED, GroupHolds::parse)?
                .unwrap_or_default(),
            replication_user: self.read(USER, USER_EXPECTED, user_name)?,
        })
    }

    fn routes(&self) -> Result<Vec<Route>, ConfigError> {
        let defaults = self.defaults()?;
        let Some(held) = (self.0)("ROUTES") else {
            let given = GivenRoute {
                db_cluster_identifier: self.required(
                    CLUSTER,
                    "the Aurora cluster's identifier, or ROUTES a list of routes",
                )?,
                target_group_arn: self
                    .required(GROUP, "the ARN of the target group that follows its Writer")?,
                db_cluster_endpoint: (self.0)(ENDPOINT),
                group_holds: None,
                replication_user: None,
            };
            return Ok(vec![given.route([CLUSTER, GROUP, ENDPOINT], &defaults)?]);
        };
        for variable in [CLUSTER, GROUP, ENDPOINT] {
            if let Some(held) = (self.0)(variable) {
                let should = "nothing while ROUTES is set: give one route, or ROUTES".to_owned();
                return Err(ConfigError::Wrong {
                    variable,
                    held,
                    should,
                });
            }
        }
        let wrong = |why: String| ConfigError::Wrong {
            variable: "ROUTES",
            held: held.clone(),
            should: format!(
                r#"a JSON list such as [{{"dbClusterIdentifier": "…", "targetGroupArn": "arn:…"}}] ({why})"#
            ),
        };
        let given: Vec<GivenRoute> =
            serde_json::from_str(&held).map_err(|error| wrong(error.to_string()))?;
        if given.is_empty() {
            return Err(wrong("it names no route".to_owned()));
        }
        let mut routes: Vec<Route> = Vec::with_capacity(given.len());
        for given in given {
            let route = given.route(["ROUTES"; 3], &defaults)?;
            if routes.iter().any(|other| other.group == route.group) {
                return Err(wrong(format!(
                    "{} stands twice, and a group follows one cluster",
                    route.group
                )));
            }
            routes.push(route);
        }
        Ok(routes)
    }

    fn required(&self, variable: &'static str, should: &str) -> Result<String, ConfigError> {
        (self.0)(variable).ok_or_else(|| ConfigError::Missing {
            variable,
            should: should.to_owned(),
        })
    }
}

const CLUSTER: &str = "DB_CLUSTER_IDENTIFIER";
const GROUP: &str = "TARGET_GROUP_ARN";
const ENDPOINT: &str = "DB_CLUSTER_ENDPOINT";
const HOLDS: &str = "GROUP_HOLDS";
const USER: &str = "REPLICATION_USER";
const USER_EXPECTED: &str = "the name of a MySQL user, of 1 to 32 characters, without its host";

/// What the variables say for every route.
struct Defaults {
    holds: GroupHolds,
    replication_user: Option<String>,
}

/// A route as it was given.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GivenRoute {
    db_cluster_identifier: String,
    target_group_arn: String,
    db_cluster_endpoint: Option<String>,
    group_holds: Option<String>,
    replication_user: Option<String>,
}

impl GivenRoute {
    /// The route; its texts stood in these variables.
    fn route(
        &self,
        [cluster, group, endpoint]: [&'static str; 3],
        defaults: &Defaults,
    ) -> Result<Route, ConfigError> {
        let is_not = |variable, held: &str, should: &str| ConfigError::Wrong {
            variable,
            held: held.to_owned(),
            should: should.to_owned(),
        };
        let wrong =
            |variable, held: &str, error: &NameError| is_not(variable, held, error.should());
        let Self {
            db_cluster_identifier,
            target_group_arn,
            db_cluster_endpoint,
            group_holds,
            replication_user,
        } = self;
        let holds = match group_holds.as_deref() {
            None => defaults.holds,
            Some(held) => GroupHolds::parse(held).ok_or_else(|| {
                let should = format!("a `groupHolds` of {}", GroupHolds::EXPECTED);
                is_not("ROUTES", held, &should)
            })?,
        };
        let replication_user = match replication_user.as_deref() {
            None => defaults.replication_user.clone(),
            Some(held) => Some(user_name(held).ok_or_else(|| {
                is_not(
                    "ROUTES",
                    held,
                    &format!("a `replicationUser`: {USER_EXPECTED}"),
                )
            })?),
        };
        if holds == GroupHolds::Members && replication_user.is_none() {
            return Err(ConfigError::Missing {
                variable: USER,
                should: format!("{USER_EXPECTED}, where a group holds members"),
            });
        }
        Ok(Route {
            holds,
            replication_user,
            cluster: ClusterId::parse(db_cluster_identifier)
                .map_err(|error| wrong(cluster, db_cluster_identifier, &error))?,
            group: TargetGroupArn::parse(target_group_arn)
                .map_err(|error| wrong(group, target_group_arn, &error))?,
            endpoint: db_cluster_endpoint
                .as_deref()
                .map(|held| {
                    ClusterEndpoint::parse(held).map_err(|error| wrong(endpoint, held, &error))
                })
                .transpose()?,
        })
    }
}
