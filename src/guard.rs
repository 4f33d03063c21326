//! What an `init_connect` does to a replica that reaches a reader, and to all other users.
//!
//! MySQL runs the statement for each new connection of a user without `CONNECTION_ADMIN`, and ends
//! the connection where it fails. The guard fails for one user, on a reader only; a statement that
//! fails for more locks the others out, too. `docs/guard.md` has what was played with it.
//!
//! The doctor judges it, and so does each run whose group holds members (`standby.rs`). Pure.

use crate::route::InstanceId;
use crate::world::{CallError, Survey};

/// What a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// It asks nowhere whether the server is a reader.
    Absent,
    /// It lets this user in at the Writer only, and touches no other.
    Right(String),
    /// It shuts others out, too: how.
    LocksOut(&'static str),
    /// It asks whether the server is a reader, in a form that is not known.
    Unknown,
}

/// The statement that guards the readers against a user.
#[must_use]
pub fn statement(user: &str) -> String {
    let user = user.replace('\\', r"\\").replace('\'', "''");
    format!(
        "SET @demoted = IF(@@global.innodb_read_only AND \
         SUBSTRING_INDEX(CURRENT_USER(), '@', 1) = '{user}', (SELECT 1 UNION SELECT 2), NULL)"
    )
}

/// Why the guard is not seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unguarded {
    /// The engine has none.
    #[error("the engine is {0:?}: only a reader of Aurora MySQL is innodb_read_only")]
    Engine(String),
    /// No look-up has found the instance.
    #[error("`{0}` was not found among the cluster's instances")]
    NotFound(InstanceId),
    /// The parameters could not be looked up.
    #[error("the parameters could not be looked up")]
    LookUp(#[source] CallError),
    /// The statement in effect is not the guard, or its parameters are not in effect.
    #[error("`{0}`: {1}")]
    Instance(InstanceId, String),
}

/// Whether the guard is in place on an instance, for this user: set, in effect, and in a form that
/// shuts no other out. Anything less than certain is an error.
///
/// # Errors
/// Where it is not, or not certainly.
pub fn seen(survey: &Survey, instance: &InstanceId, user: &str) -> Result<(), Unguarded> {
    if survey.engine != ENGINE {
        return Err(Unguarded::Engine(survey.engine.clone()));
    }
    let Some(member) = survey.members.get(instance) else {
        return Err(Unguarded::NotFound(instance.clone()));
    };
    let not = |why: String| Err(Unguarded::Instance(instance.clone(), why));
    match judge(member.init_connect.as_deref().unwrap_or_default()) {
        Guard::Absent => return not("no guard in its init_connect".to_owned()),
        Guard::Unknown => return not("its init_connect has a form that is not known".to_owned()),
        Guard::LocksOut(how) => return not(format!("its init_connect is no guard: {how}")),
        Guard::Right(held) if held != user => {
            return not(format!("its guard is for {held:?} and not for {user:?}"));
        }
        Guard::Right(_) => {}
    }
    match &member.pending {
        Some(pending) => not(format!("its parameters are not in effect: {pending}")),
        None => Ok(()),
    }
}

/// The engine whose readers the guard tells. Those of a Multi-AZ DB cluster are no
/// `innodb_read_only`.
const ENGINE: &str = "aurora-mysql";

/// What tells a reader from the Writer.
const READER: &str = "@@innodb_read_only";

/// What fails while the statement is prepared, and so on every server and for every user.
const CONSTANT: [&str; 4] = ["extractvalue", "updatexml", "from", "signal"];

/// Judges a statement.
#[must_use]
pub fn judge(statement: &str) -> Guard {
    let tokens = tokens(statement);
    let has = |word: &str| tokens.contains(&Token::Word(word.to_owned()));
    if let Some(known) = parse(&tokens) {
        known
    } else if CONSTANT.iter().any(|word| has(word)) {
        Guard::LocksOut(
            "an error that is constant, or a table that is missing, fails for every user, on the \
             Writer, too",
        )
    } else if has(READER) || has("innodb_read_only") {
        Guard::Unknown
    } else {
        Guard::Absent
    }
}

/// A piece of SQL, its words in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

