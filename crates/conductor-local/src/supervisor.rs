//! The supervisor: a process of its own that keeps an environment's applications running until it is told to stop.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use conductor_core::ports::FailureKind;
use tokio::io::BufReader;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::application::{self, Change, Handle};
use crate::error::LocalError;
use crate::state::{StateDir, Supervisor};
use crate::wire::{self, Answer, Refusal, Request, Status};

/// How far the supervisor is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Starting,
    Up,
    /// The environment did not come up.
    Failed(Refusal),
    GoingDown,
    Down,
}

/// What every request works with.
struct Shared {
    handles: tokio::sync::RwLock<Vec<Handle>>,
    stage: watch::Sender<Stage>,
}

/// Supervises until it is told to go down; for a process of its own, in a thread that lives as long as the process.
///
/// # Errors
/// When another supervisor works in the folder, or the folder cannot be used.
pub fn supervise(state_dir: &Path) -> Result<(), LocalError> {
    // It fails where this process leads a session already, which is as good.
    let _ = nix::unistd::setsid();
    // One thread: the kernel ends the children with the thread that started them.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(LocalError::io("start the supervisor"))?.block_on(run(&StateDir::new(state_dir)))
}

async fn run(state: &StateDir) -> Result<(), LocalError> {
    let Some(_lock) = state.lock()? else {
        return Err(LocalError::AnotherSupervisor(state.folder().to_owned()));
    };
    let settings = state.settings()?;
    let socket = state.socket()?;
    // What is there is of a supervisor that died: the lock is ours.
    if socket.exists() {
        fs::remove_file(&socket).map_err(LocalError::io(format!("remove {}", socket.display())))?;
    }
    let listener = UnixListener::bind(&socket).map_err(LocalError::io(format!("listen on {}", socket.display())))?;
    state.write_supervisor(&Supervisor { pid: std::process::id(), socket: socket.clone() })?;
    let shared = Arc::new(Shared { handles: Vec::new().into(), stage: watch::Sender::new(Stage::Starting) });
    let starting = tokio::spawn(start(Arc::clone(&shared), settings.applications, state.logs()));
    let mut signals = Signals::listen()?;
    let mut connections = JoinSet::new();
    let mut stage = shared.stage.subscribe();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(serve(stream, Arc::clone(&shared))); }
                Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
            },
            () = signals.next() => { shared.stage.send_replace(Stage::GoingDown); }
            Ok(_) = stage.wait_for(|stage| *stage == Stage::GoingDown) => break,
        }
    }
    starting.abort();
    stop(&shared).await;
    shared.stage.send_replace(Stage::Down);
    // Those who asked get their answer; nobody may hold the supervisor up by not reading it.
    let answered = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_secs(1), answered).await.is_err() {
        connections.abort_all();
    }
    state.forget_supervisor()?;
    fs::remove_file(&socket).map_err(LocalError::io(format!("remove {}", socket.display())))
}

/// Starts the applications one after the other, each when the one before it is ready.
async fn start(shared: Arc<Shared>, applications: Vec<crate::settings::Application>, logs: std::path::PathBuf) {
    let mut result = Ok(());
    for application in applications {
        let name = application.name.clone();
        result = async {
            let handle = application::start(application, logs.clone()).await?;
            shared.handles.write().await.push(handle);
            let handles = shared.handles.read().await;
            match handles.iter().find(|handle| handle.application.name == name) {
                Some(handle) => handle.order(Change::None).await,
                None => Ok(()),
            }
        }
        .await;
        if result.is_err() {
            break;
        }
    }
    let over = result.map_or_else(Stage::Failed, |()| Stage::Up);
    shared.stage.send_if_modified(|stage| {
        let still = *stage == Stage::Starting;
        if still {
            *stage = over;
        }
        still
    });
}

/// Stops all replicas, the applications that were started last first.
async fn stop(shared: &Shared) {
    for handle in shared.handles.read().await.iter().rev() {
        if let Err(refusal) = handle.order(Change::Replicas(0)).await {
            tracing::warn!(application = %handle.application.name, message = refusal.message, "not stopped in order");
        }
    }
}

async fn serve(stream: UnixStream, shared: Arc<Shared>) {
    let mut stream = BufReader::new(stream);
    let answer = match wire::read::<Request>(&mut stream).await {
        Ok(request) => shared.answer(request).await,
        Err(error) => Err(Refusal::new(FailureKind::Rejected, format!("the request makes no sense: {error}"))),
    };
    if let Err(error) = wire::write(stream.get_mut(), &answer).await {
        tracing::debug!(%error, "nobody waited for the answer");
    }
}

impl Shared {
    async fn answer(&self, request: Request) -> Answer {
        match request {
            Request::Status => {}
            Request::Started => self.started().await?,
            Request::RollOut { application, version } => {
                self.order(application.as_str(), Change::Version(version)).await?;
            }
            Request::Scale { application, replicas } => {
                self.order(application.as_str(), Change::Replicas(replicas)).await?;
            }
            Request::Down => {
                self.stage.send_if_modified(|stage| {
                    let first = !matches!(stage, Stage::GoingDown | Stage::Down);
                    if first {
                        *stage = Stage::GoingDown;
                    }
                    first
                });
                // The sender lives as long as this does.
                let _ = self.stage.subscribe().wait_for(|stage| *stage == Stage::Down).await;
            }
        }
        Ok(self.status().await)
    }

    async fn started(&self) -> Result<(), Refusal> {
        let mut stage = self.stage.subscribe();
        let gone = || Refusal::new(FailureKind::Unavailable, "the supervisor is going down");
        match &*stage.wait_for(|stage| *stage != Stage::Starting).await.map_err(|_| gone())? {
            Stage::Up => Ok(()),
            Stage::Failed(refusal) => Err(refusal.clone()),
            Stage::Starting | Stage::GoingDown | Stage::Down => Err(gone()),
        }
    }

    async fn order(&self, name: &str, change: Change) -> Result<(), Refusal> {
        let handles = self.handles.read().await;
        let Some(handle) = handles.iter().find(|handle| handle.application.name.as_str() == name) else {
            return Err(Refusal::new(FailureKind::NotFound, format!("there is no application {name}")));
        };
        handle.application.allows(&change)?;
        handle.order(change).await
    }

    async fn status(&self) -> Status {
        let handles = self.handles.read().await;
        Status { applications: handles.iter().map(|handle| handle.status.borrow().clone()).collect() }
    }
}

/// The signals that end a supervisor in order.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> Result<Self, LocalError> {
        let listen = |kind| signal(kind).map_err(LocalError::io("listen for signals"));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
