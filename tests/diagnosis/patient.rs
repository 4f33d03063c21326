//! All that the doctor sees where all is well.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use chrono::TimeDelta;
use failover_follower::config::Settings;
use failover_follower::doctor::{Diagnosis, Patient, Surroundings, Survey, diagnose};
use failover_follower::look::Sighting;
use failover_follower::route::{ClusterId, InstanceId, Route, TargetGroupArn};
use failover_follower::world::audit::{
    Attributes, Balancer, Caller, ClusterDetails, EndpointService, Group, InstanceDetails,
    Listener, Subscription,
};
use failover_follower::world::{CallError, Cause, Target, Topology};

pub(crate) const GROUP: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/writer/0123456789abcdef";
pub(crate) const BALANCER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/writer/0123456789abcdef";
pub(crate) const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:follower";
pub(crate) const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:events";
pub(crate) const HEATWAVE: &str = "arn:aws:iam::612981981079:root";

/// All that the doctor sees, and is told.
pub(crate) struct Seen {
    pub(crate) around: Surroundings,
    pub(crate) survey: Survey,
    pub(crate) settings: Settings,
    pub(crate) patient: Patient,
}

pub(crate) fn id(number: u8) -> InstanceId {
    InstanceId::parse(&format!("aurora-{number}")).unwrap()
}

pub(crate) fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, number, 11)
}

pub(crate) fn set<const N: usize>(members: [&str; N]) -> BTreeSet<String> {
    members.map(str::to_owned).into()
}

