//! Where green's binlog begins after a blue/green switchover.

use serde::Serialize;

/// How RDS begins the text that carries them (RDS User Guide, "Updating the parent node for
/// consumers"). "Binlog position from crash recovery" is another position: where the instance
/// itself once started.
const TEXT: &str = "Binary log coordinates in green environment after switchover";

/// A binlog file and a position in it, from which a replica by position goes on at green.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BinlogCoordinates {
    /// The file: letters, digits, hyphens, dots and underscores, so that it can be typed as it is.
    pub file: String,
    /// The position.
    pub position: u64,
}

impl BinlogCoordinates {
    /// Reads an event's text; `None` where it carries none, or some that no server could have.
    #[must_use]
    pub fn read(message: &str) -> Option<Self> {
        let rest = message.trim().strip_prefix(TEXT)?;
        let word = |before: &str| {
            let (_, after) = rest.split_once(before)?;
            let word = after.split_whitespace().next()?;
            Some(word.trim_matches(|c: char| !c.is_ascii_alphanumeric()))
        };
        let file = word(" file ")?;
        let may_stand = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_file = !file.is_empty() && file.len() <= 255 && file.chars().all(may_stand);
        is_file.then_some(Self {
            file: file.to_owned(),
            position: word(" position ")?.parse().ok()?,
        })
    }

    /// What to type at a MySQL replica by position whose receiver is stopped, and which has applied
    /// all of blue's binlog.
    #[must_use]
    pub fn statement(&self) -> String {
        format!(
            "CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE = '{}', SOURCE_LOG_POS = {}",
            self.file, self.position
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_the_switchover_is_read_with_and_without_a_full_stop() {
        let text = "Binary log coordinates in green environment after switchover: file \
                    mysql-bin-changelog.000003 and position 40134574";
        let expected = BinlogCoordinates {
            file: "mysql-bin-changelog.000003".to_owned(),
            position: 40_134_574,
        };
        for end in ["", ".", "\n"] {
            let read = BinlogCoordinates::read(&format!("{text}{end}"));
            assert_eq!(read, Some(expected.clone()), "{end:?}");
        }
    }

    #[test]
    fn no_other_text_is() {
        for text in [
            "",
            "Binlog position from crash recovery is mysql-bin-changelog.000003 40134574",
            "Binary log coordinates in green environment after switchover",
            "Binary log coordinates in green environment after switchover: file x and position y",
            "Binary log coordinates in green environment after switchover: file a'b and position 4",
            "They said: Binary log coordinates in green environment after switchover: file x and \
             position 4",
        ] {
            assert_eq!(BinlogCoordinates::read(text), None, "{text}");
        }
    }
}
