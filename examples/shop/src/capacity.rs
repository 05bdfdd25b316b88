//! How much one replica can do: so many orders at a time, each of a fixed time, and a queue that people leave.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};

/// The order desk of one replica. It takes `at_a_time / service_time` orders a second, whatever the machine can do.
pub(crate) struct Capacity {
    desks: Semaphore,
    at_a_time: usize,
    service_time: Duration,
    patience: Duration,
    /// The bits of the factor by which it does more than it is built for.
    factor: AtomicU64,
}

/// The queue was longer than the patience of a customer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overloaded;

impl Capacity {
    /// So many orders at a time, each taking `service_time` at least; who waits longer than `patience` is sent away.
    pub(crate) fn new(at_a_time: u32, service_time: Duration, patience: Duration) -> Self {
        Self {
            desks: Semaphore::new(at_a_time as usize),
            at_a_time: at_a_time as usize,
            service_time,
            patience,
            factor: AtomicU64::new(1_f64.to_bits()),
        }
    }

    /// From the next order on does so many times what it is built for; above zero.
    pub(crate) fn scale(&self, factor: f64) {
        self.factor.store(factor.to_bits(), Ordering::Relaxed);
    }

    /// The share of the desks that serve somebody now.
    pub(crate) fn used(&self) -> f64 {
        1.0 - self.desks.available_permits() as f64 / self.at_a_time as f64
    }

    fn service_time(&self) -> Duration {
        self.service_time.div_f64(f64::from_bits(self.factor.load(Ordering::Relaxed)))
    }

    /// Does the work when its turn comes, and holds the desk until the service time is over.
    pub(crate) async fn serve<T>(&self, work: impl Future<Output = T>) -> Result<T, Overloaded> {
        let Ok(Ok(_desk)) = timeout(self.patience, self.desks.acquire()).await else {
            return Err(Overloaded);
        };
        let over = Instant::now() + self.service_time();
        let done = work.await;
        sleep_until(over).await;
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_desks_of_a_fifth_of_a_second_serve_four_orders_in_two_rounds() {
        let desk = Capacity::new(2, Duration::from_millis(200), Duration::from_secs(5));
        let begin = Instant::now();
        let served = tokio::join!(
            desk.serve(async { 1 }),
            desk.serve(async { 2 }),
            desk.serve(async { 3 }),
            desk.serve(async { 4 })
        );
        assert_eq!(served, (Ok(1), Ok(2), Ok(3), Ok(4)));
        assert!(begin.elapsed() >= Duration::from_millis(400), "{:?}", begin.elapsed());
        assert_eq!(desk.used(), 0.0);
    }

    #[tokio::test]
    async fn who_waits_longer_than_the_patience_is_sent_away() {
        let desk = Capacity::new(1, Duration::from_secs(5), Duration::from_millis(20));
        let first = desk.serve(async {});
        let second = desk.serve(async { unreachable!("the desk is taken") });
        tokio::select! {
            biased;
            _ = first => unreachable!("the first order takes five seconds"),
            answer = second => assert_eq!(answer, Err(Overloaded)),
        }
    }

    #[tokio::test]
    async fn a_desk_of_half_the_capacity_takes_twice_as_long() {
        let desk = Capacity::new(1, Duration::from_millis(50), Duration::from_secs(5));
        desk.scale(0.5);
        let begin = Instant::now();
        assert_eq!(desk.serve(async { desk.used() }).await, Ok(1.0), "it serves somebody");
        assert!(begin.elapsed() >= Duration::from_millis(100));
    }
}
