//! The spans of a run: one for the run, and inside it one for each phase. Calls of ports are in `observed`.
//!
//! A phase has several states, and with them several activities; its span is kept from the first to the last of them.

use std::sync::{Mutex, PoisonError};

use conductor_core::phase::Phase;
use conductor_core::run::{Created, RunId};
use tracing::Span;

/// The spans of one run that this process drives.
pub(crate) struct Spans {
    run: Span,
    phase: Mutex<Option<(Phase, Span)>>,
}

impl Spans {
    /// Begins the span of a run.
    pub(crate) fn begin(run: &RunId, created: &Created) -> Self {
        let spec = &created.spec;
        let span = tracing::info_span!("run", %run, environment = spec.environment, load_test = spec.name);
        Self { run: span, phase: Mutex::new(None) }
    }

    /// The span of the run.
    pub(crate) fn run(&self) -> Span {
        self.run.clone()
    }

    /// The span of the phase that the run is in now: the same as before, or a new one where it has come to another.
    pub(crate) fn phase(&self, now: Phase) -> Span {
        let mut kept = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((phase, span)) if *phase == now => span.clone(),
            Some(_) | None => {
                let span = tracing::info_span!(parent: &self.run, "phase", otel.name = %now, phase = %now);
                *kept = Some((now, span.clone()));
                span
            }
        }
    }
}
