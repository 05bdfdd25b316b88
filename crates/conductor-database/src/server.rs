//! A database of a server and who connects to it, as the options of each driver.

use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::{DatabaseTls, DatabaseTlsMode};

/// What the server is told of who connects.
const APPLICATION: &str = "loadtest-conductor";

/// A database of a server, and who connects to it. What else holds on a connection is laid over its options.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseServer<'a> {
    /// The server's name or address; of PostgreSQL also the folder of its socket.
    pub host: &'a str,
    /// The server's port.
    pub port: u16,
    /// The database.
    pub database: &'a str,
    /// The user to log in as.
    pub user: &'a str,
    /// The user's password; absent where none is needed.
    pub password: Option<&'a str>,
    /// How the connection is kept secret, and the server known.
    pub tls: &'a DatabaseTls,
}

impl DatabaseServer<'_> {
    /// How PostgreSQL is connected to. Nothing of somebody's environment gets in, and no statement is logged.
    #[must_use]
    pub fn postgres(&self) -> PgConnectOptions {
        let DatabaseTls { mode, ca_file, cert_file, key_file } = self.tls;
        let mode = match mode {
            _ if self.host.starts_with('/') => PgSslMode::Disable,
            DatabaseTlsMode::VerifyFull => PgSslMode::VerifyFull,
            DatabaseTlsMode::VerifyCa => PgSslMode::VerifyCa,
            DatabaseTlsMode::Require => PgSslMode::Require,
            DatabaseTlsMode::Disable => PgSslMode::Disable,
        };
        // An empty password keeps that of somebody's PGPASSWORD out.
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(self.host)
            .port(self.port)
            .database(self.database)
            .username(self.user)
            .password(self.password.unwrap_or_default())
            .application_name(APPLICATION)
            .ssl_mode(mode)
            .disable_statement_logging();
        if let Some(file) = ca_file {
            options = options.ssl_root_cert(file);
        }
        if let (Some(certificate), Some(key)) = (cert_file, key_file) {
            options = options.ssl_client_cert(certificate).ssl_client_key(key);
        }
        options
    }

    /// How MySQL and MariaDB are connected to. No statement is logged.
    #[must_use]
    pub fn mysql(&self) -> MySqlConnectOptions {
        let DatabaseTls { mode, ca_file, cert_file, key_file } = self.tls;
        let mode = match mode {
            DatabaseTlsMode::VerifyFull => MySqlSslMode::VerifyIdentity,
            DatabaseTlsMode::VerifyCa => MySqlSslMode::VerifyCa,
            DatabaseTlsMode::Require => MySqlSslMode::Required,
            DatabaseTlsMode::Disable => MySqlSslMode::Disabled,
        };
        let mut options = MySqlConnectOptions::new()
            .host(self.host)
            .port(self.port)
            .database(self.database)
            .username(self.user)
            .ssl_mode(mode)
            .disable_statement_logging();
        if let Some(password) = self.password {
            options = options.password(password);
        }
        if let Some(file) = ca_file {
            options = options.ssl_ca(file);
        }
        if let (Some(certificate), Some(key)) = (cert_file, key_file) {
            options = options.ssl_client_cert(certificate).ssl_client_key(key);
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn server<'a>(host: &'a str, tls: &'a DatabaseTls) -> DatabaseServer<'a> {
        DatabaseServer { host, port: 4711, database: "shop", user: "reader", password: Some("sesame"), tls }
    }

    fn tls(mode: DatabaseTlsMode) -> DatabaseTls {
        DatabaseTls { mode, ..DatabaseTls::default() }
    }

    #[test]
    fn each_mode_is_the_one_of_its_name_in_either_driver() {
        for (mode, postgres, mysql) in [
            (DatabaseTlsMode::VerifyFull, "VerifyFull", "VerifyIdentity"),
            (DatabaseTlsMode::VerifyCa, "VerifyCa", "VerifyCa"),
            (DatabaseTlsMode::Require, "Require", "Required"),
            (DatabaseTlsMode::Disable, "Disable", "Disabled"),
        ] {
            let tls = tls(mode);
            let server = server("db.shop", &tls);
            assert_eq!(format!("{:?}", server.postgres().get_ssl_mode()), postgres);
            assert_eq!(format!("{:?}", server.mysql().get_ssl_mode()), mysql);
        }
    }

    #[test]
    fn a_socket_of_postgres_needs_no_tls_and_a_host_does() {
        let tls = tls(DatabaseTlsMode::VerifyFull);
        assert!(matches!(server("/run/postgresql", &tls).postgres().get_ssl_mode(), PgSslMode::Disable));
        assert!(matches!(server("run.postgresql", &tls).postgres().get_ssl_mode(), PgSslMode::VerifyFull));
    }

    #[test]
    fn the_database_the_user_and_all_three_files_are_those_of_the_settings() {
        let file = |name: &str| Some(PathBuf::from(name));
        let tls = DatabaseTls {
            mode: DatabaseTlsMode::VerifyFull,
            ca_file: file("/ca.pem"),
            cert_file: file("/cert.pem"),
            key_file: file("/key.pem"),
        };
        let server = server("db.shop", &tls);
        let (postgres, mysql) = (server.postgres(), server.mysql());
        let reached = (postgres.get_host(), postgres.get_port(), postgres.get_database(), postgres.get_username());
        assert_eq!(reached, ("db.shop", 4711, Some("shop"), "reader"));
        let reached = (mysql.get_host(), mysql.get_port(), mysql.get_database(), mysql.get_username());
        assert_eq!(reached, ("db.shop", 4711, Some("shop"), "reader"));
        assert_eq!(postgres.get_application_name(), Some("loadtest-conductor"));
        // The drivers tell their files only here.
        for told in [format!("{postgres:?}"), format!("{mysql:?}")] {
            for name in ["/ca.pem", "/cert.pem", "/key.pem"] {
                assert!(told.contains(name), "{name} is not in {told}");
            }
        }
    }
}
