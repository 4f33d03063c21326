//! All that the doctor sees where all is well, to be changed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use chrono::TimeDelta;
use failover_follower::config::Config;
use failover_follower::doctor::ask::{
    Attributes, Balancer, Caller, Cluster, Connection, Database, EndpointService, Events, Group,
    GroupDetails, Instance, Listener, Path, Seen, Subscription, TargetHealth, Topic,
};
use failover_follower::doctor::{Diagnosis, Invocation, Severity, diagnose};
use failover_follower::guard::statement;
use failover_follower::route::{ClusterId, InstanceId, Route, TargetGroupArn};
use failover_follower::world::{Answer, CallError, Cause, Target};

pub(crate) const GROUP: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/writer/0123456789abcdef";
pub(crate) const BALANCER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/writer/0123456789abcdef";
pub(crate) const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:follower";
pub(crate) const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:events";
pub(crate) const DELIVERY: &str = "arn:aws:sns:eu-west-1:123456789012:events:1";
pub(crate) const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:undelivered";
pub(crate) const HEATWAVE: &str = "arn:aws:iam::612981981079:root";
pub(crate) const USER: &str = "rpluser001";
pub(crate) const ENDPOINT: &str = "aurora.cluster-xyz.eu-west-1.rds.amazonaws.com";
pub(crate) const PROBE: &str = "failover-follower-probe.xyz.eu-west-1.rds.amazonaws.com";

/// An installation, as an audit sees it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) seen: Seen,
    pub(crate) config: Config,
    pub(crate) invocation: Invocation,
}

pub(crate) fn id(number: u8) -> InstanceId {
    InstanceId::parse(&format!("aurora-{number}")).unwrap()
}

pub(crate) fn cluster_id() -> ClusterId {
    ClusterId::parse("aurora").unwrap()
}

pub(crate) fn group_arn() -> TargetGroupArn {
    TargetGroupArn::parse(GROUP).unwrap()
}

pub(crate) fn name(number: u8) -> String {
    format!("aurora-{number}.xyz.eu-west-1.rds.amazonaws.com")
}

pub(crate) fn set<const N: usize>(members: [&str; N]) -> BTreeSet<String> {
    members.map(str::to_owned).into()
}

pub(crate) fn map<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
    entries
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

pub(crate) fn error(call: &'static str, cause: Cause) -> CallError {
    CallError::new(call, cause, "")
}

pub(crate) fn answer(alias: Option<u8>, address: [u8; 4]) -> Answer {
    Answer {
        aliases: alias.map(name).into_iter().collect(),
        addresses: vec![Ipv4Addr::from(address)],
    }
}

