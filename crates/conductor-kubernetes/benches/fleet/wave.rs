//! One change of all Deployments, as the audit log of the API server has it: whoever it is by is measured the same way.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::{Duration, Instant};

use conductor_kubernetes_bed::{AuditTail, Cluster, Entry, User};
use futures::future::{Either, select};
use jiff::Timestamp;

use crate::usage::Usage;

/// How often the log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long one wave may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// What was seen of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wave {
    /// From the first write's arrival until the last one is answered.
    pub(crate) seconds: f64,
    /// Write requests for each Deployment.
    pub(crate) writes_each: f64,
    /// Processor time.
    pub(crate) usage: Usage,
}

/// Does the work until the user has changed so many Deployments. What of the work is left then is dropped.
pub(crate) async fn wave(cluster: &Cluster, user: &User, size: usize, work: impl Future<Output = ()>) -> Wave {
    let mut seen = Seen { tail: cluster.audit_tail(), user: user.name(), done: BTreeSet::new(), writes: 0, span: None };
    let (begun, before) = (Instant::now(), Usage::of(cluster));
    let mut work = pin!(work);
    let mut worked = false;
    while seen.look() < size {
        assert!(begun.elapsed() < PATIENCE, "{} of {size} Deployments were changed", seen.done.len());
        let pause = pin!(tokio::time::sleep(LOOK_EVERY));
        if worked {
            pause.await;
        } else if let Either::Left(_) = select(&mut work, pause).await {
            worked = true;
        }
    }
    let (first, last) = seen.span.unwrap();
    Wave {
        seconds: last.duration_since(first).as_secs_f64(),
        writes_each: f64::from(seen.writes) / f64::from(u32::try_from(size).unwrap()),
        usage: Usage::of(cluster).since(before),
    }
}

struct Seen {
    tail: AuditTail,
    user: String,
    done: BTreeSet<(String, String)>,
    writes: u32,
    span: Option<(Timestamp, Timestamp)>,
}

impl Seen {
    /// How many Deployments have been changed by now.
    fn look(&mut self) -> usize {
        for entry in self.tail.news().unwrap() {
            if entry.user == self.user && entry.object.resource == "deployments" {
                self.see(entry);
            }
        }
        self.done.len()
    }

    fn see(&mut self, Entry { time, answered, object, code, .. }: Entry) {
        self.writes += 1;
        let (first, last) = self.span.unwrap_or((time, answered));
        self.span = Some((first.min(time), last.max(answered)));
        if (200..300).contains(&code) {
            self.done.insert((object.namespace, object.name));
        }
    }
}
