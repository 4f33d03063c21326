//! What `examples/` gives the templates: parameters that they have, and a path as they make it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value};

use crate::plain::{PRIVATELINK, plain};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
}

/// The template that a release has.
fn released() -> Value {
    let path = format!("{}/template.yaml", env!("CARGO_MANIFEST_DIR"));
    plain(&path, "parameters")
}

/// A folder's blocks of Terraform, as python-hcl2 reads them: kind, labels and arguments.
fn terraform() -> Vec<(String, Vec<String>, Value)> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/templates/terraform.py");
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/venv");
    let venv = Command::new(venv)
        .arg("terraform")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let venv = String::from_utf8(venv.stdout).unwrap();
    let output = Command::new(format!("{}/bin/python", venv.trim()))
        .arg(script)
        .arg(folder("terraform"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A resource of the only one of its type.
fn resource(of_type: &str) -> Value {
    let blocks = terraform().into_iter();
    let mut found = blocks.filter(|(kind, labels, _)| kind == "resource" && labels[0] == of_type);
    let (_, _, arguments) = found.next().unwrap();
    assert!(found.next().is_none(), "two of {of_type}");
    arguments
}

/// Each is a parameter of the release's template, and none that has no default is missing.
#[track_caller]
fn assert_parameters(given: &Map<String, Value>) {
    let template = released();
    let declared = template["Parameters"].as_object().unwrap();
    for name in given.keys() {
        assert!(declared.contains_key(name), "no parameter {name}");
    }
    for (name, parameter) in declared {
        let has_value = given.contains_key(name) || !parameter["Default"].is_null();
        assert!(has_value, "{name} is asked for, and not given");
    }
    let processor = given["Architecture"].as_str().unwrap();
    let key = given["CodeKey"].as_str().unwrap();
    assert!(
        key.ends_with(&format!("-{processor}-function.zip")),
        "{key}"
    );
}

#[test]
fn terraforms_stack_is_given_parameters_that_the_template_has() {
    let stack = resource("aws_cloudformation_stack");
    assert_parameters(stack["parameters"].as_object().unwrap());
    let body = stack["template_url"].as_str().unwrap();
    assert!(body.ends_with("-template.json"), "{body}");
}

#[test]
fn the_cdks_template_is_given_parameters_that_it_has() {
    let text = fs::read_to_string(folder("cdk").join("cdk.json")).unwrap();
    let settings: Value = serde_json::from_str(&text).unwrap();
    let context = &settings["context"];
    assert_parameters(context["parameters"].as_object().unwrap());
    let template = context["template"].as_str().unwrap();
    assert!(template.ends_with("-template.json"), "{template}");
    let app = fs::read_to_string(folder("cdk").join("app.mjs")).unwrap();
    for name in ["template", "parameters"] {
        assert!(app.contains(&format!("getContext('{name}')")), "{name}");
    }
}

#[test]
fn terraforms_variables_are_used_and_what_is_used_is_one() {
    let blocks = terraform();
    let text = serde_json::to_string(&blocks).unwrap();
    let variables = blocks.iter().filter(|(kind, ..)| kind == "variable");
    let declared: Vec<&str> = variables.map(|(_, labels, _)| &*labels[0]).collect();
    for name in &declared {
        assert!(text.contains(&format!("var.{name}")), "{name} is not used");
    }
    for used in text.split("var.").skip(1) {
        let end = used.find(|one: char| !one.is_ascii_alphanumeric() && one != '_');
        let name = &used[..end.unwrap()];
        assert!(declared.contains(&name), "no variable {name}");
    }
}

/// As text: Terraform has `0` and `true` where `CloudFormation` has "0" and "true".
fn written(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn terraforms_group_is_the_templates_and_nothing_of_terraforms_registers_in_it() {
    let types = terraform().into_iter();
    let mut types = types.filter_map(|(kind, labels, _)| (kind == "resource").then_some(labels));
    assert!(types.all(|labels| !labels[0].contains("attachment")));

    let group = resource("aws_lb_target_group");
    let template = &PRIVATELINK["Resources"]["TargetGroup"]["Properties"];
    let attribute = |key: &str| {
        let all = template["TargetGroupAttributes"].as_array().unwrap();
        let one = all.iter().find(|one| one["Key"] == key).unwrap();
        one["Value"].clone()
    };
    let health = |key: &str| group["health_check"][0][key].clone();
    let unhealthy = &group["target_health_state"][0]["enable_unhealthy_connection_termination"];
    let port = PRIVATELINK["Parameters"]["HealthCheckPort"]["Default"].clone();
    for (theirs, ours) in [
        (&group["target_type"], template["TargetType"].clone()),
        (&group["protocol"], template["Protocol"].clone()),
        (
            &group["deregistration_delay"],
            attribute("deregistration_delay.timeout_seconds"),
        ),
        (
            &group["connection_termination"],
            attribute("deregistration_delay.connection_termination.enabled"),
        ),
        (
            unhealthy,
            attribute("target_health_state.unhealthy.connection_termination.enabled"),
        ),
        (
            &group["proxy_protocol_v2"],
            attribute("proxy_protocol_v2.enabled"),
        ),
        (
            &group["preserve_client_ip"],
            attribute("preserve_client_ip.enabled"),
        ),
        (
            &group["load_balancing_cross_zone_enabled"],
            attribute("load_balancing.cross_zone.enabled"),
        ),
        (&health("protocol"), template["HealthCheckProtocol"].clone()),
        (&health("port"), port),
        (
            &health("interval"),
            template["HealthCheckIntervalSeconds"].clone(),
        ),
        (
            &health("timeout"),
            template["HealthCheckTimeoutSeconds"].clone(),
        ),
        (
            &health("healthy_threshold"),
            template["HealthyThresholdCount"].clone(),
        ),
        (
            &health("unhealthy_threshold"),
            template["UnhealthyThresholdCount"].clone(),
        ),
    ] {
        assert_eq!(written(theirs), written(&ours));
    }
    let balancer = resource("aws_lb");
    let rule = "enforce_security_group_inbound_rules_on_private_link_traffic";
    let template = &PRIVATELINK["Resources"]["LoadBalancer"]["Properties"];
    let ours = &template["EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"];
    assert_eq!(balancer[rule], *ours);
    assert_eq!(balancer["internal"], true);
    assert_eq!(balancer["enable_cross_zone_load_balancing"], true);
}
