//! What every source promises, and how it is asked in what is special to one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use conductor_contract::kpi::{self, KpiBed};
use conductor_core::load::KpiSample;
use conductor_core::ports::{KpiSource, PortError};
use conductor_core::run::RunId;
use jiff::Timestamp;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run() -> RunId {
    "run-1".parse().unwrap()
}

/// The first sample that there is.
pub(crate) async fn first(source: &dyn KpiSource, since: Timestamp) -> KpiSample {
    let begun = Instant::now();
    loop {
        match source.sample(&run(), since).await {
            Ok(sample) => return sample,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Counts from the end of a window on until so much was counted, and gives the windows.
pub(crate) async fn count_to(source: &dyn KpiSource, mut since: Timestamp, wanted: u64) -> Vec<KpiSample> {
    let (begun, mut windows, mut sum) = (Instant::now(), Vec::new(), 0);
    while sum < wanted {
        assert!(begun.elapsed() < PATIENCE, "{sum} of {wanted} were counted: {windows:#?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
        let sample = match source.sample(&run(), since).await {
            Ok(sample) => sample,
            // On a busy machine a scrape is late now and then.
            Err(error) if error.kind.is_transient() => continue,
            Err(error) => panic!("{error:?}"),
        };
        assert_eq!(sample.from, since, "windows follow one another");
        assert!(sample.to >= sample.from && sample.to <= Timestamp::now(), "{sample:?}");
        sum += sample.count.unwrap();
        since = sample.to;
        windows.push(sample);
    }
    assert_eq!(sum, wanted, "{windows:#?}");
    windows
}

/// A source whose orders a test places.
struct Counted<'a, O> {
    source: &'a dyn KpiSource,
    order: O,
    orders: AtomicU64,
}

impl<O: AsyncFn(u64)> KpiBed for Counted<'_, O> {
    fn source(&self) -> &dyn KpiSource {
        self.source
    }

    fn run(&self) -> RunId {
        run()
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn happen(&self, about: u64) {
        (self.order)(about).await;
        self.orders.fetch_add(about, Ordering::SeqCst);
    }

    async fn happened(&self) -> u64 {
        self.orders.load(Ordering::SeqCst)
    }
}

/// What every source promises, of one whose orders a test places.
pub(crate) async fn windows_add_up(source: &dyn KpiSource, order: impl AsyncFn(u64)) {
    let bed = Counted { source, order, orders: AtomicU64::new(0) };
    kpi::windows_add_up(&bed).await;
    kpi::a_lost_answer_is_in_the_next_window(&bed).await;
}

/// The words of an error, with its sources.
pub(crate) fn words(error: &PortError) -> String {
    conductor_core::failure::Failure::of("", error).message
}
