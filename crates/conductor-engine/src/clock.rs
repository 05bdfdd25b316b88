//! Time: the system's, and the one of a Tokio runtime, which can be paused. No timer of a run is decided here.

use std::time::Duration;

use async_trait::async_trait;
use conductor_core::ports::Clock;
use jiff::Timestamp;
use tokio::time::Instant;

/// The system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The clock of the Tokio runtime it was made in, set to a time of day.
///
/// In a runtime whose time is paused it jumps over every wait, so that a run of hours takes seconds.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    epoch: Timestamp,
    began: Instant,
}

impl TokioClock {
    /// A clock that shows `epoch` now. It must be made inside a Tokio runtime.
    pub fn starting_at(epoch: Timestamp) -> Self {
        Self { epoch, began: Instant::now() }
    }
}

#[async_trait]
impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.epoch.saturating_add(self.began.elapsed()).unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
