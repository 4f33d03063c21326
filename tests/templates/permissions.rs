//! The function's role allows every request that the function makes, and nothing else.
//!
//! The requests are the function's own, as `seen` has them. By what IAM judges each of them, and
//! whether a statement can have any effect at all, is AWS's own word (`reference`).

use std::collections::{BTreeMap, BTreeSet};

use local_cloud::{CLUSTER, REGION};
use serde_json::{Value, json};

use crate::iam::{Asked, Statement, matches, may, statements};
use crate::intrinsic::{ACCOUNT, Template};
use crate::plain::TEMPLATE;
use crate::reference::action;
use crate::request::Request;
use crate::seen::{Seen, seen};

/// Statements for Lambda itself, which acts as the function's role before, beside and after its
/// code.
const LAMBDAS_OWN: [(&str, &str); 5] = [
    ("Log", "Lambda writes down what the code prints"),
    ("KeepWhatFailed", "the OnFailure destination"),
    ("EncryptWhatFailed", "the OnFailure destination, with a key"),
    ("SendTheReport", "the OnSuccess destination"),
    (
        "LambdaMakesItsInterfaces",
        "Lambda attaches the function to a VPC before any of its code runs",
    ),
];

/// A key of a company's own.
pub(crate) const KEY: &str = "arn:aws:kms:ap-northeast-1:123456789012:key/1234abcd";

/// The condition key that every request of a function's code has.
const CODE: &str = "lambda:SourceFunctionArn";

/// Actions that are asked about one resource and granted on all of its kind, and why.
const GRANTED_ON_ALL: [(&str, &str); 3] = [
    (
        "rds:DescribeDBClusterParameters",
        "the cluster may be given another parameter group at any time",
    ),
    (
        "rds:DescribeDBParameters",
        "and so may each of its instances",
    ),
    (
        "ec2:DescribeVpcEndpointServicePermissions",
        "which service is in front of the load balancer has to be asked first",
    ),
];

/// Parameters with which no condition leaves anything of the role out, for what was seen.
pub(crate) fn everything(seen: &Seen) -> [(&str, &str); 7] {
    [
        ("DBClusterIdentifier", CLUSTER),
        ("TargetGroupArn", &seen.target_group_arn),
        ("SubnetIds", "subnet-0a,subnet-0b"),
        ("SecurityGroupIds", "sg-0a"),
        ("NotificationEmail", "somebody@example.com"),
        ("ReservedConcurrency", "20"),
        ("KmsKeyArn", KEY),
    ]
}

fn deployed(seen: &Seen) -> Template {
    Template::new(&TEMPLATE, &everything(seen))
}

/// The statements of the function's role.
fn role(template: &Template) -> Vec<Statement> {
    let function = &template.resources("AWS::Lambda::Function")["Follower"];
    assert_eq!(function["Role"], Template::attribute("FollowerRole", "Arn"));
    role_named("FollowerRole", template)
}

/// The statements of a role: the policies in it, and those that are attached to it.
pub(crate) fn role_named(name: &str, template: &Template) -> Vec<Statement> {
    let roles = template.resources("AWS::IAM::Role");
    let role = &roles[name];
    assert_eq!(role["ManagedPolicyArns"], Value::Null);
    for elsewhere in ["AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"] {
        assert!(template.resources(elsewhere).is_empty(), "{elsewhere}");
    }
    let name = json!(Template::attribute(name, "Ref"));
    let attached = template.resources("AWS::IAM::Policy");
    let attached = attached
        .values()
        .filter(|policy| policy["Roles"].as_array().unwrap().contains(&name));
    let inside = role["Policies"].as_array().unwrap();
    let policies = inside.iter().chain(attached);
    policies
        .flat_map(|policy| statements(&policy["PolicyDocument"]))
        .collect()
}

fn is_lambdas_own(statement: &Statement) -> bool {
    LAMBDAS_OWN.iter().any(|(sid, _)| statement.sid == *sid)
}

