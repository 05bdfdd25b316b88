//! A controller of the bed, in a thread of its own.

use std::fs::File;

use conductor_bed::Worker;
use kube::{Client, Config};

use crate::controller::{Controller, OwnWork};
use crate::error::BedError;

/// The controller. It ends when it is dropped, at once, as if it had been killed.
#[derive(Debug)]
pub(crate) struct Own {
    _worker: Worker,
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
        let begin = move || Ok::<_, Trouble>(work(Client::try_from(config)?, log));
        let worker = Worker::start(controller.program, begin).await;
        let failed = |source| BedError::Client { user: controller.user().name(), source };
        Ok(Self { _worker: worker.map_err(failed)? })
    }
}

type Trouble = Box<dyn std::error::Error + Send + Sync>;
