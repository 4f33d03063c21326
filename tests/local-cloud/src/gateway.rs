//! A proxy between the function and moto that writes down every request and can spoil it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING,
};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};
use tokio_rustls::TlsAcceptor;

use crate::call::Call;
use crate::fault::{Fault, Rewrite};
use crate::query::{Http, http};

/// Stands for every action where one is asked for.
pub const ANY: &str = "*";

/// The proxy. It stops when this is dropped.
pub struct Gateway {
    address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

struct State {
    moto: SocketAddr,
    http: Http,
    calls: Mutex<Vec<Call>>,
    rules: Mutex<Vec<Rule>>,
}

struct Rule {
    action: String,
    fault: Fault,
    left: Option<usize>,
}

impl Gateway {
    pub(crate) async fn start(moto: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Self::serve(moto, listener, None)
    }

    /// As AWS is reached: on port 443, with TLS.
    pub(crate) async fn start_tls(moto: SocketAddr, tls: TlsAcceptor) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 443)).await?;
        Self::serve(moto, listener, Some(tls))
    }

    fn serve(moto: SocketAddr, listener: TcpListener, tls: Option<TlsAcceptor>) -> Result<Self> {
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            moto,
            http: http(),
            calls: Mutex::default(),
            rules: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, tls, Arc::clone(&state)));
        Ok(Self {
            address,
            state,
            _tasks: tasks,
        })
    }

    /// The value for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Spoils every request for `action` (or [`ANY`]) until cleared. Delays and rewrites add up;
    /// of the others, the first injected wins.
    pub fn inject(&self, action: &str, fault: Fault) {
        self.state.rules().push(Rule {
            action: action.to_owned(),
            fault,
            left: None,
        });
    }

    /// Spoils the next `times` requests for `action`.
    pub fn inject_times(&self, action: &str, times: usize, fault: Fault) {
        self.state.rules().push(Rule {
            action: action.to_owned(),
            fault,
            left: Some(times),
        });
    }

    /// Ends whatever was injected for `action`; [`ANY`] ends everything.
    pub fn clear(&self, action: &str) {
        self.state
            .rules()
            .retain(|rule| action != ANY && rule.action != action);
    }

    /// Every request so far, in the order they came.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state.calls().clone()
    }

    /// The requests for `action`.
    #[must_use]
    pub fn calls_of(&self, action: &str) -> Vec<Call> {
        self.calls()
            .into_iter()
            .filter(|call| call.action == action)
            .collect()
    }

    /// The requests that asked for a change, refused ones too.
    #[must_use]
    pub fn writes(&self) -> Vec<Call> {
        self.calls().into_iter().filter(Call::is_write).collect()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.state.calls().clear();
    }
}

impl State {
    fn calls(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults a request for `action` meets, each counted as used.
    fn faults(&self, action: &str) -> Vec<Fault> {
        let mut met = Vec::new();
        let mut rules = self.rules();
        for rule in rules
            .iter_mut()
            .filter(|rule| rule.action == action || rule.action == ANY)
        {
            if let Some(left) = &mut rule.left {
                *left -= 1;
            }
            met.push(rule.fault.clone());
            if !matches!(rule.fault, Fault::Delay(_) | Fault::Rewrite(_)) {
                break;
            }
        }
        rules.retain(|rule| rule.left != Some(0));
        met
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (state, tls) = (Arc::clone(&state), tls.clone());
        connections.spawn(async move {
            let service = service_fn(|request| answer(&state, request));
            let http = hyper::server::conn::http1::Builder::new();
            // An error here is a connection that was cut, on purpose or by the function.
            let _ = match tls {
                None => http.serve_connection(TokioIo::new(stream), service).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await,
                    Err(_) => return,
                },
            };
        });
        while connections.try_join_next().is_some() {}
    }
}

type Answer = Response<BoxBody<Bytes, anyhow::Error>>;

