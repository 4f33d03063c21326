//! What an audit comes to, as JSON for programs and as text for people.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// How a diagnosis is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For programs.
    Json,
    /// For people.
    Text,
}

/// What an audit found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// How many findings there are of each severity, and how many checks passed.
    pub counts: Counts,
    /// What is not as expected, the worst first.
    pub findings: Vec<Finding>,
    /// What was looked at and is right.
    pub passed: Vec<Check>,
    /// What no audit from the function can see, and where to look instead.
    pub not_checked: Vec<NotChecked>,
}

/// How many findings there are of each severity, and how many checks passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each is named as its severity")]
pub struct Counts {
    pub error: usize,
    pub warning: usize,
    pub unknown: usize,
    pub note: usize,
    pub passed: usize,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The replication does not work, or will not survive the next failover.
    Error,
    /// It works, with less to hold it than there could be.
    Warning,
    /// It could not be looked at.
    Unknown,
    /// Worth knowing.
    Note,
}

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Check {
    /// With AWS's own word for it where there is one.
    pub check: String,
    /// Of which cluster, group, listener, service: its identifier or ARN.
    pub resource: String,
}

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was looked at.
    #[serde(flatten)]
    pub of: Check,
    /// What is there.
    pub actual: String,
    /// What is expected to be there.
    pub expected: String,
    /// Why it matters.
    pub reason: String,
    /// What to do about it.
    pub remedy: Remedy,
}

/// What an audit from the function cannot see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotChecked {
    /// What was not looked at.
    #[serde(flatten)]
    pub of: Check,
    /// Why not.
    pub reason: String,
    /// Where to look instead.
    pub remedy: Remedy,
}

/// What a person does about a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// Commands, each ready to paste, to run in this order.
    pub commands: Vec<String>,
    /// What to know before running them, or what to do where no command does it.
    pub advice: String,
}

impl Diagnosis {
    pub(super) fn new(
        mut findings: Vec<Finding>,
        passed: Vec<Check>,
        not_checked: Vec<NotChecked>,
    ) -> Self {
        findings.sort_by_key(|finding| finding.severity);
        let of = |severity| {
            findings
                .iter()
                .filter(|one| one.severity == severity)
                .count()
        };
        let counts = Counts {
            error: of(Severity::Error),
            warning: of(Severity::Warning),
            unknown: of(Severity::Unknown),
            note: of(Severity::Note),
            passed: passed.len(),
        };
        Self {
            counts,
            findings,
            passed,
            not_checked,
        }
    }

    /// The diagnosis in a format, as an invocation's result.
    #[must_use]
    pub fn render(&self, format: Format) -> Value {
        match format {
            Format::Text => Value::String(self.to_string()),
            Format::Json => {
                serde_json::to_value(self).unwrap_or_else(|error| Value::String(error.to_string()))
            }
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |count: usize| if count == 1 { "" } else { "s" };
        let Self {
            error,
            warning,
            unknown,
            note,
            passed,
        } = *self;
        write!(
            f,
            "{error} error{}, {warning} warning{}, ",
            s(error),
            s(warning)
        )?;
        write!(f, "{unknown} unknown, {note} note{}; ", s(note))?;
        write!(f, "{passed} check{} passed", s(passed))
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  [{}]", self.check, self.resource)
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.advice.is_empty() {
            writeln!(f, "  remedy     {}", self.advice)?;
        }
        self.commands
            .iter()
            .try_for_each(|command| writeln!(f, "  $ {command}"))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = format!("{:?}", self.severity).to_ascii_uppercase();
        writeln!(f, "{severity}  {}", self.of)?;
        writeln!(f, "  actual     {}", self.actual)?;
        writeln!(f, "  expected   {}", self.expected)?;
        writeln!(f, "  reason     {}", self.reason)?;
        write!(f, "{}", self.remedy)
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.counts)?;
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        for check in &self.passed {
            writeln!(f, "ok  {check}")?;
        }
        writeln!(f, "\nnot checked, look yourself:")?;
        for one in &self.not_checked {
            write!(f, "{}\n  reason     {}\n{}", one.of, one.reason, one.remedy)?;
        }
        Ok(())
    }
}