/// What is wrong with a role, given what the function asks for.
fn findings(role: &[Statement], requests: &BTreeSet<Request>) -> Vec<String> {
    let (_, codes): (Vec<&Statement>, Vec<&Statement>) =
        role.iter().partition(|statement| is_lambdas_own(statement));
    let context = code();
    let allowed = |action: &str, resource: &str| {
        let asked = Asked {
            action,
            resource,
            context: &context,
        };
        may(codes.iter().copied(), &asked)
    };
    let mut findings: Vec<String> = role.iter().flat_map(without_effect).collect();
    for request in requests {
        let Request { action, resource } = request;
        if !allowed(action, resource) {
            findings.push(format!("{action} on {resource} is not allowed"));
        }
        for other in others(request) {
            if allowed(action, &other) {
                findings.push(format!("{action} is allowed on {other} too"));
            }
        }
    }
    for statement in codes.iter().filter(|statement| statement.allows) {
        for action in &statement.actions {
            for resource in &statement.resources {
                let used = requests
                    .iter()
                    .any(|seen| seen.action == *action && matches(resource, &seen.resource));
                if !used {
                    let sid = &statement.sid;
                    findings.push(format!("{sid} allows {action} on {resource}, never used"));
                }
            }
        }
    }
    findings
}

/// What of a statement IAM can never match.
fn without_effect(statement: &Statement) -> Vec<String> {
    let Statement {
        sid,
        actions,
        resources,
        ..
    } = statement;
    let mut findings = Vec::new();
    for name in actions.iter().filter(|name| !name.contains('*')) {
        let Some(action) = action(name) else {
            findings.push(format!("{sid} names {name}, which IAM doesn't know"));
            continue;
        };
        // What the stack makes itself is named without its kind.
        let takes = |resource: &String| !resource.starts_with("arn:aws") || action.takes(resource);
        for resource in resources.iter().filter(|resource| !takes(resource)) {
            findings.push(format!("{sid} names {resource}, which {name} doesn't take"));
        }
        let knows = |key: &str| key == CODE || action.condition_keys.contains(key);
        for key in statement.condition_keys().filter(|key| !knows(key)) {
            findings.push(format!("{sid} asks for {key}, which {name} doesn't know"));
        }
    }
    findings
}

/// What IAM knows of a request that comes from the function's code.
fn code() -> BTreeMap<&'static str, String> {
    let function = Template::attribute("Follower", "Arn");
    [(CODE, function)].into()
}

/// Resources like the one that is asked about, which are none of the function's business.
fn others(request: &Request) -> Vec<String> {
    let Request { action, resource } = request;
    if resource == "*" {
        return Vec::new(); // The action takes no resource, so nothing can be narrower.
    }
    let mut others = vec![
        resource.replace(ACCOUNT, "210987654321"),
        resource.replace(REGION, "us-east-1"),
    ];
    let asks_about_all = resource.ends_with(":*");
    if !asks_about_all && !GRANTED_ON_ALL.iter().any(|(all, _)| all == action) {
        let (kind, _) = resource.rsplit_once([':', '/']).unwrap();
        others.push(format!("{resource}-2"));
        others.push(format!("{kind}:another"));
        others.push(format!("{kind}/0123456789abcdef"));
    }
    // What the stack makes itself is named without account and Region.
    others.retain(|other| other != resource);
    others
}

#[tokio::test]
async fn the_function_may_do_all_that_it_does_and_nothing_else() {
    let seen = seen().await;
    let role = role(&deployed(seen));
    assert_eq!(findings(&role, &seen.requests), Vec::<String>::new());
}

