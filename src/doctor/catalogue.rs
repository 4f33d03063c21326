//! What is known of each check before anything is looked at: `checks.txt`, parsed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::report::{Remedy, Severity};

/// What is known of a check.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// How much a finding matters; `None` where it is no check.
    pub(super) severity: Option<Severity>,
    pub(super) expected: String,
    pub(super) reason: String,
    advice: String,
    commands: Vec<Command>,
}

/// A command, or some that are given together for each of a list.
#[derive(Debug)]
enum Command {
    Once(String),
    Each(Vec<String>),
}

/// The values that an entry's texts and commands are filled with.
pub(super) type Values = BTreeMap<&'static str, Vec<String>>;

/// An entry by its name, `check (variant)`.
pub(super) fn entry(name: &str) -> &'static Entry {
    static UNKNOWN: LazyLock<Entry> = LazyLock::new(Entry::default);
    ENTRIES.get(name).unwrap_or(&UNKNOWN)
}

static ENTRIES: LazyLock<BTreeMap<String, Entry>> =
    LazyLock::new(|| parse(include_str!("checks.txt")));

fn parse(text: &str) -> BTreeMap<String, Entry> {
    let mut lines: Vec<String> = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match (line.strip_prefix("    "), lines.last_mut()) {
            (Some(more), Some(last)) => *last = format!("{last} {more}"),
            _ => lines.push(line.to_owned()),
        }
    }
    let mut entries: Vec<(String, Entry)> = Vec::new();
    for line in lines {
        let Some(detail) = line.strip_prefix("  ") else {
            entries.push(header(&line));
            continue;
        };
        if let Some((_, entry)) = entries.last_mut() {
            entry.add(detail);
        }
    }
    entries.into_iter().collect()
}

fn header(line: &str) -> (String, Entry) {
    let mut parts = line.split('|').map(str::trim);
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (name, severity, expected) = (next(), next(), next());
    let severity = match severity.as_str() {
        "error" => Some(Severity::Error),
        "warning" => Some(Severity::Warning),
        "unknown" => Some(Severity::Unknown),
        "note" => Some(Severity::Note),
        _ => None,
    };
    let entry = Entry {
        severity,
        expected,
        ..Entry::default()
    };
    (name, entry)
}

impl Entry {
    fn add(&mut self, detail: &str) {
        match detail.split_once(' ') {
            Some(("$", command)) => self.commands.push(Command::Once(command.to_owned())),
            Some(("*", command)) => match self.commands.last_mut() {
                Some(Command::Each(block)) => block.push(command.to_owned()),
                _ => self.commands.push(Command::Each(vec![command.to_owned()])),
            },
            Some((">", advice)) => advice.clone_into(&mut self.advice),
            _ => detail.clone_into(&mut self.reason),
        }
    }

    /// The remedy for these values; a command of which one is unknown is left out.
    pub(super) fn remedy(&self, values: &Values) -> Remedy {
        let mut commands = Vec::new();
        for command in &self.commands {
            match command {
                Command::Once(command) => commands.extend(filled(command, values)),
                Command::Each(block) => {
                    for each in values.get("each").into_iter().flatten() {
                        let mut values = values.clone();
                        values.insert("each", vec![each.clone()]);
                        commands.extend(block.iter().filter_map(|one| filled(one, &values)));
                    }
                }
            }
        }
        Remedy {
            commands,
            advice: text(&self.advice, values),
        }
    }
}

/// A text with its values in it, as they are.
pub(super) fn text(template: &str, values: &Values) -> String {
    values
        .iter()
        .fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), &value.join(", "))
        })
}

/// A command ready to paste: with its Region, its values quoted for a POSIX shell.
fn filled(template: &str, values: &Values) -> Option<String> {
    let mut command = "aws ".to_owned();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        let words = values.get(name.trim_end_matches('*'))?;
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let is_known = !words.is_empty() && words.iter().all(|word| word != "''");
        is_known.then_some(())?;
        command.push_str(before);
        command.push_str(&words.join(" "));
        rest = after;
    }
    let region = values.get("region")?.first()?;
    Some(format!("{command}{rest} --region {}", quoted(region)))
}

/// A value as one word of a shell.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&'static str, &[&str])]) -> Values {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        pairs
            .iter()
            .map(|(name, words)| (*name, owned(words)))
            .collect()
    }

    #[test]
    fn a_command_is_ready_to_paste_or_left_out() {
        let known = values(&[
            ("region", &["eu-west-1"]),
            ("a", &["it's; rm *"]),
            ("b", &["x", "y"]),
        ]);
        assert_eq!(
            filled("x y --a {a} --b {b*}", &known),
            Some(r"aws x y --a 'it'\''s; rm *' --b x y --region eu-west-1".to_owned())
        );
        assert_eq!(filled("x y --c {c}", &known), None);
    }

    #[test]
    fn every_check_has_what_a_finding_needs() {
        for (name, entry) in ENTRIES.iter() {
            let is_check = entry.severity.is_some();
            assert!(!is_check || !entry.expected.is_empty(), "{name}");
            assert!(!is_check || !entry.reason.is_empty(), "{name}");
            assert!(
                is_check || !(entry.commands.is_empty() && entry.advice.is_empty()),
                "{name}"
            );
        }
        assert!(ENTRIES.len() > 80);
    }
}
