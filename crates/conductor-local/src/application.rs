//! The loop of one application: takes orders, hears of its replicas, and does what `reconcile` says.

use std::path::PathBuf;
use std::time::Duration;

use conductor_core::ports::FailureKind;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use crate::front::Front;
use crate::reconcile::{Action, Seen, Stage, Wanted, is_settled, reconcile};
use crate::replica::{News, Replica};
use crate::settings::{Application, Port, PortMode};
use crate::wire::{ApplicationStatus, Refusal, ReplicaState, ReplicaStatus};

/// Failed starts in a row that make a crash loop.
const CRASH_LOOP: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A replica that ends sooner after it became ready counts as a failed start.
const STABLE: Duration = Duration::from_secs(5);

/// An order, and who waits for it to be done.
pub(crate) struct Order {
    pub(crate) change: Change,
    pub(crate) done: oneshot::Sender<Result<(), Refusal>>,
}

/// What is ordered.
#[derive(Debug)]
pub(crate) enum Change {
    /// Nothing new: only tell when it is settled.
    None,
    Version(String),
    Replicas(u32),
}

/// How others reach the loop.
pub(crate) struct Handle {
    pub(crate) application: Application,
    pub(crate) orders: mpsc::UnboundedSender<Order>,
    pub(crate) status: watch::Receiver<ApplicationStatus>,
}

