//! A journal that is open: this machine's own, or one that several conductors share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use conductor_core::ports::{RunRequests, RunStore};
use conductor_journal::{OpenError, PostgresStore, PostgresStoreSettings, SqliteStore};

use super::JournalSettings;
use crate::input::InputError;

/// A journal that is open.
#[derive(Clone)]
pub enum Journal {
    /// In the state folder.
    OfThisMachine(Arc<SqliteStore>),
    /// In a database, as a file says.
    Shared {
        /// The database.
        store: Arc<PostgresStore>,
        /// The file, absolute.
        file: PathBuf,
    },
}

/// Why a journal is not open.
#[derive(Debug, thiserror::Error)]
pub enum JournalProblem {
    /// Its file is wrong.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Its password is not there.
    #[error("{}: spec.postgres.passwordEnv names {variable}, which is not set; expected the password in it", .file.display())]
    Password {
        /// The journal's file.
        file: PathBuf,
        /// The variable's name.
        variable: String,
    },
    /// It cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
}

impl Journal {
    /// Opens the one that a file tells of, or else that of the state folder. Secrets are found by `secret`, which gets the
    /// name of a variable.
    ///
    /// # Errors
    /// When the file is wrong, the password is not there, or the journal cannot be opened.
    pub async fn open(
        file: Option<&Path>,
        state_dir: &Path,
        secret: fn(&str) -> Option<String>,
    ) -> Result<Self, JournalProblem> {
        let Some(file) = file else {
            return Ok(Self::OfThisMachine(Arc::new(SqliteStore::open(state_dir).await?)));
        };
        let JournalSettings::Postgres(settings) = JournalSettings::read(file)?;
        let password = password(&settings, file, secret)?;
        let store = PostgresStore::open(&settings, password.as_deref()).await?;
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        Ok(Self::Shared { store: Arc::new(store), file })
    }

    /// Both of its sides.
    pub fn sides(&self) -> (Arc<dyn RunStore>, Arc<dyn RunRequests>) {
        match self {
            Self::OfThisMachine(store) => (store.clone(), store.clone()),
            Self::Shared { store, .. } => (store.clone(), store.clone()),
        }
    }

    /// Ends it in order: others need not wait for environments that nobody works on any more.
    pub async fn close(&self) {
        match self {
            Self::OfThisMachine(_) => {}
            Self::Shared { store, .. } => store.close().await,
        }
    }
}

fn password(
    settings: &PostgresStoreSettings,
    file: &Path,
    secret: fn(&str) -> Option<String>,
) -> Result<Option<String>, JournalProblem> {
    let find = |variable: &String| {
        secret(variable).ok_or_else(|| JournalProblem::Password { file: file.to_owned(), variable: variable.clone() })
    };
    settings.password_env.as_ref().map(find).transpose()
}
