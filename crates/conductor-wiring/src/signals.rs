//! The signals that end a program: Ctrl-C, SIGTERM, which Kubernetes sends, and the end of a terminal.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end a program.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where it is ignored on purpose, as by `nohup`.
    hangup: Option<Signal>,
}

impl Signals {
    /// From now on they end nothing by themselves. Called within a runtime of tokio.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> io::Result<Self> {
        let hangup = if hangup_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    /// Waits for the next one, and names it.
    pub async fn next(&mut self) -> &'static str {
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
