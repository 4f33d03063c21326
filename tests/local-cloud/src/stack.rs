//! Stacks of resources, made from templates by moto's `CloudFormation`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cloud::{Cloud, REGION};
use crate::query;

/// Where the parts of a deployment lie that `CloudFormation` fetches itself, the function's code
/// and nested templates.
const BUCKET: &str = "deployment";

/// What `CloudFormation` made.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// The physical id of each resource, by its name in the template. What a condition left out is
    /// not there.
    pub resources: BTreeMap<String, String>,
}

impl Stack {
    /// A resource's physical id.
    ///
    /// # Errors
    ///
    /// If the template makes no such resource, or a condition leaves it out.
    pub fn resource(&self, name: &str) -> Result<&str> {
        let id = self.resources.get(name);
        id.map(String::as_str)
            .with_context(|| format!("no {name} among {:?}", self.resources.keys()))
    }
}

impl Cloud {
    /// Where [`stage`](Self::stage) puts a part of a deployment.
    #[must_use]
    pub fn staged_at(key: &str) -> String {
        format!("s3://{BUCKET}/{key}")
    }

    /// Puts parts of a deployment where `CloudFormation` finds them, as `sam deploy` does.
    ///
    /// # Errors
    ///
    /// If moto's S3 refuses one.
    pub async fn stage(&self, parts: &[(String, String)]) -> Result<()> {
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        self.put(&format!("/{BUCKET}"), place).await?;
        for (key, body) in parts {
            self.put(&format!("/{BUCKET}/{key}"), body.clone()).await?;
        }
        Ok(())
    }

    /// Creates a stack from a plain template, that is after SAM's transformation, in a cloud that
    /// was [started for it](Self::start_with_cloudformation).
    ///
    /// # Errors
    ///
    /// If `CloudFormation`, or the service of a resource, refuses anything of it.
    pub async fn create_stack(
        &self,
        name: &str,
        template: &Value,
        parameters: &[(&str, &str)],
    ) -> Result<Stack> {
        let mut asked = vec![
            ("StackName".to_owned(), name.to_owned()),
            ("TemplateBody".to_owned(), template.to_string()),
        ];
        for (n, (key, value)) in (1..).zip(parameters) {
            let member = format!("Parameters.member.{n}.Parameter");
            asked.push((format!("{member}Key"), (*key).to_owned()));
            asked.push((format!("{member}Value"), (*value).to_owned()));
        }
        let asked: Vec<_> = asked
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        self.api("cloudformation", "CreateStack", &asked).await?;
        self.stack(name).await
    }

    /// A stack that is there, a nested one say, by its name.
    ///
    /// # Errors
    ///
    /// If it is not there or not complete.
    pub async fn stack(&self, name: &str) -> Result<Stack> {
        let named = [("StackName", name)];
        let service = "cloudformation";
        let stack = self.api(service, "DescribeStacks", &named).await?;
        let status = query::text(&stack, "StackStatus");
        ensure!(status == Some("CREATE_COMPLETE"), "{name} is {status:?}");
        let resources = self.api(service, "DescribeStackResources", &named).await?;
        Ok(Stack {
            outputs: pairs(&stack, "OutputKey", "OutputValue"),
            resources: pairs(&resources, "LogicalResourceId", "PhysicalResourceId"),
        })
    }
}

/// What each member of a list has under two names, where it has both.
fn pairs(xml: &str, key: &str, value: &str) -> BTreeMap<String, String> {
    let members = xml.split("<member>").skip(1);
    let owned = |text: &str| {
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    };
    members
        .filter_map(|member| {
            Some((
                owned(query::text(member, key)?),
                owned(query::text(member, value)?),
            ))
        })
        .collect()
}
