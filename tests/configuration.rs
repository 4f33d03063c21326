//! Configuration, good and bad, each variable.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use failover_follower::config::{Config, ConfigError, OnFailoverStart, Settings};
use failover_follower::route::{GroupHolds, InstanceId};
use failover_follower::source::SourceId;
use tracing_subscriber::filter::LevelFilter;

const CLUSTER: (&str, &str) = ("DB_CLUSTER_IDENTIFIER", "aurora-source");
const ARN: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/writer/0123456789abcdef";
const GROUP: (&str, &str) = ("TARGET_GROUP_ARN", ARN);

fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_lookup(|name| {
        variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

fn with(variable: &str, value: &str) -> Result<Config, ConfigError> {
    config(&[CLUSTER, GROUP, (variable, value)])
}

#[test]
fn two_variables_are_enough() {
    let config = config(&[CLUSTER, GROUP]).unwrap();
    assert_eq!(config.routes.len(), 1);
    assert_eq!(config.routes[0].source.as_str(), "aurora-source");
    assert_eq!(config.routes[0].group.as_str(), ARN);
    assert_eq!(config.settings, Settings::default());
    assert_eq!(config.settings.on_failover_start, OnFailoverStart::Detach);
    assert_eq!(config.settings.longest_watch, Duration::from_mins(2));
    assert_eq!(config.settings.poll_interval, Duration::from_secs(1));
    assert_eq!(config.dns_server, None);
    assert_eq!(config.log_level, LevelFilter::INFO);
}

#[test]
fn each_variable_is_read() {
    assert_eq!(
        with("ON_FAILOVER_START", "wait")
            .unwrap()
            .settings
            .on_failover_start,
        OnFailoverStart::Wait
    );
    assert_eq!(
        with("WATCH_SECONDS", "30").unwrap().settings.longest_watch,
        Duration::from_secs(30)
    );
    assert_eq!(
        with("POLL_INTERVAL_MS", "250")
            .unwrap()
            .settings
            .poll_interval,
        Duration::from_millis(250)
    );
    assert_eq!(
        with("DNS_SERVER", "127.0.0.1:5353").unwrap().dns_server,
        Some("127.0.0.1:5353".parse().unwrap())
    );
    let name = "aurora-source.cluster-xyz.eu-west-1.rds.amazonaws.com";
    let endpoint = with("DB_CLUSTER_ENDPOINT", name).unwrap().routes[0]
        .endpoint
        .clone()
        .unwrap();
    assert_eq!((endpoint.name.as_str(), endpoint.port), (name, 3306));
    assert!(with("DRY_RUN", "true").unwrap().settings.dry_run);
    assert!(!with("DRY_RUN", "False").unwrap().settings.dry_run);
    assert_eq!(
        with("LOG_LEVEL", "DEBUG").unwrap().log_level,
        LevelFilter::DEBUG
    );
}

#[test]
fn an_empty_value_is_none_since_a_template_cannot_leave_a_variable_out() {
    for variable in [
        "ROUTES",
        "ON_FAILOVER_START",
        "WATCH_SECONDS",
        "POLL_INTERVAL_MS",
        "DNS_SERVER",
        "DRY_RUN",
        "LOG_LEVEL",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_EC2",
        "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2",
        "AWS_ENDPOINT_URL_RDS",
        "AWS_ENDPOINT_URL_SNS",
        "AWS_ENDPOINT_URL_STS",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "DB_CLUSTER_ENDPOINT",
        "DB_INSTANCE_IDENTIFIER",
        "GROUP_HOLDS",
        "REPLICATION_USER",
    ] {
        assert_eq!(with(variable, " "), config(&[CLUSTER, GROUP]), "{variable}");
    }
}

#[test]
fn a_group_holds_the_writer_unless_it_is_told_to_hold_members() {
    let user = ("REPLICATION_USER", "rpluser001");
    for (variables, holds, guarded) in [
        (vec![CLUSTER, GROUP], GroupHolds::Writer, None),
        (vec![CLUSTER, GROUP, user], GroupHolds::Writer, None),
        (
            vec![CLUSTER, GROUP, user, ("GROUP_HOLDS", "members")],
            GroupHolds::Members,
            Some("rpluser001"),
        ),
    ] {
        let route = &config(&variables).unwrap().routes[0];
        assert_eq!(route.holds, holds);
        assert_eq!(route.guarded_user(), guarded);
    }
}

#[test]
fn each_route_may_hold_something_else_for_another_user() {
    let other = ARN.replace("/writer/", "/other/");
    let routes = format!(
        r#"[{{"dbClusterIdentifier": "one", "targetGroupArn": "{ARN}"}},
            {{"dbClusterIdentifier": "two", "targetGroupArn": "{other}", "groupHolds": "writer", "replicationUser": "rpl_two"}}]"#
    );
    let variables = [
        ("ROUTES", routes.as_str()),
        ("GROUP_HOLDS", "members"),
        ("REPLICATION_USER", "rpluser001"),
    ];
    let routes = config(&variables).unwrap().routes;
    assert_eq!(routes[0].guarded_user(), Some("rpluser001"));
    assert_eq!(routes[1].guarded_user(), None);
    assert_eq!(routes[1].replication_user.as_deref(), Some("rpl_two"));
}

#[test]
fn members_need_the_user_that_they_refuse() {
    let missing = |variables: &[(&str, &str)]| config(variables).unwrap_err().to_string();
    let told = missing(&[CLUSTER, GROUP, ("GROUP_HOLDS", "members")]);
    assert!(told.starts_with("REPLICATION_USER is missing"), "{told}");
    assert!(told.ends_with("where a group holds members"), "{told}");
    let route = format!(
        r#"[{{"dbClusterIdentifier": "one", "targetGroupArn": "{ARN}", "groupHolds": "members"}}]"#
    );
    let told = missing(&[("ROUTES", &route)]);
    assert!(told.starts_with("REPLICATION_USER is missing"), "{told}");
    let both = route.replace("members", "both");
    let told = missing(&[("ROUTES", &both)]);
    assert_eq!(
        told,
        r#"ROUTES holds "both"; it should hold a `groupHolds` of writer or members"#
    );
    let instance = [
        ("DB_INSTANCE_IDENTIFIER", "one"),
        GROUP,
        ("GROUP_HOLDS", "members"),
        ("REPLICATION_USER", "rpluser001"),
    ];
    let told = missing(&instance);
    assert_eq!(
        told,
        r#"GROUP_HOLDS holds "members"; it should hold writer for instance `one`, which has no members"#
    );
    let user = route.replace("}]", r#", "replicationUser": "rpl@%"}]"#);
    let told = missing(&[("ROUTES", &user)]);
    assert!(told.starts_with(r#"ROUTES holds "rpl@%""#), "{told}");
}

#[test]
fn an_error_names_the_variable_what_it_held_and_what_it_should_hold() {
    for (variable, held, should) in [
        ("ON_FAILOVER_START", "maybe", "detach or wait"),
        ("GROUP_HOLDS", "both", "writer or members"),
        ("REPLICATION_USER", "rpl@%", "without its host"),
        (
            "WATCH_SECONDS",
            "2m",
            "a whole number of seconds from 0 to 900",
        ),
        ("WATCH_SECONDS", "901", "from 0 to 900"),
        (
            "POLL_INTERVAL_MS",
            "0",
            "a whole number of milliseconds from 1 to 60000",
        ),
        ("POLL_INTERVAL_MS", "-1", "milliseconds"),
        ("DNS_SERVER", "127.0.0.1", "ip:port"),
        ("DRY_RUN", "yes", "true or false"),
        ("LOG_LEVEL", "loud", "debug"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "1", "true or false"),
        (
            "DB_CLUSTER_ENDPOINT",
            "a.cluster-ro-xyz.eu-west-1.rds.amazonaws.com",
            "a cluster's writer endpoint",
        ),
    ] {
        let error = with(variable, held).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{variable} holds {held:?}; it should hold ")),
            "{error}"
        );
        assert!(error.contains(should), "{error}");
    }
    for (variables, variable, should) in [
        (
            vec![("DB_CLUSTER_IDENTIFIER", "9lives"), GROUP],
            "DB_CLUSTER_IDENTIFIER holds \"9lives\"",
            "DB cluster identifier",
        ),
        (
            vec![CLUSTER, ("TARGET_GROUP_ARN", "writer")],
            "TARGET_GROUP_ARN holds \"writer\"",
            "target group's ARN",
        ),
        (
            vec![GROUP],
            "DB_CLUSTER_IDENTIFIER is missing",
            "a cluster's identifier, or DB_INSTANCE_IDENTIFIER an instance's",
        ),
        (
            vec![CLUSTER],
            "TARGET_GROUP_ARN is missing",
            "the ARN of the target group",
        ),
        (vec![], "DB_CLUSTER_IDENTIFIER is missing", "ROUTES"),
    ] {
        let error = config(&variables).unwrap_err().to_string();
        assert!(
            error.contains(variable) && error.contains(should),
            "{error}"
        );
    }
}

#[test]
fn a_url_of_a_service_that_is_none_is_an_error_too() {
    for variable in [
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_EC2",
        "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2",
        "AWS_ENDPOINT_URL_RDS",
        "AWS_ENDPOINT_URL_SNS",
        "AWS_ENDPOINT_URL_STS",
    ] {
        for held in [
            "http://",
            "http://a b",
            "localhost:5000",
            "https:///x",
            "http:/a",
            "http://:80",
            "http://a:b",
            "http://a:99999",
            "http://user@a",
            "http://a?b",
            "http://a#b",
            "ftp://a",
            "a",
        ] {
            let expected = format!(
                "{variable} holds {held:?}; it should hold a URL with http or https and a host, \
                 such as http://127.0.0.1:5000"
            );
            assert_eq!(with(variable, held).unwrap_err().to_string(), expected);
        }
        for url in [
            "http://127.0.0.1:5000",
            "https://vpce-0a.rds.eu-west-1.vpce.amazonaws.com/",
            "http://[::1]:5000/path",
        ] {
            with(variable, url).unwrap();
        }
    }
}

#[test]
fn a_service_without_an_endpoint_of_its_own_is_called_at_that_of_all_if_there_is_one() {
    let of = |variables: &[(&str, &str)], service: &str| {
        let given = [&[CLUSTER, GROUP], variables].concat();
        let endpoints = config(&given).unwrap().endpoints;
        endpoints.of(service).map(str::to_owned)
    };
    let all = ("AWS_ENDPOINT_URL", "http://all");
    let rds = ("AWS_ENDPOINT_URL_RDS", "http://rds");
    assert_eq!(of(&[], "rds"), None);
    assert_eq!(of(&[rds], "rds").as_deref(), Some("http://rds"));
    assert_eq!(of(&[rds], "sts"), None);
    assert_eq!(of(&[all, rds], "rds").as_deref(), Some("http://rds"));
    assert_eq!(of(&[all, rds], "sts").as_deref(), Some("http://all"));
    let empty = ("AWS_ENDPOINT_URL_RDS", "");
    assert_eq!(of(&[all, empty], "rds").as_deref(), Some("http://all"));
    let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    assert_eq!(of(&[all, rds, ignored], "rds"), None);
}

#[test]
fn an_instance_is_followed_in_the_place_of_a_cluster() {
    let instance = ("DB_INSTANCE_IDENTIFIER", "RDS-Source");
    let followed = config(&[instance, GROUP]).unwrap();
    let id = InstanceId::parse("rds-source").unwrap();
    assert_eq!(followed.routes[0].source, SourceId::Instance(id));
    let wrong = |variables: &[(&str, &str)]| config(variables).unwrap_err().to_string();
    let both = wrong(&[CLUSTER, instance, GROUP]);
    assert!(
        both.starts_with("DB_INSTANCE_IDENTIFIER holds \"RDS-Source\"; "),
        "{both}"
    );
    let name = "a.cluster-xyz.eu-west-1.rds.amazonaws.com";
    let endpoint = wrong(&[instance, GROUP, ("DB_CLUSTER_ENDPOINT", name)]);
    assert!(endpoint.contains("nothing for an instance"), "{endpoint}");
    let no_name = wrong(&[("DB_INSTANCE_IDENTIFIER", "9lives"), GROUP]);
    assert!(no_name.contains("a DB instance identifier"), "{no_name}");
}

#[test]
fn routes_may_follow_clusters_and_instances() {
    let other = ARN.replace("writer", "other");
    let route = |source: &str, group: &str| format!(r#"{{{source}, "targetGroupArn": "{group}"}}"#);
    let (cluster, instance) = (
        r#""dbClusterIdentifier": "one""#,
        r#""dbInstanceIdentifier": "two""#,
    );
    let routes = format!("[{}, {}]", route(cluster, ARN), route(instance, &other));
    let routes = config(&[("ROUTES", &routes)]).unwrap().routes;
    let sources: Vec<_> = routes
        .iter()
        .map(|route| route.source.to_string())
        .collect();
    assert_eq!(sources, ["cluster `one`", "instance `two`"]);
    for source in [
        format!("{cluster}, {instance}"),
        r#""dbClusterEndpoint": "x""#.to_owned(),
    ] {
        let routes = format!("[{}]", route(&source, ARN));
        let error = config(&[("ROUTES", &routes)]).unwrap_err().to_string();
        assert!(
            error.contains("either dbClusterIdentifier or dbInstanceIdentifier"),
            "{error}"
        );
    }
}

#[test]
fn routes_are_read_instead_of_the_two() {
    let other = ARN.replace("writer", "other");
    let routes = format!(
        r#"[{{"dbClusterIdentifier": "one", "targetGroupArn": "{ARN}"}}, {{"dbClusterIdentifier": "Two", "targetGroupArn": "{other}"}}]"#
    );
    let config = config(&[("ROUTES", &routes)]).unwrap();
    let clusters: Vec<&str> = config
        .routes
        .iter()
        .map(|route| route.source.as_str())
        .collect();
    assert_eq!(clusters, ["one", "two"]);
}

#[test]
fn bad_routes_say_what_is_wrong() {
    let one = format!(r#"{{"dbClusterIdentifier": "one", "targetGroupArn": "{ARN}"}}"#);
    for (routes, why) in [
        ("one", "expected value"),
        ("[]", "it names no route"),
        (
            r#"[{"dbClusterIdentifier": "one"}]"#,
            "missing field `targetGroupArn`",
        ),
        (&format!("[{one}, {one}]"), "stands twice"),
        (
            &one.replace("one", "9lives")
                .replace('{', "[{")
                .replace('}', "}]"),
            "DB cluster identifier",
        ),
        (
            &format!("[{}]", one.replace("target", "Target")),
            "unknown field",
        ),
    ] {
        let error = config(&[("ROUTES", routes)]).unwrap_err().to_string();
        assert!(
            error.starts_with("ROUTES holds") && error.contains(why),
            "{error}"
        );
    }
    let error = config(&[CLUSTER, GROUP, ("ROUTES", &format!("[{one}]"))])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("DB_CLUSTER_IDENTIFIER") && error.contains("ROUTES"),
        "{error}"
    );
}
