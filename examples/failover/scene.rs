//! What happens in the world around an event.

use std::net::Ipv4Addr;
use std::time::Duration;

use local_cloud::{Cloud, INSTANCE_1, INSTANCE_2, REGION};
use serde_json::Value;
use tokio::time::sleep;

use crate::Result;
use crate::stage::{Notes, Who};

/// The instance that a blue/green switchover brings.
const GREEN: &str = "aurora-source-instance-3";

/// A story that fits an event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scene {
    /// The failover's start is announced; the API follows, then DNS.
    Announced,
    /// The failover's end is announced; DNS is late.
    Completed,
    /// A failover did not come about, after its start had emptied the group.
    Failed,
    /// The Writer has another address.
    NewAddress,
    /// The cluster consists of other instances.
    Switchover,
    /// Nothing that moves the Writer.
    Quiet,
    /// A failover of which nobody told.
    Missed,
}

impl Scene {
    pub(crate) fn of(event: &str) -> Self {
        let says = |words: &str| event.contains(words);
        match () {
            () if says("RDS-EVENT-0069") || says("RDS-EVENT-0070") => Self::Failed,
            () if says("instance class") => Self::NewAddress,
            () if says("Switchover") => Self::Switchover,
            () if says("Completed") || says("new writer was promoted") => Self::Completed,
            () if says("Started") && says("failover") => Self::Announced,
            () if says("Backing up") => Self::Quiet,
            () => Self::Missed,
        }
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Announced => "the start of a failover is announced",
            Self::Completed => "the end of a failover is announced, while DNS is still behind",
            Self::Failed => "a failover had emptied the group and did not come about",
            Self::NewAddress => "the Writer comes back with another address",
            Self::Switchover => "a switchover replaces the cluster's instances",
            Self::Quiet => "nothing moved",
            Self::Missed => "nobody announced this failover",
        }
    }

    /// What was so before anybody looked.
    pub(crate) async fn prepare(self, cloud: &Cloud) -> Result<()> {
        match self {
            Self::Failed => cloud.set_targets(&[]).await?,
            Self::Switchover => {
                cloud
                    .add_instance(GREEN, Ipv4Addr::new(10, 0, 1, 33))
                    .await?;
            }
            _ => {}
        }
        Ok(())
    }

    pub(crate) async fn before_the_event(self, cloud: &Cloud, notes: &Notes) -> Result<()> {
        match self {
            Self::Announced | Self::Failed | Self::Quiet => Ok(()),
            Self::Completed => fail_over(cloud, notes, INSTANCE_2).await,
            Self::Missed => {
                fail_over(cloud, notes, INSTANCE_2).await?;
                move_cname(cloud, notes, INSTANCE_2);
                Ok(())
            }
            Self::NewAddress => {
                cloud.set_address(INSTANCE_1, Ipv4Addr::new(10, 0, 1, 77));
                notes.say(Who::Dns, &format!("{INSTANCE_1} is now at 10.0.1.77"));
                Ok(())
            }
            Self::Switchover => {
                fail_over(cloud, notes, GREEN).await?;
                cloud.remove_instance(INSTANCE_1).await?;
                cloud.remove_instance(INSTANCE_2).await?;
                // They live on, and so does the endpoint that the CNAME still leads to.
                cloud.set_address(INSTANCE_1, Ipv4Addr::new(10, 0, 1, 11));
                notes.say(Who::Rds, "the old instances left the cluster");
                Ok(())
            }
        }
    }

    pub(crate) async fn after_the_event(self, cloud: &Cloud, notes: &Notes) -> Result<()> {
        match self {
            Self::Announced => {
                sleep(Duration::from_secs(3)).await;
                fail_over(cloud, notes, INSTANCE_2).await?;
                sleep(Duration::from_secs(4)).await;
                move_cname(cloud, notes, INSTANCE_2);
            }
            Self::Completed => {
                sleep(Duration::from_secs(4)).await;
                move_cname(cloud, notes, INSTANCE_2);
            }
            Self::Switchover => {
                sleep(Duration::from_secs(3)).await;
                move_cname(cloud, notes, GREEN);
            }
            Self::Failed | Self::NewAddress | Self::Quiet | Self::Missed => {}
        }
        Ok(())
    }
}

async fn fail_over(cloud: &Cloud, notes: &Notes, to: &str) -> Result<()> {
    cloud.fail_over(to).await?;
    notes.say(Who::Rds, &format!("the API calls {to} the Writer"));
    Ok(())
}

fn move_cname(cloud: &Cloud, notes: &Notes, to: &str) {
    cloud.move_cname(to);
    notes.say(Who::Dns, &format!("the cluster endpoint leads to {to}"));
}

/// What an event says, in a line for a person.
pub(crate) fn headline(payload: &str) -> String {
    let event: Value = serde_json::from_str(payload).unwrap_or_default();
    let records = event["Records"].as_array().into_iter().flatten();
    let messages: Vec<String> = records
        .filter_map(|record| record["Sns"]["Message"].as_str())
        .map(|message| {
            let inside: Value = serde_json::from_str(message).unwrap_or_default();
            format!("“{}”", inside["Event Message"].as_str().unwrap_or(message))
        })
        .collect();
    if !messages.is_empty() {
        return format!("SNS: {}", messages.join(", "));
    }
    match (
        event["detail"]["Message"].as_str(),
        event["detail-type"].as_str(),
    ) {
        (Some(message), _) => format!("EventBridge: “{message}”"),
        (None, Some(kind)) => format!("EventBridge: {kind} in {REGION}"),
        (None, None) => format!("by hand: {}", payload.trim()),
    }
}
