//! What every cell needs and is made once: the programs, a certificate, a data directory to copy.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result, bail, ensure};

use crate::kept::Folder;
use crate::mariadb::{Role, Server};
use crate::sql;

/// The program of this name, where Debian puts it or on the path.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(usual)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Programs the drill needs that are not here, and how to get them; `None` where all are.
#[must_use]
pub fn missing() -> Option<String> {
    let needed = [
        ("mariadbd", "mariadb-server"),
        ("mariadb-install-db", "mariadb-server"),
        ("haproxy", "haproxy"),
        ("openssl", "openssl"),
    ];
    let absent: Vec<_> = needed
        .into_iter()
        .filter(|(name, _)| program(name).is_none())
        .collect();
    let mut packages: Vec<_> = absent.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    let names: Vec<_> = absent.iter().map(|(name, _)| *name).collect();
    (!absent.is_empty()).then(|| {
        format!(
            "the drill needs {}, not found here: apt-get install --no-install-recommends {}",
            names.join(", "),
            packages.join(" ")
        )
    })
}

/// What every cell needs. Gone, with all that was made of it, when this is dropped.
#[derive(Debug)]
pub struct Kit {
    pub(crate) mariadbd: PathBuf,
    pub(crate) haproxy: PathBuf,
    pub(crate) bootstrap: PathBuf,
    folder: Folder,
}

impl Kit {
    /// Makes it: about three seconds. `bootstrap` is the function's program.
    ///
    /// # Errors
    /// Where a program is missing or fails.
    pub async fn new(bootstrap: &Path) -> Result<Self> {
        if let Some(missing) = missing() {
            bail!(missing);
        }
        let kit = Self {
            mariadbd: program("mariadbd").context("no mariadbd")?,
            haproxy: program("haproxy").context("no haproxy")?,
            bootstrap: bootstrap.to_owned(),
            folder: Folder::new()?,
        };
        kit.make_certificate()?;
        kit.make_template().await?;
        Ok(kit)
    }

    /// A data directory to copy: the users and the table are in it.
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

    /// Whether this runs as root, which `MariaDB` wants to be told.
    pub(crate) fn as_root(&self) -> bool {
        fs::metadata(self.folder.path()).is_ok_and(|folder| folder.uid() == 0)
    }

    fn make_certificate(&self) -> Result<()> {
        let openssl = program("openssl").context("no openssl")?;
        run(Command::new(openssl)
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            ])
            .args(["-subj", "/CN=aurora-source", "-keyout"])
            .arg(self.key())
            .arg("-out")
            .arg(self.certificate()))
    }

    async fn make_template(&self) -> Result<()> {
        let install = program("mariadb-install-db").context("no mariadb-install-db")?;
        let mut install = Command::new(install);
        install
            .arg("--no-defaults")
            .arg(format!("--datadir={}", self.template().display()))
            .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
            .args(crate::mariadb::SMALL);
        if self.as_root() {
            install.arg("--user=root");
        }
        run(&mut install)?;
        let folder = Folder::new()?;
        let address = (loopback(), free_port()?);
        let server =
            Server::start(self, Role::Reader, &self.template(), folder.path(), address).await?;
        let mut root = server.root().await?;
        for statement in SETUP {
            sql::run(&mut root, statement).await?;
        }
        server.shut_down(root).await
    }
}

/// Users and table. The application cannot write where `read_only` is set. The table has no key that
/// would refuse a row that comes twice, so that one can be seen.
const SETUP: [&str; 7] = [
    "SET GLOBAL read_only = 0",
    "CREATE USER replica@'%' IDENTIFIED BY 'replica' REQUIRE SSL",
    "GRANT REPLICATION SLAVE ON *.* TO replica@'%'",
    "CREATE USER app@'%' IDENTIFIED BY 'app'",
    "CREATE DATABASE drill",
    "GRANT ALL ON drill.* TO app@'%'",
    "CREATE TABLE drill.ledger (id BIGINT NOT NULL, note VARCHAR(64) NOT NULL, KEY (id)) ENGINE=InnoDB",
];

/// A loopback address of this process's own, so that no two processes meet on a port.
pub(crate) fn loopback() -> Ipv4Addr {
    let [_, high, middle, low] = process::id().to_be_bytes();
    Ipv4Addr::new(127, 128 | (high & 63), middle, low)
}

/// A port that nobody has on [`loopback`]. A server has to be told its port, and has to come back
/// to the one it had.
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

/// Runs a program to its end; what it said is in the error.
fn run(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("failed to run {}", command.get_program().display()))?;
    ensure!(
        output.status.success(),
        "{} ended with {}: {}{}",
        command.get_program().display(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
