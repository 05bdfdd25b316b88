//! Waits until a service has become what was written. All that wait look at the same moments, so that one call answers ten of
//! them.

use std::sync::Arc;
use std::time::Duration;

use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError, Readiness};
use tokio::time::{Instant, sleep_until};

use crate::judge::{Judge, Limits, Outlook, Wanted};
use crate::looks::Looks;
use crate::place::Place;
use crate::reader::Reader;
use crate::service::{Service, Strategy};
use crate::stopped::{Of, reasons};

/// For how long answers may fail while a service is waited for.
const BLIND: Duration = Duration::from_secs(120);

/// Waits for services.
pub(crate) struct Settling {
    reader: Reader,
    services: Arc<Looks<Service>>,
    poll: Duration,
    limits: Limits,
    /// From where the moments are counted.
    origin: Instant,
}

impl Settling {
    pub(crate) fn new(reader: Reader, services: Arc<Looks<Service>>, poll: Duration, limits: Limits) -> Self {
        Self { reader, services, poll, limits, origin: Instant::now() }
    }

    /// Waits until a service is what is wanted, shows each look at it, and tells how far it is.
    ///
    /// # Errors
    /// `Unsettled` in the words of ECS when that cannot come about.
    pub(crate) async fn wait(
        &self,
        place: &Place,
        wanted: Wanted,
        see: impl Fn(&Service) + Send,
        tell: impl Fn(Readiness) + Send,
    ) -> Result<Arc<Service>, PortError> {
        let (begun, mut judge) = (Instant::now(), Judge::new(wanted.clone(), self.limits));
        let (mut last_seen, mut text) = (begun, String::new());
        loop {
            let looked = self.services.at(&place.cluster, &place.service).await;
            let looked = match looked {
                Err(error) if error.kind.is_transient() && last_seen.elapsed() < BLIND => {
                    self.next_moment().await;
                    continue;
                }
                looked => looked?,
            };
            last_seen = Instant::now();
            looked.as_deref().into_iter().for_each(&see);
            match judge.see(begun.elapsed(), looked.as_deref()) {
                Outlook::Waiting(readiness) => {
                    if readiness.text != text {
                        text.clone_from(&readiness.text);
                        tell(readiness);
                    }
                }
                Outlook::Settled => {
                    if let Some(service) = looked
                        && self.has_shifted(place, &service, &wanted).await?
                    {
                        return Ok(service);
                    }
                }
                Outlook::Failed { text, by_tasks } => {
                    let of = by_tasks.then(|| Of::those(&wanted, looked.as_deref()));
                    return Err(self.failed(place, text, of).await);
                }
            }
            self.next_moment().await;
        }
    }

    /// Whether a deployment that moves traffic has come to its end, which includes its bake time.
    async fn has_shifted(&self, place: &Place, service: &Service, wanted: &Wanted) -> Result<bool, PortError> {
        match &service.strategy {
            Strategy::Rolling => return Ok(true),
            Strategy::Shifting { .. } if wanted.definition.is_none() => return Ok(true),
            Strategy::Shifting { .. } => {}
        }
        let Some((state, reason)) = self.reader.shift(place).await? else { return Ok(true) };
        match state.as_str() {
            "SUCCESSFUL" => Ok(true),
            "PENDING" | "IN_PROGRESS" => Ok(false),
            _ => {
                let of = Of::those(wanted, Some(service));
                Err(self.failed(place, format!("its deployment is {state}: {reason}"), Some(of)).await)
            }
        }
    }

    /// What is told of a wait that has come to nothing: with why these tasks were stopped, where they are the reason.
    async fn failed(&self, place: &Place, text: String, of: Option<Of>) -> PortError {
        let why = match of {
            Some(of) => self.reader.stopped(place).await.map(|tasks| reasons(&tasks, &of).join("; ")),
            None => Ok(String::new()),
        };
        let why = why.unwrap_or_else(|error| {
            let told = Failure::of("", &error).message;
            format!("why its tasks were stopped could not be read: {told}")
        });
        let why = if why.is_empty() { why } else { format!(" ({why})") };
        PortError::new(FailureKind::Unsettled, format!("{place} does not become ready: {text}{why}"))
    }

    /// Waits for the next moment at which all look.
    async fn next_moment(&self) {
        let past = self.origin.elapsed().as_secs_f64() / self.poll.as_secs_f64();
        sleep_until(self.origin + self.poll.mul_f64(past.floor() + 1.0)).await;
    }
}
