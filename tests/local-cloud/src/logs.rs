//! What a function printed, line by line.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// One line of output.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// When it was read, which is when it was printed but for some thousandths of a second.
    pub at: Instant,
    /// The line without its end.
    pub text: String,
    /// Whether the Lambda emulator said it about the function, not the function itself.
    pub from_emulator: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Logs {
    shared: Arc<(Mutex<Vec<LogLine>>, Condvar)>,
}

impl Logs {
    /// Reads `output` to its end on a thread of its own.
    pub(crate) fn follow(&self, output: impl Read + Send + 'static, whole_is_emulators: bool) {
        let logs = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                let from_emulator = whole_is_emulators || emulator_says(&text);
                let (lines, added) = &*logs.shared;
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.push(LogLine {
                    at: Instant::now(),
                    text,
                    from_emulator,
                });
                added.notify_all();
            }
        });
    }

    pub(crate) fn lines(&self) -> Vec<LogLine> {
        self.shared
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits, for a second at most, until the emulator has reported the end of `invocations`: it
    /// does so after it has passed on all that the function printed.
    pub(crate) fn wait_for_end_of(&self, invocations: usize) {
        let (lines, added) = &*self.shared;
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = |lines: &mut Vec<LogLine>| {
            let reports = lines
                .iter()
                .filter(|line| line.text.starts_with("REPORT RequestId: "));
            reports.count() < invocations
        };
        drop(added.wait_timeout_while(lines, Duration::from_secs(1), ended));
    }
}

/// The emulator's own lines among the function's.
fn emulator_says(line: &str) -> bool {
    ["START", "END", "REPORT"].iter().any(|word| {
        line.strip_prefix(word)
            .is_some_and(|rest| rest.starts_with(" RequestId: "))
    })
}