/// The test above can fail: each of these is a mistake that it notices.
#[tokio::test]
async fn one_permission_more_or_less_is_noticed() {
    let seen = seen().await;
    let group = &seen.target_group_arn;
    let template = deployed(seen);
    let found = |change: &dyn Fn(&mut Value)| {
        let changed = template.changed(|template| {
            let policies = &mut template["Resources"]["FollowerRole"]["Properties"]["Policies"];
            change(&mut policies[0]["PolicyDocument"]["Statement"]);
        });
        findings(&role(&changed), &seen.requests)
    };

    let write = "elasticloadbalancing:RegisterTargets";
    assert_eq!(
        found(&|follow| follow[0]["Action"] = json!("elasticloadbalancing:DeregisterTargets")),
        [format!("{write} on {group} is not allowed")]
    );
    let reboot = "rds:RebootDBCluster";
    let cluster = format!("arn:aws:rds:{REGION}:{ACCOUNT}:cluster:{CLUSTER}");
    assert_eq!(
        found(&|follow| {
            statement(follow, 2)["Action"] = json!(["rds:DescribeDBClusters", reboot]);
        }),
        [format!(
            "ReadThisCluster allows {reboot} on {cluster}, never used"
        )]
    );
    let health = "elasticloadbalancing:DescribeTargetHealth";
    assert_eq!(
        found(&|follow| follow[1]["Resource"] = json!({"Ref": "TargetGroupArn"})),
        [
            format!("ReadTargetHealth names {group}, which {health} doesn't take"),
            format!("{health} on * is not allowed"),
            format!("ReadTargetHealth allows {health} on {group}, never used"),
        ]
    );
    let misspelt = found(&|follow| follow[1]["Action"] = json!("rds:DescribeTargets"));
    let unknown = "ReadTargetHealth names rds:DescribeTargets, which IAM doesn't know";
    assert_eq!(misspelt[0], unknown);
    let key = "elasticloadbalancing:ListenerProtocol";
    let narrowed = found(&|follow| follow[0]["Condition"] = json!({"ArnLike": {key: "TCP"}}));
    let unknown = format!("WriteThisTargetGroupOnly asks for {key}, which {write} doesn't know");
    assert_eq!(narrowed[0], unknown);
    for (number, wider) in [
        (0, json!("*")),
        (0, json!({"Fn::Sub": "${TargetGroupArn}*"})),
        (
            2,
            json!({"Fn::Sub": "arn:aws:rds:${AWS::Region}:${AWS::AccountId}:cluster:*"}),
        ),
        (3, json!("arn:aws:rds:*:*:db:*")),
    ] {
        let found = found(&|follow| statement(follow, number)["Resource"] = wider.clone());
        let too = found
            .iter()
            .any(|finding| finding.contains("is allowed on"));
        assert!(too, "{wider}: {found:?}");
    }
    let wild = found(&|follow| follow[3]["Action"] = json!("rds:Describe*"));
    assert!(wild[0].contains("allows rds:Describe* on"), "{wild:?}");
}

/// A statement by its place; one that is left out for an instance is in the other branch.
fn statement(follow: &mut Value, number: usize) -> &mut Value {
    let statement = &mut follow[number];
    if statement.get("Fn::If").is_some() {
        return &mut statement["Fn::If"][2];
    }
    statement
}

#[tokio::test]
async fn what_is_lambdas_own_is_no_use_to_the_code() {
    let seen = seen().await;
    let role = role(&deployed(seen));
    for (sid, reason) in LAMBDAS_OWN {
        let statement = role.iter().find(|statement| statement.sid == sid);
        let statement = statement.unwrap_or_else(|| panic!("no {sid} ({reason}) any more"));
        for action in &statement.actions {
            let used = seen
                .requests
                .iter()
                .any(|request| request.action == *action);
            assert!(!used, "the function itself uses {action} ({reason})");
        }
    }
    let attaching = |context: &BTreeMap<&str, String>| {
        let action = "ec2:CreateNetworkInterface";
        let resource = "*";
        may(
            &role,
            &Asked {
                action,
                resource,
                context,
            },
        )
    };
    assert!(
        attaching(&BTreeMap::new()),
        "Lambda may attach the function"
    );
    assert!(!attaching(&code()), "and the function's code may not");
}
