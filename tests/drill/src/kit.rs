//! What every cell needs and is made once: a certificate, and a data directory to copy.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result, bail};

use crate::guard::REPLICATION_USER;
use crate::kept::Folder;
use crate::parts::{Parts, run};
use crate::server::{Dialect, Product, Role, Server, mariadb, mysql};
use crate::{sql, tpch};

/// What every cell needs. Gone, with all that was made of it, when this is dropped.
#[derive(Debug)]
pub struct Kit {
    pub(crate) parts: Parts,
    pub(crate) bootstrap: PathBuf,
    folder: Folder,
}

impl Kit {
    /// Makes it: a few seconds. `bootstrap` is the function's program.
    ///
    /// # Errors
    /// Where a program fails.
    pub async fn new(parts: Parts, bootstrap: &Path) -> Result<Self> {
        let kit = Self {
            parts,
            bootstrap: bootstrap.to_owned(),
            folder: Folder::new()?,
        };
        kit.make_certificate()?;
        kit.make_template().await?;
        Ok(kit)
    }

    pub(crate) fn dialect(&self) -> &'static Dialect {
        self.parts.product.dialect()
    }

    /// A data directory to copy, cleanly stopped: the users and the tables are in it.
    pub(crate) fn template(&self) -> PathBuf {
        self.folder.path().join("template")
    }

    /// The certificate, which is its own authority.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// The certificate's key.
    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// The option that a server wants before it runs as root, where this is root.
    pub(crate) fn user(&self) -> &'static [&'static str] {
        let is_root = fs::metadata(self.folder.path()).is_ok_and(|folder| folder.uid() == 0);
        if is_root { &["--user=root"] } else { &[] }
    }

    fn make_certificate(&self) -> Result<()> {
        run(Command::new(&self.parts.openssl)
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            ])
            .args(["-subj", "/CN=aurora-source", "-keyout"])
            .arg(self.key())
            .arg("-out")
            .arg(self.certificate()))
    }

    async fn make_template(&self) -> Result<()> {
        let (template, user) = (self.template(), self.user());
        match self.parts.product {
            Product::MySql => {
                let every = self.dialect().every;
                mysql::initialize(&self.parts.server, &template, &[every, user].concat())?;
            }
            Product::MariaDb => {
                let install = self
                    .parts
                    .install
                    .as_ref()
                    .context("no mariadb-install-db")?;
                let temporary = self.folder.path().join("tmp");
                fs::create_dir_all(&temporary)?;
                mariadb::initialize(install, &template, &temporary, user)?;
            }
        }
        let folder = Folder::new()?;
        let address = (loopback(), free_port()?);
        let server =
            Server::start(self, Role::Template, &template, folder.path(), address, &[]).await?;
        let mut root = server.root().await?;
        for statement in setup() {
            sql::run(&mut root, &statement).await?;
        }
        server.shut_down(root).await?;
        // The server's identity, which every copy has to find for itself.
        let _ = fs::remove_file(template.join("auto.cnf"));
        Ok(())
    }
}

/// Users and tables. The ledger has no key that would refuse a row that comes twice, so that one
/// can be seen.
fn setup() -> Vec<String> {
    let user = REPLICATION_USER;
    let mut statements = vec![
        format!("CREATE USER {user}@'%' IDENTIFIED BY 'replica' REQUIRE SSL"),
        format!("GRANT REPLICATION SLAVE ON *.* TO {user}@'%'"),
        "CREATE USER app@'%', rpl_user@'%', rplxuser@'%'".to_owned(),
        "CREATE DATABASE drill".to_owned(),
        "GRANT ALL ON drill.* TO app@'%'".to_owned(),
        "CREATE TABLE drill.ledger (id BIGINT NOT NULL, note VARCHAR(64) NOT NULL, KEY (id))"
            .to_owned(),
        "GRANT ALL ON tpch.* TO app@'%'".to_owned(),
    ];
    statements.extend(tpch::schema().map(str::to_owned));
    statements
}

/// A loopback address of this process's own, so that no two processes meet on a port.
pub(crate) fn loopback() -> Ipv4Addr {
    let [_, high, middle, low] = process::id().to_be_bytes();
    Ipv4Addr::new(127, 128 | (high & 63), middle, low)
}

/// A port that nothing has on [`loopback`]. A server gets its port from outside, and has to come
/// back to the one it had.
pub(crate) fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in 0..10_000 {
        let port = 20_000 + NEXT.fetch_add(1, Ordering::Relaxed) % 40_000;
        if TcpListener::bind((loopback(), port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free on {}", loopback())
}
