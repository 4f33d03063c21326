//! Many clusters out of one: moto's own answers about the one cluster, with other names in them, in
//! pages of a hundred as AWS's are.
//!
//! moto answers some hundred questions a second, which would be all that a measurement of a
//! thousand routes measures.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use local_cloud::{Answer, CLUSTER, Cloud, INSTANCE_1, INSTANCE_2};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How many clusters or instances an answer holds at most (API reference of `DescribeDBClusters`).
const PAGE: usize = 100;

/// What IAM says.
const DENIED: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
     <Message>not authorized to perform: rds:DescribeDBClusters</Message></Error></ErrorResponse>";

/// How long a call takes.
pub(crate) const LATENCY: Duration = Duration::from_millis(20);

/// Where the calls go.
pub(crate) struct Chorus {
    /// The value for `AWS_ENDPOINT_URL`.
    pub(crate) url: String,
    heard: Arc<Heard>,
    _server: JoinSet<()>,
}

/// Which clusters the function's role may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Each by its name, and so none by a filter.
    Each,
    /// `cluster:*`.
    All,
}

/// What was asked so far.
struct Heard {
    rights: Rights,
    calls: Mutex<BTreeMap<String, usize>>,
    connections: AtomicUsize,
    most: AtomicUsize,
}

/// A cluster's name by its number.
pub(crate) fn cluster(number: usize) -> String {
    format!("c{number}")
}

impl Chorus {
    /// Learns moto's answers, and has DNS know the names of so many clusters.
    pub(crate) async fn start(cloud: &Cloud, clusters: usize, rights: Rights) -> Result<Self> {
        let one = [("DBClusterIdentifier", CLUSTER)];
        let group = [("TargetGroupArn", cloud.target_group_arn())];
        let events = [("SourceType", "db-cluster"), ("SourceIdentifier", CLUSTER)];
        let elb = "elasticloadbalancing";
        let answers: BTreeMap<&'static str, String> = [
            (
                "DescribeDBClusters",
                cloud.api("rds", "DescribeDBClusters", &one).await?,
            ),
            (
                "DescribeDBInstances",
                cloud.api("rds", "DescribeDBInstances", &[]).await?,
            ),
            (
                "DescribeEvents",
                cloud.api("rds", "DescribeEvents", &events).await?,
            ),
            (
                "DescribeTargetHealth",
                cloud.api(elb, "DescribeTargetHealth", &group).await?,
            ),
        ]
        .into();
        for number in 1..=clusters {
            let name = |of: String| of.replace(CLUSTER, &cluster(number));
            let [first, second] =
                [INSTANCE_1, INSTANCE_2].map(|instance| name(cloud.instance_endpoint(instance)));
            let dns = cloud.dns();
            dns.set(
                &name(cloud.cluster_endpoint().to_owned()),
                Answer::Cname(first.clone()),
            );
            dns.set(&first, Answer::A(vec![Ipv4Addr::new(10, 0, 1, 11)]));
            dns.set(&second, Answer::A(vec![Ipv4Addr::new(10, 0, 2, 12)]));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let heard = Arc::new(Heard {
            rights,
            calls: Mutex::default(),
            connections: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::new(answers), Arc::clone(&heard)));
        Ok(Self {
            url,
            heard,
            _server: server,
        })
    }

    /// How often each action was asked for since this was last asked.
    pub(crate) fn take_calls(&self) -> BTreeMap<String, usize> {
        let mut calls = self
            .heard
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *calls)
    }

    /// The most connections that were open at a time.
    pub(crate) fn most_connections(&self) -> usize {
        self.heard.most.load(Ordering::Relaxed)
    }
}

type Answers = BTreeMap<&'static str, String>;

async fn serve(listener: TcpListener, answers: Arc<Answers>, heard: Arc<Heard>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (answers, heard) = (Arc::clone(&answers), Arc::clone(&heard));
        connections.spawn(async move {
            let open = heard.connections.fetch_add(1, Ordering::Relaxed) + 1;
            heard.most.fetch_max(open, Ordering::Relaxed);
            let service = service_fn(|request| answer(&answers, &heard, request));
            // An error here is a connection that the function has closed.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
            heard.connections.fetch_sub(1, Ordering::Relaxed);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    answers: &Answers,
    heard: &Heard,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>> {
    let body = request.into_body().collect().await?.to_bytes();
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let action = form.get("Action").context("no action")?;
    *heard
        .calls
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(action.clone())
        .or_default() += 1;
    sleep(LATENCY).await;
    let by_filter = !form.contains_key("DBClusterIdentifier");
    if action == "DescribeDBClusters" && by_filter && heard.rights == Rights::Each {
        return Ok(Response::builder().status(403).body(Full::from(DENIED))?);
    }
    let answer = answers.get(action.as_str()).context("nobody knows")?;
    Ok(Response::builder()
        .header("content-type", "text/xml")
        .body(Full::from(page(action, answer, &form)))?)
}

/// One page of an answer about every cluster that is asked for.
fn page(action: &str, answer: &str, form: &BTreeMap<String, String>) -> String {
    let value = |number| form.get(&format!("Filters.Filter.1.Values.Value.{number}"));
    let one = form.get("DBClusterIdentifier").into_iter();
    let clusters: Vec<&String> = one.chain((1..).map_while(value)).collect();
    let row = match action {
        "DescribeDBClusters" => "DBCluster",
        "DescribeDBInstances" => "DBInstance",
        _ => return answer.to_owned(),
    };
    let (open, close) = (format!("<{row}s>"), format!("</{row}s>"));
    let (head, rest) = answer.split_once(&open).unwrap_or_default();
    let (rows, tail) = rest.rsplit_once(&close).unwrap_or_default();
    let end = format!("</{row}>");
    let rows: Vec<&str> = rows.split_inclusive(&end).collect();
    let all = clusters
        .iter()
        .flat_map(|name| rows.iter().map(|row| row.replace(CLUSTER, name)));
    let from: usize = form
        .get("Marker")
        .map_or(0, |marker| marker.parse().unwrap_or_default());
    let told: String = all.skip(from).take(PAGE).collect();
    let more = from + PAGE < clusters.len() * rows.len();
    let marker = if more {
        format!("<Marker>{}</Marker>", from + PAGE)
    } else {
        String::new()
    };
    format!("{head}{open}{told}{close}{marker}{tail}")
}
