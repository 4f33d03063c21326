//! Cold starts in a sealed room that what AWS is reached by refuses: each names what refused, and
//! writes nothing.

use std::thread;

use local_cloud::{
    Answer, Cloud, Fault, INSTANCE_1, INSTANCE_2, LambdaError, Room, TARGET_2, host,
};
use serde_json::json;

use crate::room::{deployed, targets};
use crate::sealed::in_a_room;

/// What refuses a cold start, and how.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    /// The service denies the call, as it does where the role lacks the permission.
    Denied,
    /// Nothing listens where the service's name leads to.
    NoConnection,
    /// The service's name does not exist.
    NoName,
}

impl Refusal {
    fn of(self, service: &str, action: &str, cloud: &Cloud) {
        match self {
            Self::Denied => {
                let denied = Fault::access_denied(&format!("{service}:{action}"));
                cloud.gateway().inject(action, denied);
            }
            Self::NoConnection => {
                let nowhere = Answer::A(vec![[127, 0, 0, 2].into()]);
                cloud.dns().set(&host(service), nowhere);
            }
            Self::NoName => cloud.dns().set(&host(service), Answer::NxDomain),
        }
    }
}

/// A cold start of a deployment whose group holds a wrong target, and the error it ends with.
async fn refused(room: &Room, refuse: impl FnOnce(&Cloud)) -> LambdaError {
    let cloud = room.start_cloud().await.unwrap();
    let (_, function) = deployed(&cloud, &[("WatchSeconds", "1")]).await;
    cloud.set_targets(&[TARGET_2]).await.unwrap();
    refuse(&cloud);
    let done = function.invoke(&json!({})).await.unwrap();
    assert!(cloud.gateway().writes().is_empty(), "{done:?}");
    assert_eq!(targets(&cloud).await, [TARGET_2]);
    done.outcome.unwrap_err()
}

/// Side by side, each in a room of its own, since most look for as long as they may.
#[test]
fn a_cold_start_that_a_service_refuses_names_the_call_and_writes_nothing() {
    let calls = [
        ("rds", "DescribeDBClusters"),
        ("elasticloadbalancing", "DescribeTargetHealth"),
    ];
    let refusals = [Refusal::Denied, Refusal::NoConnection, Refusal::NoName];
    let cases = calls.map(|call| refusals.map(|refusal| (call, refusal)));
    let rooms = cases.into_iter().flatten().map(|(call, refusal)| {
        thread::spawn(move || in_a_room(async move |room| refused_by(&room, call, refusal).await))
    });
    let rooms: Vec<_> = rooms.collect();
    for room in rooms {
        room.join().unwrap();
    }
}

async fn refused_by(room: &Room, (service, action): (&str, &str), refusal: Refusal) {
    let error = refused(room, |cloud| refusal.of(service, action, cloud)).await;
    let call = format!("{service}:{action}");
    assert!(error.message.contains(&call), "{refusal:?}: {error:?}");
    let is_denied = error.error_type == "AccessDenied";
    let denied = matches!(refusal, Refusal::Denied);
    assert_eq!(is_denied, denied, "{error:?}");
}

#[test]
fn a_cold_start_that_the_resolver_refuses_names_the_name_and_writes_nothing() {
    in_a_room(async |room| {
        let fail = |cloud: &Cloud| {
            let [one, two] = [INSTANCE_1, INSTANCE_2].map(|name| cloud.instance_endpoint(name));
            for name in [cloud.cluster_endpoint(), &one, &two] {
                cloud.dns().set(name, Answer::ServFail);
            }
        };
        let error = refused(&room, fail).await;
        let name = format!("{INSTANCE_1}.");
        assert!(error.message.contains(&name), "{error:?}");
    });
}

#[test]
fn a_server_that_no_trusted_authority_vouches_for_learns_nothing() {
    in_a_room(async |room| {
        let error = refused(&room.with_an_impostor().unwrap(), |_| ()).await;
        assert!(
            error.message.contains("invalid peer certificate"),
            "{error:?}"
        );
    });
}
