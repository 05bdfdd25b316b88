//! Waiting for what comes about by itself, with a deadline.

use std::time::{Duration, Instant};

/// How often it is looked.
pub const LOOK_EVERY: Duration = Duration::from_millis(50);

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
