//! Programs that print tokens: what is run, and what is read of their output.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use conductor_access::Secret;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::credentials::{Held, bearer};

/// Longer than anybody needs to log in.
const PATIENCE: Duration = Duration::from_secs(120);
/// No token is longer.
const LONGEST: u64 = 64 * 1024;

/// A program that prints a token.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Exec {
    /// The program: a name of the search path, or a path relative to the folder of the contexts file.
    pub(super) command: PathBuf,
    /// Its arguments.
    #[serde(default)]
    args: Vec<String>,
    /// More environment variables.
    #[serde(default)]
    env: BTreeMap<String, String>,
}

/// What plugins of kubectl print; other fields are none of ours.
#[derive(Deserialize)]
struct Credential {
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: String,
    expiration_timestamp: Option<Timestamp>,
}

impl Exec {
    /// The same with its program found from that folder.
    pub(super) fn within(mut self, folder: &Path) -> Self {
        // A mere name is one of the search path.
        if self.command.components().count() > 1 {
            self.command = folder.join(&self.command);
        }
        self
    }

    /// Runs the program, and reads its token. What it says on standard error is its user's.
    ///
    /// # Errors
    /// When it cannot be run, fails, takes too long, or prints no token. What it has printed is never told.
    pub(super) async fn ask(&self) -> anyhow::Result<Held> {
        let name = self.command.display();
        let asked = tokio::time::timeout(PATIENCE, self.output()).await;
        let output = asked.with_context(|| format!("{name} printed no token within two minutes"))??;
        read(&output).with_context(|| format!("{name} printed no token"))
    }

    async fn output(&self) -> anyhow::Result<Vec<u8>> {
        let name = self.command.display();
        let mut command = Command::new(&self.command);
        command.args(&self.args).envs(&self.env).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("could not run {name}"))?;
        let mut output = Vec::new();
        if let Some(printed) = child.stdout.take() {
            let read = printed.take(LONGEST + 1).read_to_end(&mut output).await;
            read.with_context(|| format!("could not read what {name} prints"))?;
        }
        if output.len() as u64 > LONGEST {
            bail!("{name} prints more than 64 KiB; expected a token");
        }
        let ended = child.wait().await.with_context(|| format!("could not wait for {name}"))?;
        if !ended.success() {
            bail!("{name} gave no token: {ended}");
        }
        Ok(output)
    }
}

/// A token alone, or as plugins of kubectl print it.
fn read(output: &[u8]) -> anyhow::Result<Held> {
    const EXPECTED: &str = "expected a token alone, or JSON with status.token";
    let Ok(text) = std::str::from_utf8(output) else { bail!("it is not text in UTF-8; {EXPECTED}") };
    let text = text.trim();
    if !text.starts_with('{') {
        return Ok(Held { token: bearer(text)?, expires: None });
    }
    // The parser's message would repeat what was printed.
    let Ok(Credential { status }) = serde_json::from_str(text) else {
        bail!("it is not the JSON it should be; {EXPECTED}")
    };
    let token: Secret = bearer(&status.token)?;
    Ok(Held { token, expires: status.expiration_timestamp })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> (tempfile::TempDir, Exec) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("login.sh");
        std::fs::write(&file, text).unwrap();
        let exec = Exec {
            command: "sh".into(),
            args: vec![file.display().to_string()],
            env: BTreeMap::from([("REALM".to_owned(), "staging".to_owned())]),
        };
        (folder, exec)
    }

    async fn asked(text: &str) -> Result<Held, String> {
        let (_folder, exec) = script(text);
        exec.ask().await.map_err(|error| format!("{error:#}"))
    }

    #[tokio::test]
    async fn a_token_may_be_printed_alone_or_as_plugins_of_kubectl_do() {
        let held = asked("echo \"token-of-$REALM\"").await.unwrap();
        assert_eq!((held.token.reveal(), held.expires), ("token-of-staging", None));
        let json = r#"echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",
            "status":{"token":"abc","expirationTimestamp":"2026-11-24T14:00:00Z"}}'"#;
        let held = asked(json).await.unwrap();
        assert_eq!((held.token.reveal(), held.expires), ("abc", Some("2026-11-24T14:00:00Z".parse().unwrap())));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told_without_what_was_printed() {
        for (text, expected) in [
            ("echo hunter2; exit 3", "sh gave no token: exit status: 3"),
            ("echo hunter2 and more", "sh printed no token: expected one word of visible ASCII characters"),
            ("true", "sh printed no token: expected one word of visible ASCII characters"),
            (
                "echo '{\"status\":{\"password\":\"hunter2\"}}'",
                "sh printed no token: it is not the JSON it should be; expected a token alone, or JSON with status.token",
            ),
            ("head -c 70000 /dev/zero | tr '\\0' h", "sh prints more than 64 KiB; expected a token"),
        ] {
            let told = asked(text).await.err().unwrap();
            assert_eq!(told, expected, "{text}");
        }
        let missing = Exec { command: "./no-such-plugin".into(), args: Vec::new(), env: BTreeMap::new() };
        let folder = tempfile::tempdir().unwrap();
        let told = format!("{:#}", missing.within(folder.path()).ask().await.err().unwrap());
        assert!(told.contains("no-such-plugin: No such file"), "{told}");
        assert!(told.starts_with(&format!("could not run {}", folder.path().display())), "{told}");
    }
}
