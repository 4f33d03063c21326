//! What the audience sees.

use std::error::Error;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use local_cloud::{Answer, Cloud, Function, Invocation, PORT};
use serde_json::Value;

use crate::Result;

/// Who something happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Event,
    Rds,
    Dns,
    Function,
    Group,
}

impl Who {
    /// The name in the timeline, and its colour.
    fn badge(self) -> (&'static str, u8) {
        match self {
            Self::Event => ("event", 33),
            Self::Rds => ("RDS", 35),
            Self::Dns => ("DNS", 34),
            Self::Function => ("function", 36),
            Self::Group => ("group", 32),
        }
    }
}

/// What the world did, written down as it does it.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<(Instant, Who, String)>>>);

impl Notes {
    pub(crate) fn say(&self, who: Who, what: &str) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push((Instant::now(), who, what.to_owned()));
    }

    fn take(&self) -> Vec<(Instant, Who, String)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The timeline: what the world did, what the function said, and what it asked for.
pub(crate) struct Stage<'a> {
    cloud: &'a Cloud,
    function: &'a Function,
    notes: Notes,
    started: Option<Instant>,
    calls: usize,
    lines: usize,
    colours: bool,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(cloud: &'a Cloud, function: &'a Function) -> Self {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let (notes, started) = (Notes::default(), None);
        Self {
            cloud,
            function,
            notes,
            started,
            calls: 0,
            lines: 0,
            colours,
        }
    }

    pub(crate) fn notes(&self) -> Notes {
        self.notes.clone()
    }

    pub(crate) fn title(&self, file: &str, scene: &str) {
        println!("\n{}: {scene}", self.paint(1, file));
    }

    /// Shows the group; whether it holds the Writer and nothing else.
    pub(crate) async fn group(&self, when: &str) -> Result<bool> {
        let writer = self.cloud.writer().await?;
        let at = writer
            .as_ref()
            .map(|writer| self.cloud.dns().get(&self.cloud.instance_endpoint(writer)));
        let right = match at {
            Some(Answer::A(addresses)) => {
                addresses.first().map(|address| format!("{address}:{PORT}"))
            }
            _ => None,
        };
        let targets = self.cloud.targets().await?;
        println!("\n  {}", self.paint(1, &format!("the group {when}")));
        if targets.is_empty() {
            println!("    {}", self.paint(33, "(empty)"));
        }
        for target in &targets {
            let (mark, colour) = if Some(target) == right.as_ref() {
                ("the Writer", 32)
            } else {
                ("not the Writer!", 31)
            };
            println!("    {target:<18} {}", self.paint(colour, mark));
        }
        println!();
        Ok(targets.len() == 1 && targets.first() == right.as_ref())
    }

    /// Prints what happened since the last time, in order.
    pub(crate) fn show_news(&mut self) {
        let mut news = self.notes.take();
        let calls = self.cloud.gateway().calls();
        let done = calls[self.calls..]
            .iter()
            .take_while(|call| call.took.is_some())
            .count();
        for call in calls[self.calls..self.calls + done]
            .iter()
            .filter(|call| call.is_write())
        {
            let status = call
                .status
                .filter(|&status| status != 200)
                .map(|status| format!(" answered with {status}"));
            let what = format!(
                "{} {}{}",
                call.action,
                call.targets().join(" "),
                status.unwrap_or_default()
            );
            news.push((call.at + call.took.unwrap_or_default(), Who::Group, what));
        }
        self.calls += done;
        let lines = self.function.logs();
        for line in &lines[self.lines..] {
            news.extend(told(&line.text).map(|what| (line.at, Who::Function, what)));
        }
        self.lines = lines.len();
        news.sort_by_key(|(at, ..)| *at);
        for (at, who, what) in news {
            self.row(at, who, &what);
        }
    }

    fn row(&mut self, at: Instant, who: Who, what: &str) {
        let started = *self.started.get_or_insert(at);
        let seconds = at.saturating_duration_since(started).as_secs_f64();
        let (name, colour) = who.badge();
        let name = self.paint(colour, &format!("{name:<8}"));
        println!("  {seconds:>6.1} s  {name}  {}", short(what));
    }

    pub(crate) fn end(&mut self, invocation: &Invocation) {
        self.show_news();
        let (reads, writes): (Vec<_>, Vec<_>) = self
            .cloud
            .gateway()
            .calls()
            .into_iter()
            .partition(|call| !call.is_write());
        println!(
            "\n  the run took {:.1} s: {} to AWS, {} to DNS, {}",
            invocation.elapsed.as_secs_f64(),
            count(reads.len(), "question"),
            count(self.cloud.dns().questions().len(), "question"),
            count(writes.len(), "write"),
        );
    }

    fn paint(&self, colour: u8, text: &str) -> String {
        if self.colours {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A line of the function's log, for a person. Plans and metrics are left out: the one is followed
/// by its requests, the other is the report again.
fn told(line: &str) -> Option<String> {
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else {
        return Some(line.to_owned());
    };
    if let Some(routes) = fields.get("routes").and_then(Value::as_array) {
        return Some(routes.iter().map(ending).collect::<Vec<_>>().join("; "));
    }
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("message") {
        "" | "started" | "writing" => None,
        "looked" => {
            let hint = if text("hint").is_empty() {
                "none"
            } else {
                text("hint")
            };
            let look = fields
                .get("look")
                .and_then(Value::as_u64)
                .unwrap_or_default();
            let dns = text("dns").trim_start_matches("dns ");
            let saw = format!("API {}, DNS {dns}, hint {hint}", text("api"));
            let done = if text("plan") == "nothing to do" {
                ", nothing to do"
            } else {
                ""
            };
            Some(format!("look {look}: {saw} → {}{done}", text("decision")))
        }
        message => {
            let known = ["message", "timestamp", "level", "span", "spans"];
            let rest = fields
                .iter()
                .filter(|(name, _)| !known.contains(&name.as_str()));
            Some(rest.fold(message.to_owned(), |line, (name, value)| {
                format!("{line}, {name}: {value}")
            }))
        }
    }
}

/// How a route ended, in a line.
fn ending(route: &Value) -> String {
    let list = |name: &str| {
        let targets = route[name]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        let targets = targets.collect::<Vec<_>>().join(" ");
        if targets.is_empty() {
            "nothing".to_owned()
        } else {
            targets
        }
    };
    let outcome = route["outcome"].as_str().unwrap_or("?").to_owned();
    let (out, new) = (list("deregistered"), list("registered"));
    let holds = format!(
        "the group holds {} after {} looks",
        list("targets"),
        route["looks"]
    );
    match outcome.as_str() {
        "ignored" => outcome,
        "unchanged" => format!("{outcome}: {holds}"),
        _ => format!("{outcome}: {out} out, {new} in; {holds}"),
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// All names start alike here.
fn short(text: &str) -> String {
    text.replace("aurora-source-instance-", "instance-")
}

#[expect(clippy::print_stderr, reason = "the audience waits")]
pub(crate) fn progress(what: &str) {
    eprintln!("{what}");
}

#[expect(clippy::print_stderr, reason = "there is nowhere else to complain")]
pub(crate) fn complain(error: &(dyn Error + 'static)) {
    eprintln!("\n{error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
}
