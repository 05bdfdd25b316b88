//! What the driver must remember between two calls: counters seen before, and whether the master was replaced.
//!
//! Pure: times are arguments. It is lost when the conductor restarts, and everything here is then learnt anew.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::csv::Counters;

/// Most snapshots kept: half a day of one every 15 seconds.
const SNAPSHOTS: usize = 2880;
/// Workers give up a lost master after 60 seconds without a heartbeat; a few more for clocks and reports.
pub(crate) const ORPHAN_LIFE: Duration = Duration::from_secs(65);

/// The counters at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) at: Timestamp,
    pub(crate) kpi: Counters,
    pub(crate) total: Counters,
}

/// What a new snapshot means, compared with those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// There was nothing to compare with: counting begins now.
    Begins,
    /// The counters at the start of the window.
    Since(Snapshot),
    /// Counters went down since the last snapshot, which was taken at this time: what was in between is unknown.
    Reset(Timestamp),
}

/// Everything remembered.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    snapshots: VecDeque<Snapshot>,
    /// The master's boot, as the plugin tells it.
    pub(crate) boot: Option<String>,
    /// Set while users are expected to run: a master without any is then a new one.
    pub(crate) expects_users: bool,
    /// Until when workers of a master that is gone may still fire unseen.
    pub(crate) orphans_until: Option<Instant>,
    /// A restart that no sample has reported yet.
    pub(crate) restarted: bool,
    /// Workers seen by the last status, to notice lost ones without the plugin.
    pub(crate) workers: Vec<String>,
}

impl Memory {
    /// Adds a snapshot and says what the window from `since` to it is.
    pub(crate) fn window(&mut self, since: Timestamp, now: Snapshot) -> Window {
        let last = self.snapshots.back().copied();
        let reset =
            last.filter(|last| now.total.requests < last.total.requests || now.kpi.requests < last.kpi.requests);
        if let Some(last) = reset {
            self.snapshots.clear();
            self.snapshots.push_back(now);
            return Window::Reset(last.at);
        }
        let start = self.snapshots.iter().find(|snapshot| snapshot.at >= since).copied();
        self.snapshots.push_back(now);
        if self.snapshots.len() > SNAPSHOTS {
            self.snapshots.pop_front();
        }
        start.map_or(Window::Begins, Window::Since)
    }

    /// The total of the last snapshot.
    pub(crate) fn last_total(&self) -> Option<Counters> {
        self.snapshots.back().map(|snapshot| snapshot.total)
    }

    /// Notes the boot; true when it is another one than before.
    pub(crate) fn note_boot(&mut self, boot: &str) -> bool {
        let other = self.boot.as_deref().is_some_and(|known| known != boot);
        self.boot = Some(boot.to_owned());
        self.restarted |= other;
        other
    }

    /// Notes that the master is a new one, found at `now`: its predecessor's workers live for a while.
    pub(crate) fn note_restart(&mut self, now: Instant) {
        self.restarted = true;
        self.expects_users = false;
        self.orphans_until = Some(now + ORPHAN_LIFE);
    }

    /// How long orphans may still live.
    pub(crate) fn orphans_for(&self, now: Instant) -> Option<Duration> {
        self.orphans_until.and_then(|until| until.checked_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// Notes the workers of the moment; true when one that was there is missing.
    pub(crate) fn note_workers(&mut self, workers: Vec<String>) -> bool {
        let lost = self.workers.iter().any(|known| !workers.contains(known));
        self.workers = workers;
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(at: i64, kpi: u64, total: u64) -> Snapshot {
        let counters = |requests| Counters { requests, failures: 0 };
        Snapshot { at: Timestamp::from_second(at).unwrap(), kpi: counters(kpi), total: counters(total) }
    }

    #[test]
    fn windows_are_differences_between_snapshots() {
        let mut memory = Memory::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(memory.window(at(90), snapshot(100, 5, 10)), Window::Begins);
        assert_eq!(memory.window(at(100), snapshot(110, 9, 20)), Window::Since(snapshot(100, 5, 10)));
        assert_eq!(memory.window(at(90), snapshot(120, 15, 30)), Window::Since(snapshot(100, 5, 10)));
    }

    #[test]
    fn counters_that_went_down_are_a_reset_and_never_negative_orders() {
        let mut memory = Memory::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        memory.window(at(90), snapshot(100, 50, 100));
        assert_eq!(memory.window(at(100), snapshot(110, 3, 7)), Window::Reset(at(100)));
        assert_eq!(memory.window(at(110), snapshot(120, 8, 17)), Window::Since(snapshot(110, 3, 7)));
    }

    #[test]
    fn a_replaced_master_is_noticed_once_and_its_workers_are_waited_for() {
        let (mut memory, start) = (Memory::default(), Instant::now());
        assert!(!memory.note_boot("a"));
        assert!(!memory.note_boot("a"));
        assert!(memory.note_boot("b"));
        assert!(!memory.note_boot("b"));
        memory.note_restart(start);
        assert_eq!(memory.orphans_for(start + Duration::from_secs(5)), Some(Duration::from_secs(60)));
        assert_eq!(memory.orphans_for(start + ORPHAN_LIFE), None);
    }
}
