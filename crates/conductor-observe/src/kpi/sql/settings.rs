//! What an environment says of a count by SQL.

use std::path::{Path, PathBuf};

use conductor_core::crosscheck::Counts;
use conductor_core::units::Span;
use conductor_database::{DatabaseServer, DatabaseTls};
use serde::{Deserialize, Serialize};

use super::statement::{Parameter, Statement};
use crate::kpi::Wrong;
use crate::kpi::web::{self, time_violation};

/// What to count in which database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqlKpiSettings {
    /// A PostgreSQL database. One of this, `mysql` and `sqlite`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<SqlServerSettings>,
    /// A MySQL or MariaDB database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mysql: Option<SqlServerSettings>,
    /// A SQLite file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlite: Option<SqliteFileSettings>,
    /// One `SELECT` that gives one number. With `:from` and `:to` it counts what happened between them; with neither it
    /// gives how many there are in all. `:run` is the run's id.
    pub query: String,
    /// What `:from` and `:to` are.
    #[serde(default)]
    pub times: TimeFormat,
    /// How long after its time a row may still come.
    #[serde(default = "five_seconds")]
    pub settle: Span,
    /// How long the query may take.
    #[serde(default = "web::timeout")]
    pub timeout: Span,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TimeFormat {
    /// The database's own type.
    #[default]
    Timestamp,
    /// A text in UTC, such as `2026-11-24 14:00:00.000000`.
    Text,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
}

/// A database on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqlServerSettings {
    /// The server's name or address; of PostgreSQL also the folder of its socket.
    pub host: String,
    /// The server's port; absent: the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The database.
    pub database: String,
    /// The user to log in as, who needs to read and nothing else.
    pub user: String,
    /// The variable of the conductor's environment that holds the password; absent: it needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// How the connection is kept secret, and the server known.
    #[serde(default)]
    pub tls: DatabaseTls,
}

impl SqlServerSettings {
    /// The database and who connects to it, by the port that is usual where none is named.
    pub(super) fn on<'a>(&'a self, usual_port: u16, password: Option<&'a str>) -> DatabaseServer<'a> {
        let Self { host, port, database, user, password_env: _, tls } = self;
        DatabaseServer { host, port: port.unwrap_or(usual_port), database, user, password, tls }
    }
}

/// A SQLite file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqliteFileSettings {
    /// The file.
    pub path: PathBuf,
}

const fn five_seconds() -> Span {
    Span::seconds(5)
}

impl SqlKpiSettings {
    /// Makes every path absolute.
    pub fn resolve(&mut self, folder: &Path) {
        for server in [&mut self.postgres, &mut self.mysql].into_iter().flatten() {
            server.tls.resolve(folder);
        }
        if let Some(sqlite) = &mut self.sqlite {
            sqlite.path = folder.join(&sqlite.path);
        }
    }

    /// The variable that holds the password, with the path of its field.
    pub fn password_env(&self) -> Option<(&'static str, &str)> {
        let servers = [("postgres.passwordEnv", &self.postgres), ("mysql.passwordEnv", &self.mysql)];
        servers.into_iter().find_map(|(field, server)| Some((field, server.as_ref()?.password_env.as_deref()?)))
    }

    /// Whose events are counted: a query with `:run` asks for those of the run.
    pub fn counts(&self) -> Counts {
        let of_run = Statement::parse(&self.query).is_ok_and(|statement| statement.has(Parameter::Run));
        if of_run { Counts::Run } else { Counts::Everybody }
    }

    /// The database, for people.
    pub fn place(&self) -> String {
        let server = self.postgres.as_ref().map(|server| (server, 5432)).or(self.mysql.as_ref().map(|s| (s, 3306)));
        match (server, &self.sqlite) {
            (Some((server, usual)), _) => {
                format!("{} at {}:{}", server.database, server.host, server.port.unwrap_or(usual))
            }
            (None, Some(sqlite)) => sqlite.path.display().to_string(),
            (None, None) => "no database".to_owned(),
        }
    }

    /// Everything that can be seen to be wrong without the database.
    pub fn violations(&self) -> Vec<Wrong> {
        let mut found = Vec::new();
        let mut add = |field: &str, problem: String, expected: &str| {
            found.push((field.to_owned(), problem, expected.to_owned()));
        };
        let databases =
            [self.postgres.is_some(), self.mysql.is_some(), self.sqlite.is_some()].into_iter().filter(|is| *is).count();
        if databases != 1 {
            add("postgres", format!("{databases} databases are named"), "one of postgres, mysql and sqlite");
        }
        match Statement::parse(&self.query) {
            Err(why) => add("query", why, "one SELECT that gives one number"),
            Ok(statement) if statement.has(Parameter::From) != statement.has(Parameter::To) => {
                add("query", "it has one of :from and :to".to_owned(), "both, or neither to count all there are");
            }
            Ok(_) => {}
        }
        if self.sqlite.is_some() && self.times == TimeFormat::Timestamp && self.query.contains(":from") {
            let problem = "SQLite has no type for times".to_owned();
            add("times", problem, "text, seconds or milliseconds, as the column has them");
        }
        for (name, server) in [("postgres", &self.postgres), ("mysql", &self.mysql)] {
            let Some(server) = server else { continue };
            for (field, text) in [("host", &server.host), ("database", &server.database), ("user", &server.user)] {
                if text.is_empty() {
                    add(&format!("{name}.{field}"), "it is empty".to_owned(), "what the server is reached by");
                }
            }
            for (field, problem, expected) in server.tls.violations() {
                add(&format!("{name}.{field}"), problem, &expected);
            }
        }
        found.extend(time_violation("timeout", self.timeout));
        found
    }
}
