//! The token that a server is sent: where it comes from, and when it is asked for anew.

use std::path::PathBuf;

use anyhow::{Context, bail};
use conductor_access::Secret;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::exec::Exec;

/// A token that is about to expire is not begun with.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// Where a token comes from.
#[derive(Clone)]
pub(crate) enum TokenSource {
    /// There is none: the server wants none, or a certificate.
    None,
    /// A file, read for each call, since what is in it may change at any time.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A program that prints one.
    Exec(Exec),
}

/// A token, and until when it is good where that is known.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) token: Secret,
    pub(super) expires: Option<Timestamp>,
}

/// The token of one server.
pub(super) struct Credentials {
    source: TokenSource,
    variable: fn(&str) -> Option<String>,
    held: Mutex<Option<Held>>,
}

impl TokenSource {
    /// For people.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::None => "no token".to_owned(),
            Self::File(file) => format!("token in {}", file.display()),
            Self::Variable(name) => format!("token in the variable {name}"),
            Self::Exec(exec) => format!("token of {}", exec.command.display()),
        }
    }
}

impl Credentials {
    pub(super) fn new(source: TokenSource, variable: fn(&str) -> Option<String>) -> Self {
        Self { source, variable, held: Mutex::new(None) }
    }

    /// The token to send now.
    ///
    /// # Errors
    /// When there should be one, and it cannot be had.
    pub(super) async fn token(&self) -> anyhow::Result<Option<Secret>> {
        match &self.source {
            TokenSource::None => Ok(None),
            TokenSource::File(file) => {
                let text = tokio::fs::read_to_string(file).await;
                let text = text.with_context(|| format!("could not read the token in {}", file.display()))?;
                bearer(text.trim()).map(Some).with_context(|| format!("{} is no file with a token", file.display()))
            }
            TokenSource::Variable(name) => {
                let text =
                    (self.variable)(name).with_context(|| format!("{name} is not set; expected a token in it"))?;
                bearer(text.trim()).map(Some).with_context(|| format!("{name} has no token in it"))
            }
            TokenSource::Exec(exec) => {
                let mut held = self.held.lock().await;
                let is_good = |held: &&Held| held.expires.is_none_or(|expires| Timestamp::now() + MARGIN < expires);
                if let Some(held) = held.as_ref().filter(is_good) {
                    return Ok(Some(held.token.clone()));
                }
                let given = exec.ask().await?;
                *held = Some(given.clone());
                Ok(Some(given.token))
            }
        }
    }

    /// The server did not take the token: true where asking once more may give another one.
    pub(super) async fn forget(&self) -> bool {
        *self.held.lock().await = None;
        match &self.source {
            TokenSource::None | TokenSource::Variable(_) => false,
            TokenSource::File(_) | TokenSource::Exec(_) => true,
        }
    }
}

/// A text as a token, which is never repeated.
pub(super) fn bearer(text: &str) -> anyhow::Result<Secret> {
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
        bail!("expected one word of visible ASCII characters");
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Option<String> {
        match name {
            "TOKEN" => Some(" abc\n".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    async fn token(source: TokenSource) -> Result<Option<String>, String> {
        let token = Credentials::new(source, variable).token().await;
        token.map(|token| token.map(|token| token.reveal().to_owned())).map_err(|error| format!("{error:#}"))
    }

    /// A plugin that counts in a file how often it was asked, and prints a token that expires.
    fn counting(folder: &std::path::Path, expires: &str) -> TokenSource {
        let file = folder.join("login.sh");
        let count = folder.join("count");
        let text = format!(
            "echo x >> '{0}'\necho '{{\"status\":{{\"token\":\"t'$(grep -c x '{0}')'\"{expires}}}}}'\n",
            count.display()
        );
        std::fs::write(&file, text).unwrap();
        let exec = serde_json::json!({ "command": "sh", "args": [file] });
        TokenSource::Exec(serde_json::from_value(exec).unwrap())
    }

    #[tokio::test]
    async fn a_token_comes_from_a_file_that_may_change_or_a_variable_or_nowhere() {
        assert_eq!(token(TokenSource::None).await, Ok(None));
        assert_eq!(token(TokenSource::Variable("TOKEN".to_owned())).await, Ok(Some("abc".to_owned())));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let credentials = Credentials::new(TokenSource::File(file.clone()), variable);
        for text in ["first", "second\n"] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(credentials.token().await.unwrap().unwrap().reveal(), text.trim());
        }
    }

    #[tokio::test]
    async fn a_token_that_cannot_be_had_is_told_without_what_stands_in_its_place() {
        let refused = async |source| token(source).await.unwrap_err();
        assert_eq!(refused(TokenSource::Variable("NONE".to_owned())).await, "NONE is not set; expected a token in it");
        let empty = refused(TokenSource::Variable("EMPTY".to_owned())).await;
        assert_eq!(empty, "EMPTY has no token in it: expected one word of visible ASCII characters");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let missing = refused(TokenSource::File(file.clone())).await;
        assert!(missing.starts_with(&format!("could not read the token in {}: No such", file.display())), "{missing}");
        std::fs::write(&file, "hunter2 and more").unwrap();
        let odd = refused(TokenSource::File(file)).await;
        assert!(odd.contains("is no file with a token: expected one word") && !odd.contains("hunter2"), "{odd}");
    }

    #[tokio::test]
    async fn a_plugin_is_asked_again_when_its_token_has_expired_or_was_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = Credentials::new(counting(folder.path(), ""), variable);
        let mut told = Vec::new();
        for _ in 0..2 {
            told.push(credentials.token().await.unwrap().unwrap().reveal().to_owned());
        }
        assert!(credentials.forget().await);
        told.push(credentials.token().await.unwrap().unwrap().reveal().to_owned());
        assert_eq!(told, ["t1", "t1", "t2"]);

        let folder = tempfile::tempdir().unwrap();
        let expired = counting(folder.path(), r#","expirationTimestamp":"2020-01-01T00:00:00Z""#);
        let credentials = Credentials::new(expired, variable);
        credentials.token().await.unwrap();
        assert_eq!(credentials.token().await.unwrap().unwrap().reveal(), "t2");
    }
}
