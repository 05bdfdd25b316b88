//! How the connection to a database is kept secret, and the server known.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Wrong;

/// How the connection is kept secret, and the server known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatabaseTls {
    /// What is asked of the connection.
    #[serde(default)]
    pub mode: DatabaseTlsMode,
    /// Certificates of the authorities that the server's certificate may be signed by; absent: those of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The conductor's own certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    /// Its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

/// What is asked of the connection. A socket of this machine needs nothing of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DatabaseTlsMode {
    /// It is secret, and the server is the one that its certificate names.
    #[default]
    VerifyFull,
    /// It is secret, and the server's certificate is signed by a known authority.
    VerifyCa,
    /// It is secret; who answers is not asked.
    Require,
    /// Everybody may read it.
    Disable,
}

impl DatabaseTls {
    /// Makes every path absolute.
    pub fn resolve(&mut self, folder: &Path) {
        for file in [&mut self.ca_file, &mut self.cert_file, &mut self.key_file].into_iter().flatten() {
            *file = folder.join(&*file);
        }
    }

    /// Everything that can be seen to be wrong without the files. The fields begin with `tls`.
    #[must_use]
    pub fn violations(&self) -> Vec<Wrong> {
        let Self { mode, ca_file, cert_file, key_file } = self;
        let mut found = Vec::new();
        let mut add = |field: &str, problem: &str, expected: &str| {
            found.push((field.to_owned(), problem.to_owned(), expected.to_owned()));
        };
        if cert_file.is_some() != key_file.is_some() {
            add("tls", "one of certFile and keyFile is missing", "both or none");
        }
        if *mode == DatabaseTlsMode::Disable && (ca_file.is_some() || cert_file.is_some()) {
            add("tls.mode", "disable uses no certificates", "another mode, or no files");
        }
        if *mode == DatabaseTlsMode::Require && ca_file.is_some() {
            add("tls.mode", "require does not look at caFile", "verifyCa or verifyFull, or no caFile");
        }
        found
    }

    /// The first file that cannot be read: a connection that fails for it would not name it.
    #[must_use]
    pub fn unreadable(&self) -> Option<Wrong> {
        let files = [("caFile", &self.ca_file), ("certFile", &self.cert_file), ("keyFile", &self.key_file)];
        files.into_iter().find_map(|(field, file)| {
            let file = file.as_ref()?;
            let error = File::open(file).err()?;
            let problem = format!("could not read {}: {error}", file.display());
            Some((format!("tls.{field}"), problem, "a file in PEM".to_owned()))
        })
    }

    /// Looks whether the files can be read, before a connection is made.
    ///
    /// # Errors
    /// With the field and the file.
    pub fn check(&self) -> Result<(), sqlx::Error> {
        match self.unreadable() {
            Some((field, problem, expected)) => {
                Err(sqlx::Error::Configuration(format!("{field}: {problem}; expected {expected}").into()))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tls(written: serde_json::Value) -> DatabaseTls {
        serde_json::from_value(written).unwrap()
    }

    #[test]
    fn what_does_not_go_together_is_told_with_its_field() {
        for (written, expected) in [
            (json!({ "certFile": "a" }), Some("tls: one of certFile and keyFile is missing; expected both or none")),
            (
                json!({ "mode": "disable", "caFile": "a" }),
                Some("tls.mode: disable uses no certificates; expected another mode, or no files"),
            ),
            (
                json!({ "mode": "require", "caFile": "a" }),
                Some("tls.mode: require does not look at caFile; expected verifyCa or verifyFull, or no caFile"),
            ),
            (json!({ "mode": "require", "certFile": "a", "keyFile": "b" }), None),
            (json!({}), None),
        ] {
            let found = tls(written.clone()).violations();
            let told: Vec<String> =
                found.iter().map(|(field, problem, wanted)| format!("{field}: {problem}; expected {wanted}")).collect();
            assert_eq!(told, expected.into_iter().collect::<Vec<_>>(), "{written}");
        }
        assert_eq!(tls(json!({})).mode, DatabaseTlsMode::VerifyFull, "what nobody has weakened is safe");
    }

    #[test]
    fn a_file_is_beside_the_settings_and_named_where_it_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), "").unwrap();
        let mut tls = tls(json!({ "caFile": "ca.pem", "certFile": "/absent/cert.pem", "keyFile": "key.pem" }));
        tls.resolve(folder.path());
        assert_eq!(tls.key_file, Some(folder.path().join("key.pem")));
        let (field, problem, expected) = tls.unreadable().unwrap();
        assert_eq!((field.as_str(), expected.as_str()), ("tls.certFile", "a file in PEM"));
        assert!(problem.starts_with("could not read /absent/cert.pem: No such file"), "{problem}");
        let refused = tls.check().unwrap_err().to_string();
        assert!(refused.contains(&format!("{field}: {problem}; expected {expected}")), "{refused}");
        tls.cert_file = None;
        tls.key_file = None;
        assert_eq!(tls.unreadable(), None);
        tls.check().unwrap();
    }
}
