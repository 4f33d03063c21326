//! The questions of an audit, asked side by side where none needs another's answer.
//!
//! One file for each part. Each resource is asked about once, and what can be asked of the account
//! as a whole is, so that a hundred routes cost little more than one. Everything here reads, but
//! for a deregistration of a target that no group can hold.

mod database;
mod events;
mod path;
mod query;
mod seen;
mod service;
mod views;

use std::collections::BTreeMap;
use std::future::Future;

use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all};

pub(super) use database::{DEFAULT, probe};
pub(super) use events::queue_url;
pub use seen::*;
pub use views::Engine;

use crate::config::Config;
use crate::world::{CallError, ConcurrencyLimit, Sdk, World};
use query::{Action, Query, text};

const CALLER: Action = Action {
    name: "sts:GetCallerIdentity", // needs no permission
    version: "2011-06-15",
};

/// Asks for an audit. Its calls are limited like a run's, each service by itself.
#[derive(Clone, Debug)]
pub struct Auditor {
    region: String,
    rds: aws_sdk_rds::Client,
    rds_limit: ConcurrencyLimit,
    elb: aws_sdk_elasticloadbalancingv2::Client,
    elb_limit: ConcurrencyLimit,
    query: Query,
}

impl Auditor {
    /// Makes the clients; calls nothing.
    #[must_use]
    pub fn new(sdk: &Sdk) -> Self {
        Self {
            region: or_empty(sdk.config.region()),
            rds: sdk.rds(),
            rds_limit: ConcurrencyLimit::new(),
            elb: sdk.elb(),
            elb_limit: ConcurrencyLimit::new(),
            query: Query::new(sdk),
        }
    }

    /// Asks everything.
    pub(super) async fn look(&self, world: &impl World, config: &Config) -> Seen {
        let (caller, database, path, events) = tokio::join!(
            self.caller(),
            self.database(world, &config.routes),
            self.path(&config.routes, config.settings.dry_run),
            self.events(),
        );
        Seen {
            routes: config.routes.clone(),
            region: self.region.clone(),
            caller,
            database,
            path,
            events,
        }
    }

    async fn caller(&self) -> Answered<Caller> {
        let answer = self.query.ask(CALLER, &[]).await?;
        let document = answer.document()?;
        Ok(Caller {
            arn: text(document.root_element(), "Arn").unwrap_or_default(),
            clock_ahead: answer.clock_ahead,
        })
    }
}

/// Sends a call once there is a permit for it. Boxed: the SDK's futures are large.
fn send<'a, T: 'a, E>(
    limit: &'a ConcurrencyLimit,
    call: &'static str,
    request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + 'a,
) -> LocalBoxFuture<'a, Answered<T>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let answer = limit.run(request.boxed_local());
    answer
        .map(move |answer| answer.map_err(|error| CallError::from_sdk(call, &error)))
        .boxed_local()
}

/// Asks the same about each of several, side by side.
async fn each<K: Ord, T>(
    keys: impl IntoIterator<Item = K>,
    ask: impl AsyncFn(&K) -> T,
) -> BTreeMap<K, T> {
    let asked = keys.into_iter().map(async |key| {
        let answer = ask(&key).await;
        (key, answer)
    });
    join_all(asked).await.into_iter().collect()
}

/// A text of an answer; what is missing is empty.
fn or_empty(value: Option<impl AsRef<str>>) -> String {
    value
        .map(|value| value.as_ref().to_owned())
        .unwrap_or_default()
}
