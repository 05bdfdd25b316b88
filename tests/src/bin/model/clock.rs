//! A clock that is a hundred times as fast as the real one, and the same in all servers.

use std::time::Duration;

use async_trait::async_trait;
use conductor_core::ports::Clock;
use jiff::{SignedDuration, Timestamp};

/// How much faster time goes: five seconds, the shortest interval of a load test, take 50 ms.
const SPEED: u32 = 100;

pub(crate) struct FastClock {
    since: Timestamp,
}

impl FastClock {
    /// One that showed the real time then, in milliseconds since 1970.
    pub(crate) fn since(milliseconds: i64) -> Self {
        Self { since: Timestamp::from_millisecond(milliseconds).expect("a time of this century") }
    }
}

#[async_trait]
impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let real: SignedDuration = Timestamp::now().duration_since(self.since);
        self.since + real * SPEED.cast_signed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time / SPEED).await;
    }
}
