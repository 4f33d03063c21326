//! What an `init_connect` does, judged by its text.

use failover_follower::guard::{Guard, judge, statement};

const READER: &str = "@@global.innodb_read_only";
const USER: &str = "SUBSTRING_INDEX(CURRENT_USER(), '@', 1) = 'rpluser001'";
const ROWS: &str = "(SELECT 1 UNION SELECT 2)";

fn guard(condition: &str, failure: &str) -> Guard {
    judge(&format!("SET @demoted = IF({condition}, {failure}, NULL)"))
}

#[test]
fn the_statement_that_is_written_is_right_for_its_user_whatever_the_name() {
    for user in ["rpluser001", "rpl_user", "o'brien", r"back\slash", "100%"] {
        assert_eq!(judge(&statement(user)), Guard::Right(user.to_owned()));
    }
}

/// Each fails nowhere, or for everybody: less than certain is no guard.
#[test]
fn a_form_that_only_looks_like_the_guard_is_not_known() {
    for (condition, failure) in [
        // A column, which every connection lacks.
        (format!("innodb_read_only AND {USER}"), ROWS),
        // No user has two names.
        (
            format!("{READER} AND {USER} AND USER() LIKE 'other@%'"),
            ROWS,
        ),
        // A UUID, of which the function does not fail.
        (
            format!("{READER} AND {USER}"),
            "UUID_TO_BIN('6ccd780c-baba-1026-9564-5b8c656024db')",
        ),
    ] {
        assert_eq!(guard(&condition, failure), Guard::Unknown, "{condition}");
    }
}

#[test]
fn every_known_form_is_right() {
    let right = Guard::Right("rpluser001".to_owned());
    for (condition, failure) in [
        (format!("{READER} AND {USER}"), ROWS),
        (format!("{USER} AND {READER} = 1"), ROWS),
        (
            format!("@@innodb_read_only AND {USER}"),
            "UUID_TO_BIN('this is a reader')",
        ),
        (
            format!("{READER} AND CURRENT_USER() LIKE 'rpluser001@%'"),
            ROWS,
        ),
        (
            format!("{READER} AND {USER}"),
            "(select 1  union all select 2)",
        ),
    ] {
        assert_eq!(guard(&condition, failure), right, "{condition}");
    }
    let other = r#"set @x:=if(@@GLOBAL.innodb_read_only and USER() like "rpluser001@%",
        uuid_to_bin("reader"), 'ok');"#;
    assert_eq!(judge(other), right);
}

#[test]
fn a_statement_that_fails_for_others_locks_them_out() {
    for (condition, failure) in [
        (READER.to_owned(), ROWS),
        (USER.to_owned(), ROWS),
        (format!("{READER} AND {USER}"), "EXTRACTVALUE('<a/>', '~x')"),
        (
            format!("{READER} AND {USER}"),
            "(SELECT 1 FROM no.such_table)",
        ),
        (
            format!("{READER} AND CURRENT_USER() LIKE 'rpl_user@%'"),
            ROWS,
        ),
        (format!("{READER} AND CURRENT_USER() LIKE '%@%'"), ROWS),
    ] {
        let judged = guard(&condition, failure);
        assert!(
            matches!(judged, Guard::LocksOut(_)),
            "{condition}, {failure}: {judged:?}"
        );
    }
    assert!(matches!(
        judge("SIGNAL SQLSTATE '45000'"),
        Guard::LocksOut(_)
    ));
}

#[test]
fn what_guards_nothing_is_absent_and_what_is_not_understood_is_unknown() {
    for statement in ["", "SET NAMES utf8mb4", "SET time_zone = 'Asia/Tokyo'"] {
        assert_eq!(judge(statement), Guard::Absent, "{statement}");
    }
    for statement in [
        format!("{}; SET NAMES utf8mb4", statement("rpluser001")),
        statement("rpluser001").replace("AND", "OR"),
        statement("rpluser001").replace("NULL)", "(SELECT 1 UNION SELECT 2))"),
        "CALL mysql.guard(@@innodb_read_only)".to_owned(),
        "SET @demoted = IF(@@innodb_read_only".to_owned(),
    ] {
        assert_eq!(judge(&statement), Guard::Unknown, "{statement}");
    }
}
