//! What to follow: the one route of the variables, or those of `ROUTES`.

use serde::Deserialize;

use super::{ConfigError, Env, user_name};
use crate::route::{
    ClusterEndpoint, ClusterId, GroupHolds, InstanceId, NameError, Route, TargetGroupArn,
};
use crate::source::SourceId;

const CLUSTER: &str = "DB_CLUSTER_IDENTIFIER";
const INSTANCE: &str = "DB_INSTANCE_IDENTIFIER";
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

impl<F: Fn(&str) -> Option<String>> Env<F> {
    /// What a route has that does not say so itself.
    fn defaults(&self) -> Result<Defaults, ConfigError> {
        Ok(Defaults {
            holds: self
                .read(HOLDS, GroupHolds::EXPECTED, GroupHolds::parse)?
                .unwrap_or_default(),
            replication_user: self.read(USER, USER_EXPECTED, user_name)?,
        })
    }

    pub(super) fn routes(&self) -> Result<Vec<Route>, ConfigError> {
        let defaults = self.defaults()?;
        let Some(held) = (self.0)("ROUTES") else {
            return Ok(vec![
                self.lone_route()?
                    .route(Some([CLUSTER, INSTANCE, GROUP, ENDPOINT]), &defaults)?,
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
            let route = given.route(None, &defaults)?;
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
            group_holds: None,
            replication_user: None,
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
    group_holds: Option<String>,
    replication_user: Option<String>,
}

impl GivenRoute {
    /// The route; its texts stood in `variables`, or all of them in `ROUTES`.
    fn route(
        &self,
        variables: Option<[&'static str; 4]>,
        defaults: &Defaults,
    ) -> Result<Route, ConfigError> {
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
            group_holds: _,
            replication_user: _,
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
        let (holds, replication_user) = self.holds(&source, variables.is_some(), defaults)?;
        Ok(Route {
            source,
            holds,
            replication_user,
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

    /// What the group holds, and for which user its readers are judged.
    fn holds(
        &self,
        source: &SourceId,
        is_lone: bool,
        defaults: &Defaults,
    ) -> Result<(GroupHolds, Option<String>), ConfigError> {
        let wrong = |variable, held: &str, should: String| ConfigError::Wrong {
            variable,
            held: held.to_owned(),
            should,
        };
        let holds = match self.group_holds.as_deref() {
            None => defaults.holds,
            Some(held) => GroupHolds::parse(held).ok_or_else(|| {
                let should = format!("a `groupHolds` of {}", GroupHolds::EXPECTED);
                wrong("ROUTES", held, should)
            })?,
        };
        let user = match self.replication_user.as_deref() {
            None => defaults.replication_user.clone(),
            Some(held) => Some(user_name(held).ok_or_else(|| {
                let should = format!("a `replicationUser`: {USER_EXPECTED}");
                wrong("ROUTES", held, should)
            })?),
        };
        if holds == GroupHolds::Members && source.instance().is_some() {
            let (variable, what) = if is_lone {
                (HOLDS, "writer")
            } else {
                ("ROUTES", "a `groupHolds` of writer")
            };
            let should = format!("{what} for {source}, which has no members");
            return Err(wrong(variable, "members", should));
        }
        if holds == GroupHolds::Members && user.is_none() {
            return Err(ConfigError::Missing {
                variable: USER,
                should: format!("{USER_EXPECTED}, where a group holds members"),
            });
        }
        Ok((holds, user))
    }
}
