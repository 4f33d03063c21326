//! Processes and folders that end with the process that made them, however it goes.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

const KEEPER: &str = include_str!("keeper.sh");

/// Waits for the end of its input, then removes the folder, which dying servers may still write to.
const SWEEPER: &str = r#"
cat >/dev/null
for n in 1 2 3 4 5 6 7 8 9; do rm -rf "$0" && exit; sleep 0.2; done 2>/dev/null
"#;

/// A server that runs below a keeper. It is killed, as by `kill -9`, when this is dropped.
#[derive(Debug)]
pub(crate) struct Kept {
    keeper: Child,
}

impl Kept {
    /// Starts `program`; all it says goes to the file `log`.
    pub(crate) fn start(program: &Path, arguments: &[String], log: &Path) -> Result<Self> {
        let log = fs::OpenOptions::new().create(true).append(true).open(log)?;
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A group of its own, so that Ctrl-C at the terminal is left to its owner.
            .process_group(0)
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        Ok(Self { keeper })
    }

    /// Whether the server still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.keeper.try_wait(), Ok(None))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    sweeper: Child,
}

impl Folder {
    pub(crate) fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("drill-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir_all(&path).with_context(|| format!("failed to make {}", path.display()))?;
        let sweeper = Command::new("sh")
            .args(["-c", SWEEPER])
            .arg(&path)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("failed to run sh")?;
        Ok(Self { path, sweeper })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.sweeper.stdin.take());
        let _ = self.sweeper.wait();
    }
}
