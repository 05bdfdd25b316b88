//! The processor time of processes, as the kernel counts it: other programs on the machine hardly change it.

use conductor_kubernetes_bed::{Cluster, Component};

/// Hundredths of a second are what the kernel counts in, on every Linux there is.
const TICKS_A_SECOND: f64 = 100.0;

/// Processor time in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Of the API server and its store.
    pub(crate) server: f64,
    /// Of this process.
    pub(crate) own: f64,
}

impl Usage {
    /// So far.
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let server = cluster
            .processes()
            .iter()
            .filter(|(component, _)| matches!(component, Component::ApiServer | Component::Etcd));
        Self { server: server.map(|(_, process)| seconds(*process)).sum(), own: seconds(std::process::id()) }
    }

    /// Since another moment.
    pub(crate) fn since(self, before: Self) -> Self {
        Self { server: self.server - before.server, own: self.own - before.own }
    }
}

fn seconds(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name may hold anything; what follows it is numbers.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS_A_SECOND
}
