//! How far rollouts and scaling are, workload by workload: a bar on a terminal, a line now and then everywhere else. What is
//! waited for before there is anything to count is told without.

use std::collections::BTreeMap;

use conductor_core::app::ApplicationId;
use conductor_core::ports::Readiness;
use conductor_engine::Progress;
use jiff::{SignedDuration, Timestamp};

use super::figures::time_of_day;

/// Time between two lines, at least.
const EVERY: SignedDuration = SignedDuration::from_secs(3);
/// Workloads that are told by name.
const NAMED: usize = 3;

/// What was told in lines already.
#[derive(Debug, Default)]
pub(super) struct Lines {
    last: Option<(Timestamp, Progress)>,
}

impl Lines {
    /// The line to say now: where numbers have changed, and not too often.
    pub(super) fn line(&mut self, now: Timestamp, progress: &Progress) -> Option<String> {
        if progress.is_over() {
            return None;
        }
        if let Some((at, last)) = &self.last
            && (last.verb, last.total) == (progress.verb, progress.total)
            && (now.duration_since(*at) < EVERY || numbers(last) == numbers(progress))
        {
            return None;
        }
        self.last = Some((now, progress.clone()));
        let counted = if progress.total == 0 { Vec::new() } else { vec![done(progress)] };
        Some(format!("{}   {}", time_of_day(now), [counted, slowest(progress)].concat().join("; ")))
    }
}

/// A bar of so many letters, with the numbers behind it.
pub(super) fn bar(progress: &Progress, width: usize) -> String {
    let ended = progress.done + progress.failed;
    let full = (width * ended).checked_div(progress.total).unwrap_or(0).min(width);
    format!("{}{} {}", "█".repeat(full), "░".repeat(width - full), done(progress))
}

/// The workloads that are furthest from being ready, and how many more there are.
pub(super) fn slowest(progress: &Progress) -> Vec<String> {
    let mut waits: Vec<_> = progress.waits.iter().collect();
    let share = |wait: &Readiness| f64::from(wait.ready) / f64::from(wait.wanted.max(1));
    waits.sort_by(|(_, one), (_, other)| share(one).total_cmp(&share(other)));
    let more = waits.len().saturating_sub(NAMED);
    let named = waits.into_iter().take(NAMED).map(|(application, wait)| format!("{application} {}", wait.text));
    named.chain((more > 0).then(|| format!("{more} more"))).collect()
}

fn done(progress: &Progress) -> String {
    let Progress { verb, total, done, failed, .. } = progress;
    let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
    let plural = if *total == 1 { "" } else { "s" };
    format!("{done} of {total} workload{plural} {verb}{failed}")
}

fn numbers(progress: &Progress) -> (&str, [usize; 3], BTreeMap<&ApplicationId, (u32, u32)>) {
    let Progress { verb, total, done, failed, waits } = progress;
    let waits = waits.iter().map(|(application, wait)| (application, (wait.ready, wait.wanted)));
    (verb, [*total, *done, *failed], waits.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(done: usize, failed: usize, waits: &[(&str, u32, u32, &str)]) -> Progress {
        let wait = |(name, ready, wanted, why): &(&str, u32, u32, &str)| {
            let text = format!("{ready} of {wanted} replicas ready{why}");
            (name.parse().unwrap(), Readiness { ready: *ready, wanted: *wanted, text })
        };
        Progress { verb: "scaled", total: 6, done, failed, waits: waits.iter().map(wait).collect() }
    }

    #[test]
    fn a_line_is_said_when_numbers_change_and_not_more_often_than_every_few_seconds() {
        let mut lines = Lines::default();
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let mut say = |second, progress: &Progress| lines.line(at(second), progress);
        let first = progress(0, 0, &[("shop", 1, 3, "")]);
        let told = "00:00:00   0 of 6 workloads scaled; shop 1 of 3 replicas ready";
        assert_eq!(say(0, &first).as_deref(), Some(told));
        let second = progress(0, 0, &[("shop", 2, 3, "")]);
        assert_eq!(say(2, &second), None, "too soon");
        let told = "00:00:03   0 of 6 workloads scaled; shop 2 of 3 replicas ready";
        assert_eq!(say(3, &second).as_deref(), Some(told));
        assert_eq!(say(60, &progress(0, 0, &[("shop", 2, 3, ", for 9 s of 10 s")])), None, "no number has changed");
        let told = "00:01:00   1 of 6 workloads scaled, 1 failed";
        assert_eq!(say(60, &progress(1, 1, &[])).as_deref(), Some(told));
        let back = Progress { verb: "put back", ..progress(0, 0, &[]) };
        assert_eq!(say(61, &back).as_deref(), Some("00:01:01   0 of 6 workloads put back"), "other work begins");
        assert_eq!(say(90, &progress(5, 1, &[])), None, "nothing is waited for");
        assert_eq!(say(99, &Progress::default()), None, "nothing is changed");
    }

    #[test]
    fn what_is_waited_for_before_anything_is_changed_is_said_without_a_count() {
        let text = "waits until HelmRelease shop/shop has ended what it was at (upgrade)".to_owned();
        let waits = [("shop".parse().unwrap(), Readiness { ready: 0, wanted: 0, text })].into();
        let told =
            Lines::default().line(Timestamp::UNIX_EPOCH, &Progress { verb: "frozen", waits, ..Progress::default() });
        let expected = "00:00:00   shop waits until HelmRelease shop/shop has ended what it was at (upgrade)";
        assert_eq!(told.as_deref(), Some(expected));
    }

    #[test]
    fn the_slowest_are_named_and_the_others_counted() {
        let waits =
            [("a", 3, 4, ""), ("b", 0, 2, ", 2 pods pending"), ("c", 1, 2, ""), ("d", 9, 10, ""), ("e", 1, 1, "")];
        let told =
            ["b 0 of 2 replicas ready, 2 pods pending", "c 1 of 2 replicas ready", "a 3 of 4 replicas ready", "2 more"];
        assert_eq!(slowest(&progress(1, 0, &waits)), told);
    }

    #[test]
    fn the_bar_is_full_when_everything_has_ended() {
        assert_eq!(bar(&progress(0, 0, &[]), 6), "░░░░░░ 0 of 6 workloads scaled");
        assert_eq!(bar(&progress(2, 1, &[]), 6), "███░░░ 2 of 6 workloads scaled, 1 failed");
        assert_eq!(bar(&progress(6, 0, &[]), 6), "██████ 6 of 6 workloads scaled");
        assert_eq!(bar(&Progress { total: 0, ..progress(0, 0, &[]) }, 3), "░░░ 0 of 0 workloads scaled");
    }
}
