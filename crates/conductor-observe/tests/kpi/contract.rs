//! What every source promises: its windows follow one another and add up to what happened, neither more nor less.

use std::time::{Duration, Instant};

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

/// Orders are placed between samples and during them; all are counted, once.
pub(crate) async fn windows_add_up(source: &dyn KpiSource, order: impl AsyncFn(u64)) {
    order(5).await;
    let start = first(source, Timestamp::now()).await;
    // A clock of milliseconds puts what happens at once into the millisecond in which the window begins.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut since = start.to;
    let mut sum = 0;
    for round in 1..=4 {
        order(round * 10).await;
        let sample = first(source, since).await;
        assert_eq!(sample.from, since, "windows follow one another");
        sum += sample.count.unwrap();
        since = sample.to;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let rest = count_to(source, since, 100 - sum).await;
    let since = rest.last().map_or(since, |sample| sample.to);
    let after = first(source, since).await;
    assert_eq!(after.count, Some(0), "nothing is counted twice: {after:?}");
}

/// The words of an error, with its sources.
pub(crate) fn words(error: &PortError) -> String {
    conductor_core::failure::Failure::of("", error).message
}
