//! The commands of the documents, as the SAM CLI's own parser reads them; and `tools/event`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use chrono::Utc;
use failover_follower::route::{ClusterId, GroupHolds, Route, TargetGroupArn};
use failover_follower::source::SourceId;
use failover_follower::trigger::{Kind, read};
use serde_json::{Value, json};

use crate::payload::{event, names};

/// Every `sam` command that a reader is shown, parsed.
static COMMANDS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let python = output("tools/venv", &["sam"]);
    let python = format!("{}/bin/python", python.trim());
    let mut files = vec!["README.md".to_owned(), "README.ja.md".to_owned()];
    files.push("samconfig.toml".to_owned());
    for document in root().join("docs").read_dir().unwrap() {
        let path = document.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path.to_str().unwrap().to_owned());
        }
    }
    let script = "tests/templates/sam_commands.py".to_owned();
    let arguments: Vec<String> = [script].into_iter().chain(files).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let parsed = output(&python, &arguments);
    parsed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
});

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(root().join(program))
        .args(arguments)
        .current_dir(root())
        .env("SAM_CLI_TELEMETRY", "0")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn commands(first: &'static str) -> impl Iterator<Item = &'static Value> {
    COMMANDS
        .iter()
        .filter(move |found| found["command"][0] == first)
}

#[test]
fn every_sam_command_shown_is_one_and_its_options_exist() {
    let wrong: Vec<&Value> = COMMANDS
        .iter()
        .filter(|found| !found["error"].is_null())
        .collect();
    assert_eq!(wrong, Vec::<&Value>::new());
    for command in ["build", "deploy", "remote", "logs", "local", "delete"] {
        assert!(commands(command).count() > 0, "no `sam {command}` is shown");
    }
}

#[test]
fn what_comes_after_the_deployment_finds_the_stack() {
    for command in ["deploy", "remote", "logs", "delete"] {
        for found in commands(command) {
            assert!(found["parameters"]["stack_name"].is_string(), "{found}");
        }
    }
}

/// `sam build` reads the processor where `sam deploy` reads it, so one can't be built for and the
/// other deployed.
#[test]
fn what_is_built_is_what_is_deployed() {
    let environments = |command, overrides: &str| -> Vec<(Value, Value)> {
        let found = commands(command).map(|found| &found["parameters"]);
        found
            .filter(|one| !one["parameter_overrides"][overrides].is_null())
            .map(|one| {
                (
                    one["config_env"].clone(),
                    one["parameter_overrides"].clone(),
                )
            })
            .collect()
    };
    let built = environments("build", "Architecture");
    for (environment, overrides) in environments("deploy", "Architecture") {
        assert!(built.contains(&(environment, overrides)));
    }
    for environment in ["default", "all-in-one"] {
        assert!(built.iter().any(|(built, _)| built == environment));
    }
}

const GROUP: &str = "arn:aws-cn:elasticloadbalancing:cn-north-1:210987654321:\
    targetgroup/orders/0123456789abcdef";

/// What the function makes of an event: each trigger's kind, and whether it concerns the route.
fn triggers(event: &Value, cluster: &str, group: &str) -> Vec<(Kind, bool)> {
    let route = Route {
        source: SourceId::Cluster(ClusterId::parse(cluster).unwrap()),
        group: TargetGroupArn::parse(group).unwrap(),
        endpoint: None,
        holds: GroupHolds::Writer,
        replication_user: None,
    };
    let triggers = read(event, Utc::now()).into_iter();
    triggers
        .map(|one| (one.kind, one.concerns(&route)))
        .collect()
}

#[test]
fn any_event_can_be_had_for_a_cluster_and_a_target_group_of_ones_own() {
    let (cluster, group) = env_json();
    for name in names() {
        let printed = output("tools/event", &[&name, "orders", GROUP]);
        for filed in [
            "123456789012",
            "ap-northeast-1",
            "aurora-source",
            "arn:aws:",
        ] {
            assert!(!printed.contains(filed), "{name}: {printed}");
        }
        let printed = serde_json::from_str(&printed).unwrap();
        assert_eq!(
            triggers(&printed, "orders", GROUP),
            triggers(&event(&name), &cluster, &group),
            "{name}"
        );
        for age in read(&printed, Utc::now()).iter().filter_map(|one| one.age) {
            assert!(age < Duration::from_mins(1), "{name}: {age:?}");
        }
    }
}

#[test]
fn an_event_can_name_another_instance() {
    let printed = output(
        "tools/event",
        &["failover", "orders", GROUP, "aurora-source-2"],
    );
    assert!(
        printed.contains("failover to DB instance: aurora-source-2"),
        "{printed}"
    );
    assert!(printed.contains("cluster:orders"), "{printed}");
}

/// Who replays a file as it stands, with `env.json` as it stands, sees it taken for an event of the
/// cluster.
#[test]
fn the_events_are_about_what_env_json_names() {
    let (cluster, group) = env_json();
    for name in names() {
        let printed = output("tools/event", &[&name, &cluster, &group]);
        let mut printed: Value = serde_json::from_str(&printed).unwrap();
        let mut filed = event(&name);
        undated(&mut printed);
        undated(&mut filed);
        assert_eq!(printed, filed, "{name}");
    }
}

/// The cluster and the target group of `env.json`.
fn env_json() -> (String, String) {
    let environment = fs::read_to_string(root().join("env.json")).unwrap();
    let environment: Value = serde_json::from_str(&environment).unwrap();
    let text = |name: &str| environment["Follower"][name].as_str().unwrap().to_owned();
    (text("DB_CLUSTER_IDENTIFIER"), text("TARGET_GROUP_ARN"))
}

/// An event with every digit of its times, and of whatever else has digits, made the same.
fn undated(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with("2026-") || text.contains("Event Time") => {
            *value = json!(text.replace(|one: char| one.is_ascii_digit(), "0"));
        }
        Value::Array(many) => many.iter_mut().for_each(undated),
        Value::Object(map) => map.values_mut().for_each(undated),
        _ => {}
    }
}
