//! Processes of moto that beds use one after the other, for a start takes longer than most tests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::BedError;
use crate::moto::Moto;

/// Processes of moto that no bed uses at the moment. There are as many as there have been beds at once, and they end with this, or with
/// their owner's process.
#[derive(Default)]
pub struct Motos(Mutex<Vec<Arc<Moto>>>);

impl Motos {
    /// None yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// One that knows of nothing, started if need be.
    pub(crate) async fn take(&self) -> Result<Arc<Moto>, BedError> {
        while let Some(moto) = self.spare() {
            // One that has ended meanwhile is of no use: its place is taken by the next.
            if moto.reset().await.is_ok_and(|reply| reply.status.is_success()) {
                return Ok(moto);
            }
        }
        Moto::start().await.map(Arc::new)
    }

    /// Nothing is asked of it any more.
    pub(crate) fn give_back(&self, moto: Arc<Moto>) {
        self.all().push(moto);
    }

    fn spare(&self) -> Option<Arc<Moto>> {
        self.all().pop()
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Moto>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
