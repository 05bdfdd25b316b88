//! The file of static bearer tokens' hashes, read again when it changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::watched::Look;
use crate::{BadGrant, BadHash, Caller, Grants, Secret, Source, TokenHash};

/// The callers of a file of hashes. One that becomes unreadable or wrong keeps what was read before, and is told in
/// the log once: an editor's half-written file shall not lock everybody out.
pub(crate) struct TokenFile {
    path: PathBuf,
    read: Mutex<Read>,
}

struct Read {
    look: Look,
    callers: Vec<(TokenHash, Caller)>,
    told: Option<String>,
}

/// Why a file of hashes of tokens cannot be used. No text of the file is repeated: it may be a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileProblem {
    /// The file cannot be read.
    #[error("reading the hashes of tokens in {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A line is too short.
    #[error("{}, line {line}: expected `NAME sha256:HASH ROLE[@ENVIRONMENT] …`", path.display())]
    Short {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// The second word of a line is no hash.
    #[error("{}, line {line}: the second word {source}", path.display())]
    Hash {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What was wrong.
        #[source]
        source: BadHash,
    },
    /// A later word of a line gives no role.
    #[error("{}, line {line}: a word after the hash {source}", path.display())]
    Role {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What was wrong.
        #[source]
        source: BadGrant,
    },
}

impl TokenFile {
    pub(crate) fn open(path: &Path) -> Result<Self, TokenFileProblem> {
        let look = Look::at([path]);
        let callers = read(path)?;
        Ok(Self { path: path.to_owned(), read: Mutex::new(Read { look, callers, told: None }) })
    }

    /// Whose token that is. All hashes are compared, so that the time taken does not tell which one was met.
    pub(crate) fn caller(&self, token: &Secret) -> Option<Caller> {
        let mut held = self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        held.refresh(&self.path);
        let (sent, mut found) = (TokenHash::of(token), None);
        for (hash, caller) in &held.callers {
            if hash.is(&sent) {
                found = Some(caller.clone());
            }
        }
        found
    }
}

impl Read {
    fn refresh(&mut self, path: &Path) {
        // Looked at before it is read: what changes in between is another change.
        let look = Look::at([path]);
        if look.is_as_at(&self.look) {
            return;
        }
        self.look = look;
        match read(path) {
            Ok(callers) => {
                self.callers = callers;
                self.told = None;
            }
            Err(problem) => {
                let text = with_source(&problem);
                if self.told.as_ref() != Some(&text) {
                    tracing::error!("{text}; the tokens read before stay in force");
                    self.told = Some(text);
                }
            }
        }
    }
}

fn with_source(problem: &TokenFileProblem) -> String {
    match problem {
        TokenFileProblem::Unreadable { source, .. } => format!("{problem}: {source}"),
        TokenFileProblem::Short { .. } | TokenFileProblem::Hash { .. } | TokenFileProblem::Role { .. } => {
            problem.to_string()
        }
    }
}

fn read(path: &Path) -> Result<Vec<(TokenHash, Caller)>, TokenFileProblem> {
    let unreadable = |source| TokenFileProblem::Unreadable { path: path.to_owned(), source };
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let lines = text.lines().map(str::trim).zip(1..);
    lines
        .filter(|(text, _)| !text.is_empty() && !text.starts_with('#'))
        .map(|(text, line)| entry(path, text, line))
        .collect()
}

fn entry(path: &Path, text: &str, line: usize) -> Result<(TokenHash, Caller), TokenFileProblem> {
    let path = path.to_owned();
    let mut words = text.split_whitespace().peekable();
    let (Some(name), Some(hash), Some(_)) = (words.next(), words.next(), words.peek()) else {
        return Err(TokenFileProblem::Short { path, line });
    };
    let hash = match hash.parse() {
        Ok(hash) => hash,
        Err(source) => return Err(TokenFileProblem::Hash { path, line, source }),
    };
    let mut grants = Grants::default();
    for word in words {
        if let Err(source) = grants.grant_text(word) {
            return Err(TokenFileProblem::Role { path, line, source });
        }
    }
    Ok((hash, Caller::granted(name, Source::Token, grants)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Role, make_token};

    #[tokio::test]
    async fn a_changed_file_counts_at_the_next_call_and_a_broken_one_keeps_what_was_read_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let (first, first_hash) = make_token().unwrap();
        let (second, second_hash) = make_token().unwrap();
        fs::write(&path, format!("# for CI\n\nci {first_hash} operator@shop viewer\n")).unwrap();
        let file = TokenFile::open(&path).unwrap();
        let caller = file.caller(&first).unwrap();
        assert_eq!((caller.name.as_str(), caller.source), ("ci", Source::Token));
        assert!(
            caller.may(Role::Operator, "shop").await.unwrap()
                && !caller.may(Role::Operator, "other").await.unwrap()
                && caller.may(Role::Viewer, "other").await.unwrap()
        );
        assert!(file.caller(&second).is_none());

        fs::write(&path, format!("ci {second_hash} operator@shop viewer\n")).unwrap();
        assert!(file.caller(&first).is_none(), "a removed token is refused at once");
        assert!(file.caller(&second).is_some());

        fs::write(&path, "half a li").unwrap();
        assert!(file.caller(&second).is_some());
        fs::remove_file(&path).unwrap();
        assert!(file.caller(&second).is_some());
        fs::write(&path, "").unwrap();
        assert!(file.caller(&second).is_none(), "an empty file is nobody's");
    }

    #[test]
    fn a_wrong_line_is_told_by_its_number_and_without_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let (token, hash) = make_token().unwrap();
        let cases = [
            ("ci".to_owned(), "expected `NAME sha256:HASH ROLE[@ENVIRONMENT] …`"),
            (format!("ci {hash}"), "expected `NAME sha256:HASH ROLE[@ENVIRONMENT] …`"),
            (format!("ci {} viewer", token.reveal()), "the second word is no hash of a token: expected `sha256:`"),
            (format!("ci {hash} {}", token.reveal()), "a word after the hash gives no role: expected at least one of"),
        ];
        for (line, expected) in cases {
            fs::write(&path, format!("# a comment\n{line}\n")).unwrap();
            let told = TokenFile::open(&path).err().unwrap().to_string();
            assert!(told.starts_with(&format!("{}, line 2: {expected}", path.display())), "{told}");
            assert!(!told.contains(token.reveal()), "{told}");
        }
    }

    #[test]
    fn a_missing_file_is_refused_at_start() {
        let told = TokenFile::open(Path::new("/nonexistent/tokens")).err().unwrap();
        assert!(with_source(&told).starts_with("reading the hashes of tokens in /nonexistent/tokens: No such file"));
    }
}
