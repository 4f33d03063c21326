//! Each part of the local cloud does what the tests of the function rely on.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use local_cloud::{
    ANY, Answer, CLUSTER, Cloud, Fault, Function, INSTANCE_1, INSTANCE_2, LambdaError, TARGET_1,
    TARGET_2,
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

#[tokio::test]
async fn the_first_instance_is_the_writer_and_in_the_group() {
    let cloud = Cloud::start().await.unwrap();
    assert_eq!(cloud.writer().await.unwrap().as_deref(), Some(INSTANCE_1));
    assert_eq!(cloud.targets().await.unwrap(), [TARGET_1.to_owned()].into());
    assert_eq!(
        cloud.dns().get(cloud.cluster_endpoint()),
        Answer::Cname(cloud.instance_endpoint(INSTANCE_1))
    );
}

#[tokio::test]
async fn a_failover_moves_the_writer_of_one_cloud_and_of_no_other() {
    let (cloud, other) = tokio::try_join!(Cloud::start(), Cloud::start()).unwrap();
    cloud.fail_over(INSTANCE_2).await.unwrap();
    assert_eq!(cloud.writer().await.unwrap().as_deref(), Some(INSTANCE_2));
    assert_eq!(other.writer().await.unwrap().as_deref(), Some(INSTANCE_1));
    cloud.fail_over(INSTANCE_1).await.unwrap();
    assert_eq!(cloud.writer().await.unwrap().as_deref(), Some(INSTANCE_1));
}

#[tokio::test]
async fn instances_come_and_go_as_in_a_switchover() {
    let cloud = Cloud::start().await.unwrap();
    let green = "aurora-source-instance-3";
    cloud
        .add_instance(green, Ipv4Addr::new(10, 0, 1, 33))
        .await
        .unwrap();
    cloud.fail_over(green).await.unwrap();
    cloud.remove_instance(INSTANCE_1).await.unwrap();
    cloud.remove_instance(INSTANCE_2).await.unwrap();
    assert_eq!(cloud.writer().await.unwrap().as_deref(), Some(green));
    assert_eq!(
        cloud.dns().get(&cloud.instance_endpoint(INSTANCE_1)),
        Answer::NxDomain
    );
}

#[tokio::test]
async fn an_address_and_a_port_together_are_a_target_as_on_aws() {
    let cloud = Cloud::start().await.unwrap();
    cloud
        .set_targets(&[TARGET_1, "10.0.1.11:3307"])
        .await
        .unwrap();
    assert_eq!(cloud.targets().await.unwrap().len(), 2);
    let group = cloud.target_group_arn();
    let absent = [
        ("TargetGroupArn", group),
        ("Targets.member.1.Id", "10.0.1.11"),
        ("Targets.member.1.Port", "3308"),
    ];
    cloud
        .api("elasticloadbalancing", "DeregisterTargets", &absent)
        .await
        .unwrap();
    assert_eq!(cloud.targets().await.unwrap().len(), 2);
    let public = [
        ("TargetGroupArn", group),
        ("Targets.member.1.Id", "8.8.8.8"),
    ];
    let refused = cloud
        .api("elasticloadbalancing", "RegisterTargets", &public)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("InvalidTarget"), "{refused}");
    cloud.set_targets(&[]).await.unwrap();
    assert!(cloud.targets().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_refused_in_the_words_of_aws() {
    let cloud = Cloud::start().await.unwrap();
    let gone = [(
        "TargetGroupArn",
        "arn:aws:elasticloadbalancing:x:1:targetgroup/a/b",
    )];
    let error = cloud
        .api("elasticloadbalancing", "DescribeTargetHealth", &gone)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("<Code>TargetGroupNotFound</Code>"),
        "{error}"
    );
    let gone = [("DBClusterIdentifier", "elsewhere")];
    let error = cloud
        .api("rds", "DescribeDBClusters", &gone)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("<Code>DBClusterNotFoundFault</Code>"),
        "{error}"
    );
}

