//! TPC-H data, loaded while a failover happens, and query 1 on both sides of the path.

mod loading;

use std::fmt::{Display, Write as _};

use anyhow::Result;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};

pub(crate) use loading::Loading;

use crate::sql;

/// The scale factor: 86,805 rows, 60,175 of them in `lineitem`.
pub(crate) const SCALE: f64 = 0.01;
/// Rows to a statement.
const BATCH: usize = 500;
/// The columns of query 1, by their names there.
const COLUMNS: [&str; 10] = [
    "l_returnflag",
    "l_linestatus",
    "sum_qty",
    "sum_base_price",
    "sum_disc_price",
    "sum_charge",
    "avg_qty",
    "avg_price",
    "avg_disc",
    "count_order",
];

/// The statements that make the tables.
pub(crate) fn schema() -> impl Iterator<Item = &'static str> {
    let statements = include_str!("schema.sql").split(';').map(str::trim);
    statements.filter(|statement| !statement.is_empty())
}

/// Query 1's answers: pricing summary, from the source and from the replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// From the source.
    pub source: Vec<Vec<String>>,
    /// From the replica.
    pub replica: Vec<Vec<String>>,
}

impl Proof {
    pub(crate) async fn of(source: &mut Conn, replica: &mut Conn) -> Result<Self> {
        Ok(Self {
            source: answer(source).await?,
            replica: answer(replica).await?,
        })
    }

    /// Whether the answers are the same, row for row, and there are any.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.source.is_empty() && self.source == self.replica
    }

    /// An answer as a table in Markdown.
    #[must_use]
    pub fn table(answer: &[Vec<String>]) -> String {
        let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
        let mut text = line(COLUMNS.to_vec());
        text.push_str(&line(vec!["---"; COLUMNS.len()]));
        for row in answer {
            text.push_str(&line(row.iter().map(String::as_str).collect()));
        }
        text
    }
}

async fn answer(connection: &mut Conn) -> Result<Vec<Vec<String>>> {
    let rows: Vec<Row> = connection.query(include_str!("query1.sql")).await?;
    let cell = |row: &Row, column| sql::text(row, column).unwrap_or_else(|| "NULL".to_owned());
    let columns = |row: &Row| COLUMNS.iter().map(|column| cell(row, column)).collect();
    Ok(rows.iter().map(columns).collect())
}

/// A statement, and how many rows it brings.
pub(crate) struct Batch {
    statement: String,
    rows: usize,
}

/// The data, small tables first; making it takes a second or two. A statement that was lost with
/// its acknowledgement can be made again: it replaces the rows by themselves.
pub(crate) fn batches() -> Vec<Batch> {
    let mut all = Vec::new();
    add(&mut all, "region", RegionGenerator::new(SCALE, 1, 1).iter());
    add(&mut all, "nation", NationGenerator::new(SCALE, 1, 1).iter());
    add(
        &mut all,
        "supplier",
        SupplierGenerator::new(SCALE, 1, 1).iter(),
    );
    add(
        &mut all,
        "customer",
        CustomerGenerator::new(SCALE, 1, 1).iter(),
    );
    add(&mut all, "part", PartGenerator::new(SCALE, 1, 1).iter());
    add(
        &mut all,
        "partsupp",
        PartSuppGenerator::new(SCALE, 1, 1).iter(),
    );
    add(&mut all, "orders", OrderGenerator::new(SCALE, 1, 1).iter());
    add(
        &mut all,
        "lineitem",
        LineItemGenerator::new(SCALE, 1, 1).iter(),
    );
    all
}

/// A generator's rows display themselves as `1|155190|…|egular courts above the|`.
fn add<R: Display>(batches: &mut Vec<Batch>, table: &str, rows: impl Iterator<Item = R>) {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let mut batch = Batch {
            statement: format!("REPLACE INTO tpch.{table} VALUES "),
            rows: 0,
        };
        for row in rows.by_ref().take(BATCH) {
            let row = row.to_string().replace('\'', "''");
            let comma = if batch.rows == 0 { "" } else { "," };
            let values = row.trim_end_matches('|').replace('|', "','");
            let _ = write!(batch.statement, "{comma}('{values}')");
            batch.rows += 1;
        }
        batches.push(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_the_schema_is_loaded() {
        let batches = batches();
        let rows: usize = batches.iter().map(|batch| batch.rows).sum();
        assert_eq!(rows, 86_805);
        for statement in schema().filter_map(|one| one.strip_prefix("CREATE TABLE ")) {
            let table = statement.split(' ').next().unwrap();
            let into = format!("REPLACE INTO {table} VALUES ('");
            assert!(
                batches
                    .iter()
                    .any(|batch| batch.statement.starts_with(&into)),
                "{table}"
            );
        }
    }
}