/// Takes a statement apart. `@@global.` is left as `@@`: both mean the server's own.
fn tokens(statement: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = statement.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\'' || c == '"' {
            let mut text = String::new();
            while let Some(next) = rest.next() {
                match next {
                    '\\' => text.extend(rest.next()),
                    _ if next != c => text.push(next),
                    _ if rest.peek() == Some(&c) => text.extend(rest.next()),
                    _ => break,
                }
            }
            tokens.push(Token::Text(text));
        } else if is_of_word(c) || c == '@' {
            let mut word = c.to_ascii_lowercase().to_string();
            while let Some(next) = rest.next_if(|next| is_of_word(*next) || "@.".contains(*next)) {
                word.push(next.to_ascii_lowercase());
            }
            tokens.push(Token::Word(word.replacen("@@global.", "@@", 1)));
        } else if !c.is_whitespace() && c != '`' {
            tokens.push(Token::Sign(c));
        }
    }
    while tokens.last() == Some(&Token::Sign(';')) {
        tokens.pop();
    }
    tokens
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Reads `SET @any = IF(condition, what fails, what does not)`; `None` for another form.
fn parse(tokens: &[Token]) -> Option<Guard> {
    let mut rest = Rest(tokens);
    rest.take("SET")?;
    let Token::Word(variable) = rest.next()? else {
        return None;
    };
    // One `@`: two are a system variable, which fails for every user if there is none.
    let name = variable.strip_prefix('@')?;
    if name.is_empty() || name.contains('@') {
        return None;
    }
    let _ = rest.take(":");
    rest.take("= IF (")?;
    let (mut on_reader, mut user) = (false, None);
    loop {
        if rest.take(READER).is_some() {
            on_reader = true;
            let _ = rest.take("= 1");
        } else if user.is_some() {
            return None; // no user has two names
        } else {
            user = Some(rest.user()?);
        }
        if rest.take("AND").is_none() {
            break;
        }
    }
    rest.take(",")?;
    rest.failure()?;
    rest.take(",")?;
    match rest.next()? {
        Token::Text(_) => {}
        Token::Word(word) if word == "null" || word.parse::<u32>().is_ok() => {}
        _ => return None,
    }
    rest.take(")")?;
    if !rest.0.is_empty() {
        return None;
    }
    Some(match user {
        None => {
            Guard::LocksOut("without a condition on the user it shuts all users out of readers")
        }
        Some(User::Like) => Guard::LocksOut(
            "LIKE takes the _ or % of the name as a wildcard, and shuts out users of similar names",
        ),
        Some(User::Is(_)) if !on_reader => {
            Guard::LocksOut("without innodb_read_only it shuts the replica out of the Writer, too")
        }
        Some(User::Is(name)) => Guard::Right(name),
    })
}

/// Whether a text may be a UUID, of which `UUID_TO_BIN` does not fail.
fn is_uuid(text: &str) -> bool {
    text.chars().filter(char::is_ascii_hexdigit).count() == 32
}

/// Which user a condition is about.
enum User {
    Is(String),
    /// A pattern that more than one name fits.
    Like,
}

/// The tokens that are still to be read.
struct Rest<'a>(&'a [Token]);

impl Rest<'_> {
    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first.clone())
    }

    /// Reads exactly this, or nothing.
    fn take(&mut self, expected: &str) -> Option<()> {
        let rest = self.0.strip_prefix(tokens(expected).as_slice())?;
        self.0 = rest;
        Some(())
    }

    /// A condition on the user.
    fn user(&mut self) -> Option<User> {
        let name = |token| match token {
            Some(Token::Text(name)) => Some(name),
            _ => None,
        };
        for current in ["CURRENT_USER()", "USER()", "CURRENT_USER"] {
            if self
                .take(&format!("SUBSTRING_INDEX({current}, '@', 1) ="))
                .is_some()
            {
                return name(self.next()).map(User::Is);
            }
            if self.take(&format!("{current} LIKE")).is_some() {
                let pattern = name(self.next())?;
                let user = pattern.strip_suffix("@%")?;
                let is_wild = user.contains(['_', '%']);
                let user = User::Is(user.to_owned());
                return Some(if is_wild { User::Like } else { user });
            }
        }
        None
    }

    /// What fails once it is evaluated, and not before.
    fn failure(&mut self) -> Option<()> {
        for form in ["(SELECT 1 UNION SELECT 2)", "(SELECT 1 UNION ALL SELECT 2)"] {
            if self.take(form).is_some() {
                return Some(());
            }
        }
        self.take("UUID_TO_BIN (")?;
        let fails = matches!(self.next()?, Token::Text(text) if !is_uuid(&text));
        fails.then_some(())?;
        self.take(")")
    }
}
