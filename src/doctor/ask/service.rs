//! EC2: the endpoint services, who may connect to them and who does, and the security groups.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use roxmltree::Node;

use super::query::{Action, items, text};
use super::{Answered, Auditor, Balancer, Connection, EndpointService, or_empty};

const SERVICES: Action = ec2("ec2:DescribeVpcEndpointServiceConfigurations");
const PRINCIPALS: Action = ec2("ec2:DescribeVpcEndpointServicePermissions");
const CONNECTIONS: Action = ec2("ec2:DescribeVpcEndpointConnections");
const SECURITY_GROUPS: Action = ec2("ec2:DescribeSecurityGroups");

const fn ec2(name: &'static str) -> Action {
    let version = "2016-11-15";
    Action { name, version }
}

impl Auditor {
    /// The account's endpoint services in front of one of these load balancers.
    pub(super) async fn services(
        &self,
        balancers: &BTreeSet<&String>,
    ) -> Answered<Vec<EndpointService>> {
        let answer = self.query.ask(SERVICES, &[]).await?;
        let document = answer.document()?;
        let all = items(document.root_element(), "serviceConfigurationSet").map(service);
        let ours = all.filter(|one| one.balancers.iter().any(|arn| balancers.contains(arn)));
        let ours = ours.map(async |one| EndpointService {
            principals: self.principals(&one.id).await,
            ..one
        });
        Ok(join_all(ours).await)
    }

    async fn principals(&self, service: &str) -> Answered<BTreeSet<String>> {
        let answer = self
            .query
            .ask(PRINCIPALS, &[("ServiceId", service)])
            .await?;
        let document = answer.document()?;
        let principals = items(document.root_element(), "allowedPrincipals");
        Ok(principals
            .filter_map(|one| text(one, "principal"))
            .collect())
    }

    pub(super) async fn connections(
        &self,
        services: &[EndpointService],
    ) -> Answered<Vec<Connection>> {
        let ids = services.iter().map(|service| service.id.as_str());
        let Some(parameters) = numbered("Filter.1.Value.", ids) else {
            return Ok(Vec::new());
        };
        let filter = ("Filter.1.Name", "service-id");
        let parameters = parameters.iter().map(|(key, id)| (key.as_str(), *id));
        let parameters: Vec<_> = parameters.chain([filter]).collect();
        let answer = self.query.ask(CONNECTIONS, &parameters).await?;
        let document = answer.document()?;
        let all = items(document.root_element(), "vpcEndpointConnectionSet");
        Ok(all.map(connection).collect())
    }

    /// Whether each of the load balancers' security groups lets anything in.
    pub(super) async fn lets_in(&self, balancers: &[Balancer]) -> Answered<BTreeMap<String, bool>> {
        let ids: BTreeSet<_> = balancers
            .iter()
            .flat_map(|one| &one.security_groups)
            .collect();
        let Some(parameters) = numbered("GroupId.", ids.into_iter().map(String::as_str)) else {
            return Ok(BTreeMap::new());
        };
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(key, id)| (key.as_str(), *id))
            .collect();
        let answer = self.query.ask(SECURITY_GROUPS, &parameters).await?;
        let document = answer.document()?;
        let all = items(document.root_element(), "securityGroupInfo");
        let read = |one| {
            let lets_in = items(one, "ipPermissions").next().is_some();
            Some((text(one, "groupId")?, lets_in))
        };
        Ok(all.filter_map(read).collect())
    }
}

/// A list as the query protocol has it; without an entry AWS would answer about all.
fn numbered<'a>(
    prefix: &str,
    values: impl Iterator<Item = &'a str>,
) -> Option<Vec<(String, &'a str)>> {
    let numbered = (1..)
        .zip(values)
        .map(|(number, value)| (format!("{prefix}{number}"), value));
    Some(numbered.collect()).filter(|list: &Vec<_>| !list.is_empty())
}

fn service(one: Node<'_, '_>) -> EndpointService {
    let read = |tag| or_empty(text(one, tag));
    let balancers = items(one, "networkLoadBalancerArnSet");
    EndpointService {
        id: read("serviceId"),
        name: read("serviceName"),
        state: read("serviceState"),
        acceptance_required: read("acceptanceRequired") == "true",
        balancers: balancers
            .filter_map(|arn| arn.text().map(str::to_owned))
            .collect(),
        principals: Ok(BTreeSet::new()),
    }
}

fn connection(one: Node<'_, '_>) -> Connection {
    let read = |tag| or_empty(text(one, tag));
    Connection {
        service: read("serviceId"),
        endpoint: read("vpcEndpointId"),
        owner: read("vpcEndpointOwner"),
        state: read("vpcEndpointState"),
    }
}
