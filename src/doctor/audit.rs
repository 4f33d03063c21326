//! An audit under way: what has been found so far, and what was looked at and is right.

#![allow(
    clippy::needless_pass_by_value,
    reason = "callers pass names, numbers and errors as they have them"
)]

use std::collections::BTreeSet;

use super::ask::Answered;
use super::catalogue::{Values, entry, text};
use super::causes::Caller;
use super::report::{Check, Diagnosis, Finding, NotChecked, Severity};

/// What has been found so far.
#[derive(Debug, Default)]
pub(super) struct Audit {
    findings: Vec<Finding>,
    passed: BTreeSet<Check>,
    not_checked: Vec<NotChecked>,
    caller: Caller,
    /// What the texts and commands of the next findings are filled with.
    values: Values,
    failed_calls: BTreeSet<String>,
}

impl Audit {
    pub(super) fn new(region: &str, function: Option<&str>, caller: Caller) -> Self {
        let mut audit = Self {
            caller,
            ..Self::default()
        };
        audit.set("region", region);
        audit.set("function", function.unwrap_or_default());
        audit
    }

    /// From here on it is about this resource, and no value of the last one counts.
    pub(super) fn about(&mut self, resource: impl ToString) {
        self.values
            .retain(|name, _| ["region", "function"].contains(name));
        self.set("resource", resource);
    }

    /// Sets a value; an empty one is unknown.
    pub(super) fn set(&mut self, name: &'static str, value: impl ToString) {
        self.values.insert(name, vec![value.to_string()]);
    }

    /// Sets a value that is a list.
    pub(super) fn list(
        &mut self,
        name: &'static str,
        values: impl IntoIterator<Item = impl ToString>,
    ) {
        let values = values.into_iter().map(|value| value.to_string());
        self.values.insert(name, values.collect());
    }

    pub(super) fn value(&self, name: &str) -> &str {
        let value = self.values.get(name).and_then(|value| value.first());
        value.map(String::as_str).unwrap_or_default()
    }

    /// Passes if the actual value is the one that the catalogue expects.
    pub(super) fn equal(&mut self, name: &str, actual: &str) {
        let holds = actual == text(&entry(name).expected, &self.values);
        self.expect(name, holds, actual);
    }

    /// Passes if it `holds`.
    pub(super) fn expect(&mut self, name: &str, holds: bool, actual: impl ToString) {
        self.expect_with(name, holds, actual, "");
    }

    /// The same, with the commands of another entry, and its advice where this one has none.
    pub(super) fn expect_with(
        &mut self,
        name: &str,
        holds: bool,
        actual: impl ToString,
        commands: &str,
    ) {
        if holds {
            self.pass(name);
        } else {
            let severity = entry(name).severity.unwrap_or(Severity::Unknown);
            self.add(severity, name, self.of(name), &actual.to_string(), commands);
        }
    }

    pub(super) fn pass(&mut self, name: &str) {
        let of = self.of(name);
        self.passed.insert(of);
    }

    /// A finding as the catalogue has it.
    pub(super) fn find(&mut self, name: &str, actual: impl ToString) {
        self.expect_with(name, false, actual, "");
    }

    /// What no audit from the function can see.
    pub(super) fn leave(&mut self, name: &str) {
        self.not_checked.push(NotChecked {
            of: self.of(name),
            reason: text(&entry(name).reason, &self.values),
            remedy: entry(name).remedy(&self.values),
        });
    }

    /// The answer to `call`; without one, the cause is a finding, and what depends on it unknown.
    pub(super) fn answer<'a, T>(&mut self, call: &str, answer: &'a Answered<T>) -> Option<&'a T> {
        let error = match answer {
            Ok(answer) => {
                self.pass(&format!("call {call}"));
                return Some(answer);
            }
            Err(error) => error,
        };
        let (region, resource) = (self.value("region"), self.value("resource"));
        let judged = self.caller.judge(error, resource, region);
        // One cause is one finding, however much depends on it.
        if self.failed_calls.insert(judged.cause) {
            let of = self.of(&format!("call {}", error.call));
            let before = self.values.clone();
            judged
                .values
                .into_iter()
                .for_each(|(name, value)| self.set(name, value));
            self.add(judged.severity, judged.entry, of, &error.to_string(), "");
            self.values = before;
        }
        None
    }

    pub(super) fn end(self) -> Diagnosis {
        let failed: BTreeSet<&Check> = self.findings.iter().map(|finding| &finding.of).collect();
        let passed = self
            .passed
            .iter()
            .filter(|of| !failed.contains(of))
            .cloned()
            .collect();
        Diagnosis::new(self.findings, passed, self.not_checked)
    }

    fn add(&mut self, severity: Severity, name: &str, of: Check, actual: &str, commands: &str) {
        let mut remedy = entry(name).remedy(&self.values);
        let more = entry(commands).remedy(&self.values);
        remedy.commands.extend(more.commands);
        if remedy.advice.is_empty() {
            remedy.advice = more.advice;
        }
        self.findings.push(Finding {
            severity,
            of,
            actual: actual.to_owned(),
            expected: text(&entry(name).expected, &self.values),
            reason: text(&entry(name).reason, &self.values),
            remedy,
        });
    }

    /// The check's name, without its variant.
    fn of(&self, name: &str) -> Check {
        let name = name.split_once(" (").map_or(name, |(check, _)| check);
        Check {
            check: name.to_owned(),
            resource: self.value("resource").to_owned(),
        }
    }
}