/// Writes the request down, answers it, and writes down how.
async fn answer(state: &State, request: Request<Incoming>) -> Result<Answer> {
    let at = Instant::now();
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let mut parameters: BTreeMap<_, _> = form_urlencoded::parse(&body).into_owned().collect();
    let action = parameters.remove("Action").unwrap_or_default();
    parameters.remove("Version");
    let service = service(&head).unwrap_or_default();
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default().to_owned();
    let faults = state.faults(&action);
    let number = {
        let mut calls = state.calls();
        let call = Call {
            at,
            host,
            service,
            action,
            parameters,
            status: None,
            took: None,
        };
        calls.push(call);
        calls.len() - 1
    };
    let answer = spoiled(state, faults, Request::from_parts(head, body)).await?;
    if let Some(call) = state.calls().get_mut(number).filter(|call| call.at == at) {
        call.status = Some(answer.status().as_u16());
        call.took = Some(at.elapsed());
    }
    Ok(answer)
}

/// The service from the scope of the signature:
/// `Credential=KEY/20260101/REGION/SERVICE/aws4_request`.
fn service(head: &hyper::http::request::Parts) -> Option<String> {
    let signature = head.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, scope) = signature.split_once("Credential=")?;
    scope.split('/').nth(3).map(str::to_owned)
}

async fn spoiled(state: &State, faults: Vec<Fault>, request: Request<Bytes>) -> Result<Answer> {
    let mut rewrites = Vec::new();
    for fault in faults {
        match fault {
            Fault::Delay(long) => sleep(long).await,
            Fault::Rewrite(rewrite) => rewrites.push(rewrite),
            Fault::Error {
                status,
                code,
                message,
            } => return error(status, &code, &message),
            Fault::Cut => bail!("cut on purpose"),
            Fault::Never => std::future::pending().await,
            Fault::Half => return Ok(half(forward(state, request, &rewrites).await?)),
        }
    }
    Ok(forward(state, request, &rewrites).await?.map(whole))
}

async fn forward(
    state: &State,
    request: Request<Bytes>,
    rewrites: &[Rewrite],
) -> Result<Response<Bytes>> {
    let (mut head, body) = request.into_parts();
    head.uri = format!("http://{}{}", state.moto, head.uri.path()).parse()?;
    head.headers.remove(HOST);
    let request = Request::from_parts(head, Full::from(body));
    let (mut head, body) = state
        .http
        .request(request)
        .await
        .context("moto is gone")?
        .into_parts();
    let mut body = body.collect().await?.to_bytes();
    for rewrite in rewrites {
        body = rewrite(String::from_utf8(body.to_vec())?).into();
    }
    for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        head.headers.remove(name);
    }
    Ok(Response::from_parts(head, body))
}

fn error(status: u16, code: &str, message: &str) -> Result<Answer> {
    let blame = if status < 500 { "Sender" } else { "Receiver" };
    let xml = format!(
        "<ErrorResponse><Error><Type>{blame}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
    );
    Ok(Response::builder()
        .status(StatusCode::from_u16(status)?)
        .header(CONTENT_TYPE, "text/xml")
        .body(whole(xml.into()))?)
}

fn whole(body: Bytes) -> BoxBody<Bytes, anyhow::Error> {
    Full::from(body).map_err(|never| match never {}).boxed()
}

/// Promises the whole body, sends half of it and breaks off.
fn half(answer: Response<Bytes>) -> Answer {
    let (mut head, body) = answer.into_parts();
    head.headers.insert(CONTENT_LENGTH, body.len().into());
    let sent = Frame::data(body.slice(..body.len() / 2));
    let rest = Broken {
        first: Some(sent),
        flushed: Box::pin(sleep(Duration::from_millis(20))),
    };
    Response::from_parts(head, BoxBody::new(rest))
}

/// A body of one frame and then an error, once the frame had the time to leave.
struct Broken {
    first: Option<Frame<Bytes>>,
    flushed: Pin<Box<Sleep>>,
}

impl Body for Broken {
    type Data = Bytes;
    type Error = anyhow::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        self.flushed
            .as_mut()
            .poll(cx)
            .map(|()| Some(Err(anyhow!("broken off on purpose"))))
    }
}
