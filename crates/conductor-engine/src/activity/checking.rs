//! Counting the KPI a second time, beside the measuring: the run never waits for it, and none of its failures is the run's.

use std::future::Future;

use conductor_core::crosscheck::CrossCount;
use conductor_core::failure::Failure;
use conductor_core::ports::CheckingSource;
use jiff::Timestamp;

use super::context::Shared;

/// The second source, and what it has counted.
pub(super) struct Checking {
    source: CheckingSource,
    counted_to: Timestamp,
    said: Option<CrossCount>,
}

impl Checking {
    /// Counts from a time on.
    pub(super) fn new(source: CheckingSource, from: Timestamp) -> Self {
        Self { source, counted_to: from, said: None }
    }

    /// Lets the source count what has happened since it was asked last, until `patience` is over.
    pub(super) async fn count_within(&mut self, context: &Shared, patience: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = self.count(context) => {}
            () = patience => {
                let late = "it did not answer in time".to_owned();
                self.said = Some(CrossCount::failed(&self.source.check, late));
            }
        }
    }

    /// What the source has said since this was asked last.
    pub(super) fn take(&mut self) -> Option<CrossCount> {
        self.said.take()
    }

    async fn count(&mut self, context: &Shared) {
        let CheckingSource { source, check } = &self.source;
        self.said = Some(match source.sample(&context.run, self.counted_to).await {
            Ok(sample) => {
                self.counted_to = self.counted_to.max(sample.to);
                CrossCount::counted(check, &sample)
            }
            Err(error) => CrossCount::failed(check, Failure::of("", &error).message),
        });
    }
}
