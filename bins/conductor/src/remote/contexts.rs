//! The contexts file: servers by name, how each is reached, and which one is the current one.

mod change;
mod document;

use std::path::{Path, PathBuf};

use conductor_core::spec::Violation;
use conductor_wiring::{InputError, read};
use etcetera::BaseStrategy;

use super::credentials::TokenSource;
use super::server_url::ServerUrl;
use super::tls::TlsFiles;
use crate::exit::Failed;
use document::Document;

/// All that the contexts file says.
#[derive(Default)]
pub(crate) struct Contexts {
    /// `None` where there is no place for one.
    file: Option<PathBuf>,
    pub(crate) current: Option<String>,
    pub(crate) all: Vec<Context>,
}

/// A server, and how it is reached.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) name: String,
    pub(crate) server: ServerUrl,
    pub(crate) tls: TlsFiles,
    pub(crate) token: TokenSource,
}

impl Contexts {
    /// Reads the contexts file, which need not exist unless `CONDUCTOR_CONTEXTS` names it.
    ///
    /// # Errors
    /// When it cannot be read, or with everything that is wrong in it.
    pub(crate) fn open(variable: fn(&str) -> Option<String>) -> Result<Self, Failed> {
        match variable("CONDUCTOR_CONTEXTS") {
            Some(file) if file.is_empty() => Ok(Self::default()),
            Some(file) => Self::read(Path::new(&file)).map_err(Failed::input),
            None => {
                // Who has no home has no contexts either.
                let Ok(folders) = etcetera::choose_base_strategy() else { return Ok(Self::default()) };
                let file = folders.config_dir().join("loadtest-conductor").join("contexts.yaml");
                if file.exists() {
                    return Self::read(&file).map_err(Failed::input);
                }
                Ok(Self { file: Some(file), ..Self::default() })
            }
        }
    }

    fn read(file: &Path) -> Result<Self, InputError> {
        let written = read::<Document>(file)?;
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let (contexts, violations) = document::checked(&written.value, file.parent().unwrap_or(Path::new("")));
        if !violations.is_empty() {
            return Err(written.refuse(&violations));
        }
        Ok(Self { file: Some(file), current: written.value.current, all: contexts })
    }

    /// A context by its name.
    ///
    /// # Errors
    /// When there is none of that name.
    pub(crate) fn named(&self, name: &str) -> Result<&Context, Failed> {
        let found = self.all.iter().find(|context| context.name == name);
        found.ok_or_else(|| {
            let problem = format!("\"{name}\" is not a context");
            match (&self.file, self.names()) {
                (Some(file), Some(names)) => Failed::input(format!("{}: {problem}; expected {names}", file.display())),
                (Some(file), None) => Failed::input(format!("{problem}: there are none in {}", file.display())),
                (None, _) => {
                    Failed::input(format!("{problem}: there is no contexts file; expected CONDUCTOR_CONTEXTS"))
                }
            }
        })
    }

    /// The one that counts where nothing else is said.
    pub(crate) fn current(&self) -> Option<&Context> {
        // That it is there was checked when the file was read.
        self.all.iter().find(|context| Some(&context.name) == self.current.as_ref())
    }

    /// Makes one the current one, in the file.
    ///
    /// # Errors
    /// When there is none of that name, or the file cannot be written.
    pub(crate) fn choose(&self, name: &str) -> Result<(), Failed> {
        self.named(name)?;
        let Some(file) = &self.file else { return Ok(()) };
        change::choose(file, name, |file| Self::read(file).ok().and_then(|contexts| contexts.current))
    }

    fn names(&self) -> Option<String> {
        names(self.all.iter().map(|context| context.name.as_str()))
    }
}

/// `one of a, b`; nothing where there is none.
fn names<'a>(all: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = all.collect();
    (!names.is_empty()).then(|| format!("one of {}", names.join(", ")))
}

fn violation(field: String, problem: impl Into<String>, expected: impl Into<String>) -> Violation {
    Violation { field, problem: problem.into(), expected: expected.into() }
}

#[cfg(test)]
mod tests;
