//! Servers answer, do not know of each other, and leave nothing behind, however they end.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use conductor_bed::process::is_alive;
use conductor_bed::program;
use conductor_postgres_bed::{Postgres, PostgresSettings};
use sqlx::{Connection, Row};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn start() -> Postgres {
    Postgres::start(PostgresSettings::default()).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn tables(server: &Postgres) -> i64 {
    let mut connection = server.connect("postgres").await.unwrap();
    let query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    sqlx::query(query).fetch_one(&mut connection).await.unwrap().get(0)
}

#[tokio::test]
async fn two_servers_at_once_are_two() {
    let (one, two) = tokio::join!(start(), start());
    one.run("postgres", "CREATE TABLE only_here (id int)").await.unwrap();
    assert_eq!((tables(&one).await, tables(&two).await), (1, 0));
    let mut connection = one.connect("postgres").await.unwrap();
    let version: String = sqlx::query("SHOW server_version").fetch_one(&mut connection).await.unwrap().get(0);
    assert!(version.starts_with("18."), "{version}");
}

#[tokio::test]
async fn a_standby_follows() {
    let server = start().await;
    server.run("postgres", "CREATE TABLE before (id int)").await.unwrap();
    let standby = server.standby(PostgresSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    server.run("postgres", "CREATE TABLE since (id int)").await.unwrap();
    let begun = Instant::now();
    while tables(&standby).await < 2 {
        assert!(begun.elapsed() < PATIENCE);
    }
    let refused = standby.run("postgres", "CREATE TABLE here (id int)").await.unwrap_err();
    assert!(format!("{:?}", refused).contains("read-only transaction"), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_is_started_again_has_what_was_committed_and_no_connection_of_before() {
    let mut server = start().await;
    server.run("postgres", "CREATE TABLE kept (id int)").await.unwrap();
    let mut before = server.connect("postgres").await.unwrap();
    let (port, process) = (server.port(), server.process());
    server.restart().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(sqlx::query("SELECT 1").execute(&mut before).await.is_err());
    assert_eq!((server.port(), tables(&server).await), (port, 1));
    assert!(server.process() != process && !is_alive(process));
}

#[tokio::test]
async fn a_dropped_server_leaves_nothing_behind() {
    let server = start().await;
    let (port, folder, process) = (server.port(), server.socket().to_owned(), server.process());
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() && folder.exists() && is_alive(process));
    drop(server);
    assert!(is_nothing_left(port, &folder, process));
}

#[tokio::test]
async fn a_killed_owner_leaves_nothing_behind() {
    let mut owner =
        Command::new(program::example("server")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut words = line.trim().splitn(3, ' ');
    let (process, port) = (words.next().unwrap().parse().unwrap(), words.next().unwrap().parse().unwrap());
    let folder = PathBuf::from(words.next().unwrap());
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() && folder.exists() && is_alive(process));
    owner.kill().unwrap();
    owner.wait().unwrap();
    let begun = Instant::now();
    while !is_nothing_left(port, &folder, process) {
        assert!(begun.elapsed() < PATIENCE, "process {process}, port {port} or {} is left", folder.display());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_front_cuts_falls_silent_refuses_and_opens_again() {
    let server = start().await;
    let front = server.front().await.unwrap();
    let options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(front.port())
        .username("postgres")
        .database("postgres")
        .ssl_mode(sqlx::postgres::PgSslMode::Disable);
    let ask = async |connection: &mut sqlx::PgConnection| sqlx::query("SELECT 1").execute(connection).await;
    let mut connection = sqlx::PgConnection::connect_with(&options).await.unwrap();
    let mut idle = sqlx::PgConnection::connect_with(&options).await.unwrap();
    ask(&mut connection).await.unwrap();
    front.silence();
    let silent = tokio::time::timeout(Duration::from_millis(300), ask(&mut connection)).await;
    assert!(silent.is_err(), "something has passed");
    front.open();
    let silent = tokio::time::timeout(Duration::from_millis(300), ask(&mut idle)).await;
    assert!(silent.is_err(), "a connection that was there in the silence is not silent");
    front.cut();
    assert!(ask(&mut connection).await.is_err());
    front.close();
    assert!(sqlx::PgConnection::connect_with(&options).await.is_err());
    front.open();
    ask(&mut sqlx::PgConnection::connect_with(&options).await.unwrap()).await.unwrap();
}

fn is_nothing_left(port: u16, folder: &Path, process: u32) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() && !folder.exists() && !is_alive(process)
}