pub(crate) fn map<const N: usize>(entries: [(&str, &str); N]) -> Attributes {
    entries
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

pub(crate) fn failure(call: &'static str, cause: Cause) -> CallError {
    CallError::new(call, cause, "")
}

pub(crate) fn sighting() -> Sighting {
    let endpoint = |number| Some(format!("aurora-{number}.xyz.eu-west-1.rds.amazonaws.com"));
    Sighting {
        api: Ok(Some(id(1))),
        dns: Ok(id(1)),
        topology: Some(Topology {
            endpoint: "aurora.cluster-xyz.eu-west-1.rds.amazonaws.com".to_owned(),
            port: 3306,
            instances: [1, 2].map(|number| (id(number), endpoint(number))).into(),
        }),
        addresses: [1, 2]
            .map(|number| (id(number), Ok(address(number))))
            .into(),
        targets: Ok([Target::new(address(1), 3306)].into()),
    }
}

pub(crate) fn instance(number: u8, zone: &str) -> InstanceDetails {
    InstanceDetails {
        id: id(number),
        zone: Some(zone.to_owned()),
        publicly_accessible: false,
    }
}

pub(crate) fn survey() -> Survey {
    Survey {
        route: Route {
            cluster: ClusterId::parse("aurora").unwrap(),
            group: TargetGroupArn::parse(GROUP).unwrap(),
            endpoint: None,
        },
        sighting: sighting(),
        nobody: Some(Err(failure("dns", Cause::NotFound))),
        cluster: Ok(ClusterDetails {
            status: "available".to_owned(),
            engine: "aurora-mysql".to_owned(),
            parameter_group: "binlog".to_owned(),
            pending_reboot: BTreeSet::new(),
        }),
        instances: Ok(vec![instance(1, "eu-west-1a"), instance(2, "eu-west-1b")]),
        parameters: Some(Ok(map([
            ("binlog_format", "ROW"),
            ("init_connect", "SET @demoted = @@global.innodb_read_only …"),
        ]))),
        group: Ok(Group {
            target_type: "ip".to_owned(),
            protocol: "TCP".to_owned(),
            port: Some(3306),
            address_type: "ipv4".to_owned(),
            health_check_port: "40000".to_owned(),
            load_balancers: vec![BALANCER.to_owned()],
        }),
        attributes: Ok(map([
            ("deregistration_delay.timeout_seconds", "0"),
            (
                "deregistration_delay.connection_termination.enabled",
                "true",
            ),
            (
                "target_health_state.unhealthy.connection_termination.enabled",
                "false",
            ),
            ("proxy_protocol_v2.enabled", "false"),
            (
                "load_balancing.cross_zone.enabled",
                "use_load_balancer_configuration",
            ),
        ])),
        balancers: Ok(vec![Balancer {
            arn: BALANCER.to_owned(),
            kind: "network".to_owned(),
            scheme: "internal".to_owned(),
            state: "active".to_owned(),
            zones: set(["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
            security_groups: vec!["sg-1".to_owned()],
            enforces_on_private_link: "off".to_owned(),
            attributes: Ok(map([("load_balancing.cross_zone.enabled", "true")])),
            listeners: Ok(vec![Listener {
                arn: "listener".to_owned(),
                protocol: "TCP".to_owned(),
                groups: set([GROUP]),
                attributes: Ok(map([("tcp.idle_timeout.seconds", "350")])),
            }]),
        }]),
        services: Ok(vec![EndpointService {
            id: "vpce-svc-1".to_owned(),
            name: "com.amazonaws.vpce.eu-west-1.vpce-svc-1".to_owned(),
            state: "Available".to_owned(),
            acceptance_required: true,
            principals: Ok(set([HEATWAVE])),
            connections: Ok(map([("vpce-1", "available")])),
        }]),
        deregister: Some(Ok(())),
        register: Some(Ok(())),
    }
}

pub(crate) fn subscription(source_type: &str) -> Subscription {
    Subscription {
        name: format!("follower-{source_type}"),
        source_type: source_type.to_owned(),
        sources: BTreeSet::new(),
        categories: BTreeSet::new(),
        enabled: true,
        status: "active".to_owned(),
        topic: TOPIC.to_owned(),
    }
}

pub(crate) fn healthy() -> Seen {
    Seen {
        around: Surroundings {
            caller: Ok(Caller {
                arn: "arn:aws:sts::123456789012:assumed-role/follower-role/follower".to_owned(),
                clock_ahead: Some(TimeDelta::milliseconds(-300)),
            }),
            subscriptions: Ok(["db-cluster", "db-instance", "blue-green-deployment"]
                .map(subscription)
                .into()),
            functions: BTreeMap::from([(TOPIC.to_owned(), Ok(set([FUNCTION])))]),
        },
        survey: survey(),
        settings: Settings::default(),
        patient: Patient {
            arn: Some(format!("{FUNCTION}:live")),
            time: Duration::from_mins(3),
        },
    }
}

pub(crate) fn diagnosis(seen: &Seen) -> Diagnosis {
    let surveys = [seen.survey.clone()];
    diagnose(&seen.around, &surveys, seen.settings, &seen.patient)
}

impl Seen {
    pub(crate) fn group(&mut self) -> &mut Group {
        self.survey.group.as_mut().unwrap()
    }

    pub(crate) fn attribute(&mut self, key: &str, value: &str) {
        let attributes = self.survey.attributes.as_mut().unwrap();
        attributes.insert(key.to_owned(), value.to_owned());
    }

    pub(crate) fn balancer(&mut self) -> &mut Balancer {
        &mut self.survey.balancers.as_mut().unwrap()[0]
    }

    pub(crate) fn listener(&mut self) -> &mut Listener {
        &mut self.balancer().listeners.as_mut().unwrap()[0]
    }

    pub(crate) fn service(&mut self) -> &mut EndpointService {
        &mut self.survey.services.as_mut().unwrap()[0]
    }

    pub(crate) fn cluster(&mut self) -> &mut ClusterDetails {
        self.survey.cluster.as_mut().unwrap()
    }

    pub(crate) fn parameters(&mut self) -> &mut Attributes {
        self.survey.parameters.as_mut().unwrap().as_mut().unwrap()
    }

    pub(crate) fn instances(&mut self) -> &mut Vec<InstanceDetails> {
        self.survey.instances.as_mut().unwrap()
    }

    pub(crate) fn subscription(&mut self) -> &mut Subscription {
        &mut self.around.subscriptions.as_mut().unwrap()[0]
    }
}