impl Handle {
    /// Orders a change and waits until it is done or cannot be.
    pub(crate) async fn order(&self, change: Change) -> Result<(), Refusal> {
        let (done, answer) = oneshot::channel();
        let gone = || Refusal::new(FailureKind::Unavailable, "the supervisor is going down");
        self.orders.send(Order { change, done }).map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// The loop's state.
struct Loop {
    application: Application,
    logs: PathBuf,
    wanted: Wanted,
    replicas: Vec<Replica>,
    next_number: u64,
    failures: u32,
    not_before: Instant,
    waiting: Option<oneshot::Sender<Result<(), Refusal>>>,
    front: Option<Front>,
    news: (mpsc::UnboundedSender<News>, mpsc::UnboundedReceiver<News>),
    status: watch::Sender<ApplicationStatus>,
}

/// Starts the loop of an application.
///
/// # Errors
/// When its port is not free.
pub(crate) async fn start(application: Application, logs: PathBuf) -> Result<Handle, Refusal> {
    let in_use = |port: u16, error: std::io::Error| {
        let text = format!("port {port} of application {} is not free: {error}", application.name);
        Refusal::new(FailureKind::Rejected, text)
    };
    let front = match application.port {
        Some(Port { number, mode: PortMode::BehindFront }) => {
            Some(Front::listen(number).await.map_err(|error| in_use(number, error))?)
        }
        Some(Port { number, mode: PortMode::Exclusive | PortMode::Shared }) => {
            std::net::TcpListener::bind(("127.0.0.1", number)).map_err(|error| in_use(number, error))?;
            None
        }
        None => None,
    };
    let wanted = Wanted { version: application.version.clone(), replicas: application.replicas };
    let (orders, ordered) = mpsc::unbounded_channel();
    let first = ApplicationStatus {
        name: application.name.clone(),
        port: application.port.map(|port| port.number),
        version: wanted.version.clone(),
        desired: wanted.replicas,
        replicas: Vec::new(),
    };
    let (status, seen) = watch::channel(first);
    let state = Loop {
        application: application.clone(),
        logs,
        wanted,
        replicas: Vec::new(),
        next_number: 1,
        failures: 0,
        not_before: Instant::now(),
        waiting: None,
        front,
        news: mpsc::unbounded_channel(),
        status,
    };
    tokio::spawn(state.run(ordered));
    Ok(Handle { application, orders, status: seen })
}

impl Loop {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        loop {
            let waits = self.act();
            self.publish();
            self.answer_if_settled();
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.take(order),
                    None => return,
                },
                Some(news) = self.news.1.recv() => self.hear(news),
                () = sleep_until(self.not_before), if waits => {}
            }
        }
    }

    /// Does what is to be done now; true when something must wait for the pause to end.
    fn act(&mut self) -> bool {
        let seen: Vec<Seen> = self.replicas.iter().map(|replica| replica.seen.clone()).collect();
        let exclusive = self.application.mode() == Some(PortMode::Exclusive);
        let mut waits = false;
        for action in reconcile(&self.wanted, &seen, exclusive) {
            match action {
                Action::Stop(number) => {
                    if let Some(replica) = self.replicas.iter_mut().find(|replica| replica.seen.number == number) {
                        replica.stop(self.front.as_ref().and_then(|front| front.take_out(replica.port)));
                    }
                }
                Action::Start if Instant::now() < self.not_before => waits = true,
                Action::Start => waits |= !self.start_one(),
            }
        }
        waits
    }

    fn start_one(&mut self) -> bool {
        let number = self.next_number;
        self.next_number += 1;
        let started = Replica::start(&self.application, &self.wanted.version, number, &self.logs, self.news.0.clone());
        match started {
            Ok(replica) => {
                self.replicas.push(replica);
                true
            }
            Err(error) => {
                let program = self.application.command.first().map(String::as_str).unwrap_or_default();
                self.failed(&format!("could not be started: {program}: {error}"));
                false
            }
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Ready(number) => {
                let starting =
                    |replica: &&mut Replica| replica.seen.number == number && replica.seen.stage == Stage::Starting;
                if let Some(replica) = self.replicas.iter_mut().find(starting) {
                    replica.seen.stage = Stage::Ready;
                    replica.ready_at = Some(Instant::now());
                }
            }
            News::Ended(number, why) => {
                let Some(position) = self.replicas.iter().position(|replica| replica.seen.number == number) else {
                    return;
                };
                let replica = self.replicas.swap_remove(position);
                let lived = replica.ready_at.is_some_and(|ready| ready.elapsed() >= STABLE);
                if replica.seen.stage == Stage::Stopping {
                    return;
                }
                tracing::warn!(application = %self.application.name, number, why, "a replica ended by itself");
                if !lived {
                    self.failed(&why);
                }
            }
        }
    }

    fn failed(&mut self, why: &str) {
        self.failures += 1;
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(8)).min(LONGEST_PAUSE);
        self.not_before = Instant::now() + pause;
        if self.failures >= CRASH_LOOP
            && let Some(waiting) = self.waiting.take()
        {
            let (name, version) = (&self.application.name, &self.wanted.version);
            let version = if version.is_empty() { String::new() } else { format!(" {version}") };
            let text = format!("{name}{version}: {} starts in a row failed; the last one {why}", self.failures);
            // Whoever asked may have gone; the replicas are tried on all the same.
            let _ = waiting.send(Err(Refusal::new(FailureKind::Unsettled, text)));
        }
    }

    fn take(&mut self, order: Order) {
        match order.change {
            Change::None => {}
            Change::Version(version) => self.wanted.version = version,
            Change::Replicas(replicas) => self.wanted.replicas = replicas,
        }
        self.failures = 0;
        self.not_before = Instant::now();
        if let Some(earlier) = self.waiting.replace(order.done) {
            let text = format!("{}: another request took over", self.application.name);
            // As above.
            let _ = earlier.send(Err(Refusal::new(FailureKind::Unsettled, text)));
        }
    }

    fn answer_if_settled(&mut self) {
        let seen: Vec<Seen> = self.replicas.iter().map(|replica| replica.seen.clone()).collect();
        if is_settled(&self.wanted, &seen) {
            self.failures = 0;
            if let Some(waiting) = self.waiting.take() {
                // As above.
                let _ = waiting.send(Ok(()));
            }
        }
    }

    fn publish(&self) {
        if let Some(front) = &self.front {
            let ready = self.replicas.iter().filter(|replica| replica.seen.stage == Stage::Ready);
            front.set(&ready.map(|replica| replica.port).collect::<Vec<_>>());
        }
        self.status.send_modify(|status| {
            status.version.clone_from(&self.wanted.version);
            status.desired = self.wanted.replicas;
            status.replicas = self.replicas.iter().map(shown).collect();
            status.replicas.sort_by_key(|replica| replica.number);
        });
    }
}

fn shown(replica: &Replica) -> ReplicaStatus {
    ReplicaStatus {
        number: replica.seen.number,
        version: replica.seen.version.clone(),
        state: match replica.seen.stage {
            Stage::Starting => ReplicaState::Starting,
            Stage::Ready => ReplicaState::Ready,
            Stage::Stopping => ReplicaState::Stopping,
        },
        pid: replica.pid,
    }
}
