//! Waiting for what comes about by itself, with a deadline.

use std::time::{Duration, Instant};

use tokio::sync::watch;

/// How often it is looked.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again until there is something to see, and answers with it.
///
/// # Panics
/// When there is nothing to see in time; it says what was waited for.
pub async fn until<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < within, "{what}: did not happen within {within:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The same, but that it is looked whenever something has changed.
pub(crate) async fn within<T>(what: &str, mut changes: watch::Receiver<u64>, look: impl Fn() -> Option<T>) -> T {
    let looking = async {
        loop {
            changes.mark_unchanged();
            if let Some(seen) = look() {
                return Some(seen);
            }
            if changes.changed().await.is_err() {
                return look();
            }
        }
    };
    match tokio::time::timeout(PATIENCE, looking).await {
        Ok(Some(seen)) => seen,
        Ok(None) | Err(_) => panic!("{what}: did not come about within {PATIENCE:?}"),
    }
}
