//! Whether the pods of a workload are ready that says how many replicas it has and not what becomes of them.

use conductor_core::ports::PortError;

use crate::place::Place;
use crate::production::workload::is_ready;
use crate::rollout::Progress;
use crate::settle::Settling;
use crate::workload::Workload;

impl<K: Workload> Settling<K> {
    /// Where a workload stands by its pods that stands at its end by its counts. One whose pods nobody can tell stands where
    /// it says.
    pub(crate) async fn by_pods(&self, place: &Place, live: &K, progress: Progress) -> Result<Progress, PortError> {
        let Progress::Settled { replicas } = progress else { return Ok(progress) };
        let Some((_, pods)) = self.pods(place, live).await? else { return Ok(progress) };
        Ok(judged(replicas, pods.iter().filter(|pod| is_ready(pod)).count()))
    }
}

/// Pods of other kinds may have the same labels.
fn judged(replicas: u32, ready: usize) -> Progress {
    match u32::try_from(ready) {
        Ok(ready) if ready < replicas => Progress::underway(ready, replicas, None),
        _ => Progress::Settled { replicas },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_pods_as_replicas_must_be_ready_at_least() {
        assert_eq!(judged(3, 2), Progress::underway(2, 3, None));
        for ready in [3, 4] {
            assert_eq!(judged(3, ready), Progress::Settled { replicas: 3 });
        }
        assert_eq!(judged(0, 0), Progress::Settled { replicas: 0 });
    }
}
