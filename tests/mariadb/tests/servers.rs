//! Servers of the bed start, are cut off and are gone.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use conductor_bed::process::is_alive;
use conductor_bed::program;
use conductor_mariadb_bed::{BedError, Mariadb, MariadbSettings};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions, Row};

#[tokio::test]
async fn servers_share_nothing_and_are_gone_when_they_are_dropped() {
    let (one, other) =
        tokio::join!(Mariadb::start(MariadbSettings::default()), Mariadb::start(MariadbSettings::default()));
    let (one, other) = (one.unwrap(), other.unwrap());
    one.run("CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY)").await.unwrap();
    let error = other.connect("shop").await.unwrap_err();
    assert!(matches!(error, BedError::Sql { .. }), "{error}");
    let (folder, process) = (one.folder().to_owned(), one.process());
    drop(one);
    assert!(!folder.exists());
    assert!(!std::path::Path::new(&format!("/proc/{process}")).exists());
    other.run("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn a_server_that_starts_leaves_the_temporary_tables_of_others_alone() {
    let (one, other) =
        tokio::join!(Mariadb::start(MariadbSettings::default()), Mariadb::start(MariadbSettings::default()));
    let servers = [one.unwrap(), other.unwrap()];
    for server in servers {
        let mut connection = server.connect("").await.unwrap();
        let row = sqlx::query("SELECT @@tmpdir").fetch_one(&mut connection).await.unwrap();
        assert_eq!(row.get::<String, _>(0), server.folder().to_str().unwrap());
    }
}

#[tokio::test]
async fn a_front_passes_bytes_until_it_shall_not() {
    let server = Mariadb::start(MariadbSettings::default()).await.unwrap();
    let front = server.front().await.unwrap();
    let options = MySqlConnectOptions::new().host("127.0.0.1").port(front.port()).username("root");
    let options = options.ssl_mode(MySqlSslMode::Disabled);
    let mut connection = options.connect().await.unwrap();
    let row = sqlx::query("SELECT VERSION()").fetch_one(&mut connection).await.unwrap();
    assert!(row.get::<String, _>(0).contains("MariaDB"));
    front.cut();
    assert!(sqlx::query("SELECT 1").fetch_one(&mut connection).await.is_err());
    front.close();
    assert!(options.connect().await.is_err());
    front.open();
    let mut connection = options.connect().await.unwrap();
    front.silence();
    let silent = tokio::time::timeout(Duration::from_millis(200), sqlx::query("SELECT 1").fetch_one(&mut connection));
    assert!(silent.await.is_err());
}

#[tokio::test]
async fn a_server_that_refuses_its_options_is_told_with_its_log() {
    let settings = MariadbSettings { options: vec!["--no-such-option".to_owned()], ..MariadbSettings::default() };
    let error = Mariadb::start(settings).await.unwrap_err().to_string();
    assert!(error.contains("mariadbd ended with") && error.contains("no-such-option"), "{error}");
}

#[test]
fn nothing_is_left_of_a_server_whose_owner_was_killed() {
    let example = program::example("mariadb");
    let mut owner = Command::new(example).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (process, folder) = line.trim().split_once(' ').unwrap();
    let (process, folder) = (process.parse().unwrap(), Path::new(folder));
    assert!(folder.exists() && is_alive(process), "{line}");
    owner.kill().unwrap();
    owner.wait().unwrap();
    let begun = Instant::now();
    while folder.exists() || is_alive(process) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{process} or {} is still there", folder.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}
