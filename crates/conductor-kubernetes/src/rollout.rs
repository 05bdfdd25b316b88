//! Where a rollout stands, decided from objects as the API server shows them. There is no clock and no I/O here: objects
//! and time are arguments.
//!
//! | file | subject |
//! |---|---|
//! | `wanted` | what somebody waits for, and what was there before |
//! | `deployment`, `stateful_set`, `argo_rollout`, `scalable`, `shown` | where one object stands: by the counts of its kind, in an order for all |
//! | `steady` | that it stays so |
//! | `newest` | the pods that show how the newest template does |
//! | `troubles`, `container` | what keeps these pods from becoming ready, and since when |
//!
//! Nothing here has a deadline for the whole: a scale-up of a Deployment that was complete never reaches its
//! `progressDeadlineSeconds`, and a StatefulSet has none, so whoever waits needs a deadline of their own.

mod argo_rollout;
mod container;
mod deployment;
mod newest;
mod scalable;
mod shown;
mod stateful_set;
mod steady;
mod troubles;
mod wanted;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod real_tests;

use std::time::Duration;

use jiff::Timestamp;

pub(crate) use argo_rollout::{argo_rollout, newest as argo_rollout_newest};
pub(crate) use deployment::deployment;
pub(crate) use newest::{POD_TEMPLATE_HASH, newest_hash, newest_revision, of_revision, waits_for};
pub(crate) use scalable::scalable;
pub(crate) use stateful_set::{is_by_hand, is_complete, partition, stateful_set};
pub(crate) use steady::Steady;
pub(crate) use troubles::{Outlook, Troubles};
pub(crate) use wanted::{Before, Wanted};

/// Where a rollout stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Everything is as wanted.
    Settled {
        /// So many replicas, all of them available.
        replicas: u32,
    },
    /// It may still become so.
    Underway {
        /// `status.readyReplicas`, those of older templates included.
        ready: u32,
        /// The replicas that there shall be.
        wanted: u32,
        /// For people, such as `3 of 20 replicas ready`.
        text: String,
    },
    /// It will not become so by itself.
    Failed(String),
}

impl Progress {
    /// Underway, where `why` says what is missing if it is not readiness alone.
    pub(crate) fn underway(ready: u32, wanted: u32, why: Option<String>) -> Self {
        let mut text = format!("{ready} of {} ready", counted(wanted, "replica"));
        if let Some(why) = why {
            text = format!("{text}, {why}");
        }
        Self::Underway { ready, wanted, text }
    }
}

/// A count as the API writes it: absent means none.
fn count(replicas: Option<i32>) -> u32 {
    replicas.and_then(|replicas| u32::try_from(replicas).ok()).unwrap_or(0)
}

/// A number with its noun.
fn counted(number: u32, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The time that passed; none when the clock was set back.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// A span of time for people, who do not count the seconds of a long one.
fn spoken(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_count_as_people_do() {
        for (ready, wanted, why, text) in [
            (3, 20, None, "3 of 20 replicas ready"),
            (0, 1, None, "0 of 1 replica ready"),
            (5, 5, Some("2 replicas terminating".to_owned()), "5 of 5 replicas ready, 2 replicas terminating"),
        ] {
            let expected = Progress::Underway { ready, wanted, text: text.to_owned() };
            assert_eq!(Progress::underway(ready, wanted, why), expected);
        }
        for (seconds, text) in [(0, "0 s"), (119, "119 s"), (120, "2 min"), (3599, "59 min")] {
            assert_eq!(spoken(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_lets_no_time_pass() {
        let [early, late] = [10, 25].map(|second| Timestamp::from_second(second).unwrap());
        assert_eq!(between(early, late), Duration::from_secs(15));
        assert_eq!(between(late, early), Duration::ZERO);
    }
}
