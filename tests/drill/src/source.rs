//! The cluster's servers: one volume, and a server at each instance's address.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use local_cloud::{INSTANCE_1, INSTANCE_2};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use tokio::sync::{Mutex, watch};

use crate::cell::Cell;
use crate::guard;
use crate::kit::{Kit, free_port, loopback};
use crate::replica::Place;
use crate::server::{Role, Server, copy_of_template};
use crate::sql;

/// An instance of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Instance {
    One,
    Two,
    Three,
}

impl Instance {
    pub(crate) const ALL: [Self; 3] = [Self::One, Self::Two, Self::Three];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One => INSTANCE_1,
            Self::Two => INSTANCE_2,
            Self::Three => "aurora-source-instance-3",
        }
    }

    /// Its address in the VPC, until its class changes.
    pub(crate) fn address(self) -> Ipv4Addr {
        match self {
            Self::One => Ipv4Addr::new(10, 0, 1, 11),
            Self::Two => Ipv4Addr::new(10, 0, 2, 12),
            Self::Three => Ipv4Addr::new(10, 0, 1, 13),
        }
    }
}

/// The first instance's address after its class has changed.
pub(crate) const ADDRESS_AFTER_CHANGE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 99);

/// The servers. Each is known by its address in the VPC, and really listens on loopback.
#[derive(Debug)]
pub(crate) struct Source {
    kit: Arc<Kit>,
    folder: PathBuf,
    ports: BTreeMap<Ipv4Addr, u16>,
    servers: Mutex<BTreeMap<Ipv4Addr, (Role, Server)>>,
    writer: watch::Sender<Option<(Ipv4Addr, u16)>>,
    options: Vec<String>,
}

impl Source {
    /// No server yet; the volume is made, and what each of the instances needs as a reader.
    pub(crate) async fn new(kit: &Arc<Kit>, folder: &Path, cell: &Cell) -> Result<Self> {
        let mut ports = BTreeMap::new();
        for instance in Instance::ALL {
            ports.insert(instance.address(), free_port()?);
        }
        ports.insert(ADDRESS_AFTER_CHANGE, free_port()?);
        copy_of_template(kit, folder.join("volume")).await?;
        for instance in cell.scenario.instances() {
            copy_of_template(kit, folder.join(format!("reader-{}", instance.address()))).await?;
        }
        let mut options = Vec::new();
        if cell.guarded {
            options.push(format!("--init-connect={}", guard::INIT_CONNECT));
        }
        if cell.place == Place::Gtid {
            options.extend(kit.dialect().gtid.iter().map(ToString::to_string));
        }
        Ok(Self {
            kit: Arc::clone(kit),
            folder: folder.to_owned(),
            ports,
            servers: Mutex::default(),
            writer: watch::Sender::new(None),
            options,
        })
    }

    /// Where the server of each address in the VPC really listens.
    pub(crate) fn ports(&self) -> &BTreeMap<Ipv4Addr, u16> {
        &self.ports
    }

    /// Where the Writer listens, for the application, which follows the topology as AWS's own
    /// drivers do.
    pub(crate) fn writer(&self) -> watch::Receiver<Option<(Ipv4Addr, u16)>> {
        self.writer.subscribe()
    }

    /// Kills the server at an address, as `kill -9` does.
    pub(crate) async fn kill(&self, address: Ipv4Addr) {
        let server = self.servers.lock().await.remove(&address);
        if matches!(server, Some((Role::Writer { .. }, _))) {
            self.writer.send_replace(None);
        }
        drop(server);
    }

    /// Opens the volume at an address: crash recovery, and the binlog goes on.
    pub(crate) async fn promote(&self, address: Ipv4Addr) -> Result<()> {
        self.kill(address).await;
        let role = Role::Writer {
            server_id: u32::from(address.octets()[3]),
        };
        let volume = self.folder.join("volume");
        self.start(role, &volume, address).await?;
        let port = self.ports.get(&address).copied();
        self.writer
            .send_replace(port.map(|port| (loopback(), port)));
        Ok(())
    }

    /// Has a reader at an address.
    pub(crate) async fn read(&self, address: Ipv4Addr) -> Result<()> {
        let data = self.folder.join(format!("reader-{address}"));
        self.start(Role::Reader, &data, address).await
    }

    async fn start(&self, role: Role, data: &Path, address: Ipv4Addr) -> Result<()> {
        let port = *self.ports.get(&address).context("no such address")?;
        let listening = (loopback(), port);
        let (folder, options) = (&self.folder, &self.options);
        let server = Server::start(&self.kit, role, data, folder, listening, options).await?;
        self.servers.lock().await.insert(address, (role, server));
        Ok(())
    }

    /// Ends the replica's connection at the Writer, which stays.
    pub(crate) async fn cut(&self) -> Result<()> {
        let mut root = self.root().await?;
        let threads: Vec<Row> = root.query("SHOW PROCESSLIST").await?;
        for thread in threads {
            let of = |column| sql::text(&thread, column).unwrap_or_default();
            if of("Command").starts_with("Binlog Dump") {
                sql::run(&mut root, &format!("KILL {}", of("Id"))).await?;
            }
        }
        Ok(())
    }

    /// Those addresses of a list where a reader is up.
    pub(crate) async fn readers<'a>(
        &self,
        of: impl IntoIterator<Item = &'a Ipv4Addr>,
    ) -> Vec<Ipv4Addr> {
        let servers = self.servers.lock().await;
        of.into_iter()
            .filter(|address| matches!(servers.get(address), Some((Role::Reader, _))))
            .copied()
            .collect()
    }

    /// A connection as root to the Writer.
    pub(crate) async fn root(&self) -> Result<Conn> {
        let servers = self.servers.lock().await;
        let writer = servers
            .values()
            .find(|(role, _)| matches!(role, Role::Writer { .. }));
        writer.context("no Writer is up")?.1.root().await
    }
}
