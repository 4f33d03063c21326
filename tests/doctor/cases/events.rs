//! RDS's events on their way.

use failover_follower::doctor::Severity;
use failover_follower::world::Cause;

use super::Case;
use crate::world::{QUEUE, World, error, set, subscription};

pub(super) const EVENTS: &[Case] = cases![
    Unknown "events":
        it => it.invocation.arn = None;
    Warning "events: subscription":
        it => it.subscription().enabled = false;
    Warning "events: subscription":
        it => it.subscription().status = "no-permission".into();
    Warning "events: subscription":
        it => it.subscription().categories = set(["failover"]);
    Warning "events: subscription":
        it => it.subscription().sources = set(["another"]);
    Warning "events: subscription":
        it => it.subscription().topic = "another program's".into();
    Warning "events: subscription":
        it => {
            it.subscription().topic = "another program's".into();
            let mut other = it.topic().clone();
            other.functions = Err(error("sns:ListSubscriptionsByTopic", Cause::Denied));
            it.seen
                .events
                .topics
                .insert("another program's".into(), other);
        };
    Warning "events: quota of subscriptions":
        it => {
            let others = (0..17).map(|_| subscription("db-snapshot"));
            it.seen
                .events
                .subscriptions
                .as_mut()
                .unwrap()
                .extend(others);
        };
    Warning "events: topic's key":
        it => it.topic().key = Ok(Some("alias/aws/sns".into()));
    Unknown "events: topic's key":
        it => it.topic().key = Ok(Some("own".into()));
    Warning "events: queue's key":
        it => {
            let key = Ok(Some("alias/aws/sqs".to_owned()));
            it.seen.events.queues.insert(QUEUE.into(), key);
        };
    Unknown "events: queue's key":
        it => {
            it.seen
                .events
                .queues
                .insert(QUEUE.into(), Ok(Some("own".to_owned())));
        };
];
