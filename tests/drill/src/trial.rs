//! Whom an `init_connect` lets in, at a Writer and at a reader.

use std::net::Ipv4Addr;

use anyhow::Result;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::kept::Folder;
use crate::kit::{Kit, free_port, loopback};
use crate::server::{Role, Server, copy_of_template};
use crate::sql;

/// The users who try: of the first two each is the other's name where `_` stands for any character,
/// the last is an administrator.
pub const USERS: [&str; 4] = ["rpl_user", "rplxuser", "app", "root"];

/// What came of a statement.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Those users whom the Writer lets in.
    pub at_writer: Vec<&'static str>,
    /// Those users whom a reader lets in.
    pub at_reader: Vec<&'static str>,
    /// What the reader's error log gained.
    pub log: String,
    /// By how much the reader's `Aborted_clients` grew.
    pub aborted: u64,
}

/// Tries statements one after the other, each as the `init_connect` of a Writer and of a reader.
///
/// # Errors
/// Where a server does not start, or takes no `init_connect`.
pub async fn trials(kit: &Kit, statements: &[&str]) -> Result<Vec<Trial>> {
    let folder = Folder::new()?;
    let writer = At::start(kit, &folder, Role::Writer { server_id: 1 }, "writer").await?;
    let reader = At::start(kit, &folder, Role::Reader, "reader").await?;
    let mut all = Vec::new();
    for statement in statements {
        for server in [&writer, &reader] {
            let mut root = server.server.root().await?;
            root.exec_drop("SET GLOBAL init_connect = ?", (statement,))
                .await?;
            root.disconnect().await?;
        }
        let (before, aborted) = (reader.server.log().len(), reader.aborted().await?);
        all.push(Trial {
            at_writer: writer.admitted().await,
            at_reader: reader.admitted().await,
            aborted: reader.aborted().await? - aborted,
            log: reader.server.log().split_off(before),
        });
    }
    Ok(all)
}

/// A server, and where it listens.
struct At {
    server: Server,
    address: (Ipv4Addr, u16),
}

impl At {
    async fn start(kit: &Kit, folder: &Folder, role: Role, name: &str) -> Result<Self> {
        let data = copy_of_template(kit, folder.path().join(name)).await?;
        let address = (loopback(), free_port()?);
        let server = Server::start(kit, role, &data, folder.path(), address, &[]).await?;
        Ok(Self { server, address })
    }

    /// A refused user's connection is made, and ends with its first statement.
    async fn admitted(&self) -> Vec<&'static str> {
        let mut admitted = Vec::new();
        for user in USERS {
            let connected = match user {
                "root" => self.server.root().await,
                user => sql::user(user, self.address).await,
            };
            if let Ok(mut connection) = connected
                && sql::run(&mut connection, "SELECT 1").await.is_ok()
            {
                admitted.push(user);
                // A connection that is just dropped would count as aborted.
                let _ = connection.disconnect().await;
            }
        }
        admitted
    }

    async fn aborted(&self) -> Result<u64> {
        let mut root: Conn = self.server.root().await?;
        let show = "SHOW GLOBAL STATUS LIKE 'Aborted_clients'";
        let value = sql::one(&mut root, show, "Value").await?;
        root.disconnect().await?;
        Ok(value.unwrap_or_default().parse()?)
    }
}
