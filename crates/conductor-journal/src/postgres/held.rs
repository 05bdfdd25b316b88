//! The leases that this process has: taken, looked up by their environment, and waited for at the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conductor_core::ports::{Claim, StoreError};
use jiff::Timestamp;
use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;

use super::lease::{Lease, Leased, Times};
use super::line::Line;
use crate::rows;

/// All leases of one store.
pub(super) struct Leases {
    line: Line,
    times: Times,
    held: Mutex<HashMap<String, Arc<Lease>>>,
}

impl Leases {
    /// None so far. Each will last for `time` unless it is renewed.
    pub(super) fn new(options: PgConnectOptions, time: Duration) -> Self {
        Self { line: Line::new(options), times: Times { whole: time }, held: Mutex::default() }
    }

    /// Takes the lease of an environment, which a task of its own renews from now on.
    pub(super) async fn claim(self: &Arc<Self>, environment: &str) -> Result<Box<dyn Claim>, StoreError> {
        let former = self.lock().get(environment).cloned();
        if let Some(former) = former {
            former.settled().await;
        }
        let asked = Instant::now();
        let taken = self.line.take(environment, &holder(), self.times.whole, self.times.between_renewals()).await;
        let act = || format!("could not claim environment {environment}");
        let epoch = taken
            .map_err(|source| rows::failed(act(), source))?
            .map_err(|holder| StoreError::Claimed { environment: environment.to_owned(), holder })?;
        let lease = Arc::new(Lease::new(environment, epoch, self.times, asked));
        self.lock().insert(environment.to_owned(), Arc::clone(&lease));
        let (leases, kept) = (Arc::clone(self), Arc::clone(&lease));
        let environment = environment.to_owned();
        tokio::spawn(async move {
            kept.keep(&leases.line).await;
            leases.forget(&environment, &kept);
            kept.end();
        });
        Ok(Box::new(Leased(lease)))
    }

    /// The lease by which this process may write to runs of an environment, with its epoch.
    pub(super) fn of(&self, environment: &str) -> Result<(Arc<Lease>, i64), StoreError> {
        let lease = self.lock().get(environment).cloned();
        let lease = lease.ok_or_else(|| StoreError::Lost {
            environment: environment.to_owned(),
            reason: "it holds no lease of it".to_owned(),
        })?;
        let epoch = lease.epoch()?;
        Ok((lease, epoch))
    }

    /// Waits until every lease is given back that shall be.
    pub(super) async fn settled(&self) {
        let leases: Vec<Arc<Lease>> = self.lock().values().cloned().collect();
        for lease in leases {
            lease.settled().await;
        }
    }

    /// Another lease of the environment may have been taken since this one was lost.
    fn forget(&self, environment: &str, lease: &Arc<Lease>) {
        let mut held = self.lock();
        if held.get(environment).is_some_and(|present| Arc::ptr_eq(present, lease)) {
            held.remove(environment);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Lease>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This process, as people find it.
fn holder() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let host = host.unwrap_or_else(|| "an unnamed machine".to_owned());
    format!("process {} on {host} since {}", std::process::id(), Timestamp::now().strftime("%F %T UTC"))
}
