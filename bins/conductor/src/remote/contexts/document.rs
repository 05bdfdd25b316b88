//! The contexts file as it is written, and what may be wrong with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use conductor_core::spec::Violation;
use serde::Deserialize;

use super::super::credentials::TokenSource;
use super::super::exec::Exec;
use super::super::server_url::{EXPECTED, ServerUrl};
use super::super::tls::TlsFiles;
use super::{Context, names, violation};

/// The file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Document {
    /// The context that counts where nothing else is said.
    pub(super) current: Option<String>,
    /// All of them.
    #[serde(default)]
    contexts: Vec<ContextDocument>,
}

/// One context.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ContextDocument {
    name: String,
    server: String,
    ca_file: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    client_key: Option<PathBuf>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    exec: Option<Exec>,
}

/// The contexts of a file in that folder, and everything that is wrong with them.
pub(super) fn checked(document: &Document, folder: &Path) -> (Vec<Context>, Vec<Violation>) {
    let (mut contexts, mut violations, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (position, written) in document.contexts.iter().enumerate() {
        let path = format!("contexts[{position}]");
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if written.name.is_empty() || !written.name.chars().all(is_plain) {
            let problem = format!("\"{}\" is no name", written.name);
            violations.push(violation(format!("{path}.name"), problem, "letters, digits, -, _ and ."));
        } else if !seen.insert(written.name.as_str()) {
            let problem = format!("\"{}\" is the name of another context, too", written.name);
            violations.push(violation(format!("{path}.name"), problem, "a name of its own"));
        }
        match ServerUrl::read(&written.server) {
            Ok(server) => {
                violations.extend(unfit(written, &server, &path));
                contexts.push(written.made(server, folder));
            }
            Err(problem) => violations.push(violation(format!("{path}.server"), problem.to_string(), EXPECTED)),
        }
    }
    if let Some(current) = document.current.as_deref().filter(|current| !seen.contains(current)) {
        let expected = names(seen.into_iter()).unwrap_or_else(|| "none, since there are no contexts".to_owned());
        violations.push(violation("current".to_owned(), format!("\"{current}\" is not a context"), expected));
    }
    (contexts, violations)
}

/// What does not go together in one context.
fn unfit(written: &ContextDocument, server: &ServerUrl, path: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let tokens = [
        ("tokenFile", written.token_file.is_some()),
        ("tokenEnv", written.token_env.is_some()),
        ("exec", written.exec.is_some()),
    ];
    let given: Vec<&str> = tokens.iter().filter(|(_, is_given)| *is_given).map(|(name, _)| *name).collect();
    if given.len() > 1 {
        let problem = format!("has {}", given.join(" and "));
        violations.push(violation(path.to_owned(), problem, "at most one of tokenFile, tokenEnv and exec"));
    }
    if written.client_certificate.is_some() != written.client_key.is_some() {
        let problem = "has one of clientCertificate and clientKey";
        violations.push(violation(path.to_owned(), problem, "both of them, or neither"));
    }
    if !given.is_empty() && !server.keeps_secrets() {
        let problem = "without TLS everybody on the way could read the token";
        violations.push(violation(format!("{path}.server"), problem, "https://, or this machine itself"));
    }
    let has_tls = written.ca_file.is_some() || written.client_certificate.is_some() || written.client_key.is_some();
    if has_tls && !server.is_encrypted() {
        let problem = "caFile, clientCertificate and clientKey are for TLS, which http:// does not have";
        violations.push(violation(format!("{path}.server"), problem, "https://"));
    }
    violations
}

impl ContextDocument {
    /// The same with its paths found from the folder of the file.
    fn made(&self, server: ServerUrl, folder: &Path) -> Context {
        let token = match (&self.token_file, &self.token_env, &self.exec) {
            (Some(file), _, _) => TokenSource::File(folder.join(file)),
            (None, Some(name), _) => TokenSource::Variable(name.clone()),
            (None, None, Some(exec)) => TokenSource::Exec(exec.clone().within(folder)),
            (None, None, None) => TokenSource::None,
        };
        let identity = self.client_certificate.as_ref().zip(self.client_key.as_ref());
        let tls = TlsFiles {
            ca_file: self.ca_file.as_ref().map(|file| folder.join(file)),
            identity: identity.map(|(certificate, key)| (folder.join(certificate), folder.join(key))),
        };
        Context { name: self.name.clone(), server, tls, token }
    }
}
