//! `unfreeze`: lets others change applications that a run has frozen.

use std::path::Path;

use conductor_wiring::Environment;

use crate::args::Unfrozen;
use crate::exit::{FAILED, Failed, PASSED};
use crate::out;

/// Lifts a freeze by its name.
pub(super) async fn unfreeze(state_dir: &Path, unfrozen: &Unfrozen) -> Result<u8, Failed> {
    let Unfrozen { name, settings } = unfrozen;
    let environment = Environment::read(settings, state_dir).map_err(Failed::input)?;
    if conductor_wiring::unfreeze(&environment, name).await.map_err(Failed::because)? {
        out::line(&format!("freeze {name} is lifted"));
        Ok(PASSED)
    } else {
        Err(Failed::with(FAILED, format!("environment {} has no freeze {name}", environment.name)))
    }
}
