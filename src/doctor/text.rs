//! A diagnosis for people.

use std::fmt;

use super::{Check, Diagnosis, Finding, Severity};

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
            Self::Unknown => "UNKNOWN",
            Self::Note => "NOTE",
        })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.check)?;
        match (&self.db_cluster_identifier, &self.target_group_arn) {
            (Some(cluster), Some(group)) => write!(f, "  [{cluster} → {}]", group.name()),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            severity,
            of,
            is,
            should,
            why,
            mend,
        } = self;
        writeln!(f, "{severity}  {of}")?;
        for (word, text) in [
            ("is", is),
            ("should be", should),
            ("because", why),
            ("mend", mend),
        ] {
            writeln!(f, "  {word:<10} {text}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            summary,
            findings,
            passed,
            not_checked,
        } = self;
        writeln!(f, "{summary}\n")?;
        for finding in findings {
            writeln!(f, "{finding}")?;
        }
        for check in passed {
            writeln!(f, "ok  {check}")?;
        }
        writeln!(f, "\nnot checked, look yourself:")?;
        for what in not_checked {
            writeln!(f, "  {what}")?;
        }
        Ok(())
    }
}
