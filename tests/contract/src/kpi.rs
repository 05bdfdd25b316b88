//! What every source of the KPI promises: its windows follow one another and add up to what happened, neither more nor less.

use std::time::Duration;

use conductor_core::load::KpiSample;
use conductor_core::ports::KpiSource;
use conductor_core::run::RunId;
use jiff::Timestamp;

/// How long something may take by the bed's clock.
const PATIENCE: Duration = Duration::from_secs(60);
/// How far the end of an empty window may be from its beginning: times are rounded on the way.
const ROUNDING: Duration = Duration::from_millis(1);
/// Time between two tries.
const POLL: Duration = Duration::from_millis(200);

/// A source, and what it counts.
#[allow(async_fn_in_trait, reason = "a test is one task")]
pub trait KpiBed {
    /// The source.
    fn source(&self) -> &dyn KpiSource;

    /// The run whose events are counted.
    fn run(&self) -> RunId;

    /// The time by the clock that the source goes by.
    fn now(&self) -> Timestamp;

    /// Lets time pass by that clock.
    async fn pass(&self, time: Duration);

    /// Lets the event happen, about so often. All of it has happened when this comes back.
    async fn happen(&self, about: u64);

    /// How often it has happened so far, as the substrate itself has it.
    async fn happened(&self) -> u64;
}

/// Events happen between two questions and while one is asked: each is counted, once, and what does not happen is zero.
pub async fn windows_add_up(bed: &impl KpiBed) {
    let (mut since, before) = begun(bed).await;
    let mut windows = Vec::new();
    for round in 1..=4 {
        bed.happen(round * 10).await;
        since = next(bed, since, &mut windows).await;
        bed.pass(2 * POLL).await;
    }
    let (wanted, deadline) = (bed.happened().await - before, bed.now() + PATIENCE);
    assert!(wanted > 0, "nothing has happened");
    while counted(&windows) < wanted {
        assert!(bed.now() < deadline, "{} of {wanted} were counted: {windows:#?}", counted(&windows));
        bed.pass(POLL).await;
        since = next(bed, since, &mut windows).await;
    }
    bed.pass(POLL).await;
    next(bed, since, &mut windows).await;
    assert_eq!(counted(&windows), wanted, "nothing is counted twice: {windows:#?}");
}

/// A conductor whom an answer does not reach asks again from where it was: nothing is lost by that, and nothing counted twice.
pub async fn a_lost_answer_is_in_the_next_window(bed: &impl KpiBed) {
    let (since, before) = begun(bed).await;
    for _ in 0..3 {
        bed.happen(10).await;
        let lost = sample(bed, since).await;
        assert!(lost.count.unwrap() <= bed.happened().await - before, "{lost:?}");
    }
    let (wanted, deadline) = (bed.happened().await - before, bed.now() + PATIENCE);
    loop {
        let whole = sample(bed, since).await;
        assert!(whole.count.unwrap() <= wanted, "{wanted} have happened: {whole:?}");
        if whole.count == Some(wanted) {
            break;
        }
        assert!(bed.now() < deadline, "{wanted} have happened: {whole:?}");
        bed.pass(POLL).await;
    }
}

/// The end of a first window, which is over, and how much has happened by then. What was before is nobody's. Any time may be asked
/// from, but only where a window ends does the source know what was before: between two scrapes it can but share out.
async fn begun(bed: &impl KpiBed) -> (Timestamp, u64) {
    bed.happen(5).await;
    let (since, deadline) = (bed.now(), bed.now() + PATIENCE);
    let mut start = sample(bed, since).await;
    while start.to <= since + ROUNDING {
        assert!(bed.now() < deadline, "{start:?} has no end");
        bed.pass(POLL).await;
        start = sample(bed, since).await;
    }
    // A clock of seconds begins with the next one, and one of milliseconds puts what happens at once into the one that it is.
    while bed.now() <= start.to {
        bed.pass(POLL).await;
    }
    bed.pass(POLL / 10).await;
    (start.to, bed.happened().await)
}

/// The window from a time on, kept with those before it; its end.
async fn next(bed: &impl KpiBed, since: Timestamp, windows: &mut Vec<KpiSample>) -> Timestamp {
    let sample = sample(bed, since).await;
    assert_eq!(sample.from, since, "windows follow one another: {sample:?}");
    let to = sample.to;
    windows.push(sample);
    to
}

/// The first answer from a time on: a source that is only late, as a scrape is on a busy machine, is asked again.
async fn sample(bed: &impl KpiBed, since: Timestamp) -> KpiSample {
    let deadline = bed.now() + PATIENCE;
    loop {
        match bed.source().sample(&bed.run(), since).await {
            Ok(sample) => {
                assert!(sample.from >= since && sample.to >= sample.from, "{sample:?} is no window from {since} on");
                assert!(sample.to <= bed.now() || sample.to == sample.from, "{sample:?} is not over");
                assert!(sample.count.is_some(), "{sample:?} has no count");
                return sample;
            }
            Err(error) => assert!(error.kind.is_transient() && bed.now() < deadline, "{error:?}"),
        }
        bed.pass(POLL).await;
    }
}

fn counted(windows: &[KpiSample]) -> u64 {
    windows.iter().filter_map(|window| window.count).sum()
}