pub(crate) fn target(number: u8) -> TargetHealth {
    TargetHealth {
        target: Target::new([10, 0, number, 11].into(), 3306),
        state: "unhealthy".to_owned(),
        reason: "Target.FailedHealthChecks".to_owned(),
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

fn instance(number: u8) -> Instance {
    let zone = |number| format!("eu-west-1{}", ["", "a", "b", "c"][usize::from(number)]);
    Instance {
        id: id(number),
        class: "db.r6g.large".to_owned(),
        zone: Some(zone(number)),
        endpoint: Some(name(number)),
        publicly_accessible: false,
        vpc: "vpc-1".to_owned(),
        subnets: [1, 2, 3]
            .map(|number| (format!("subnet-{number}"), zone(number)))
            .into(),
        security_groups: vec!["sg-database".to_owned()],
        parameter_group: "default.aurora-mysql8.0".to_owned(),
        pending_reboot: false,
        status: "available".to_owned(),
        engine: "aurora-mysql".to_owned(),
        port: 3306,
        multi_az: false,
        backup_retention: 7,
        cluster: Some("aurora".to_owned()),
    }
}

fn database() -> Database {
    let cluster = Cluster {
        status: "available".to_owned(),
        engine: "aurora-mysql".to_owned(),
        endpoint: ENDPOINT.to_owned(),
        port: 3306,
        writer: Some(id(1)),
        members: [1, 2].map(id).into(),
        parameter_group: "replicated".to_owned(),
        pending_reboot: BTreeSet::new(),
    };
    let guard = statement(USER);
    let set = map([("binlog_format", "ROW"), ("init_connect", &guard)]);
    Database {
        clusters: [(cluster_id(), Ok(cluster))].into(),
        instances: Ok([(cluster_id(), [1, 2].map(instance).into())].into()),
        alone: BTreeMap::new(),
        deployments: Ok(Vec::new()),
        cluster_parameters: [("replicated".to_owned(), Ok(set))].into(),
        instance_parameters: BTreeMap::new(),
        names: [
            (ENDPOINT.to_owned(), Ok(answer(Some(1), [10, 0, 1, 11]))),
            (PROBE.to_owned(), Err(error("dns", Cause::NotFound))),
            (name(1), Ok(answer(None, [10, 0, 1, 11]))),
            (name(2), Ok(answer(None, [10, 0, 2, 11]))),
        ]
        .into(),
    }
}

fn path() -> Path {
    let group = Group {
        details: Ok(GroupDetails {
            target_type: "ip".to_owned(),
            protocol: "TCP".to_owned(),
            port: Some(3306),
            address_type: "ipv4".to_owned(),
            vpc: "vpc-1".to_owned(),
            health_check_port: "40000".to_owned(),
            balancers: vec![BALANCER.to_owned()],
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
        targets: Ok(vec![target(1)]),
        deregister: Some(Ok(())),
    };
    let listener = Listener {
        arn: BALANCER.replace("loadbalancer", "listener") + "/1",
        protocol: "TCP".to_owned(),
        groups: [(GROUP.to_owned(), 1)].into(),
        attributes: Ok(map([("tcp.idle_timeout.seconds", "350")])),
    };
    let balancer = Balancer {
        arn: BALANCER.to_owned(),
        kind: "network".to_owned(),
        scheme: "internal".to_owned(),
        state: "active".to_owned(),
        zones: map([("eu-west-1a", "subnet-1"), ("eu-west-1b", "subnet-2")]),
        security_groups: vec!["sg-1".to_owned()],
        enforces_on_private_link: "off".to_owned(),
        attributes: Ok(map([("load_balancing.cross_zone.enabled", "true")])),
        listeners: Ok(vec![listener]),
    };
    let service = EndpointService {
        id: "vpce-svc-1".to_owned(),
        name: "com.amazonaws.vpce.eu-west-1.vpce-svc-1".to_owned(),
        state: "Available".to_owned(),
        acceptance_required: true,
        balancers: set([BALANCER]),
        principals: Ok(set([HEATWAVE])),
    };
    Path {
        groups: [(group_arn(), group)].into(),
        balancers: Ok(vec![balancer]),
        lets_in: Ok([("sg-1".to_owned(), false)].into()),
        services: Ok(vec![service]),
        connections: Ok(vec![connection("available")]),
    }
}

pub(crate) fn connection(state: &str) -> Connection {
    Connection {
        service: "vpce-svc-1".to_owned(),
        endpoint: format!("vpce-{state}"),
        owner: "612981981079".to_owned(),
        state: state.to_owned(),
    }
}

fn events() -> Events {
    let topic = Topic {
        functions: Ok(map([(FUNCTION, DELIVERY)])),
        key: Ok(None),
    };
    let sources = ["db-cluster", "db-instance", "blue-green-deployment"];
    Events {
        log: Ok(()),
        subscriptions: Ok(sources.map(subscription).into()),
        topics: [(TOPIC.to_owned(), topic)].into(),
        dead_letters: [(DELIVERY.to_owned(), Ok(Some(QUEUE.to_owned())))].into(),
        queues: [(QUEUE.to_owned(), Ok(None))].into(),
    }
}

impl World {
    /// An installation in which all is well.
    pub(crate) fn sound() -> Self {
        let config = Config::from_lookup(|name| match name {
            "DB_CLUSTER_IDENTIFIER" => Some("aurora".to_owned()),
            "TARGET_GROUP_ARN" => Some(GROUP.to_owned()),
            "REPLICATION_USER" => Some(USER.to_owned()),
            _ => None,
        });
        let config = config.unwrap();
        let session = "arn:aws:sts::123456789012:assumed-role/follower-role/follower";
        let caller = Caller {
            arn: session.to_owned(),
            clock_ahead: Some(TimeDelta::milliseconds(-300)),
        };
        Self {
            seen: Seen {
                routes: config.routes.clone(),
                region: "eu-west-1".to_owned(),
                caller: Ok(caller),
                database: database(),
                path: path(),
                events: events(),
            },
            config,
            invocation: Invocation {
                arn: Some(format!("{FUNCTION}:live")),
                time: Duration::from_mins(3),
            },
        }
    }

    /// The installation with a change.
    pub(crate) fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut world = Self::sound();
        change(&mut world);
        world
    }

    pub(crate) fn diagnosis(&self) -> Diagnosis {
        diagnose(&self.seen, &self.config, &self.invocation)
    }

    pub(crate) fn cluster(&mut self) -> &mut Cluster {
        self.seen
            .database
            .clusters
            .get_mut(&cluster_id())
            .unwrap()
            .as_mut()
            .unwrap()
    }

    pub(crate) fn instances(&mut self) -> &mut Vec<Instance> {
        let instances = self.seen.database.instances.as_mut().unwrap();
        instances.get_mut(&cluster_id()).unwrap()
    }

    pub(crate) fn parameters(&mut self) -> &mut Attributes {
        let set = &mut self.seen.database.cluster_parameters;
        set.get_mut("replicated").unwrap().as_mut().unwrap()
    }

    pub(crate) fn parameter(&mut self, key: &str, value: &str) {
        self.parameters().insert(key.to_owned(), value.to_owned());
    }

    pub(crate) fn resolves(&mut self, name: impl Into<String>, answer: Answer) {
        self.seen.database.names.insert(name.into(), Ok(answer));
    }

    pub(crate) fn group(&mut self) -> &mut Group {
        self.seen.path.groups.get_mut(&group_arn()).unwrap()
    }

    pub(crate) fn details(&mut self) -> &mut GroupDetails {
        self.group().details.as_mut().unwrap()
    }

    pub(crate) fn attribute(&mut self, key: &str, value: &str) {
        let attributes = self.group().attributes.as_mut().unwrap();
        attributes.insert(key.to_owned(), value.to_owned());
    }

    pub(crate) fn balancer(&mut self) -> &mut Balancer {
        &mut self.seen.path.balancers.as_mut().unwrap()[0]
    }

    pub(crate) fn listener(&mut self) -> &mut Listener {
        &mut self.balancer().listeners.as_mut().unwrap()[0]
    }

    pub(crate) fn service(&mut self) -> &mut EndpointService {
        &mut self.seen.path.services.as_mut().unwrap()[0]
    }

    pub(crate) fn subscription(&mut self) -> &mut Subscription {
        &mut self.seen.events.subscriptions.as_mut().unwrap()[0]
    }

    pub(crate) fn topic(&mut self) -> &mut Topic {
        self.seen.events.topics.get_mut(TOPIC).unwrap()
    }

    /// Another route, of the same cluster to a group like the first.
    pub(crate) fn add_route(&mut self, group: &str) {
        let group = TargetGroupArn::parse(group).unwrap();
        let of_first = self.group().clone();
        self.listener().groups.insert(group.to_string(), 1);
        self.seen.routes.push(Route {
            group: group.clone(),
            ..self.seen.routes[0].clone()
        });
        self.seen.path.groups.insert(group, of_first);
    }
}

/// Severity and check of each finding.
pub(crate) fn found(diagnosis: &Diagnosis) -> Vec<(Severity, &str)> {
    let findings = diagnosis.findings.iter();
    findings
        .map(|one| (one.severity, one.of.check.as_str()))
        .collect()
}
