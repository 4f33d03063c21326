//! The programs that the drill runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::server::{Product, mysql};

/// The programs, found.
#[derive(Clone, Debug)]
pub struct Parts {
    pub(crate) product: Product,
    pub(crate) server: PathBuf,
    /// What makes MariaDB's data directory; MySQL's server does that itself.
    pub(crate) install: Option<PathBuf>,
    pub(crate) haproxy: PathBuf,
    pub(crate) openssl: PathBuf,
    version: String,
}

impl Parts {
    /// Finds the programs. Where this machine has no MySQL that is new enough, it is unpacked into
    /// `target/mysql`, which says how it gets on.
    ///
    /// # Errors
    /// Says what is missing, and how to get it.
    pub fn find(product: Product) -> Result<Self> {
        let mut needed = vec![("haproxy", "haproxy"), ("openssl", "openssl")];
        if product == Product::MariaDb {
            needed.push(("mariadbd", "mariadb-server"));
            needed.push(("mariadb-install-db", "mariadb-server"));
        }
        needed.retain(|(name, _)| program(name).is_none());
        if !needed.is_empty() {
            let names: Vec<_> = needed.iter().map(|(name, _)| *name).collect();
            let mut packages: Vec<_> = needed.iter().map(|(_, package)| *package).collect();
            packages.dedup();
            bail!(
                "the drill needs {}, not found here: apt-get install --no-install-recommends {}",
                names.join(", "),
                packages.join(" ")
            );
        }
        let there = |name| program(name).with_context(|| format!("no {name}"));
        let server = match product {
            Product::MySql => mysql::find().context("the drill needs MySQL 8.4 or newer")?,
            Product::MariaDb => there("mariadbd")?,
        };
        Ok(Self {
            product,
            version: format!("{product} {}", version(&banner(&server)?)),
            server,
            install: program("mariadb-install-db"),
            haproxy: there("haproxy")?,
            openssl: there("openssl")?,
        })
    }

    /// Which server it is, as in `MySQL 9.7.4`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// The program of this name, where Debian puts it or on the path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(usual)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// What a server answers when it is asked for its version.
pub(crate) fn banner(server: &Path) -> Result<String> {
    let output = Command::new(server)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("failed to run {}", server.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The numbers of a server's version, as in `9.7.4`.
pub(crate) fn version(banner: &str) -> &str {
    let words = &mut banner.split_whitespace().skip_while(|word| *word != "Ver");
    let whole = words.nth(1).unwrap_or("of an unknown version");
    let end = whole.find(|c: char| c != '.' && !c.is_ascii_digit());
    &whole[..end.filter(|end| *end > 0).unwrap_or(whole.len())]
}

/// Runs a program to its end; what it said is in the error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn a_version_is_read_from_either_products_answer() {
        let mysql = "/a/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))";
        let mariadb = "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64";
        assert_eq!(version(mysql), "9.7.4");
        assert_eq!(version(mariadb), "10.11.19");
        assert_eq!(version(""), "of an unknown version");
    }
}
