//! The cluster: what it is, where it is, whether it can fail over and be replicated from.

use super::finding::{Checkup, Severity, Wrong};
use super::parameters;
use super::survey::Survey;
use crate::address::NoAddress;
use crate::world::Cause;
use crate::world::audit::{ClusterDetails, InstanceDetails};

pub(super) fn examine(survey: &Survey, checkup: &mut Checkup) {
    if let Some(cluster) = exists(survey, checkup) {
        kind(survey, cluster, checkup);
        parameters::examine(survey, cluster, checkup);
        if let Some(instances) = checkup.answer("cluster: instances", &survey.instances) {
            members(survey, instances, checkup);
        }
    }
    witnesses(survey, checkup);
    resolver(survey, checkup);
}

fn exists<'a>(survey: &'a Survey, checkup: &mut Checkup) -> Option<&'a ClusterDetails> {
    let cluster = &survey.route.cluster;
    match &survey.cluster {
        Err(failure) if failure.cause == Cause::NotFound => {
            checkup.find("cluster", Wrong {
                severity: Severity::Error,
                is: format!("RDS knows no cluster `{cluster}` in this account and Region"),
                should: "the identifier of an Aurora cluster".to_owned(),
                why: "there is nothing to follow",
                mend: "aws rds describe-db-clusters --query 'DBClusters[].DBClusterIdentifier', then deploy with \
                       DBClusterIdentifier set to one of them"
                    .to_owned(),
            });
            None
        }
        answer => checkup.answer("cluster", answer),
    }
}

fn kind(survey: &Survey, cluster: &ClusterDetails, checkup: &mut Checkup) {
    let id = &survey.route.cluster;
    let ClusterDetails { status, engine, .. } = cluster;
    checkup.expect("cluster: engine", engine == "aurora-mysql", || Wrong {
        severity: Severity::Error,
        is: engine.clone(),
        should: "aurora-mysql".to_owned(),
        why: "a MySQL replica reads a MySQL binlog, and only an Aurora cluster's Writer moves as this function expects",
        mend: "deploy with DBClusterIdentifier set to an Aurora MySQL cluster".to_owned(),
    });
    checkup.expect("cluster: status", status == "available", || Wrong {
        severity: Severity::Warning,
        is: status.clone(),
        should: "available".to_owned(),
        why: "while something is under way the Writer may move; ask again once it is over",
        mend: format!("aws rds describe-events --source-type db-cluster --source-identifier {id} --duration 60"),
    });
}

fn members(survey: &Survey, instances: &[InstanceDetails], checkup: &mut Checkup) {
    let id = &survey.route.cluster;
    checkup.expect("cluster: instances", instances.len() > 1, || Wrong {
        severity: Severity::Warning,
        is: instances.len().to_string(),
        should: "two or more, in two zones".to_owned(),
        why: "without a reader there is nobody to fail over to: Aurora makes a new instance, which takes about ten minutes",
        mend: format!(
            "aws rds create-db-instance --db-cluster-identifier {id} --db-instance-identifier {id}-reader --engine aurora-mysql \
             --db-instance-class THE_WRITERS --no-publicly-accessible"
        ),
    });
    for instance in instances.iter().filter(|one| one.publicly_accessible) {
        let address = survey.sighting.addresses.get(&instance.id);
        let is_private = matches!(address, Some(Ok(_)));
        checkup.find("cluster: publicly accessible", Wrong {
            severity: if is_private { Severity::Note } else { Severity::Error },
            is: format!(
                "{} is; here its name is {}",
                instance.id,
                match address {
                    Some(Ok(address)) => format!("{address}, private, as the function is inside the VPC"),
                    Some(Err(reason)) => reason.to_string(),
                    None => "not known".to_owned(),
                }
            ),
            should: "not publicly accessible, or the function inside the cluster's VPC".to_owned(),
            why: "outside the VPC its name is a public address, which a Network Load Balancer refuses",
            mend: format!(
                "aws rds modify-db-instance --db-instance-identifier {} --no-publicly-accessible --apply-immediately, or deploy \
                 with SubnetIds and SecurityGroupIds",
                instance.id
            ),
        });
    }
}

