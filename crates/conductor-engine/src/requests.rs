//! What people ask of a run that goes on, here or in another process, as events of the run. Each is taken once, when the
//! run's state can answer it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use conductor_core::phase::{Event, State};
use conductor_core::ports::{Clock, RunRequest, RunRequests};
use conductor_core::run::RunId;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

use crate::journal::chain;

/// The requests to one run.
pub(crate) struct Requests {
    /// Requests of this process to stop.
    here: mpsc::Receiver<String>,
    left: BoxStream<'static, (u64, RunRequest)>,
    /// Changes of the target that wait until load is generated.
    waiting: VecDeque<Event>,
}

impl Requests {
    /// Hears requests to stop by `here`, and looks every `pause` for those that are left after number `after`.
    pub(crate) fn new(
        run: RunId,
        here: mpsc::Receiver<String>,
        requests: Arc<dyn RunRequests>,
        clock: Arc<dyn Clock>,
        pause: Duration,
        after: u64,
    ) -> Self {
        Self { here, left: left(run, requests, clock, pause, after).boxed(), waiting: VecDeque::new() }
    }

    /// The next request that the state can answer. Losing the future loses no request.
    pub(crate) async fn next(&mut self, state: &State) -> Event {
        loop {
            if state.load().is_some()
                && let Some(event) = self.waiting.pop_front()
            {
                return event;
            }
            tokio::select! {
                biased;
                Some(by) = self.here.recv() => return Event::StopRequested { by },
                Some((request, asked)) = self.left.next() => match asked {
                    RunRequest::Stop { by } => return Event::StopRequested { by },
                    RunRequest::Retarget { change, by } => {
                        self.waiting.push_back(Event::Retargeted { request, change, by });
                    }
                },
                else => std::future::pending().await,
            }
        }
    }
}

fn left(
    run: RunId,
    requests: Arc<dyn RunRequests>,
    clock: Arc<dyn Clock>,
    pause: Duration,
    after: u64,
) -> impl futures::Stream<Item = (u64, RunRequest)> + Send {
    async_stream::stream! {
        let mut seen = after;
        loop {
            clock.sleep(pause).await;
            match requests.asked(&run, seen).await {
                Ok(asked) => {
                    for (number, request) in asked {
                        seen = number;
                        yield (number, request);
                    }
                }
                Err(error) => tracing::debug!(%run, error = chain(&error), "cannot look for requests"),
            }
        }
    }
}
