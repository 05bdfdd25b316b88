//! The journal that verbs work with: this machine's own, or one that several conductors share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use conductor_core::ports::{RunRequests, RunStore};
use conductor_journal::{PostgresStore, PostgresStoreSettings, SqliteStore};
use conductor_wiring::JournalSettings;

use crate::exit::Failed;

/// A journal that is open.
#[derive(Clone)]
pub(crate) enum Journal {
    /// In the state folder.
    OfThisMachine(Arc<SqliteStore>),
    /// In a database, as a file says.
    Shared { store: Arc<PostgresStore>, file: PathBuf },
}

impl Journal {
    /// Opens the one that a file tells of, or else that of the state folder.
    pub(super) async fn open(file: Option<&Path>, state_dir: &Path) -> Result<Self, Failed> {
        let Some(file) = file else {
            let store = SqliteStore::open(state_dir).await.map_err(Failed::because)?;
            return Ok(Self::OfThisMachine(Arc::new(store)));
        };
        let JournalSettings::Postgres(settings) = JournalSettings::read(file).map_err(Failed::input)?;
        let password = password(&settings, file)?;
        let store = PostgresStore::open(&settings, password.as_deref()).await.map_err(Failed::because)?;
        let file = std::path::absolute(file).map_err(Failed::because)?;
        Ok(Self::Shared { store: Arc::new(store), file })
    }

    /// Both of its sides.
    pub(super) fn sides(&self) -> (Arc<dyn RunStore>, Arc<dyn RunRequests>) {
        match self {
            Self::OfThisMachine(store) => (store.clone(), store.clone()),
            Self::Shared { store, .. } => (store.clone(), store.clone()),
        }
    }

    /// Ends it in order: others need not wait for environments that nobody works on any more.
    pub(crate) async fn close(&self) {
        match self {
            Self::OfThisMachine(_) => {}
            Self::Shared { store, .. } => store.close().await,
        }
    }
}

fn password(settings: &PostgresStoreSettings, file: &Path) -> Result<Option<String>, Failed> {
    let find = |name: &String| {
        std::env::var(name).map_err(|_| {
            let file = file.display();
            let problem = format!("spec.postgres.passwordEnv names {name}, which is not set");
            Failed::input(format!("{file}: {problem}; expected the password in it"))
        })
    };
    settings.password_env.as_ref().map(find).transpose()
}