/// Whether the API and DNS say the same, and an address can be registered.
fn witnesses(survey: &Survey, checkup: &mut Checkup) {
    let seen = &survey.sighting;
    let id = &survey.route.cluster;
    let Ok(Some(api)) = &seen.api else {
        if seen.api.is_ok() {
            checkup.find("cluster: Writer", Wrong {
                severity: Severity::Error,
                is: "RDS lists none".to_owned(),
                should: "one member with IsClusterWriter".to_owned(),
                why: "normal for some seconds in a failover; if it stays so, nothing can be followed",
                mend: format!("aws rds describe-db-clusters --db-cluster-identifier {id}"),
            });
        }
        return; // silence is among the permissions
    };
    match &seen.dns {
        Err(failure) => checkup.find("resolver: cluster endpoint", Wrong {
            severity: Severity::Error,
            is: failure.to_string(),
            should: format!("an alias of {api}"),
            why: "without DNS there is no second witness and no address, and no failover can be followed",
            mend: "dig the cluster's endpoint from the function's network; in a VPC see its DNS support, DHCP options and resolver rules"
                .to_owned(),
        }),
        Ok(dns) => checkup.expect("resolver: cluster endpoint", dns == api, || Wrong {
            severity: Severity::Warning,
            is: format!("an alias of {dns}"),
            should: format!("an alias of {api}, as RDS's API says"),
            why: "normal for up to a minute after a failover; if it stays so, the resolver holds an old answer or has one of its own",
            mend: "ask again in a minute; if it stays so, look for a private hosted zone or a resolver rule for rds.amazonaws.com"
                .to_owned(),
        }),
    }
    match seen.addresses.get(api) {
        Some(Ok(_)) => checkup.pass("cluster: address"),
        Some(Err(NoAddress::Unsuitable(reason))) => checkup.find("cluster: address", Wrong {
            severity: Severity::Error,
            is: reason.to_string(),
            should: "one private IPv4 address".to_owned(),
            why: "a Network Load Balancer refuses any other, so that no failover can be followed",
            mend: format!(
                "aws rds modify-db-instance --db-instance-identifier {api} --no-publicly-accessible --apply-immediately, or deploy \
                 with SubnetIds and SecurityGroupIds"
            ),
        }),
        Some(Err(NoAddress::Silent(failure))) => checkup.find("cluster: address", Wrong {
            severity: Severity::Error,
            is: failure.to_string(),
            should: "one private IPv4 address".to_owned(),
            why: "without it the Writer cannot be registered",
            mend: "dig the instance's endpoint from the function's network".to_owned(),
        }),
        None => {}
    }
}

fn resolver(survey: &Survey, checkup: &mut Checkup) {
    const CHECK: &str = "resolver: a name that nobody has";
    match &survey.nobody {
        None => {}
        Some(Err(failure)) if failure.cause == Cause::NotFound => checkup.pass(CHECK),
        Some(Err(failure)) => checkup.find(CHECK, Wrong {
            severity: Severity::Warning,
            is: failure.to_string(),
            should: "an answer that there is none".to_owned(),
            why: "a resolver that is slow or down is a silent witness",
            mend: "ask again in a minute; if it stays so, see the VPC's DHCP options and resolver rules".to_owned(),
        }),
        Some(Ok(answer)) => checkup.find(CHECK, Wrong {
            severity: Severity::Error,
            is: format!("{:?}", answer.addresses),
            should: "an answer that there is none".to_owned(),
            why: "the resolver makes answers up for RDS's names, and the address of an instance has no second witness",
            mend: "look for a private hosted zone with a wildcard, or a resolver rule, for rds.amazonaws.com".to_owned(),
        }),
    }
}
