//! Watching what others do to a model world, where nothing keeps them from it.

use std::time::Duration;

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::guard::{Drift, Guarded, Pause, drift};
use conductor_core::ports::{EnvironmentGuard, PortError};
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, ScaleStep};
use jiff::Timestamp;

use crate::environment::SimEnvironment;
use crate::plant::Call;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[async_trait]
impl EnvironmentGuard for SimEnvironment {
    async fn pauses(&self, _applications: &[ApplicationId], _steps: &[ScaleStep]) -> Result<Vec<Pause>, PortError> {
        Ok(Vec::new())
    }

    async fn freeze(
        &self,
        _run: &RunId,
        _applications: &[ApplicationId],
        _until: Timestamp,
    ) -> Result<Guarded, PortError> {
        // There is nobody but whom its faults stage, and those come whatever is done.
        let guarded = Guarded::Alone;
        self.call(Call::Freeze, "", |_| Ok((guarded, Duration::ZERO))).await
    }

    async fn extend(&self, _run: &RunId, _until: Timestamp) -> Result<(), PortError> {
        Ok(())
    }

    async fn thaw(&self, _run: &RunId) -> Result<(), PortError> {
        self.call(Call::Thaw, "", |_| Ok(((), Duration::ZERO))).await
    }

    /// Nobody keeps anything.
    async fn pause_again(&self, _: &RunId, _: &[ApplicationId]) -> Result<(), PortError> {
        Ok(())
    }

    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        self.call(Call::Watch, "", |_| Ok(((), Duration::ZERO))).await?;
        loop {
            let found = self.observed();
            let all = expected.iter().flat_map(|(name, observed)| drift(name, observed, found.get(name)));
            let news: Vec<Drift> = all.filter(|drift| !known.iter().any(|known| known.is(drift))).collect();
            if !news.is_empty() {
                return Ok(news);
            }
            self.clock.sleep(LOOK_EVERY).await;
        }
    }
}
