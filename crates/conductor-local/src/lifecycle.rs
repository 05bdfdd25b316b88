//! An environment's local applications come up, are looked at and go down, from outside of their supervisor.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::LocalError;
use crate::settings::LocalSettings;
use crate::state::StateDir;
use crate::wire::{Request, Status, ask};

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A supervisor has nothing to do before it answers.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// Starts the applications under a supervisor of their own and returns when all are ready. The supervisor is
/// `program arguments… state_dir`, which must call [`crate::supervise`]. Idempotent.
///
/// # Errors
/// When the environment is up with other settings; or an application does not become ready, with its last words, and
/// then everything is stopped again; or a file or a process cannot be worked with.
pub async fn up(
    settings: &LocalSettings,
    state_dir: &Path,
    program: &Path,
    arguments: &[&str],
) -> Result<Status, LocalError> {
    let state = StateDir::new(state_dir);
    state.create()?;
    if state.is_up()? {
        if state.settings()? != *settings {
            return Err(LocalError::OtherSettings);
        }
    } else {
        state.write_settings(settings)?;
        state.forget_supervisor()?;
        launch(&state, state_dir, program, arguments).await?;
    }
    match tell(&state, &Request::Started).await {
        Ok(status) => Ok(status),
        Err(error) => {
            down(state_dir).await?;
            Err(error)
        }
    }
}

/// What the supervisor runs; `None` when there is none.
///
/// # Errors
/// When it does not answer.
pub async fn status(state_dir: &Path) -> Result<Option<Status>, LocalError> {
    let state = StateDir::new(state_dir);
    if state.is_up()? { tell(&state, &Request::Status).await.map(Some) } else { Ok(None) }
}

/// Stops the applications and their supervisor, and returns when every process has ended. Idempotent.
///
/// # Errors
/// When the supervisor does not answer.
pub async fn down(state_dir: &Path) -> Result<(), LocalError> {
    let state = StateDir::new(state_dir);
    if !state.is_up()? {
        return Ok(());
    }
    tell(&state, &Request::Down).await?;
    let deadline = Instant::now() + ANSWERS_WITHIN;
    while state.is_up()? {
        if Instant::now() >= deadline {
            return Err(LocalError::io("see the supervisor end")(std::io::ErrorKind::TimedOut.into()));
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

async fn launch(state: &StateDir, state_dir: &Path, program: &Path, arguments: &[&str]) -> Result<(), LocalError> {
    let log = state.supervisor_log();
    let output = File::create(&log).map_err(LocalError::io(format!("write {}", log.display())))?;
    let again = output.try_clone().map_err(LocalError::io(format!("write {}", log.display())))?;
    let mut command = Command::new(program);
    command.args(arguments).arg(state_dir).current_dir(state_dir);
    command.stdin(Stdio::null()).stdout(output).stderr(again);
    let mut child = command.spawn().map_err(LocalError::io(format!("start {}", program.display())))?;
    let deadline = Instant::now() + ANSWERS_WITHIN;
    while state.supervisor().is_err() {
        if ended(&mut child)? || Instant::now() >= deadline {
            let words = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(LocalError::SupervisorEnded(words.trim().to_owned()));
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

fn ended(child: &mut Child) -> Result<bool, LocalError> {
    Ok(child.try_wait().map_err(LocalError::io("look at the supervisor"))?.is_some())
}

async fn tell(state: &StateDir, request: &Request) -> Result<Status, LocalError> {
    let socket = state.supervisor()?.socket;
    let answer = ask(&socket, request).await.map_err(LocalError::io("talk to the supervisor"))?;
    answer.map_err(|refusal| LocalError::Refused { kind: refusal.kind, message: refusal.message })
}
