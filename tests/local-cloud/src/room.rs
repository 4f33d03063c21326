//! A sealed room: a network and mounts of its own, in which AWS's own names lead to the local
//! cloud.
//!
//! ```text
//!  /etc/resolv.conf ─► Dns, port 53: rds.REGION.amazonaws.com, … and the cluster's endpoints
//!  /etc/ssl/certs   ─► the room's certificate authority, and no other
//!                      Gateway with TLS, port 443 ─► moto
//! ```
//!
//! Nothing in it has to be pointed at a local server, and nothing in it can reach another. Linux
//! gives namespaces to a thread, and to the threads and processes that it starts: so a scenario
//! runs on one.

use std::fs;
use std::net::Ipv4Addr;
use std::panic;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, ensure};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::certificate::Authority;
use crate::cloud::{Cloud, REGION};
use crate::dns::{Answer, Dns};
use crate::gateway::Gateway;
use crate::moto::{Kind, Moto};
use crate::python::Python;

/// The services of the local cloud, as AWS's host names have them.
const SERVICES: [&str; 6] = ["ec2", "elasticloadbalancing", "rds", "sns", "sqs", "sts"];

/// Brings the loopback interface up: `ip link set lo up`, without iproute2.
const LOOPBACK_UP: &str = "import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sH14x', b'lo', 0x1))";

/// What is mounted for the room's own files; they go with it.
const FILES: &str = "/mnt";

/// The inside of a sealed room.
pub struct Room {
    authority: Authority,
}

/// Why no room can be had here; `None` where one can.
#[must_use]
pub fn no_room() -> Option<String> {
    let tried = thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS));
    let error = tried.join().ok()?.err()?;
    Some(format!(
        "a sealed room needs a network and a mount namespace of its own, which take root's rights ({error})"
    ))
}

/// The host name of a service.
#[must_use]
pub fn host(service: &str) -> String {
    format!("{service}.{REGION}.amazonaws.com")
}

impl Room {
    /// Runs a scenario in a room of its own, in which it starts a cloud, and waits for its end.
    ///
    /// # Errors
    ///
    /// If there can be [no room](no_room), or the Python environment is not to be had.
    ///
    /// # Panics
    ///
    /// If the scenario panics.
    pub fn enter<T: Send + 'static>(
        scenario: impl AsyncFnOnce(Self) -> T + Send + 'static,
    ) -> Result<T> {
        // In the room there is no package index to install it from.
        let python = Python::ready()?.interpreter();
        let thread = thread::spawn(move || {
            let authority = Authority::new()?;
            seal(&python, &authority)?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            Ok(runtime.block_on(scenario(Self { authority })))
        });
        thread
            .join()
            .unwrap_or_else(|panicked| panic::resume_unwind(panicked))
    }

    /// The same room, but that AWS's names lead to a server whose certificate nobody trusts.
    ///
    /// # Errors
    ///
    /// If no certificate can be made.
    pub fn with_an_impostor(self) -> Result<Self> {
        let authority = Authority::new()?;
        Ok(Self { authority })
    }

    /// Starts a cloud, which [`create_stack`](Cloud::create_stack) works in, behind AWS's names.
    ///
    /// # Errors
    ///
    /// If a part does not come up, or the room has one already.
    pub async fn start_cloud(&self) -> Result<Cloud> {
        let moto = tokio::task::spawn_blocking(|| Moto::start(Kind::CloudFormation)).await??;
        let dns = Dns::start(53).await?;
        let names = SERVICES.map(host);
        for name in &names {
            dns.set(name, Answer::A(vec![Ipv4Addr::LOCALHOST]));
        }
        let tls = self.authority.server(&names)?;
        let gateway = Gateway::start_tls(moto.world.address, tls).await?;
        Ok(Cloud::of(moto, dns, gateway))
    }
}

/// Puts this thread into a room, with nothing but loopback, and what AWS's names need to be found.
fn seal(python: &Path, authority: &Authority) -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)
        .context("there is no namespace to be had")?;
    // What is mounted from now on is not to be seen outside.
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
    let loopback = Command::new(python)
        .args(["-I", "-S", "-c", LOOPBACK_UP])
        .status()?;
    ensure!(loopback.success(), "loopback did not come up: {loopback}");

    tmpfs(FILES)?;
    bind("hosts", "127.0.0.1 localhost\n", "/etc/hosts")?;
    bind("resolv.conf", "nameserver 127.0.0.1\n", "/etc/resolv.conf")?;
    // Where rustls looks for the system's certificates, in the same words.
    let folders: Vec<&str> = openssl_probe::candidate_cert_dirs()
        .filter_map(Path::to_str)
        .collect();
    ensure!(
        !folders.is_empty(),
        "no trust store: install ca-certificates"
    );
    for folder in folders {
        tmpfs(folder)?;
        fs::write(
            Path::new(folder).join("ca-certificates.crt"),
            authority.pem(),
        )?;
    }
    if let Some(file) = openssl_probe::probe().cert_file.as_deref() {
        bind("authority.pem", &authority.pem(), file)?;
    }
    Ok(())
}

fn tmpfs(folder: &str) -> Result<()> {
    let flags = MsFlags::empty();
    mount(Some("tmpfs"), folder, Some("tmpfs"), flags, None::<&str>)
        .with_context(|| format!("failed to mount on {folder}"))
}

/// Has a file hold this text, in the room.
fn bind(name: &str, text: &str, over: impl AsRef<Path>) -> Result<()> {
    let (file, over) = (Path::new(FILES).join(name), over.as_ref());
    fs::write(&file, text)?;
    let flags = MsFlags::MS_BIND;
    mount(Some(&file), over, None::<&str>, flags, None::<&str>)
        .with_context(|| format!("failed to mount over {}", over.display()))
}
