//! The target group, the load balancer and the endpoint service.

use std::collections::BTreeSet;

use failover_follower::doctor::Severity;

use super::Case;
use crate::world::{HEATWAVE, World, connection, map, set, target};

pub(super) const GROUP: &[Case] = cases![
    Error "target group: type":
        it => it.details().target_type = "instance".into();
    Error "target group: protocol":
        it => it.details().protocol = "TLS".into();
    Error "target group: IP address type":
        it => it.details().address_type = "ipv6".into();
    Note "target group: port":
        it => it.details().port = Some(3307);
    Warning "target group: VPC":
        it => it.details().vpc = "vpc-2".into();
    Error "target group: health check port":
        it => it.details().health_check_port = "traffic-port".into();
    Error "target group: health check port":
        it => it.details().health_check_port = "3306".into();
    Error "target group: deregistration_delay.timeout_seconds":
        it => it.attribute("deregistration_delay.timeout_seconds", "300");
    Error "target group: deregistration_delay.connection_termination.enabled":
        it => it.attribute("deregistration_delay.connection_termination.enabled", "false");
    Error "target group: target_health_state.unhealthy.connection_termination.enabled":
        it => {
            let key = "target_health_state.unhealthy.connection_termination.enabled";
            it.group().attributes.as_mut().unwrap().remove(key);
        };
    Error "target group: proxy_protocol_v2.enabled":
        it => it.attribute("proxy_protocol_v2.enabled", "true");
    Error "target group: load_balancing.cross_zone.enabled":
        it => it.attribute("load_balancing.cross_zone.enabled", "false");
    Error "target group: load_balancing.cross_zone.enabled":
        it => {
            it.balancer().attributes = Ok(map([("load_balancing.cross_zone.enabled", "false")]));
        };
    Error "target group: targets":
        it => it.group().targets = Ok(Vec::new());
    Error "target group: targets":
        it => it.group().targets = Ok(vec![target(2)]);
    Error "target group: targets":
        it => it.group().targets = Ok([1, 2].map(target).into());
    Error "target group: use":
        it => {
            let held = it.group().targets.as_mut().unwrap();
            held[0].state = "unused".into();
            held[0].reason = "Target.NotInUse: not enabled in its zone".into();
        };
];

pub(super) const PATH: &[Case] = cases![
    Error "load balancer: type":
        it => it.balancer().kind = "application".into();
    Error "load balancer: scheme":
        it => it.balancer().scheme = "internet-facing".into();
    Error "load balancer: state":
        it => it.balancer().state = "provisioning".into();
    Error "load balancer: zones":
        it => it.balancer().zones = map([("eu-west-1a", "subnet-1")]);
    Warning "load balancer: security groups":
        it => it.balancer().security_groups.clear();
    Error "load balancer: EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic":
        it => it.balancer().enforces_on_private_link = "on".into();
    Warning "load balancer: EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic":
        it => {
            it.balancer().enforces_on_private_link = "on".into();
            it.seen.path.lets_in = Ok([("sg-1".to_owned(), true)].into());
        };
    Error "listener: protocol":
        it => it.listener().protocol = "TLS".into();
    Error "listener: forwards":
        it => it.listener().groups.insert("another".into(), 5);
    Warning "listener: tcp.idle_timeout.seconds":
        it => it.listener().attributes = Ok(map([("tcp.idle_timeout.seconds", "60")]));
    Error "endpoint service":
        it => it.seen.path.services = Ok(Vec::new());
    Error "endpoint service: state":
        it => it.service().state = "Failed".into();
    Warning "endpoint service: acceptance":
        it => it.service().acceptance_required = false;
    Error "endpoint service: principals":
        it => it.service().principals = Ok(set([HEATWAVE, "*"]));
    Error "endpoint service: principals":
        it => it.service().principals = Ok(BTreeSet::new());
    Note "endpoint service: principals":
        it => it.service().principals = Ok(set(["arn:aws:iam::123456789012:root"]));
    Warning "endpoint service: connections":
        it => {
            let all = ["available", "pendingAcceptance"];
            it.seen.path.connections = Ok(all.map(connection).into());
        };
    Note "endpoint service: connections":
        it => it.seen.path.connections = Ok(Vec::new());
];
