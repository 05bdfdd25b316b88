//! The end of a run's users, and the proof that none of them sends any more.
//!
//! Where the plugin tells that Locust runs the users of another run, none of this run's is left: they would have had to
//! end before, and what runs is not this run's to stop.

use std::time::{Duration, Instant};

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;

use crate::api::Page;
use crate::driver::{Locust, POLL};
use crate::guard;

const STOPPED: Duration = Duration::from_secs(120);
const STILL_AT_LATEST: Duration = Duration::from_secs(60);

impl Locust {
    /// Stops Locust, unless the users of another run are on it, and waits for the proof.
    pub(crate) async fn without_load_of(&self, run: &RunId) -> Result<(), PortError> {
        if !self.is_anothers(run).await? {
            let page = self.api.page().await?;
            let quiet = is_idle(&page) && !self.memory().expects_users;
            self.api.stop().await?;
            self.nothing_sent(run, quiet).await?;
        }
        self.memory().expects_users = false;
        Ok(())
    }

    /// True when Locust runs the users of another run, as the plugin knows.
    async fn is_anothers(&self, run: &RunId) -> Result<bool, PortError> {
        let series = self.moment(run.as_str()).await?;
        let other = series.as_ref().and_then(|series| guard::other_run(series, run));
        if let Some(other) = other {
            tracing::info!(%run, other, "Locust is not stopped: it runs the users of another run");
        }
        Ok(other.is_some())
    }

    /// Waits until no user is left, no orphan either, and the counters stand still; or until another run has begun.
    async fn nothing_sent(&self, run: &RunId, quiet: bool) -> Result<(), PortError> {
        let Some(page) = self.without_users(run).await? else { return Ok(()) };
        while let Some(left) = self.orphans(&page).await? {
            tracing::info!(seconds = left.as_secs(), "waiting for workers of a replaced Locust master to end");
            tokio::time::sleep(left.min(Duration::from_secs(3))).await;
        }
        if quiet { Ok(()) } else { self.counters_still(run, page.is_distributed).await }
    }

    /// The page without users; `None` when another run has begun meanwhile.
    async fn without_users(&self, run: &RunId) -> Result<Option<Page>, PortError> {
        let deadline = Instant::now() + STOPPED;
        loop {
            let page = self.api.page().await?;
            if is_idle(&page) {
                return Ok(Some(page));
            }
            if self.is_anothers(run).await? {
                return Ok(None);
            }
            if Instant::now() >= deadline {
                let act = format!(
                    "Locust at {} was told to stop and still is {} with {} users",
                    self.api.base(),
                    page.state,
                    page.user_count
                );
                return Err(PortError::new(FailureKind::Unsettled, act));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the counters have not moved for longer than workers take to report, or are another run's.
    async fn counters_still(&self, run: &RunId, distributed: bool) -> Result<(), PortError> {
        let still = if distributed { Duration::from_secs(5) } else { Duration::from_secs(1) };
        let begun = Instant::now();
        let mut last = self.api.counters().await?.total();
        let mut since = Instant::now();
        while since.elapsed() < still {
            tokio::time::sleep(POLL).await;
            let now = self.api.counters().await?.total();
            if now != last {
                if self.is_anothers(run).await? {
                    return Ok(());
                }
                (last, since) = (now, Instant::now());
            }
            if begun.elapsed() >= STILL_AT_LATEST {
                let act = format!("Locust at {} has no users but its counters still move", self.api.base());
                return Err(PortError::new(FailureKind::Unsettled, act));
            }
        }
        Ok(())
    }
}

fn is_idle(page: &Page) -> bool {
    page.user_count == 0 && matches!(page.state.as_str(), "ready" | "stopped")
}
