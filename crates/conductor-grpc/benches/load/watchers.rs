//! Watchers of runs: how late the ticks of a run are, and when they are told of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use conductor_proto::v1;
use futures::StreamExt;
use tokio::task::JoinSet;
use tonic::Streaming;

use crate::figures::Spread;
use crate::runs::client;

/// Watches on one connection: as many as a server lets there be.
const ON_ONE: usize = 200;
/// Watches that are begun at the same time.
const AT_ONCE: usize = 50;

/// What watchers have seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// How long after the end of their interval ticks were in the journal: of each run, as one of its watchers is told.
    pub(crate) late_ms: Spread,
    /// Intervals that have ended without a tick.
    pub(crate) left_out: u64,
    /// How long after that watchers were told: each of them, of everything.
    pub(crate) delays_ms: Spread,
}

/// Watchers that go on until this is dropped.
pub(crate) struct Watchers {
    seen: Arc<Mutex<Seen>>,
    told: Arc<AtomicUsize>,
    tasks: JoinSet<()>,
}

impl Watchers {
    /// So many watchers of these runs.
    pub(crate) async fn begin(address: &str, runs: &[String], watchers: usize, interval: Duration) -> Self {
        let (seen, told) = (Arc::new(Mutex::new(Seen::default())), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for first in (0..watchers).step_by(ON_ONE) {
            let client = client(address).await;
            let opened = futures::stream::iter(first..watchers.min(first + ON_ONE)).map(|number| {
                let mut client = client.clone();
                let request = v1::WatchLoadTestRequest { id: runs[number % runs.len()].clone(), after_revision: 0 };
                async move { (number, client.watch_load_test(request).await.unwrap().into_inner()) }
            });
            let mut opened = std::pin::pin!(opened.buffer_unordered(AT_ONCE));
            while let Some((number, stream)) = opened.next().await {
                // The first watcher of a run is the one who counts its ticks.
                let ticks = (number < runs.len()).then_some(Ticks { interval, last: None });
                tasks.spawn(watch(stream, ticks, Arc::clone(&seen), Arc::clone(&told)));
            }
        }
        Self { seen, told, tasks }
    }

    /// Waits until each of them was told something.
    pub(crate) async fn all_told(&self) {
        while self.told.load(Ordering::Relaxed) < self.tasks.len() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends them, before their server does. All of them must have gone on until now.
    pub(crate) async fn end(mut self) {
        let ended = self.tasks.try_join_next();
        assert!(ended.is_none(), "a watch has ended by itself: {ended:?}");
        self.tasks.shutdown().await;
    }

    /// What they have seen since this was asked last.
    pub(crate) fn seen(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// The ticks of a run, as they come.
struct Ticks {
    interval: Duration,
    /// Which interval the last one was of.
    last: Option<f64>,
}

impl Ticks {
    /// How late one is, in seconds, and how many should have come before it.
    fn take(&mut self, at_s: f64) -> (f64, u64) {
        let interval_s = self.interval.as_secs_f64();
        let interval = (at_s / interval_s).floor();
        let left_out = self.last.map_or(0.0, |last| interval - last - 1.0);
        self.last = Some(interval);
        (at_s - interval * interval_s, left_out as u64)
    }
}

async fn watch(
    mut stream: Streaming<v1::WatchLoadTestResponse>,
    mut ticks: Option<Ticks>,
    seen: Arc<Mutex<Seen>>,
    told: Arc<AtomicUsize>,
) {
    let mut is_first = true;
    while let Some(update) = stream.message().await.unwrap() {
        let at = SystemTime::try_from(update.at.unwrap()).unwrap();
        let delay_s = SystemTime::now().duration_since(at).unwrap_or_default().as_secs_f64();
        let tick = ticks.as_mut().zip(update.tick.as_ref()).map(|(ticks, tick)| ticks.take(tick.at_s));
        let mut seen = seen.lock().unwrap();
        seen.delays_ms.add(delay_s * 1000.0);
        if let Some((late_s, left_out)) = tick {
            seen.late_ms.add(late_s * 1000.0);
            seen.left_out += left_out;
        }
        if std::mem::take(&mut is_first) {
            told.fetch_add(1, Ordering::Relaxed);
        }
    }
}
