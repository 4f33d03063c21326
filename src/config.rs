//! The function's configuration: read once from the environment, right from then on.

mod routes;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

pub use tracing_subscriber::filter::LevelFilter;

use crate::endpoints::{self, EndpointUrl, Endpoints};
use crate::route::Route;

/// How the function was configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What to follow; never empty, and no target group twice. `ROUTES`, or the one of
    /// `DB_CLUSTER_IDENTIFIER` or `DB_INSTANCE_IDENTIFIER`, `TARGET_GROUP_ARN` and
    /// `DB_CLUSTER_ENDPOINT`.
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

    fn required(&self, variable: &'static str, should: &str) -> Result<String, ConfigError> {
        (self.0)(variable).ok_or_else(|| ConfigError::Missing {
            variable,
            should: should.to_owned(),
        })
    }
}
