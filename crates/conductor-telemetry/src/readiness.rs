//! Whether the program can be used yet, and what it waits for where it cannot.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What must be so before a program is ready, such as that its store is reachable. Clones are handles on the same.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// By name, why it is not so; `None` where it is.
    conditions: Arc<Mutex<BTreeMap<&'static str, Option<String>>>>,
}

impl Readiness {
    /// A program that waits for all of these.
    pub fn waiting_for(conditions: impl IntoIterator<Item = &'static str>) -> Self {
        let waiting = conditions.into_iter().map(|name| (name, Some("not done yet".to_owned())));
        Self { conditions: Arc::new(Mutex::new(waiting.collect())) }
    }

    /// A condition is met.
    pub fn met(&self, condition: &'static str) {
        self.conditions().insert(condition, None);
    }

    /// A condition is not met, or not any more. The reason is told to whoever asks: it must hold no secret.
    pub fn missing(&self, condition: &'static str, reason: impl Into<String>) {
        self.conditions().insert(condition, Some(reason.into()));
    }

    /// What is missing, with the reasons. Empty when the program is ready.
    pub fn reasons(&self) -> Vec<String> {
        let conditions = self.conditions();
        conditions.iter().filter_map(|(name, reason)| Some(format!("{name}: {}", reason.as_ref()?))).collect()
    }

    fn conditions(&self) -> MutexGuard<'_, BTreeMap<&'static str, Option<String>>> {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
