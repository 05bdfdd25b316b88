//! The server's settings, as they are written and with every path absolute.

use std::path::{Path, PathBuf};

use conductor_access::{AccessSettings, AuditSettings, TlsSettings};
use conductor_core::units::Span;
use conductor_grpc::Limits;
use conductor_telemetry::TelemetrySettings;
use conductor_wiring::{InputError, of_another_kind, read};
use serde::Deserialize;

use crate::listen::Listen;

/// The `kind` of a server's settings.
const KIND: &str = "Server";
/// Where a server listens that is told nothing: on this machine alone.
const LISTEN: (&str, u16) = ("127.0.0.1", 7400);
/// Long enough for an act that is under way to end or to be cancelled; shorter than the 30 s that Kubernetes waits for.
const HAND_OVER: Span = Span::seconds(20);

/// The settings, as they are written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServerDocument {
    api_version: String,
    kind: String,
    #[serde(default)]
    spec: ServerSettings,
}

/// What a server needs to know.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ServerSettings {
    /// Where it listens.
    pub(crate) listen: Listen,
    /// The environments' files.
    pub(crate) environments: Vec<PathBuf>,
    /// The file that says where the journal is; absent for one in the state folder.
    pub(crate) journal: Option<PathBuf>,
    /// Folder of this machine's journal and of the supervisors of local applications.
    pub(crate) state_dir: Option<PathBuf>,
    /// How long runs are handed over at the end.
    pub(crate) hand_over: Span,
    /// Who may call; absent for everybody on this machine.
    pub(crate) access: Option<AccessSettings>,
    /// Certificates; absent for plain connections.
    pub(crate) tls: Option<TlsSettings>,
    /// Where it is written who has called what; absent for nowhere.
    pub(crate) audit: Option<AuditSettings>,
    /// The file that says who is told of alerts; absent for nobody.
    pub(crate) alerts: Option<PathBuf>,
    /// What callers may use.
    pub(crate) limits: Limits,
    /// Logs, metrics and spans.
    pub(crate) telemetry: TelemetrySettings,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: Listen::at(LISTEN.0, LISTEN.1),
            environments: Vec::new(),
            journal: None,
            state_dir: None,
            hand_over: HAND_OVER,
            access: None,
            tls: None,
            audit: None,
            alerts: None,
            limits: Limits::default(),
            telemetry: TelemetrySettings::default(),
        }
    }
}

impl ServerSettings {
    /// Reads them from their file. Relative paths are relative to its folder.
    pub(crate) fn read(file: &Path) -> Result<Self, InputError> {
        let written = read::<ServerDocument>(file)?;
        let ServerDocument { api_version, kind, .. } = &written.value;
        let violations = of_another_kind(api_version, kind, KIND, "a server");
        if !violations.is_empty() {
            return Err(written.refuse(&violations));
        }
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        Ok(written.value.spec.resolve(file.parent().unwrap_or(Path::new(""))))
    }

    fn resolve(mut self, folder: &Path) -> Self {
        let resolve = |path: &mut PathBuf| *path = folder.join(&*path);
        self.environments.iter_mut().for_each(resolve);
        self.journal.iter_mut().for_each(resolve);
        self.alerts.iter_mut().for_each(resolve);
        self.state_dir.iter_mut().for_each(resolve);
        if let Some(access) = &mut self.access {
            access.tokens.iter_mut().for_each(|tokens| resolve(&mut tokens.file));
            access.oidc.iter_mut().filter_map(|oidc| oidc.ca_file.as_mut()).for_each(resolve);
            access.kubernetes.iter_mut().filter_map(|asked| asked.cluster.kubeconfig.as_mut()).for_each(resolve);
        }
        if let Some(tls) = &mut self.tls {
            resolve(&mut tls.certificate);
            resolve(&mut tls.key);
            tls.client_ca.iter_mut().for_each(resolve);
        }
        if let Some(AuditSettings::File(file)) = &mut self.audit {
            resolve(file);
        }
        self.telemetry = self.telemetry.resolve(folder);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "
apiVersion: loadtest-conductor.dev/v1alpha1
kind: Server
spec:
  environments: [shop.yaml, /etc/other.yaml]
  journal: journal.yaml
  alerts: alerts.yaml
  access: { tokens: { file: tokens }, kubernetes: { audiences: [load-tests], cluster: { kubeconfig: test } } }
  tls: { certificate: tls.crt, key: tls.key }
  audit: { file: audit }
";

    fn settings(text: &str) -> Result<(ServerSettings, PathBuf), String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.yaml");
        std::fs::write(&file, text).unwrap();
        let prefix = format!("{}/", folder.path().display());
        ServerSettings::read(&file)
            .map(|settings| (settings, folder.path().to_owned()))
            .map_err(|error| error.to_string().replace(&prefix, ""))
    }

    #[test]
    fn a_servers_files_are_beside_its_settings() {
        let (settings, folder) = settings(SERVER).unwrap();
        assert_eq!(settings.environments, [folder.join("shop.yaml"), PathBuf::from("/etc/other.yaml")]);
        assert_eq!(settings.journal, Some(folder.join("journal.yaml")));
        assert_eq!(settings.alerts, Some(folder.join("alerts.yaml")));
        let access = settings.access.unwrap();
        assert_eq!(access.tokens.unwrap().file, folder.join("tokens"));
        assert_eq!(access.kubernetes.unwrap().cluster.kubeconfig, Some(folder.join("test")));
        let tls = settings.tls.unwrap();
        assert_eq!([tls.certificate, tls.key], [folder.join("tls.crt"), folder.join("tls.key")]);
        assert_eq!(settings.audit, Some(AuditSettings::File(folder.join("audit"))));
        let said = (settings.listen.to_string(), settings.hand_over);
        assert_eq!(said, ("127.0.0.1:7400".to_owned(), HAND_OVER), "what is not said");
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        let wrong = SERVER.replace("kind: Server", "kind: Journal").replace("v1alpha1", "v2");
        assert_eq!(
            settings(&wrong).unwrap_err(),
            "server.yaml:2:13: apiVersion: \"loadtest-conductor.dev/v2\" is not known; expected loadtest-conductor.dev/v1alpha1\n\
             server.yaml:3:7: kind: \"Journal\" is not a server; expected Server"
        );
        let nowhere = settings(&SERVER.replace("  journal:", "  listen: localhost\n  journal:")).unwrap_err();
        let expected = "\"localhost\" is no address; expected HOST:PORT, such as 127.0.0.1:7400 or localhost:7400";
        assert!(nowhere.starts_with("server.yaml:6:") && nowhere.contains(expected), "{nowhere}");
        let unknown = settings(&SERVER.replace("journal:", "journals:")).unwrap_err();
        assert!(unknown.starts_with("server.yaml:6:3: unknown field `journals`, expected one of listen"), "{unknown}");
    }
}
