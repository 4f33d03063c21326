//! A replica's tries to connect again, by its error log: its status names only the latest.

use std::fmt;

/// One try that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Try {
    /// Which it was since the source was lost, from 1.
    pub(crate) number: u32,
    /// The retry count.
    of: u32,
    /// Empty where the server ended the connection as the guard does.
    message: String,
}

/// All of a log's tries. MySQL writes `This was attempt 2/10, with a delay of 60 seconds between
/// attempts. Message: …, Error_code: MY-002003`; MariaDB does not count.
pub(crate) fn tries(log: &str) -> Vec<Try> {
    log.lines().filter_map(read).collect()
}

fn read(line: &str) -> Option<Try> {
    let (_, rest) = line.split_once("This was attempt ")?;
    let (count, rest) = rest.split_once(',')?;
    let (number, of) = count.split_once('/')?;
    let (_, message) = rest.split_once("Message: ")?;
    let (message, _) = message.rsplit_once(", Error_code")?;
    Some(Try {
        number: number.parse().ok()?,
        of: of.parse().ok()?,
        message: message.to_owned(),
    })
}

impl fmt::Display for Try {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "try {} of {}: ", self.number, self.of)?;
        match self.message.as_str() {
            "" => f.write_str("refused without a message, as by the guard"),
            message => f.write_str(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_read_from_the_log() {
        let log = "\
            2026-11-25T02:48:33Z 10 [ERROR] [MY-010557] [Repl] Error reading packet from server\n\
            2026-11-25T02:48:33Z 10 [ERROR] [MY-010584] [Repl] Replica I/O for channel '': Error \
            reconnecting to source 'rpluser001@10.0.0.1:3306'. This was attempt 1/10, with a delay \
            of 12 seconds between attempts. Message: Lost connection to MySQL server at 'reading \
            initial communication packet', system error: 0, Error_code: MY-002013\n\
            2026-11-25T02:48:45Z 10 [ERROR] [MY-010584] [Repl] Replica I/O for channel '': Error \
            reconnecting to source 'rpluser001@10.0.0.1:3306'. This was attempt 2/10, with a delay \
            of 12 seconds between attempts. Message: , Error_code: MY-000000\n";
        let [lost, guarded] = &tries(log)[..] else {
            panic!("two tries")
        };
        assert!(lost.message.starts_with("Lost connection"), "{lost}");
        assert_eq!(
            (guarded.number, guarded.of, guarded.message.as_str()),
            (2, 10, "")
        );
    }
}
