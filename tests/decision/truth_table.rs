//! The table above `decide`, row by row: each with a group that was found with a member in, and
//! with one that was found empty, which only a statement explains.

use failover_follower::decision::{Decision, Pending};

use crate::scene::{Scene, id, seen};

/// What is said, and when; seconds from the first look.
type Says = &'static [(&'static str, i64)];

/// From this second on, every look sees that the API and the CNAME name these.
type Sees = &'static [(i64, &'static str, &'static str)];

struct Row {
    case: &'static str,
    says: Says,
    sees: Sees,
    /// The second of the last look.
    until: i64,
    /// `a` is the Writer; `?`: not confirmed; `>b`: until the failover to b; `=b`: until a witness
    /// shows b; `none`: no Writer. With a group that holds c, and with one found empty, where `a?`
    /// is the Writer without a reason.
    expected: [&'static str; 2],
}

const ROWS: &[Row] = &[
    Row {
        case: "nothing is stated, both name one",
        says: &[],
        sees: &[(0, "a", "a")],
        until: 0,
        expected: ["a", "a?"],
    },
    Row {
        case: "nothing is stated, the API alone",
        says: &[],
        sees: &[(0, "a", "b")],
        until: 15,
        expected: ["?", "?"],
    },
    Row {
        case: "nothing is stated, the API alone for long",
        says: &[],
        sees: &[(0, "a", "b")],
        until: 45,
        expected: ["a", "a?"],
    },
    Row {
        case: "nothing is stated, the API alone for long, and the CNAME is silent",
        says: &[],
        sees: &[(0, "a", "-")],
        until: 45,
        expected: ["a", "a?"],
    },
    Row {
        case: "one old answer of the API, and then silence",
        says: &[],
        sees: &[(0, "a", "b"), (5, "-", "b")],
        until: 45,
        expected: ["?", "?"],
    },
    Row {
        case: "the CNAME alone",
        says: &[],
        sees: &[(0, "-", "a")],
        until: 60,
        expected: ["?", "?"],
    },
    Row {
        case: "silence",
        says: &[],
        sees: &[(0, "-", "-")],
        until: 60,
        expected: ["?", "?"],
    },
    Row {
        case: "the CNAME turned away from the API's Writer",
        says: &[],
        sees: &[(0, "a", "a"), (5, "a", "b")],
        until: 45,
        expected: ["?", "?"],
    },
    Row {
        case: "the CNAME turned to the API's Writer",
        says: &[],
        sees: &[(0, "a", "b"), (5, "a", "a")],
        until: 5,
        expected: ["a", "a?"],
    },
    Row {
        case: "completed, and the API says so",
        says: &[("completed a", -2)],
        sees: &[(0, "a", "b")],
        until: 0,
        expected: ["a", "a"],
    },
    Row {
        case: "completed, long before the group was found empty",
        says: &[("completed a", -25)],
        sees: &[(0, "a", "b")],
        until: 0,
        expected: ["a", "a?"],
    },
    Row {
        case: "completed, and too old to count",
        says: &[("completed b", -70)],
        sees: &[(0, "a", "a")],
        until: 0,
        expected: ["a", "a?"],
    },
    Row {
        case: "completed another, and the API and the CNAME lag",
        says: &[("completed b", -2)],
        sees: &[(0, "a", "a")],
        until: 20,
        expected: ["=b", "=b"],
    },
    Row {
        case: "completed another, and the CNAME names it too: the API is not outvoted",
        says: &[("completed b", -2)],
        sees: &[(0, "a", "b")],
        until: 20,
        expected: ["=b", "=b"],
    },
    Row {
        case: "completed another, and the API turned back since",
        says: &[("completed b", -2)],
        sees: &[(0, "b", "a"), (5, "a", "a")],
        until: 5,
        expected: ["a", "a?"],
    },
    Row {
        case: "completed another, and the API turned before",
        says: &[("completed b", 8)],
        sees: &[(0, "b", "a"), (5, "a", "a")],
        until: 10,
        expected: ["=b", "=b"],
    },
    Row {
        case: "announced, and the API turned to it since",
        says: &[("started a", -2)],
        sees: &[(0, "b", "b"), (5, "a", "b")],
        until: 5,
        expected: ["a", "a"],
    },
    Row {
        case: "announced, and the API names it since the first look",
        says: &[("started a", -2)],
        sees: &[(0, "a", "b")],
        until: 0,
        expected: ["?", "?"],
    },
    Row {
        case: "announced, and both name it",
        says: &[("started a", -2)],
        sees: &[(0, "a", "a")],
        until: 0,
        expected: ["a", "a?"],
    },
    Row {
        case: "announced after the API has turned, by an earlier failover's lag",
        says: &[("started a", 8)],
        sees: &[(0, "b", "b"), (5, "a", "b")],
        until: 10,
        expected: ["?", "?"],
    },
    Row {
        case: "announced, and a completion of another that the API has not shown",
        says: &[("started a", -2), ("completed c", 0)],
        sees: &[(0, "b", "b"), (5, "a", "b")],
        until: 5,
        expected: ["=c", "=c"],
    },
    Row {
        case: "another is announced",
        says: &[("started b", -2)],
        sees: &[(0, "a", "a")],
        until: 45,
        expected: [">b", ">b"],
    },
    Row {
        case: "another is announced, too long ago to count",
        says: &[("started b", -70)],
        sees: &[(0, "a", "b")],
        until: 0,
        expected: ["?", "?"],
    },
    Row {
        case: "another is announced, and called off",
        says: &[("started b", -9), ("failed", -2)],
        sees: &[(0, "a", "a")],
        until: 0,
        expected: ["a", "a?"],
    },
    Row {
        case: "another is announced, no Writer is listed",
        says: &[("started b", -2)],
        sees: &[(0, "none", "b")],
        until: 20,
        expected: [">b", ">b"],
    },
    Row {
        case: "another is announced, the API is silent: the CNAME may be old",
        says: &[("started b", -2)],
        sees: &[(0, "-", "b")],
        until: 20,
        expected: [">b", ">b"],
    },
    Row {
        case: "announced after it was completed to another",
        says: &[("completed a", -20), ("started b", -2)],
        sees: &[(0, "a", "a")],
        until: 0,
        expected: [">b", ">b"],
    },
    Row {
        case: "no member is announced",
        says: &[("started z", -2)],
        sees: &[(0, "a", "a")],
        until: 0,
        expected: ["a", "a?"],
    },
    Row {
        case: "the API is silent, completed, and the CNAME names it",
        says: &[("completed a", -2)],
        sees: &[(0, "-", "a")],
        until: 15,
        expected: ["a", "a"],
    },
    Row {
        case: "the API is silent, completed, and the CNAME names it too late",
        says: &[("completed a", -2)],
        sees: &[(0, "-", "a")],
        until: 45,
        expected: ["=a", "=a"],
    },
    Row {
        case: "the API is silent, completed, and the CNAME does not name it",
        says: &[("completed a", -2)],
        sees: &[(0, "-", "b")],
        until: 15,
        expected: ["=a", "=a"],
    },
    Row {
        case: "the API has just contradicted and one call failed",
        says: &[("completed a", -2)],
        sees: &[(0, "b", "a"), (5, "-", "a")],
        until: 5,
        expected: ["=a", "=a"],
    },
    Row {
        case: "the API contradicted a while ago and is silent",
        says: &[("completed a", -2)],
        sees: &[(0, "b", "a"), (5, "-", "a")],
        until: 20,
        expected: ["a", "a"],
    },
    Row {
        case: "no Writer is listed",
        says: &[],
        sees: &[(0, "none", "a")],
        until: 90,
        expected: ["none", "none"],
    },
    Row {
        case: "no Writer is listed, completed: an answer is not silence",
        says: &[("completed a", -2)],
        sees: &[(0, "none", "a")],
        until: 20,
        expected: ["=a", "=a"],
    },
];

impl Row {
    /// What is decided at the end, with a group that was found like this.
    fn decided(&self, group: &str) -> Decision {
        let looks = |second: i64| {
            let (_, api, dns) = self
                .sees
                .iter()
                .rfind(|(from, ..)| *from <= second)
                .unwrap();
            seen(api, dns, group)
        };
        let first = Scene::new(self.says, looks(0));
        (5..=self.until)
            .step_by(5)
            .fold(first, |scene, second| scene.look(second, looks(second)))
            .decide()
    }
}

fn short(decision: &Decision) -> String {
    let pending = match decision {
        Decision::Follow { writer, .. } => return writer.to_string(),
        Decision::Evict { pending, .. } => pending,
    };
    match pending {
        Pending::Confirmation => "?".to_owned(),
        Pending::Failover(next) => format!(">{next}"),
        Pending::Completion(writer) => format!("={writer}"),
        Pending::Reason(writer) => format!("{writer}?"),
        Pending::Writer => "none".to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_row_of_the_truth_table() {
    for row in ROWS {
        let decided = ["c", ""].map(|group| short(&row.decided(group)));
        assert_eq!(decided, row.expected, "{}", row.case);
    }
}

#[test]
fn the_one_that_is_followed_is_the_one_that_is_reported() {
    let writer = |row: &Row| row.decided("").writer().cloned();
    for row in ROWS {
        let named = row.expected[1].trim_end_matches('?');
        let confirmed = !named.is_empty() && !named.starts_with(['>', '=', 'n']);
        assert_eq!(writer(row), confirmed.then(|| id(named)), "{}", row.case);
    }
}
