//! The processes of a bridge: started, looked at, and stopped when their pods are gone. Which pods there are is told.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Child;
use std::time::{Duration, Instant};

use conductor_bed::{Signal, ask_to_end, process, stop};
use tokio::sync::watch;

use super::pods::Images;
use super::{Replica, Start};
use crate::port::{self, Reserved};

/// By what a process is asked to end.
const END: Signal = Signal::SIGTERM;
/// How long a process has to end after it was asked.
const END_WITHIN: Duration = Duration::from_secs(5);
/// How long others wait to be stopped until a process that starts is up.
const UP_WITHIN: Duration = Duration::from_secs(5);

/// What a bridge shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) up: Vec<Replica>,
    /// What is wrong, by pod.
    pub(crate) troubles: BTreeMap<String, String>,
}

/// Every process of a bridge.
pub(crate) struct Processes {
    shared_port: u16,
    start: Start,
    told: watch::Sender<Seen>,
    running: BTreeMap<String, Process>,
    /// Those whose pods are gone, until others are up.
    leaving: Vec<Process>,
    /// Those that were asked to end, and when.
    ending: Vec<(Child, Instant)>,
    troubles: BTreeMap<String, String>,
}

struct Process {
    replica: Replica,
    child: Child,
    since: Instant,
    is_up: bool,
    /// Nobody else gets its port.
    _port: Reserved,
}

impl Processes {
    pub(crate) fn new(shared_port: u16, start: Start, told: watch::Sender<Seen>) -> Self {
        Self {
            shared_port,
            start,
            told,
            running: BTreeMap::new(),
            leaving: Vec::new(),
            ending: Vec::new(),
            troubles: BTreeMap::new(),
        }
    }

    /// Starts what these pods lack, and lets the others go.
    pub(crate) fn want(&mut self, pods: &Images) {
        let gone: Vec<String> = self.running.keys().filter(|pod| !pods.contains_key(*pod)).cloned().collect();
        let gone = gone.iter().filter_map(|pod| self.running.remove(pod)).collect::<Vec<_>>();
        self.leaving.extend(gone);
        self.troubles.retain(|pod, _| pods.contains_key(pod));
        for (pod, images) in pods {
            if self.running.contains_key(pod) || self.troubles.contains_key(pod) {
                continue;
            }
            match self.begin(pod, images) {
                Ok(process) => drop(self.running.insert(pod.clone(), process)),
                Err(error) => drop(self.troubles.insert(pod.clone(), error)),
            }
        }
        self.look();
    }

    fn begin(&mut self, pod: &str, images: &BTreeMap<String, String>) -> Result<Process, String> {
        let port = port::reserve().map_err(|error| error.to_string())?;
        let replica = Replica {
            pod: pod.to_owned(),
            images: images.clone(),
            shared_port: self.shared_port,
            own_port: port.number,
        };
        let mut command = (self.start)(&replica);
        let child =
            process::spawn(&mut command, Signal::SIGKILL).map_err(|error| format!("could not be started: {error}"))?;
        Ok(Process { replica, child, since: Instant::now(), is_up: false, _port: port })
    }

    /// Looks which processes are up and which have ended, stops what shall not run, and tells all of it.
    pub(crate) fn look(&mut self) {
        for (pod, process) in &mut self.running {
            if let Ok(Some(status)) = process.child.try_wait() {
                self.troubles.insert(pod.clone(), format!("ended by itself with {status}"));
            }
            process.is_up =
                process.is_up || TcpStream::connect((Ipv4Addr::LOCALHOST, process.replica.own_port)).is_ok();
        }
        self.running.retain(|pod, _| !self.troubles.contains_key(pod));
        let starting = |process: &Process| !process.is_up && process.since.elapsed() < UP_WITHIN;
        // A rollout leaves no moment with nobody behind the shared port.
        if !self.running.values().any(starting) {
            for Process { child, .. } in self.leaving.drain(..) {
                ask_to_end(&child, END);
                self.ending.push((child, Instant::now()));
            }
        }
        self.ending.retain_mut(|(child, asked)| {
            if asked.elapsed() > END_WITHIN {
                // It fails where the process has just ended.
                let _ = child.kill();
            }
            matches!(child.try_wait(), Ok(None))
        });
        self.tell();
    }

