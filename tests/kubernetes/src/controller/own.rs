//! A controller of the bed, in a thread of its own.

use std::fs::File;
use std::thread::JoinHandle;

use kube::{Client, Config};
use tokio::sync::oneshot;

use crate::controller::{Controller, OwnWork};
use crate::error::BedError;

/// The controller. It ends when it is dropped, at once, as if it had been killed.
#[derive(Debug)]
pub(crate) struct Own {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Own {
    /// Starts it, as the user whom a configuration names. What goes wrong is in its log.
    ///
    /// # Errors
    /// When no client can be made of the configuration.
    pub(super) async fn start(
        controller: &'static Controller,
        work: OwnWork,
        config: Config,
        log: File,
    ) -> Result<Self, BedError> {
        let (stop, stopped) = oneshot::channel();
        let (up, is_up) = oneshot::channel();
        // The runtimes of tests come and go with the test that made them.
        let thread = std::thread::spawn(move || keep(work, config, log, up, stopped));
        let own = Self { stop: Some(stop), thread: Some(thread) };
        let failed = |source| BedError::Client { user: controller.user().name(), source };
        match is_up.await {
            Ok(Ok(())) => Ok(own),
            Ok(Err(source)) => Err(failed(source)),
            Err(ended) => Err(failed(ended.into())),
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Of a thread that panicked nothing is left.
            let _ = thread.join();
        }
    }
}

type Up = oneshot::Sender<Result<(), Box<dyn std::error::Error + Send + Sync>>>;

fn keep(work: OwnWork, config: Config, log: File, up: Up, stopped: oneshot::Receiver<()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        // Nobody waits for it any more where it cannot be told.
        Err(error) => return drop(up.send(Err(error.into()))),
    };
    runtime.block_on(async {
        match Client::try_from(config) {
            Ok(client) => {
                let _ = up.send(Ok(()));
                tokio::select! {
                    _ = stopped => {}
                    () = work(client, log) => {}
                }
            }
            Err(error) => drop(up.send(Err(error.into()))),
        }
    });
}
