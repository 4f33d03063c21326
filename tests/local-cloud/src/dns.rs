//! A DNS server for the cluster's zone, whose answers the test decides.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_server::proto::rr::rdata::{A, CNAME};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

/// Seconds, as Aurora's endpoints have it.
const TTL: u32 = 5;

/// A chain of names longer than this is a loop.
const LONGEST_CHAIN: usize = 8;

/// What the server says when asked for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Another name, followed as far as this server knows it.
    Cname(String),
    /// Addresses.
    A(Vec<Ipv4Addr>),
    /// There is no such name.
    NxDomain,
    /// The name exists and has nothing.
    Empty,
    /// The server failed.
    ServFail,
    /// Nothing at all, so that the asker waits.
    Silence,
}

/// A question that was asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// When it arrived.
    pub at: Instant,
    /// The name, lower-case and without the last dot.
    pub name: String,
    /// The record type, `A` say.
    pub kind: String,
}

/// The DNS server. It stops when this is dropped.
pub struct Dns {
    address: SocketAddr,
    zone: Zone,
    _server: hickory_server::Server<Zone>,
}

impl Dns {
    /// Starts it on this port; on any that is free where it is 0.
    pub(crate) async fn start(port: u16) -> Result<Self> {
        let zone = Zone::default();
        let (udp, tcp) = bind(port).await?;
        let address = udp.local_addr()?;
        let mut server = hickory_server::Server::new(zone.clone());
        server.register_socket(udp);
        server.register_listener(tcp, Duration::from_secs(5), 4096);
        Ok(Self {
            address,
            zone,
            _server: server,
        })
    }

    /// Where the server listens, on UDP and TCP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what `name` is answered with from now on.
    pub fn set(&self, name: &str, answer: Answer) {
        self.zone.answers().insert(plain(name), answer);
    }

    /// What `name` is answered with; a name never set does not exist.
    #[must_use]
    pub fn get(&self, name: &str) -> Answer {
        self.zone.answer(&plain(name))
    }

    /// Every question so far, in the order they came.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        self.zone.questions().clone()
    }
}

/// UDP and TCP on one port: the system picks it for UDP, and another if TCP's is taken.
async fn bind(port: u16) -> Result<(UdpSocket, TcpListener)> {
    let mut last = None;
    for _ in 0..32 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.context("no port was tried")?).context("failed to find a port for DNS")
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[derive(Clone, Default)]
struct Zone {
    answers: Arc<Mutex<BTreeMap<String, Answer>>>,
    questions: Arc<Mutex<Vec<Question>>>,
}

impl Zone {
    fn answers(&self) -> MutexGuard<'_, BTreeMap<String, Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn questions(&self) -> MutexGuard<'_, Vec<Question>> {
        self.questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, name: &str) -> Answer {
        self.answers()
            .get(name)
            .cloned()
            .unwrap_or(Answer::NxDomain)
    }

    /// The records for a question and the code they go with, or nothing for silence.
    fn look_up(&self, asked: &str, kind: RecordType) -> Option<(ResponseCode, Vec<Record>)> {
        let mut records = Vec::new();
        let mut name = plain(asked);
        for _ in 0..LONGEST_CHAIN {
            match self.answer(&name) {
                Answer::Cname(next) => {
                    records.extend(record(&name, cname(&next)));
                    if kind == RecordType::CNAME {
                        return Some((ResponseCode::NoError, records));
                    }
                    name = plain(&next);
                }
                Answer::A(addresses) => {
                    if kind == RecordType::A {
                        let data = addresses
                            .into_iter()
                            .map(|address| Some(RData::A(A(address))));
                        records.extend(data.filter_map(|data| record(&name, data)));
                    }
                    return Some((ResponseCode::NoError, records));
                }
                Answer::Empty => return Some((ResponseCode::NoError, records)),
                Answer::NxDomain => return Some((ResponseCode::NXDomain, records)),
                Answer::ServFail => return Some((ResponseCode::ServFail, Vec::new())),
                Answer::Silence => return None,
            }
        }
        Some((ResponseCode::ServFail, Vec::new()))
    }
}

fn absolute(name: &str) -> Option<Name> {
    Name::from_str(&format!("{}.", plain(name))).ok()
}

fn cname(name: &str) -> Option<RData> {
    absolute(name).map(|name| RData::CNAME(CNAME(name)))
}

fn record(name: &str, data: Option<RData>) -> Option<Record> {
    Some(Record::from_rdata(absolute(name)?, TTL, data?))
}

#[async_trait::async_trait]
impl RequestHandler for Zone {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.authoritative = true;
        let mut records = Vec::new();
        if let Ok(asked) = request.request_info() {
            let name = asked.query.name().to_string();
            let kind = asked.query.query_type();
            self.questions().push(Question {
                at: Instant::now(),
                name: plain(&name),
                kind: kind.to_string(),
            });
            match self.look_up(&name, kind) {
                Some((code, found)) => {
                    metadata.response_code = code;
                    records = found;
                }
                None => std::future::pending().await,
            }
        } else {
            metadata.response_code = ResponseCode::FormErr;
        }
        let sent = response
            .send_response(MessageResponseBuilder::from_message_request(request).build(
                metadata,
                &records,
                [],
                [],
                [],
            ))
            .await;
        sent.unwrap_or_else(|_| failed(metadata))
    }
}

/// The server wants to know what was sent even if nothing could be.
fn failed(mut metadata: Metadata) -> ResponseInfo {
    metadata.response_code = ResponseCode::ServFail;
    Header {
        metadata,
        counts: HeaderCounts::default(),
    }
    .into()
}
