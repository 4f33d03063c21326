//! EC2: the endpoint service in front of the load balancer, who may connect to it and who does.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use roxmltree::Node;

use super::query::{Query, Service, items, text};
use super::{Answered, EndpointService};

const EC2: Service = Service {
    name: "ec2",
    version: "2016-11-15",
};

/// The account's endpoint services in front of one of these load balancers.
pub(super) async fn services(
    query: &Query,
    balancers: &[String],
) -> Answered<Vec<EndpointService>> {
    let answer = query
        .ask(
            EC2,
            "DescribeVpcEndpointServiceConfigurations",
            "ec2:DescribeVpcEndpointServiceConfigurations",
            &[],
        )
        .await?;
    let document = answer.document()?;
    let in_front = |service: &Node<'_, '_>| {
        balancers_behind(*service).any(|arn| balancers.iter().any(|one| one == arn))
    };
    let found = items(document.root_element(), "serviceConfigurationSet").filter(in_front);
    Ok(join_all(found.map(|one| service(query, one))).await)
}

fn balancers_behind<'a>(service: Node<'a, '_>) -> impl Iterator<Item = &'a str> {
    items(service, "networkLoadBalancerArnSet").filter_map(|item| item.text())
}

async fn service(query: &Query, one: Node<'_, '_>) -> EndpointService {
    let read = |tag| text(one, tag).unwrap_or_default().to_owned();
    let id = read("serviceId");
    let (principals, connections) = tokio::join!(principals(query, &id), connections(query, &id));
    EndpointService {
        name: read("serviceName"),
        state: read("serviceState"),
        acceptance_required: read("acceptanceRequired") == "true",
        id,
        principals,
        connections,
    }
}

async fn principals(query: &Query, service: &str) -> Answered<BTreeSet<String>> {
    let answer = query
        .ask(
            EC2,
            "DescribeVpcEndpointServicePermissions",
            "ec2:DescribeVpcEndpointServicePermissions",
            &[("ServiceId", service)],
        )
        .await?;
    let document = answer.document()?;
    let principals = items(document.root_element(), "allowedPrincipals");
    Ok(principals
        .filter_map(|item| Some(text(item, "principal")?.to_owned()))
        .collect())
}

/// Each endpoint that has asked, and how far it has come.
async fn connections(query: &Query, service: &str) -> Answered<BTreeMap<String, String>> {
    let answer = query
        .ask(
            EC2,
            "DescribeVpcEndpointConnections",
            "ec2:DescribeVpcEndpointConnections",
            &[
                ("Filter.1.Name", "service-id"),
                ("Filter.1.Value.1", service),
            ],
        )
        .await?;
    let document = answer.document()?;
    let connections = items(document.root_element(), "vpcEndpointConnectionSet");
    let read = |item| {
        let endpoint = text(item, "vpcEndpointId")?.to_owned();
        Some((endpoint, text(item, "vpcEndpointState")?.to_owned()))
    };
    Ok(connections.filter_map(read).collect())
}
