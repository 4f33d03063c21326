//! What to follow: the one route of the variables, or those of `ROUTES`.

use serde::Deserialize;

use super::{ConfigError, Env};
use crate::route::{ClusterEndpoint, ClusterId, InstanceId, NameError, Route, TargetGroupArn};
use crate::source::SourceId;

const CLUSTER: &str = "DB_CLUSTER_IDENTIFIER";
const INSTANCE: &str = "DB_INSTANCE_IDENTIFIER";
const GROUP: &str = "TARGET_GROUP_ARN";
const ENDPOINT: &str = "DB_CLUSTER_ENDPOINT";

impl<F: Fn(&str) -> Option<String>> Env<F> {
    pub(super) fn routes(&self) -> Result<Vec<Route>, ConfigError> {
        let Some(held) = (self.0)("ROUTES") else {
            return Ok(vec![
                self.lone_route()?
                    .route(Some([CLUSTER, INSTANCE, GROUP, ENDPOINT]))?,
            ]);
        };
        for variable in [CLUSTER, INSTANCE, GROUP, ENDPOINT] {
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
            let route = given.route(None)?;
            if routes.iter().any(|other| other.group == route.group) {
                return Err(wrong(format!(
                    "{} stands twice, and a group follows one source",
                    route.group
                )));
            }
            routes.push(route);
        }
        Ok(routes)
    }

    fn lone_route(&self) -> Result<GivenRoute, ConfigError> {
        let (cluster, instance) = ((self.0)(CLUSTER), (self.0)(INSTANCE));
        if cluster.is_none() && instance.is_none() {
            let should = "a cluster's identifier, or DB_INSTANCE_IDENTIFIER an instance's, or \
                          ROUTES a list of routes";
            self.required(CLUSTER, should)?;
        }
        Ok(GivenRoute {
            db_cluster_identifier: cluster,
            db_instance_identifier: instance,
            target_group_arn: self
                .required(GROUP, "the ARN of the target group that follows the Writer")?,
            db_cluster_endpoint: (self.0)(ENDPOINT),
        })
    }
}

/// A route as it was given.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GivenRoute {
    db_cluster_identifier: Option<String>,
    db_instance_identifier: Option<String>,
    target_group_arn: String,
    db_cluster_endpoint: Option<String>,
}

impl GivenRoute {
    /// The route; its texts stood in `variables`, or all of them in `ROUTES`.
    fn route(&self, variables: Option<[&'static str; 4]>) -> Result<Route, ConfigError> {
        let [cluster, instance, group, endpoint] = variables.unwrap_or(["ROUTES"; 4]);
        let wrong = |variable, held: &str, error: &NameError| ConfigError::Wrong {
            variable,
            held: held.to_owned(),
            should: error.should().to_owned(),
        };
        let Self {
            db_cluster_identifier,
            db_instance_identifier,
            target_group_arn,
            db_cluster_endpoint,
        } = self;
        let source = match (db_cluster_identifier, db_instance_identifier) {
            (Some(held), None) => ClusterId::parse(held)
                .map(SourceId::Cluster)
                .map_err(|error| wrong(cluster, held, &error))?,
            (None, Some(held)) => InstanceId::parse(held)
                .map(SourceId::Instance)
                .map_err(|error| wrong(instance, held, &error))?,
            (_, held) => {
                let should = match variables {
                    Some(_) => "nothing while DB_CLUSTER_IDENTIFIER is set: give one of the two",
                    None => "either dbClusterIdentifier or dbInstanceIdentifier in each route",
                };
                return Err(ConfigError::Wrong {
                    variable: instance,
                    held: held.clone().unwrap_or_default(),
                    should: should.to_owned(),
                });
            }
        };
        if let (SourceId::Instance(_), Some(held)) = (&source, db_cluster_endpoint) {
            return Err(ConfigError::Wrong {
                variable: endpoint,
                held: held.clone(),
                should: "nothing for an instance, which has no cluster endpoint".to_owned(),
            });
        }
        Ok(Route {
            source,
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
