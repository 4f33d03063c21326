//! Deployments in a local cloud: the templates as `CloudFormation` makes stacks of them.

use local_cloud::{CLUSTER, Cloud, Stack};
use serde_json::Value;

use crate::plain::{ALL_IN_ONE, CODE, PRIVATELINK, TEMPLATE};
use crate::xml::{text, texts};

/// Asks moto for something that it does not refuse.
pub(crate) async fn ask(
    cloud: &Cloud,
    service: &str,
    action: &str,
    parameters: &[(&str, &str)],
) -> String {
    cloud.api(service, action, parameters).await.unwrap()
}

/// What a deployment is given about the database it is for.
pub(crate) struct Database {
    pub(crate) vpc: String,
    pub(crate) subnets: String,
    pub(crate) security_group: String,
}

impl Database {
    pub(crate) fn parameters(&self) -> [(&str, &str); 3] {
        [
            ("VpcId", &self.vpc),
            ("SubnetIds", &self.subnets),
            ("DatabaseSecurityGroupId", &self.security_group),
        ]
    }
}

/// The VPC and the subnets of the cluster, as RDS tells them, and a security group of its own.
pub(crate) async fn database(cloud: &Cloud) -> Database {
    let told = ask(cloud, "rds", "DescribeDBSubnetGroups", &[]).await;
    let vpc = text(&told, "VpcId").to_owned();
    let group = [
        ("GroupName", "database"),
        ("GroupDescription", "the cluster's"),
        ("VpcId", &vpc),
    ];
    let group = ask(cloud, "ec2", "CreateSecurityGroup", &group).await;
    Database {
        vpc,
        subnets: texts(&told, "SubnetIdentifier").join(","),
        security_group: text(&group, "groupId").to_owned(),
    }
}

/// `privatelink.yaml`, with parameters besides those of the database.
pub(crate) async fn deploy_path(
    cloud: &Cloud,
    database: &Database,
    further: &[(&str, &str)],
) -> Stack {
    let mut parameters = database.parameters().to_vec();
    parameters.extend(further);
    cloud
        .create_stack("path", &PRIVATELINK, &parameters)
        .await
        .unwrap()
}

/// `template.yaml`, with parameters besides those of the route.
pub(crate) async fn deploy_function(
    cloud: &Cloud,
    target_group_arn: &str,
    further: &[(&str, &str)],
) -> Stack {
    stage(cloud, &[]).await;
    let mut parameters = vec![
        ("DBClusterIdentifier", CLUSTER),
        ("TargetGroupArn", target_group_arn),
    ];
    parameters.extend(further);
    cloud
        .create_stack("function", &TEMPLATE, &parameters)
        .await
        .unwrap()
}

/// `all-in-one.yaml`, with nothing but what it asks for; the stacks that are nested in it.
pub(crate) async fn deploy_all_in_one(cloud: &Cloud) -> (Stack, Stack) {
    let database = database(cloud).await;
    let nested = [
        ("privatelink.yaml", &*PRIVATELINK),
        ("template.yaml", &*TEMPLATE),
    ];
    stage(cloud, &nested).await;
    let mut parameters = vec![("DBClusterIdentifier", CLUSTER)];
    parameters.extend(database.parameters());
    let both = cloud
        .create_stack("both", &ALL_IN_ONE, &parameters)
        .await
        .unwrap();
    let path = cloud.stack(both.resource("Path").unwrap()).await.unwrap();
    let function = cloud
        .stack(both.resource("Function").unwrap())
        .await
        .unwrap();
    for (name, value) in both.outputs {
        let inside = path.outputs.get(&name).or(function.outputs.get(&name));
        assert_eq!(inside, Some(&value), "{name}");
    }
    (path, function)
}

/// Uploads what a deployment refers to, as `sam deploy` does. What the zip holds is nobody's
/// business here: the function is run from where it was built.
async fn stage(cloud: &Cloud, nested: &[(&str, &Value)]) {
    let code = (CODE.to_owned(), "a zip".to_owned());
    let nested = nested
        .iter()
        .map(|(name, template)| (format!("{CODE}/{name}"), template.to_string()));
    let parts: Vec<_> = nested.chain([code]).collect();
    cloud.stage(&parts).await.unwrap();
}

/// What Lambda knows of the stack's function.
pub(crate) async fn configuration(cloud: &Cloud, stack: &Stack) -> Value {
    let name = &stack.outputs["FunctionName"];
    let path = format!("/2015-03-31/functions/{name}/configuration");
    cloud.get("lambda", &path).await.unwrap()
}

/// The stack's schedule.
pub(crate) async fn schedule(cloud: &Cloud, stack: &Stack) -> Value {
    let name = stack.resource("FollowerTick").unwrap();
    let path = format!("/schedules/{name}");
    cloud.get("scheduler", &path).await.unwrap()
}
