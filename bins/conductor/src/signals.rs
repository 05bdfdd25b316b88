//! The signals that end things: Ctrl-C, SIGTERM, and the end of a terminal.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failed;

/// What Ctrl-C, SIGTERM or a terminal that was closed means to a run that is being followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// The run shall end in order; the second time it is left as it is.
    EndsRun,
    /// Only the watching ends.
    EndsWatching,
}

/// The signals that end things.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where it is ignored on purpose, as by `nohup`.
    hangup: Option<Signal>,
}

impl Signals {
    /// From now on they end nothing by themselves.
    pub(crate) fn listen() -> Result<Self, Failed> {
        let listen = |kind| signal(kind).map_err(Failed::because);
        let hangup = if hangup_is_ignored() { None } else { Some(listen(SignalKind::hangup())?) };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())?, hangup })
    }

    /// Waits for the next one, and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => None,
            }
        };
        tokio::select! {
            Some(()) = self.interrupt.recv() => "Ctrl-C",
            Some(()) = self.terminate.recv() => "SIGTERM",
            Some(()) = hangup => "the end of its terminal",
            else => std::future::pending().await,
        }
    }
}

/// True when this process was started with SIGHUP ignored. Known on Linux only.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    // The lowest bit is signal 1, which is SIGHUP.
    mask & 1 == 1
}
