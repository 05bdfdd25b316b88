//! Callers whose call goes on for long are looked at again: a token may have been taken away meanwhile, or a role.

use std::sync::Arc;
use std::time::Duration;

use conductor_access::{Access, Caller, Denied, Peer};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// What it takes to find out once more who calls.
#[derive(Clone)]
pub(crate) struct Again {
    access: Arc<Access>,
    /// As they came: nothing here shows them.
    credentials: HeaderMap,
    every: Duration,
}

impl Again {
    /// The means to look at the caller of that request again; `None` where nobody is looked at.
    pub(crate) fn of(access: &Arc<Access>, headers: &HeaderMap) -> Option<Self> {
        let every = access.look_again()?;
        let mut credentials = HeaderMap::new();
        for value in headers.get_all(AUTHORIZATION) {
            credentials.append(AUTHORIZATION, value.clone());
        }
        Some(Self { access: Arc::clone(access), credentials, every })
    }

    /// When to look: again and again, beginning one interval from now.
    pub(crate) fn times(&self) -> Interval {
        let mut times = tokio::time::interval_at(Instant::now() + self.every, self.every);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        times
    }

    /// Who calls, as far as that is known now.
    pub(crate) async fn identify(&self, peer: &Peer) -> Result<Caller, Denied> {
        self.access.identify(&self.credentials, peer).await
    }
}
