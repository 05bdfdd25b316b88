//! How much of what it may have each application of a model world uses.

use async_trait::async_trait;
use conductor_core::ports::{PortError, SaturationSource};
use conductor_core::run::RunId;
use conductor_core::saturation::Used;
use jiff::Timestamp;

use crate::environment::SimEnvironment;

/// From this share on an application of a model world is at its limit.
const THRESHOLD: f64 = 0.9;

/// It is told of the present, whatever time is asked for: nobody asks for another one.
#[async_trait]
impl SaturationSource for SimEnvironment {
    fn threshold(&self) -> f64 {
        THRESHOLD
    }

    async fn read(&self, _run: &RunId, at: Timestamp) -> Result<(Timestamp, Vec<Used>), PortError> {
        Ok((at, self.present().used()))
    }
}