    /// Tells that nothing will be done any more, and why.
    pub(crate) fn give_up(&mut self, error: &str) {
        self.troubles.insert("any pod".to_owned(), format!("is not followed: {error}"));
        self.tell();
    }

    /// Stops everything. All are gone afterwards.
    pub(crate) fn stop(mut self) {
        let running = std::mem::take(&mut self.running).into_values().chain(self.leaving.drain(..));
        let mut children: Vec<Child> = running.map(|process| process.child).collect();
        children.iter().for_each(|child| ask_to_end(child, END));
        children.extend(self.ending.drain(..).map(|(child, _)| child));
        for child in &mut children {
            stop(child, END, END_WITHIN);
        }
    }

    fn tell(&self) {
        let up = self.running.values().filter(|process| process.is_up).map(|process| process.replica.clone());
        let seen = Seen { up: up.collect(), troubles: self.troubles.clone() };
        self.told.send_if_modified(|told| {
            let is_new = told.up != seen.up || told.troubles != seen.troubles;
            *told = seen;
            is_new
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::process::Command;
    use std::sync::{Arc, Mutex};

    use socket2::{Domain, Socket, Type};

    use super::*;

    /// Listens where a process shall, for the time of the test.
    fn listen(port: u16) -> Socket {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).unwrap();
        socket.listen(8).unwrap();
        socket
    }

    fn pods(names: &[&str]) -> Images {
        names.iter().map(|name| ((*name).to_owned(), BTreeMap::new())).collect()
    }

    fn up(seen: &watch::Receiver<Seen>) -> Vec<String> {
        seen.borrow().up.iter().map(|replica| replica.pod.clone()).collect()
    }

    #[test]
    fn a_process_counts_when_it_listens_and_only_then_makes_another_superfluous() {
        let (told, seen) = watch::channel(Seen::default());
        let started: Arc<Mutex<Vec<Replica>>> = Arc::default();
        let all = Arc::clone(&started);
        let start = move |replica: &Replica| {
            all.lock().unwrap().push(replica.clone());
            let mut command = Command::new("sleep");
            command.arg("600");
            command
        };
        let mut processes = Processes::new(7, Box::new(start), told);
        processes.want(&pods(&["old"]));
        assert_eq!(up(&seen), [""; 0]);
        let port = |of: usize| started.lock().unwrap()[of].own_port;
        let _old = listen(port(0));
        processes.look();
        assert_eq!(up(&seen), ["old"]);
        processes.want(&pods(&["new"]));
        assert_eq!((processes.leaving.len(), processes.ending.len()), (1, 0), "the new one is not up yet");
        let _new = listen(port(1));
        processes.look();
        processes.look();
        assert_eq!(up(&seen), ["new"]);
        assert_eq!(processes.leaving.len(), 0);
        processes.stop();
    }

    #[test]
    fn a_process_that_ends_by_itself_is_told_until_its_pod_is_gone() {
        let (told, seen) = watch::channel(Seen::default());
        let start = |_: &Replica| {
            let mut command = Command::new("sh");
            command.args(["-c", "exit 3"]);
            command
        };
        let mut processes = Processes::new(7, Box::new(start), told);
        processes.want(&pods(&["a"]));
        let begun = Instant::now();
        while seen.borrow().troubles.is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(30));
            processes.look();
        }
        assert_eq!(seen.borrow().troubles["a"], "ended by itself with exit status: 3");
        processes.want(&pods(&[]));
        assert!(seen.borrow().troubles.is_empty());
    }
}
