//! Who tells figures of objectives and the saturation of applications.

use std::sync::Arc;

use conductor_core::ports::{FigureSource, SaturationSource};
use conductor_observe::{FiguresSettings, PrometheusFigures, PrometheusSaturation, SaturationSettings};

use crate::unusable::Unusable;

/// What cannot be made is no reason not to put the environment back: it says so when it is used.
pub(super) fn figures(settings: FiguresSettings) -> Arc<dyn FigureSource> {
    match PrometheusFigures::new(settings) {
        Ok(figures) => Arc::new(figures),
        Err(error) => Arc::new(Unusable::monitoring("figures", &error)),
    }
}

/// The same for saturation.
pub(super) fn saturation(settings: SaturationSettings) -> Arc<dyn SaturationSource> {
    match PrometheusSaturation::new(settings) {
        Ok(saturation) => Arc::new(saturation),
        Err(error) => Arc::new(Unusable::monitoring("saturation", &error)),
    }
}
