//! HAProxy in the place of the Network Load Balancer.
//!
//! It sends traffic to what the target group held some time ago: registering and deregistering
//! take as long to arrive as the cell says, and connections are cut when a target leaves. All
//! targets are always unhealthy, so all that are registered get traffic. What becomes of a
//! connection while none is, the cell says. (Where a target is registered and nothing listens
//! there, HAProxy accepts and closes at once.) moto forgets a target at once where AWS shows it
//! draining for a while; what a strategy makes of that is not played here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use local_cloud::{Cloud, PORT};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::sleep;

use crate::cell::Cell;
use crate::haproxy::configuration;
use crate::kept::Kept;
use crate::kit::{Kit, free_port, loopback};
use crate::source::Source;
use crate::timeline::{Timeline, Topic};

/// How often the target group is looked at, in seconds of the scenario.
const LOOK: f64 = 0.25;

/// What becomes of a connection while no target is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nowhere {
    /// It is refused.
    Refused,
    /// It is accepted, and closed at once.
    Closed,
    /// It is accepted, and then nothing comes. A replica gives it up after `replica_net_timeout`,
    /// as it gives up one that is never accepted.
    Unanswered,
}

impl Nowhere {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Refused, Self::Closed, Self::Unanswered];

    /// The name to ask for it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Closed => "closed",
            Self::Unanswered => "unanswered",
        }
    }
}

impl fmt::Display for Nowhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The load balancer.
#[derive(Debug)]
pub(crate) struct Path {
    socket: PathBuf,
    address: (Ipv4Addr, u16),
    propagation: f64,
    nowhere: Nowhere,
    timeline: Timeline,
    state: Mutex<State>,
    _haproxy: Kept,
    /// Accepts connections, for the kernel does that, and never reads from them.
    _silent: TcpListener,
}

/// What it does now, and what it will.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// The group as the API has it.
    pub(crate) group: BTreeSet<Ipv4Addr>,
    /// The targets that get traffic.
    pub(crate) inside: BTreeSet<Ipv4Addr>,
    /// Targets on their way in (`true`) or out, and when they arrive.
    pub(crate) pending: BTreeMap<Ipv4Addr, (f64, bool)>,
    /// For how many seconds traffic could reach a server that is up and is not the Writer.
    pub(crate) exposed: f64,
}

