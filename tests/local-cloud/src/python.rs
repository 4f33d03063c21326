//! The Python environment that moto's server and the Lambda emulator come from.
//!
//! It is made once, below cargo's target folder, from the pinned `requirements.txt`; a file lock
//! lets test processes that run side by side wait for the one that makes it, and a marker written
//! last has an interrupted install done again.

use std::env::{self, consts};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// An installed environment.
#[derive(Clone, Debug)]
pub(crate) struct Python {
    folder: PathBuf,
}

impl Python {
    /// Finds the environment, or makes it, which takes about a minute.
    pub(crate) fn ready() -> Result<Self> {
        let root = target_folder()?.join("local-cloud");
        fs::create_dir_all(&root).with_context(|| format!("failed to make {}", root.display()))?;
        let folder = root.join(format!("{:016x}", fingerprint(REQUIREMENTS)));
        let marker = folder.join("complete");
        if !marker.exists() {
            let lock = File::create(root.join("lock"))?;
            lock.lock().context("failed to wait for another install")?;
            if !marker.exists() {
                install(&folder)
                    .context("failed to make the Python environment of the local cloud")?;
                File::create(&marker)?;
            }
        }
        Ok(Self { folder })
    }

    /// The environment's interpreter.
    pub(crate) fn interpreter(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// AWS's Lambda Runtime Interface Emulator for this machine's architecture.
    pub(crate) fn emulator(&self) -> Result<PathBuf> {
        emulator(&self.folder)
    }
}

fn emulator(folder: &Path) -> Result<PathBuf> {
    let architecture = match consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    };
    let inside = format!("site-packages/samcli/local/rapid/aws-lambda-rie-{architecture}");
    fs::read_dir(folder.join("lib"))?
        .filter_map(Result::ok)
        .map(|version| version.path().join(&inside))
        .find(|path| path.exists())
        .with_context(|| format!("aws-sam-cli has no Lambda emulator for {architecture}"))
}

fn install(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    say("making a Python environment for moto and the Lambda emulator, once (about a minute) …");
    let python = env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    run(
        Command::new(&python).arg("-m").arg("venv").arg(folder),
        "Python 3.11 or newer with its venv module is needed: install python3 and python3-venv, \
         or name another interpreter in PYTHON",
    )?;
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)?;
    install_packages(
        Command::new(folder.join("bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--no-input",
                "--disable-pip-version-check",
            ])
            .args(["--progress-bar", "off", "--no-deps", "--requirement"])
            .arg(&requirements),
    )?;
    make_executable(&emulator(folder)?)?;
    say("the Python environment is ready");
    Ok(())
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(
        path,
        fs::Permissions::from_mode(0o755),
    )?)
}

/// Runs one step with its output on standard error; `advice` is what to do if it fails.
fn run(command: &mut Command, advice: &str) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .with_context(|| {
            format!(
                "failed to run {}: {advice}",
                command.get_program().display()
            )
        })?;
    if !status.success() {
        bail!(
            "{} ended with {status}: {advice}",
            command.get_program().display()
        );
    }
    Ok(())
}

/// Runs pip, and shows which package it is at: the rest of what it says matters only if it fails.
fn install_packages(pip: &mut Command) -> Result<()> {
    let all = REQUIREMENTS
        .lines()
        .filter(|line| line.contains("=="))
        .count();
    let mut pip = pip.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let output = pip.stdout.take().context("pip has no output")?;
    let (mut said, mut count) = (Vec::new(), 0);
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if let Some(package) = line.strip_prefix("Collecting ") {
            count += 1;
            let name = package.split(' ').next().unwrap_or(package);
            say(&format!("[{count:2}/{all}] {name}"));
        } else if line.starts_with("Installing") {
            say("unpacking …");
        }
        said.push(line);
    }
    let status = pip.wait()?;
    if !status.success() {
        let said = said.join("\n");
        bail!("{said}\npip ended with {status}: can it reach a Python package index?");
    }
    Ok(())
}

#[expect(
    clippy::print_stderr,
    reason = "a minute of silence would look like a hang"
)]
fn say(what: &str) {
    eprintln!("local-cloud: {what}");
}

/// Cargo's target folder: it tags its own with `CACHEDIR.TAG`, and tests and examples run in it.
fn target_folder() -> Result<PathBuf> {
    let program = env::current_exe().context("failed to find the running program")?;
    if let Some(tagged) = program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists())
    {
        return Ok(tagged.to_owned());
    }
    if let Some(named) = env::var_os("CARGO_TARGET_DIR") {
        return Ok(named.into());
    }
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"))
}

/// FNV-1a: the same on every machine and in every version of the compiler.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
