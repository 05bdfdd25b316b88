//! What the signals that end things mean to a run.

pub(crate) use conductor_wiring::Signals;

/// What Ctrl-C, SIGTERM or a terminal that was closed means to a run that is being followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// The run shall end in order; the second time it is left as it is.
    EndsRun,
    /// Only the watching ends.
    EndsWatching,
}