impl Path {
    /// Starts HAProxy with a server for every address that may ever be registered, all of them
    /// out.
    pub(crate) async fn start(
        kit: &Kit,
        folder: &FilePath,
        ports: &BTreeMap<Ipv4Addr, u16>,
        cell: &Cell,
        timeline: Timeline,
    ) -> Result<Self> {
        let silent = TcpListener::bind((loopback(), 0))?;
        let address = (loopback(), free_port()?);
        let socket = folder.join("haproxy.sock");
        let file = folder.join("haproxy.cfg");
        let silence = silent.local_addr()?.port();
        fs::write(&file, configuration(&socket, address, ports, silence))?;
        let arguments = [
            "-db".to_owned(),
            "-f".to_owned(),
            file.display().to_string(),
        ];
        let path = Self {
            address,
            propagation: f64::from(cell.propagation),
            nowhere: cell.nowhere,
            timeline,
            state: Mutex::default(),
            _haproxy: Kept::start(&kit.parts.haproxy, &arguments, &folder.join("haproxy.log"))?,
            _silent: silent,
            socket,
        };
        let started = Instant::now();
        while let Err(error) = path.lead_nowhere(true).await {
            if started.elapsed() > Duration::from_secs(20) {
                let said = fs::read_to_string(folder.join("haproxy.log")).unwrap_or_default();
                return Err(error.context(format!("HAProxy did not come up; its log:\n{said}")));
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(path)
    }

    /// Where the replica connects to.
    pub(crate) fn address(&self) -> (Ipv4Addr, u16) {
        self.address
    }

    pub(crate) fn state(&self) -> State {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a target get traffic from the start.
    pub(crate) async fn begin_with(&self, target: Ipv4Addr) -> Result<()> {
        self.locked().group.insert(target);
        self.apply(target, true).await
    }

    /// Follows the target group until it is dropped.
    pub(crate) async fn follow(&self, cloud: Arc<Cloud>, source: Arc<Source>) -> Result<()> {
        let mut before = self.timeline.clock().now();
        loop {
            self.look(&cloud).await?;
            let now = self.timeline.clock().now();
            let due: Vec<(Ipv4Addr, bool)> = {
                let mut state = self.locked();
                let due = state.pending.iter().filter(|(_, (at, _))| *at <= now);
                let due: Vec<_> = due.map(|(target, (_, comes))| (*target, *comes)).collect();
                for (target, _) in &due {
                    state.pending.remove(target);
                }
                due
            };
            for (target, comes) in due {
                self.change(target, comes).await?;
            }
            let inside = self.locked().inside.clone();
            if !source.readers(&inside).await.is_empty() {
                self.locked().exposed += now - before;
            }
            before = now;
            self.timeline.clock().pass(LOOK).await;
        }
    }

    /// Compares the group with what it was, and has the difference arrive later.
    async fn look(&self, cloud: &Cloud) -> Result<()> {
        let suffix = format!(":{PORT}");
        let group: BTreeSet<Ipv4Addr> = cloud
            .targets()
            .await?
            .iter()
            .filter_map(|target| target.strip_suffix(&suffix)?.parse().ok())
            .collect();
        let due = self.timeline.clock().now() + self.propagation;
        let mut state = self.locked();
        for target in group.symmetric_difference(&state.group.clone()) {
            let comes = group.contains(target);
            let (topic, what) = if comes {
                (Topic::Attach, "registered")
            } else {
                (Topic::Detach, "deregistered")
            };
            self.timeline.note(topic, format!("{target} is {what}"));
            // The latest counts: a target that is registered again on its way out just stays.
            state.pending.remove(target);
            if state.inside.contains(target) != comes {
                state.pending.insert(*target, (due, comes));
            }
        }
        state.group = group;
        Ok(())
    }

    async fn change(&self, target: Ipv4Addr, comes: bool) -> Result<()> {
        self.apply(target, comes).await?;
        let inside = self.locked().inside.clone();
        let leads: Vec<_> = inside.iter().map(ToString::to_string).collect();
        let what = match leads.as_slice() {
            [] => "leads nowhere".to_owned(),
            some => format!("leads to {}", some.join(" and ")),
        };
        self.timeline.note(Topic::Path, what);
        Ok(())
    }

    /// Lets a target in or out.
    async fn apply(&self, target: Ipv4Addr, comes: bool) -> Result<()> {
        let was_empty = self.locked().inside.is_empty();
        if comes {
            self.tell(&format!("set server group/{target} state ready"))
                .await?;
            self.locked().inside.insert(target);
        } else {
            self.locked().inside.remove(&target);
        }
        let inside = self.locked().inside.clone();
        match (was_empty, inside.is_empty()) {
            (true, false) => self.lead_nowhere(false).await?,
            (false, true) => self.lead_nowhere(true).await?,
            _ => {}
        }
        if !comes {
            self.tell(&format!("set server group/{target} state maint"))
                .await?;
            self.tell(&format!("shutdown sessions server group/{target}"))
                .await?;
        }
        Ok(())
    }

    async fn lead_nowhere(&self, nowhere: bool) -> Result<()> {
        let command = match (self.nowhere, nowhere) {
            (Nowhere::Refused, true) => "disable frontend path",
            (Nowhere::Refused, false) => "enable frontend path",
            (Nowhere::Unanswered, true) => "set server group/silent state ready",
            // Without any server HAProxy closes by itself.
            (Nowhere::Unanswered, false) | (Nowhere::Closed, _) => {
                "set server group/silent state maint"
            }
        };
        self.tell(command).await
    }

    /// Has HAProxy do something by its runtime API, which answers a change that it made with
    /// nothing.
    async fn tell(&self, command: &str) -> Result<()> {
        let mut stream = UnixStream::connect(&self.socket).await?;
        stream.write_all(format!("{command}\n").as_bytes()).await?;
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .await
            .context("HAProxy's runtime API")?;
        match answer.trim() {
            "" => Ok(()),
            refusal => bail!("HAProxy answered `{command}` with: {refusal}"),
        }
    }
}
