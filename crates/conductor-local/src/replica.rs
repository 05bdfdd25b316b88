//! One replica: a process, from its start over its readiness to its end.

use std::fs::{File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use crate::command::{Values, filled};
use crate::front::Owed;
use crate::reconcile::{Seen, Stage};
use crate::settings::{Application, Port, PortMode};
use crate::spawn::{signal_group, spawn};

const LOOK_EVERY: Duration = Duration::from_millis(50);
const LONGEST_LOOK: Duration = Duration::from_secs(2);
/// The time after which a replica that can be asked nothing counts as ready if it still runs.
const RUNS_FOR: Duration = Duration::from_secs(1);
/// Lines of a log that an error shows.
const LAST_LINES: usize = 5;

/// A replica, as its application keeps it.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) seen: Seen,
    pub(crate) pid: u32,
    /// The port its clients are sent to.
    pub(crate) port: u16,
    pub(crate) ready_at: Option<Instant>,
    stop: Option<oneshot::Sender<Option<Owed>>>,
}

/// What happened to a replica.
#[derive(Debug)]
pub(crate) enum News {
    Ready(u64),
    /// It is gone; why, in words.
    Ended(u64, String),
}

impl Replica {
    /// Starts a replica; `news` hears of it until it has ended.
    pub(crate) fn start(
        application: &Application,
        version: &str,
        number: u64,
        logs: &Path,
        news: mpsc::UnboundedSender<News>,
    ) -> io::Result<Self> {
        let (port, ready_port) = match application.port {
            Some(Port { number, mode: PortMode::Exclusive }) => (number, number),
            Some(Port { number, mode: PortMode::Shared }) => (number, free_port()?),
            Some(Port { mode: PortMode::BehindFront, .. }) | None => {
                let own = free_port()?;
                (own, own)
            }
        };
        let dir = application.dir.clone().unwrap_or_default();
        let base = application.base();
        let values = Values { version, port, ready_port, replica: number, dir: &base };
        let words: Vec<String> = application.command.iter().map(|word| filled(word, &values)).collect();
        let log = log_file(logs, application, number);
        let output = open(&log)?;
        let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command.args(arguments).envs(&application.env).current_dir(dir);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = spawn(&mut command)?;
        let pid = child.id().unwrap_or_default();
        let (stop, stopped) = oneshot::channel();
        let life = Life { child, pid, number, news, log, grace: application.grace_period.as_duration() };
        let check = Check::of(application, ready_port);
        tokio::spawn(life.run(check, application.ready.within.as_duration(), stopped));
        let seen = Seen { number, version: version.to_owned(), stage: Stage::Starting };
        Ok(Self { seen, pid, port, ready_at: None, stop: Some(stop) })
    }

    /// Asks it to end, once it owes no answer to the clients of its front; its news tell when it has.
    pub(crate) fn stop(&mut self, owed: Option<Owed>) {
        self.seen.stage = Stage::Stopping;
        if let Some(stop) = self.stop.take() {
            // A life that has ended needs no word.
            let _ = stop.send(owed);
        }
    }
}

/// The last lines of a replica's log.
fn last_lines(log: &Path) -> String {
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    match &lines[lines.len().saturating_sub(LAST_LINES)..] {
        [] => "it printed nothing".to_owned(),
        last => format!("it printed at last: {}", last.join(" | ")),
    }
}

fn log_file(logs: &Path, application: &Application, number: u64) -> PathBuf {
    logs.join(format!("{}-{number}.log", application.name.as_str().replace('/', "_")))
}

fn open(log: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).truncate(true).open(log)
}

/// A port that was free a moment ago.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The life of the process.
struct Life {
    child: Child,
    pid: u32,
    number: u64,
    news: mpsc::UnboundedSender<News>,
    log: PathBuf,
    grace: Duration,
}

impl Life {
    async fn run(mut self, check: Check, within: Duration, mut stop: oneshot::Receiver<Option<Owed>>) {
        let why = tokio::select! {
            status = self.child.wait() => self.ended(status),
            owed = &mut stop => self.end(owed).await,
            ready = timeout(within, check.until_ready()) => match ready {
                Ok(()) => {
                    self.tell(News::Ready(self.number));
                    tokio::select! {
                        status = self.child.wait() => self.ended(status),
                        owed = &mut stop => self.end(owed).await,
                    }
                }
                Err(_) => {
                    self.terminate().await;
                    format!("was not ready within {} s; {}", within.as_secs_f64(), last_lines(&self.log))
                }
            },
        };
        // Whatever its leader left behind in the group.
        signal_group(self.pid, Signal::SIGKILL);
        self.tell(News::Ended(self.number, why));
    }

    fn ended(&self, status: io::Result<std::process::ExitStatus>) -> String {
        let how = status
            .map_or_else(|error| format!("cannot be waited for: {error}"), |status| format!("ended with {status}"));
        format!("{how}; {}", last_lines(&self.log))
    }

    /// Waits for the answers that it owes, within its grace period, and ends it. Without an order to stop, because its
    /// application is gone, it ends at once.
    async fn end(&mut self, order: Result<Option<Owed>, oneshot::error::RecvError>) -> String {
        if let Ok(Some(mut owed)) = order {
            // Whoever still waits after that has had its time.
            let _ = timeout(self.grace, owed.wait_for(|owed| *owed == 0)).await;
        }
        self.terminate().await;
        "was stopped".to_owned()
    }

    /// Ends the process: first in order, then for good.
    async fn terminate(&mut self) {
        signal_group(self.pid, Signal::SIGTERM);
        if timeout(self.grace, self.child.wait()).await.is_err() {
            signal_group(self.pid, Signal::SIGKILL);
            if let Err(error) = self.child.wait().await {
                tracing::warn!(pid = self.pid, %error, "a replica cannot be waited for");
            }
        }
    }

    fn tell(&self, news: News) {
        // Nobody listens any more once the application is gone.
        let _ = self.news.send(news);
    }
}

/// How readiness is found out.
enum Check {
    /// It answers on this port, a GET of the path where there is one.
    Port(u16, Option<String>),
    /// It can only be seen to run.
    Runs,
}

impl Check {
    fn of(application: &Application, ready_port: u16) -> Self {
        match (application.port, &application.ready.http_get) {
            (None, None) => Self::Runs,
            (_, path) => Self::Port(ready_port, path.clone()),
        }
    }

    async fn until_ready(&self) {
        let Self::Port(port, path) = self else { return sleep(RUNS_FOR).await };
        let look = || timeout(LONGEST_LOOK, answers(*port, path.as_deref()));
        while !look().await.is_ok_and(|ready| ready.unwrap_or_default()) {
            sleep(LOOK_EVERY).await;
        }
    }
}

async fn answers(port: u16, path: Option<&str>) -> io::Result<bool> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect(address).await?;
    let Some(path) = path else { return Ok(true) };
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
    let mut begin = [0_u8; 12];
    stream.read_exact(&mut begin).await?;
    let text = String::from_utf8_lossy(&begin);
    Ok(text
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .is_some_and(|status: u16| (200..400).contains(&status)))
}
