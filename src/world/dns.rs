//! The second witness, and the addresses: DNS, asked anew every time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::concurrency_limit::ConcurrencyLimit;
use super::{Answer, CallError, Cause};

/// How long one try may take. The resolver of a VPC answers in milliseconds.
const TRY: Duration = Duration::from_secs(1);

/// A resolver without a cache, a hosts file or a search list.
pub(super) struct Dns {
    resolver: TokioResolver,
    limit: ConcurrencyLimit,
}

impl Dns {
    /// A resolver that asks `server`, or else the servers of `/etc/resolv.conf`.
    pub(super) fn new(server: Option<SocketAddr>) -> Result<Self, NetError> {
        let mut builder = match server {
            Some(server) => {
                TokioResolver::builder_with_config(only(server), TokioRuntimeProvider::default())
            }
            None => TokioResolver::builder_tokio()?,
        };
        let options = builder.options_mut();
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.preserve_intermediates = true;
        options.timeout = TRY;
        options.attempts = 1; // one more after the first
        Ok(Self {
            resolver: builder.build()?,
            limit: ConcurrencyLimit::new(),
        })
    }

    pub(super) async fn resolve(&self, name: &str) -> Result<Answer, CallError> {
        let absolute = format!("{}.", name.trim_end_matches('.'));
        let lookup = self
            .limit
            .run(self.resolver.lookup(absolute, RecordType::A))
            .await
            .map_err(|error| failure(name, &error))?;
        let mut aliases = BTreeMap::new();
        let mut addresses = BTreeSet::new();
        for record in lookup.answers() {
            match &record.data {
                RData::CNAME(alias) => {
                    aliases.insert(plain(&record.name), plain(&alias.0));
                }
                RData::A(address) => {
                    addresses.insert(address.0);
                }
                _ => {}
            }
        }
        Ok(Answer {
            aliases: chain(&name.trim_end_matches('.').to_ascii_lowercase(), aliases),
            addresses: addresses.into_iter().collect(),
        })
    }
}

/// A name as it is compared: in lower case and without a final dot.
fn plain(name: &Name) -> String {
    name.to_utf8().trim_end_matches('.').to_ascii_lowercase()
}

/// The names that `name` is an alias of, one after the other, in whatever order the records came.
fn chain(name: &str, mut aliases: BTreeMap<String, String>) -> Vec<String> {
    let first = aliases.remove(name);
    std::iter::successors(first, |alias| aliases.remove(alias)).collect()
}

/// One server and nothing else, over UDP and, for a long answer, TCP.
fn only(server: SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    ResolverConfig::from_name_servers(vec![NameServerConfig::new(
        server.ip(),
        true,
        connections.to_vec(),
    )])
}

fn failure(name: &str, error: &NetError) -> CallError {
    let cause = match error {
        NetError::Timeout => Cause::TimedOut,
        error if error.is_no_records_found() => Cause::NotFound,
        _ => Cause::Unavailable,
    };
    CallError::new("dns", cause, format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_followed_from_the_asked_name_whatever_the_records_order() {
        let records = [("b", "c"), ("a", "b"), ("x", "y"), ("c", "d")];
        let aliases = || records.map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(chain("a", aliases().into()), ["b", "c", "d"]);
        assert_eq!(chain("d", aliases().into()), Vec::<String>::new());
        let circle = [("a", "b"), ("b", "a")].map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(chain("a", circle.into()), ["b", "a"]);
    }
}
