//! What most verbs work with: the state folder, a journal, and an engine over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use conductor_core::ports::RunSummary;
use conductor_core::run::RunId;
use conductor_engine::{Conductor, EngineOptions, SystemClock};
use conductor_wiring::{Journal, JournalProblem, Wiring};

use crate::args::{Global, Output};
use crate::exit::Failed;

/// The state folder, and an engine over a journal.
pub(crate) struct Session {
    pub(crate) conductor: Conductor,
    pub(crate) state_dir: PathBuf,
    pub(crate) output: Output,
    pub(crate) journal: Journal,
}

impl Session {
    /// Opens the journal.
    pub(crate) async fn open(global: &Global) -> Result<Self, Failed> {
        let state_dir = state_dir(global)?;
        let journal = Journal::open(global.journal.as_deref(), &state_dir, variable).await.map_err(refused)?;
        let (store, requests) = journal.sides();
        let conductor = Conductor::new(
            store,
            requests,
            Arc::new(Wiring::new(variable)),
            Arc::new(SystemClock),
            EngineOptions::default(),
        );
        Ok(Self { conductor, state_dir, output: global.output, journal })
    }

    /// All runs, newest first.
    pub(crate) async fn runs(&self) -> Result<Vec<RunSummary>, Failed> {
        self.conductor.list().await.map_err(Failed::because)
    }

    /// The run that was named, or the newest one.
    pub(crate) async fn run_or_newest(&self, run: Option<RunId>) -> Result<RunId, Failed> {
        match run {
            Some(run) => Ok(run),
            None => {
                let newest = self.runs().await?.into_iter().next().map(|run| run.id);
                newest.ok_or_else(|| Failed::input(format!("there are no runs in {}", self.journal_name().display())))
            }
        }
    }

    /// The run that was named, or every one that has not ended.
    pub(crate) async fn run_or_unfinished(&self, run: Option<RunId>) -> Result<Vec<RunId>, Failed> {
        match run {
            Some(run) => Ok(vec![run]),
            None => Ok(self.runs().await?.into_iter().filter(|run| !run.finished).map(|run| run.id).collect()),
        }
    }

    /// The run that was named, or every one that has begun and not ended.
    pub(crate) async fn run_or_begun(&self, run: Option<RunId>) -> Result<Vec<RunId>, Failed> {
        let is_begun = |run: &RunSummary| !run.finished && run.waiting.is_none();
        match run {
            Some(run) => Ok(vec![run]),
            None => Ok(self.runs().await?.into_iter().filter(is_begun).map(|run| run.id).collect()),
        }
    }

    /// Where the journal is, for people.
    fn journal_name(&self) -> &Path {
        match &self.journal {
            Journal::OfThisMachine(_) => &self.state_dir,
            Journal::Shared { file, .. } => file,
        }
    }

    /// Where a run's report goes.
    pub(crate) fn report_file(&self, run: &RunId) -> PathBuf {
        report_file(&self.state_dir, run)
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn refused(problem: JournalProblem) -> Failed {
    match problem {
        JournalProblem::Input(_) | JournalProblem::Password { .. } => Failed::input(problem),
        JournalProblem::Store(error) => Failed::because(error),
    }
}

/// The state folder, absolute.
pub(crate) fn state_dir(global: &Global) -> Result<PathBuf, Failed> {
    conductor_wiring::state_dir(global.state_dir.as_deref()).map_err(Failed::because)
}

/// Where a run's report goes, unless somebody says otherwise.
pub(crate) fn report_file(state_dir: &Path, run: &RunId) -> PathBuf {
    state_dir.join("reports").join(format!("{run}.html"))
}

/// Writes a file and the folders above it.
pub(crate) fn write(file: &Path, content: impl AsRef<[u8]>) -> Result<(), Failed> {
    let folder = file.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(file, content))
        .with_context(|| format!("could not write {}", file.display()))
        .map_err(Failed::because)
}
