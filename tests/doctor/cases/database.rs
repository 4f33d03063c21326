//! The cluster, its parameters and its names, and the function's own settings.

use std::time::Duration;

use chrono::TimeDelta;
use failover_follower::doctor::Severity;
use failover_follower::world::{Answer, Cause};

use super::Case;
use crate::world::{ENDPOINT, PROBE, World, answer, error, id, map, name};

pub(super) const CLUSTER: &[Case] = cases![
    Error "cluster: engine":
        it => it.cluster().engine = "docdb".into();
    Warning "cluster: status":
        it => it.cluster().status = "failing-over".into();
    Error "cluster: Writer":
        it => it.cluster().writer = None;
    Warning "cluster: instances":
        it => it.instances().truncate(1);
    Warning "cluster: zones":
        it => it.instances()[1].zone = Some("eu-west-1a".into());
    Warning "function: DRY_RUN":
        it => it.config.settings.dry_run = true;
    Warning "function: timeout":
        it => it.invocation.time = Duration::from_secs(100);
    Error "function: timeout":
        it => it.invocation.time = Duration::from_secs(3);
    Warning "function: clock":
        it => it.seen.caller.as_mut().unwrap().clock_ahead = Some(TimeDelta::seconds(7));
    Error "function: clock":
        it => it.seen.caller.as_mut().unwrap().clock_ahead = Some(TimeDelta::seconds(-90));
];

pub(super) const PARAMETERS: &[Case] = cases![
    Warning "cluster: parameters in effect":
        it => it.cluster().pending_reboot.insert(id(1));
    Warning "cluster: parameters in effect":
        it => it.instances()[1].pending_reboot = true;
    Error "cluster: binlog_format":
        it => it.parameters().remove("binlog_format");
    Warning "cluster: binlog_format":
        it => it.parameter("binlog_format", "MIXED");
    Warning "readers' guard: init_connect":
        it => it.parameters().remove("init_connect");
    Warning "readers' guard: init_connect":
        it => {
            drop(it.parameters().remove("init_connect"));
            it.seen.routes[0].replication_user = None;
        };
    Warning "readers' guard: init_connect":
        it => it.seen.routes[0].replication_user = Some("another".into());
    Unknown "readers' guard: init_connect":
        it => it.parameter("init_connect", "CALL guard(@@innodb_read_only)");
    Error "readers' guard: init_connect":
        it => it.parameter("init_connect", "SET @a = EXTRACTVALUE('<a/>', '~x')");
    Warning "readers' guard: init_connect":
        it => {
            it.instances()[1].parameter_group = "own".into();
            let own = Ok(map([("init_connect", "SET NAMES utf8mb4")]));
            it.seen
                .database
                .instance_parameters
                .insert("own".into(), own);
        };
];

pub(super) const RESOLVER: &[Case] = cases![
    Warning "resolver: cluster endpoint":
        it => it.resolves(ENDPOINT, answer(Some(2), [10, 0, 2, 11]));
    Warning "resolver: cluster endpoint":
        it => it.resolves(ENDPOINT, answer(Some(3), [10, 0, 1, 11]));
    Warning "resolver: cluster endpoint":
        it => it.resolves(ENDPOINT, answer(None, [10, 0, 9, 9]));
    Error "resolver: cluster endpoint":
        it => {
            let silent = Err(error("dns", Cause::TimedOut));
            it.seen.database.names.insert(ENDPOINT.into(), silent);
        };
    Error "resolver: address":
        it => it.resolves(ENDPOINT, answer(Some(1), [10, 9, 9, 9]));
    Error "resolver: a name that does not exist":
        it => it.resolves(PROBE, answer(None, [10, 6, 6, 6]));
    Warning "resolver: a name that does not exist":
        it => {
            let silent = Err(error("dns", Cause::TimedOut));
            it.seen.database.names.insert(PROBE.into(), silent);
        };
    Warning "instance: address":
        it => it.resolves(name(2), Answer::default());
    Warning "instance: address":
        it => it.resolves(name(2), answer(None, [127, 0, 0, 1]));
    Warning "instance: address":
        it => it.resolves(name(2), answer(None, [54, 1, 2, 3]));
    Error "instance: address":
        it => {
            for name in [ENDPOINT.to_owned(), name(1)] {
                let alias = (name == ENDPOINT).then_some(1);
                it.resolves(name, answer(alias, [169, 254, 1, 1]));
            }
        };
    Warning "instance: address":
        it => {
            it.instances()[1].publicly_accessible = true;
            it.resolves(name(2), answer(None, [127, 0, 0, 1]));
        };
    Note "instance: publicly accessible":
        it => it.instances()[1].publicly_accessible = true;
    Error "instance: publicly accessible":
        it => {
            it.instances()[1].publicly_accessible = true;
            it.resolves(name(2), answer(None, [54, 1, 2, 3]));
        };
];