#[tokio::test]
async fn dns_follows_the_cname_and_gives_every_answer() {
    let cloud = Cloud::start().await.unwrap();
    let (dns, name) = (cloud.dns(), cloud.cluster_endpoint());
    let (code, records, bytes) = look_up(dns.address(), name).await.unwrap();
    assert_eq!((code, records), (0, 2), "the CNAME and the address");
    assert!(bytes.ends_with(&[10, 0, 1, 11]));

    cloud.move_cname(INSTANCE_2);
    cloud.set_address(INSTANCE_2, Ipv4Addr::new(10, 0, 2, 99));
    assert!(
        look_up(dns.address(), name)
            .await
            .unwrap()
            .2
            .ends_with(&[10, 0, 2, 99])
    );

    for (answer, code, records) in [
        (
            Answer::A(vec![Ipv4Addr::LOCALHOST, Ipv4Addr::BROADCAST]),
            0,
            2,
        ),
        (Answer::Empty, 0, 0),
        (Answer::ServFail, 2, 0),
        (Answer::NxDomain, 3, 0),
        (Answer::Cname("nowhere.example".to_owned()), 3, 1),
        (Answer::Cname(name.to_owned()), 2, 0),
    ] {
        dns.set(name, answer.clone());
        let (c, r, _) = look_up(dns.address(), name).await.unwrap();
        assert_eq!((c, r), (code, records), "{answer:?}");
    }
    dns.set(name, Answer::Silence);
    assert!(look_up(dns.address(), name).await.is_none());
    assert!(
        dns.questions()
            .iter()
            .all(|question| question.name == name && question.kind == "A")
    );
}

/// Asks for an address; the response code, the number of records, and the whole answer.
async fn look_up(server: SocketAddr, name: &str) -> Option<(u8, u16, Vec<u8>)> {
    let mut question = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).unwrap());
        question.extend(label.bytes());
    }
    question.extend([0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&question, server).await.unwrap();
    let mut answer = vec![0; 512];
    let received = tokio::time::timeout(Duration::from_millis(500), socket.recv(&mut answer));
    let length = received.await.ok()?.unwrap();
    answer.truncate(length);
    Some((
        answer[3] & 15,
        u16::from_be_bytes([answer[6], answer[7]]),
        answer,
    ))
}

#[tokio::test]
async fn the_gateway_writes_down_what_was_asked() {
    let cloud = Cloud::start().await.unwrap();
    let answer = describe(&cloud).await.unwrap();
    assert!(
        answer.contains("<IsClusterWriter>true</IsClusterWriter>"),
        "{answer}"
    );
    let register = format!(
        "Action=RegisterTargets&Version=2015-12-01&TargetGroupArn={}&Targets.member.1.Id=10.0.2.12\
         &Targets.member.1.Port=3306",
        cloud.target_group_arn()
    );
    post(&cloud, "elasticloadbalancing", &register)
        .await
        .unwrap();
    assert_eq!(
        cloud.targets().await.unwrap(),
        [TARGET_1.to_owned(), TARGET_2.to_owned()].into()
    );

    let calls = cloud.gateway().calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(
        (calls[0].service.as_str(), calls[0].action.as_str()),
        ("rds", "DescribeDBClusters")
    );
    assert_eq!(calls[0].parameters["DBClusterIdentifier"], CLUSTER);
    assert_eq!(calls[0].status, Some(200));
    let writes = cloud.gateway().writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].targets(), [TARGET_2]);
}

#[tokio::test]
async fn the_gateway_injects_faults() {
    let cloud = Cloud::start().await.unwrap();
    let gateway = cloud.gateway();

    gateway.inject_times("DescribeDBClusters", 1, Fault::throttled());
    gateway.inject_times("DescribeDBClusters", 2, Fault::unavailable());
    assert!(describe(&cloud).await.unwrap().starts_with("HTTP/1.1 400"));
    assert!(describe(&cloud).await.unwrap().starts_with("HTTP/1.1 503"));
    assert!(describe(&cloud).await.unwrap().starts_with("HTTP/1.1 503"));
    assert!(describe(&cloud).await.unwrap().starts_with("HTTP/1.1 200"));

    gateway.inject("DescribeDBClusters", Fault::no_writer());
    gateway.inject(
        "DescribeDBClusters",
        Fault::Delay(Duration::from_millis(50)),
    );
    let started = Instant::now();
    assert!(
        !describe(&cloud)
            .await
            .unwrap()
            .contains("<IsClusterWriter>true")
    );
    assert!(started.elapsed() >= Duration::from_millis(50));
    gateway.clear("DescribeDBClusters");
    assert!(
        describe(&cloud)
            .await
            .unwrap()
            .contains("<IsClusterWriter>true")
    );

    gateway.inject_times(ANY, 1, Fault::Cut);
    assert_eq!(describe(&cloud).await.unwrap(), "");
    gateway.inject_times(ANY, 1, Fault::Half);
    let half = describe(&cloud).await.unwrap();
    assert!(
        half.starts_with("HTTP/1.1 200") && !half.contains("</DescribeDBClustersResponse>"),
        "{half}"
    );
    gateway.inject(ANY, Fault::Never);
    assert!(describe(&cloud).await.is_none());
    assert_eq!(gateway.calls().last().unwrap().status, None);
}

