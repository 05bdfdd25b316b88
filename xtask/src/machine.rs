//! How busy this machine's processors were, by what the kernel counts.

/// The kernel's count of what the processors have done since the machine started, in its own ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Processors {
    busy: u64,
    idle: u64,
}

impl Processors {
    /// The count of now; `None` where the kernel tells none.
    pub(crate) fn now() -> Option<Self> {
        Self::read(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// The share of their time that all processors together were busy since `earlier`, in percent; `None` when no time has passed.
    pub(crate) fn busy_since(self, earlier: Self) -> Option<u64> {
        let busy = self.busy.saturating_sub(earlier.busy);
        let all = busy + self.idle.saturating_sub(earlier.idle);
        (busy * 100).checked_div(all)
    }

    /// The first line of `/proc/stat`, as proc_stat(5) describes it: user, nice, system, idle, iowait, irq, softirq, steal; what follows
    /// is counted within user and nice already.
    fn read(stat: &str) -> Option<Self> {
        let mut words = stat.lines().next()?.split_whitespace();
        if words.next() != Some("cpu") {
            return None;
        }
        let counts: Vec<u64> = words.take(8).map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let idle: u64 = counts.get(3..5)?.iter().sum();
        Some(Self { busy: counts.iter().sum::<u64>() - idle, idle })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLIER: &str = "cpu  100 10 40 800 50 0 0 0 90 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
    const LATER: &str = "cpu  130 10 50 830 80 0 0 0 95 0\n";

    #[test]
    fn the_share_is_that_of_the_time_between() {
        let earlier = Processors::read(EARLIER).unwrap();
        assert_eq!(earlier, Processors { busy: 150, idle: 850 });
        assert_eq!(Processors::read(LATER).unwrap().busy_since(earlier), Some(40));
        assert_eq!(earlier.busy_since(earlier), None);
    }

    #[test]
    fn what_is_not_understood_tells_nothing() {
        for stat in ["", "cpu0 1 2 3 4 5", "cpu 1 2 3", "cpu 1 2 x 4 5 6 7 8"] {
            assert_eq!(Processors::read(stat), None, "{stat}");
        }
    }
}
