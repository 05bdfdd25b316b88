//! The keys of an issuer as they were last seen, and when it is asked again.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::fetch::Fetch;
use super::jws::{Key, Signed};
use super::{OidcProblem, OidcSettings};
use crate::Denied;

/// Known keys are used at once, and asked for again beside that when they are old; only a token with an unknown key waits
/// for the issuer. However many such tokens come, the issuer is asked but once in a while.
pub(super) struct Keys {
    fetch: Fetch,
    refresh_every: Duration,
    refetch_after: Duration,
    keep_for: Duration,
    held: RwLock<Held>,
    tried: Mutex<Option<Tried>>,
}

#[derive(Default)]
struct Held {
    keys: Vec<Key>,
    seen: Option<Instant>,
}

struct Tried {
    at: Instant,
    outcome: Result<(), String>,
}

impl Keys {
    pub(super) fn new(settings: &OidcSettings) -> Result<Self, OidcProblem> {
        Ok(Self {
            fetch: Fetch::new(settings)?,
            refresh_every: settings.refresh_every.as_duration(),
            refetch_after: settings.refetch_after.as_duration(),
            keep_for: settings.keep_for.as_duration(),
            held: RwLock::default(),
            tried: Mutex::default(),
        })
    }

    /// The key that a token names, or the only one that fits when it names none.
    pub(super) async fn find(this: &Arc<Self>, signed: &Signed<'_>) -> Result<Key, Denied> {
        if let Some((key, age)) = this.look(signed) {
            if age >= this.refresh_every && this.may_try() {
                let this = Arc::clone(this);
                tokio::spawn(async move { this.refresh().await });
            }
            return Ok(key);
        }
        let outcome = this.refresh().await;
        if let Some((key, _)) = this.look(signed) {
            return Ok(key);
        }
        match outcome {
            Ok(()) => Err(Denied::unauthenticated("the token of the issuer: it is signed by no key of the issuer")),
            Err(problem) => Err(Denied::unavailable(format!("the keys of the issuer are not known: {problem}"))),
        }
    }

    fn look(&self, signed: &Signed<'_>) -> Option<(Key, Duration)> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let age = held.seen.map(|seen| seen.elapsed()).filter(|age| *age < self.keep_for)?;
        let mut fitting = held.keys.iter().filter(|key| key.is_for(signed.algorithm));
        let key = match &signed.kid {
            Some(kid) => fitting.find(|key| key.kid.as_ref() == Some(kid))?,
            None => fitting.next().filter(|_| fitting.next().is_none())?,
        };
        Some((key.clone(), age))
    }

    /// Whether nobody asks the issuer now or has done so a moment ago: calls must not heap up tasks that wait for it.
    fn may_try(&self) -> bool {
        self.tried
            .try_lock()
            .is_ok_and(|tried| tried.as_ref().is_none_or(|last| last.at.elapsed() >= self.refetch_after))
    }

    /// Asks the issuer, unless that was done a moment ago: then tells what came of it.
    async fn refresh(&self) -> Result<(), String> {
        let mut tried = self.tried.lock().await;
        if let Some(last) = tried.as_ref().filter(|last| last.at.elapsed() < self.refetch_after) {
            return last.outcome.clone();
        }
        let outcome = match self.fetch.keys().await {
            Ok(keys) => {
                let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
                *held = Held { keys, seen: Some(Instant::now()) };
                Ok(())
            }
            Err(problem) => {
                tracing::warn!("the keys of the issuer are not refreshed: {problem}");
                Err(problem)
            }
        };
        *tried = Some(Tried { at: Instant::now(), outcome: outcome.clone() });
        outcome
    }
}