async fn describe(cloud: &Cloud) -> Option<String> {
    let form =
        format!("Action=DescribeDBClusters&Version=2014-10-31&DBClusterIdentifier={CLUSTER}");
    post(cloud, "rds", &form).await
}

/// Posts a form to the gateway; all that came back until the connection ended, unless it did not.
async fn post(cloud: &Cloud, service: &str, form: &str) -> Option<String> {
    let address = cloud.gateway().url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=k/20260101/ap-northeast-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut answer)).await;
    read.ok().map(|_| String::from_utf8(answer).unwrap())
}

fn stand_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand-in/bootstrap")
}

async fn function(cloud: &Cloud) -> Function {
    cloud
        .function(stand_in())
        .env("FOO", "bar")
        .timeout(2)
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn the_emulator_runs_a_bootstrap() {
    let cloud = Cloud::start().await.unwrap();
    let function = function(&cloud).await;
    let answer = function
        .invoke(&json!({"a": 1}))
        .await
        .unwrap()
        .outcome
        .unwrap();
    assert_eq!(answer["event"], json!({"a": 1}));
    assert_eq!(answer["env"]["FOO"], "bar");
    assert_eq!(answer["env"]["AWS_ENDPOINT_URL"], cloud.gateway().url());
    assert_eq!(answer["env"]["AWS_LAMBDA_FUNCTION_TIMEOUT"], "2");
    assert_eq!(answer["pid"], function.pid().unwrap());
    let printed: Vec<_> = function.logs().into_iter().map(|line| line.text).collect();
    assert_eq!(
        printed,
        ["cold start", r#"event {"a": 1}"#, "to standard error"]
    );

    let failed = function
        .invoke(&json!({"fail": true}))
        .await
        .unwrap()
        .outcome
        .unwrap_err();
    assert_eq!(
        (failed.error_type.as_str(), failed.message.as_str()),
        ("Asked", "as the payload asked")
    );
    let late = function.invoke(&json!({"sleep": 5})).await.unwrap();
    assert_eq!(late.outcome.unwrap_err().error_type, LambdaError::TIMED_OUT);
    assert!(late.elapsed < Duration::from_secs(4));
    let crashed = function
        .invoke_raw(b"not JSON".to_vec())
        .await
        .unwrap()
        .outcome
        .unwrap_err();
    assert_eq!(crashed.error_type, "Runtime.ExitError");
    function.invoke(&json!({})).await.unwrap().outcome.unwrap();
}

#[tokio::test]
async fn two_functions_run_at_the_same_time_and_end_when_dropped() {
    let cloud = Cloud::start().await.unwrap();
    let (one, two) = (function(&cloud).await, function(&cloud).await);
    let nap = json!({"sleep": 1});
    let started = Instant::now();
    let (first, second) = tokio::try_join!(one.invoke(&nap), two.invoke(&nap)).unwrap();
    first.outcome.unwrap();
    second.outcome.unwrap();
    assert!(started.elapsed() < Duration::from_secs(10));
    let pids = [one.pid().unwrap(), two.pid().unwrap()];
    drop((one, two));
    for pid in pids {
        assert!(
            !Path::new(&format!("/proc/{pid}")).exists(),
            "{pid} is still there"
        );
    }
}

#[tokio::test]
async fn a_bootstrap_that_does_not_start_says_why() {
    let cloud = Cloud::start().await.unwrap();
    let function = cloud
        .function(stand_in())
        .env("FAIL_INIT", "1")
        .start()
        .await
        .unwrap();
    let failed = function.invoke(&json!({})).await.unwrap();
    let error = failed.outcome.unwrap_err();
    assert_eq!(
        (error.error_type.as_str(), error.message.as_str()),
        ("Configuration", "as the environment asked")
    );
}

#[tokio::test]
async fn a_bootstrap_that_is_not_there_is_named() {
    let cloud = Cloud::start().await.unwrap();
    let error = cloud
        .function("/nowhere/bootstrap")
        .start()
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains("/nowhere/bootstrap"), "{error}");
}
