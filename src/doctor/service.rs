//! The endpoint services in front of the load balancers.

use super::ask::{EndpointService, Seen};
use super::audit::Audit;

/// The account of HeatWave on AWS (HeatWave on AWS Service Guide, "Egress PrivateLink").
const HEATWAVE: &str = "arn:aws:iam::612981981079:root";

pub(super) fn examine(seen: &Seen, audit: &mut Audit) {
    audit.about("endpoint services");
    let call = "ec2:DescribeVpcEndpointServiceConfigurations";
    let Some(services) = audit.answer(call, &seen.path.services) else {
        return;
    };
    for balancer in seen.path.balancers.iter().flatten() {
        audit.about(&balancer.arn);
        let is_served = services
            .iter()
            .any(|one| one.balancers.contains(&balancer.arn));
        audit.expect(
            "endpoint service",
            is_served,
            "none is in front of the load balancer",
        );
    }
    for service in services {
        audit.about(&service.id);
        audit.equal("endpoint service: state", &service.state);
        audit.equal(
            "endpoint service: acceptance",
            &service.acceptance_required.to_string(),
        );
        principals(service, audit);
        connections(seen, service, audit);
    }
}

fn principals(service: &EndpointService, audit: &mut Audit) {
    let call = "ec2:DescribeVpcEndpointServicePermissions";
    let Some(principals) = audit.answer(call, &service.principals) else {
        return;
    };
    audit.set("consumer", HEATWAVE);
    let list: Vec<&str> = principals.iter().map(String::as_str).collect();
    if principals.contains("*") {
        audit.find("endpoint service: principals (everybody)", list.join(", "));
    } else if principals.is_empty() {
        audit.find("endpoint service: principals (none)", "none");
    } else {
        let is_heatwave = principals.contains(HEATWAVE);
        audit.expect("endpoint service: principals", is_heatwave, list.join(", "));
    }
}

fn connections(seen: &Seen, service: &EndpointService, audit: &mut Audit) {
    let call = "ec2:DescribeVpcEndpointConnections";
    let Some(all) = audit.answer(call, &seen.path.connections) else {
        return;
    };
    let ours = all.iter().filter(|one| one.service == service.id);
    let is = |state: &str| {
        let in_state = ours
            .clone()
            .filter(|one| one.state.eq_ignore_ascii_case(state));
        in_state.collect::<Vec<_>>()
    };
    let waiting = is("pendingAcceptance");
    if waiting.is_empty() {
        let is_connected = !is("available").is_empty();
        audit.expect(
            "endpoint service: connections",
            is_connected,
            "no consumer is connected",
        );
        return;
    }
    let of = waiting
        .iter()
        .map(|one| format!("{} of account {}", one.endpoint, one.owner));
    let actual = of.collect::<Vec<_>>().join(", ");
    audit.list("each", waiting.iter().map(|one| &one.endpoint));
    audit.find("endpoint service: connections (waiting)", actual);
}
