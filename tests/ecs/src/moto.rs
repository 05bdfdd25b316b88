//! moto as a process of its own: started, asked, gone with its owner.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use conductor_bed::{Error, Signal, log, process, program};
use http::Request;
use hyper::body::Bytes;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::error::BedError;
use crate::loopback;
use crate::reply::Reply;
use crate::who::Who;

/// How long a start may take on a busy machine: the first one of a fresh installation compiles.
const START_WITHIN: Duration = Duration::from_secs(120);
/// What it says before its address.
const LISTENS: &str = "Running on http://127.0.0.1:";
/// How often it is looked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running moto. Dropping it kills the process: it keeps nothing on disk.
pub(crate) struct Moto {
    port: u16,
    running: Running,
}

/// The process and the thread that has started it: a death signal comes when that *thread* ends, so it lasts as long.
struct Running {
    state: Arc<Mutex<State>>,
    log: Arc<Log>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    child: Option<Child>,
    /// Nobody wants it any more, be it started or not.
    unwanted: bool,
}

impl Moto {
    /// Starts one, and comes back when it listens.
    pub(crate) async fn start() -> Result<Self, BedError> {
        let python = python();
        if !python.is_file() {
            return Err(BedError::Program { python });
        }
        let mut command = Command::new(python);
        // The kernel chooses the port. Nothing of the caller's environment gets in: moto reads some of the variables of AWS.
        command.args(["-m", "moto.server", "--host", "127.0.0.1", "--port", "0"]).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let (tell, told) = oneshot::channel();
        let running = Running::start(command, tell)?;
        match tokio::time::timeout(START_WITHIN, told).await {
            Ok(Ok(Ok(port))) => Ok(Self { port, running }),
            Ok(Ok(Err(source))) => Err(Error::start("moto")(source).into()),
            Ok(Err(_)) => Err(BedError::Ended { log: running.log.text() }),
            Err(_) => Err(BedError::Late { within: START_WITHIN, log: running.log.text() }),
        }
    }

    /// Asks it for an operation, as this user.
    pub(crate) async fn ask(&self, who: &Who, target: &str, body: &Value) -> io::Result<Reply> {
        let service = if target.starts_with("AnyScale") { "application-autoscaling" } else { "ecs" };
        let request = Request::post("/")
            .header("host", format!("127.0.0.1:{}", self.port))
            .header("authorization", who.authorization(service))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(Bytes::from(body.to_string()));
        self.forward(request.map_err(io::Error::other)?).await
    }

    /// Sends it a request as it is.
    pub(crate) async fn forward(&self, request: Request<Bytes>) -> io::Result<Reply> {
        Ok(Reply::from(loopback::send(self.port, request).await?))
    }

    /// Lets it forget everything.
    pub(crate) async fn reset(&self) -> io::Result<Reply> {
        let request = Request::post("/moto-api/reset").header("host", format!("127.0.0.1:{}", self.port));
        self.forward(request.body(Bytes::new()).map_err(io::Error::other)?).await
    }

    /// The last lines of its log.
    pub(crate) fn log(&self) -> String {
        self.running.log.text()
    }

    /// The number of its process, until it has ended.
    pub(crate) fn process(&self) -> Option<u32> {
        lock(&self.running.state).child.as_ref().map(Child::id)
    }
}

/// In the folder that `CONDUCTOR_MOTO` names, else behind the link that the installation made in cargo's target folder.
fn python() -> PathBuf {
    program::find("CONDUCTOR_MOTO", "moto/bin/python")
}

impl Running {
    fn start(command: Command, tell: oneshot::Sender<io::Result<u16>>) -> Result<Self, BedError> {
        let state = Arc::new(Mutex::new(State::default()));
        let log = Arc::new(Log::default());
        let thread = std::thread::Builder::new().name("moto".to_owned()).spawn({
            let (state, log) = (Arc::clone(&state), Arc::clone(&log));
            move || keep(command, &state, &log, tell)
        });
        let thread = thread.map_err(Error::start("moto"))?;
        Ok(Self { state, log, thread: Some(thread) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.unwanted = true;
        if let Some(child) = state.child.as_mut() {
            // It fails where it has ended, which is as good.
            let _ = child.kill();
        }
        drop(state);
        // A thread that panicked has taken the process with it.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The thread: starts the process, reads what it says, and waits for its end.
fn keep(mut command: Command, state: &Mutex<State>, log: &Log, tell: oneshot::Sender<io::Result<u16>>) {
    let output = {
        let mut state = lock(state);
        if state.unwanted {
            return;
        }
        match process::spawn(&mut command, Signal::SIGKILL) {
            Ok(started) => state.child.insert(started).stderr.take(),
            Err(error) => {
                // Nobody waits any more: there is nobody to tell.
                let _ = tell.send(Err(error));
                return;
            }
        }
    };
    let mut tell = Some(tell);
    for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok) {
        if let Some(port) = line.split_once(LISTENS).and_then(|(_, port)| port.trim().parse().ok())
            && let Some(tell) = tell.take()
        {
            let _ = tell.send(Ok(port));
        }
        log.push(line);
    }
    // Somebody who still waits to be told learns here that nothing comes.
    drop(tell);
    loop {
        let mut state = lock(state);
        if state.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None))) {
            state.child = None;
            return;
        }
        drop(state);
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The last lines that a process has said.
#[derive(Default)]
struct Log(Mutex<VecDeque<String>>);

impl Log {
    fn push(&self, line: String) {
        let mut lines = lock(&self.0);
        lines.push_back(line);
        if lines.len() > log::LINES {
            lines.pop_front();
        }
    }

    fn text(&self) -> String {
        lock(&self.0).iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
