//! The little SQL the drill speaks.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::Result;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Row};

/// A connection as root, through the server's socket.
pub(crate) async fn root(socket: &Path) -> Result<Conn> {
    let opts = OptsBuilder::default()
        .socket(Some(socket.display().to_string()))
        .user(Some("root"));
    Ok(Conn::new(opts).await?)
}

/// A connection as the application makes it.
pub(crate) async fn app(address: (Ipv4Addr, u16)) -> Result<Conn> {
    let mut connection = user("app", address).await?;
    run(&mut connection, "USE drill").await?;
    Ok(connection)
}

/// A connection of a user without a password, over the network.
pub(crate) async fn user(name: &str, address: (Ipv4Addr, u16)) -> Result<Conn> {
    let opts = OptsBuilder::default()
        .ip_or_hostname(address.0.to_string())
        .tcp_port(address.1)
        .prefer_socket(false)
        .user(Some(name));
    Ok(Conn::new(opts).await?)
}

pub(crate) async fn run(connection: &mut Conn, statement: &str) -> Result<()> {
    Ok(connection.query_drop(statement).await?)
}

/// One column of one row as text; `None` where there is no row or it is NULL.
pub(crate) async fn one(
    connection: &mut Conn,
    question: &str,
    column: &str,
) -> Result<Option<String>> {
    let row: Option<Row> = connection.query_first(question).await?;
    Ok(row.and_then(|row| text(&row, column)))
}

pub(crate) fn text(row: &Row, column: &str) -> Option<String> {
    row.get::<Option<String>, _>(column).flatten()
}
