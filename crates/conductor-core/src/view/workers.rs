//! What a run's view tells of load workers: whether they can be those that are to be scaled, and what is asked for.

use jiff::Timestamp;

use super::{EventView, RunView};
use crate::phase::{Level, Load, Note};
use crate::run::Run;
use crate::spec::LoadWorkers;

impl RunView {
    /// Tells when the application that is to run the load workers cannot be the one that does.
    pub(super) fn compare_workers(&mut self, run: &Run, at: Timestamp) {
        let Some(LoadWorkers { application, .. }) = &run.created.spec.load.workers else { return };
        let running = self.generator.as_ref().and_then(|generator| generator.workers);
        let found = self.applications.iter().find(|view| view.application == *application);
        let Some((running, before)) = running.zip(found.map(|view| &view.before.allocation)) else { return };
        if before.replicas != running {
            let plural = if running == 1 { "" } else { "s" };
            let message = format!(
                "{application} has {before}, but the load generator has {running} worker{plural}; expected the application \
                 that runs all of them and nothing else (spec.load.workers.application)"
            );
            self.events.push(EventView { at, level: Level::Warning, message });
        }
    }

    /// Takes in load workers that are asked for, and tells of them, or that they may not be asked for.
    pub(super) fn follow_workers(&mut self, run: &Run, at: Timestamp) {
        if let Some(step) = run.state.load().and_then(Load::workers_asked)
            && let Some(view) = self.applications.iter_mut().find(|view| view.application == step.application)
        {
            view.during.allocation = step.to.clone();
        }
        let news = run.state.load().and_then(|load| load.workers.as_ref()?.news().cloned());
        self.events.extend(news.map(|Note { level, message }| EventView { at, level, message }));
    }
}
