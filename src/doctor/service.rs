//! The endpoint service in front of the load balancer.

use super::finding::{Checkup, Severity, Wrong};
use super::survey::Survey;
use crate::world::audit::EndpointService;

/// The account of HeatWave on AWS (HeatWave on AWS Service Guide, "Egress PrivateLink").
const HEATWAVE: &str = "arn:aws:iam::612981981079:root";

pub(super) fn examine(survey: &Survey, checkup: &mut Checkup) {
    let Some(services) = checkup.answer("endpoint service", &survey.services) else {
        return;
    };
    let balancers = survey
        .group
        .as_ref()
        .map(|group| group.load_balancers.clone());
    let balancers = balancers.unwrap_or_default();
    if balancers.is_empty() {
        return; // the target group's part says so
    }
    checkup.expect("endpoint service", !services.is_empty(), || Wrong {
        severity: Severity::Error,
        is: "none is in front of the load balancer".to_owned(),
        should: "one".to_owned(),
        why: "a consumer connects to an endpoint service and to nothing else",
        mend: format!(
            "aws ec2 create-vpc-endpoint-service-configuration --acceptance-required --network-load-balancer-arns {}",
            balancers.join(" ")
        ),
    });
    for service in services {
        state(service, checkup);
        principals(service, checkup);
        connections(service, checkup);
    }
}

fn state(service: &EndpointService, checkup: &mut Checkup) {
    let EndpointService {
        id,
        name,
        state,
        acceptance_required,
        ..
    } = service;
    checkup.expect("endpoint service: state", state == "Available", || Wrong {
        severity: Severity::Error,
        is: format!("{name} is {state}"),
        should: "Available".to_owned(),
        why: "nobody can connect until it is",
        mend: format!("aws ec2 describe-vpc-endpoint-service-configurations --service-ids {id}"),
    });
    checkup.expect("endpoint service: acceptance", *acceptance_required, || Wrong {
        severity: Severity::Warning,
        is: "connections are accepted unasked".to_owned(),
        should: "acceptance required".to_owned(),
        why: "every system in an allowed account reaches the database's port; in HeatWave's account other customers' run too",
        mend: format!(
            "aws ec2 modify-vpc-endpoint-service-configuration --service-id {id} --acceptance-required"
        ),
    });
}

fn principals(service: &EndpointService, checkup: &mut Checkup) {
    const CHECK: &str = "endpoint service: principals";
    let EndpointService { id, principals, .. } = service;
    let Some(principals) = checkup.answer(CHECK, principals) else {
        return;
    };
    let allow = format!(
        "aws ec2 modify-vpc-endpoint-service-permissions --service-id {id} --add-allowed-principals ARN_OF_THE_CONSUMER"
    );
    let list = principals.iter().cloned().collect::<Vec<_>>().join(", ");
    if principals.contains("*") {
        checkup.find(
            CHECK,
            Wrong {
                severity: Severity::Error,
                is: list,
                should: format!("the consumer's account, {HEATWAVE} for HeatWave on AWS"),
                why: "every AWS account may ask for a connection to the database",
                mend: format!("{allow} --remove-allowed-principals '*'"),
            },
        );
    } else if principals.is_empty() {
        checkup.find(
            CHECK,
            Wrong {
                severity: Severity::Error,
                is: "none".to_owned(),
                should: format!("the consumer's account, {HEATWAVE} for HeatWave on AWS"),
                why: "nobody may ask for a connection",
                mend: allow,
            },
        );
    } else {
        checkup.expect(CHECK, principals.contains(HEATWAVE), || Wrong {
            severity: Severity::Note,
            is: list,
            should: format!("{HEATWAVE}, if the replica is HeatWave on AWS"),
            why: "HeatWave's Egress PrivateLink could not find the service; right where the replica is somebody else's",
            mend: allow,
        });
    }
}

fn connections(service: &EndpointService, checkup: &mut Checkup) {
    const CHECK: &str = "endpoint service: connections";
    let EndpointService {
        id, connections, ..
    } = service;
    let Some(connections) = checkup.answer(CHECK, connections) else {
        return;
    };
    let waiting: Vec<&str> = connections
        .iter()
        .filter(|(_, state)| state.eq_ignore_ascii_case("pendingAcceptance"))
        .map(|(endpoint, _)| endpoint.as_str())
        .collect();
    if !waiting.is_empty() {
        checkup.find(CHECK, Wrong {
            severity: Severity::Warning,
            is: format!("{} waits for acceptance", waiting.join(", ")),
            should: "available, once you have seen that it is your own consumer's".to_owned(),
            why: "the consumer cannot connect until you accept",
            // Others of the consumer's account may ask too, so nobody gets a command that lets all of them in.
            mend: format!(
                "aws ec2 accept-vpc-endpoint-connections --service-id {id} --vpc-endpoint-ids YOUR_OWN_CONSUMERS"
            ),
        });
        return;
    }
    let is_connected = connections
        .values()
        .any(|state| state.eq_ignore_ascii_case("available"));
    checkup.expect(CHECK, is_connected, || Wrong {
        severity: Severity::Note,
        is: "nobody is connected".to_owned(),
        should: "one endpoint, available".to_owned(),
        why: "no replica uses the path yet",
        mend: format!(
            "create the consumer's side with the service name {} (docs/heatwave.md)",
            service.name
        ),
    });
}
