//! STS: as whom the function calls AWS, and AWS's time.

use chrono::{TimeDelta, Utc};

use super::query::{Query, Service, text};
use super::{Answered, Caller};

const STS: Service = Service {
    name: "sts",
    version: "2011-06-15",
};

/// As whom the function calls. Needs no permission.
pub(super) async fn caller(query: &Query) -> Answered<Caller> {
    let asked = Utc::now();
    let answer = query
        .ask(STS, "GetCallerIdentity", "sts:GetCallerIdentity", &[])
        .await?;
    let answered = Utc::now();
    let document = answer.document()?;
    // AWS's `Date` is cut to the second, so it was that second's middle, more or less, and ours the middle of the wait.
    let clock_ahead = answer.date.map(|date| {
        let middle = asked + (answered - asked) / 2;
        middle - date - TimeDelta::milliseconds(500)
    });
    Ok(Caller {
        arn: text(document.root_element(), "Arn")
            .unwrap_or_default()
            .to_owned(),
        clock_ahead,
    })
}
