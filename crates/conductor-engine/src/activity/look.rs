//! The look on the way back: at all applications together, and at each by itself where that fails, so that one that cannot be
//! looked at does not keep the others from being put back.

use std::collections::BTreeMap;
use std::time::Duration;

use conductor_core::app::ApplicationId;
use conductor_core::failure::{Failure, PortError};
use conductor_core::phase::Level;
use futures::StreamExt;

use super::context::{Context, Surroundings};
use super::unpanicking;

/// How long it is tried at each by itself, after it was at all of them together.
const ALONE: Duration = Duration::from_secs(10);
/// The longest that an answer may be late after the last try.
const ANSWER: Duration = Duration::from_secs(60);

/// What was seen, and why the rest was not.
#[derive(Default)]
pub(super) struct Sight {
    pub(super) found: Surroundings,
    pub(super) unseen: BTreeMap<ApplicationId, Failure>,
}

/// Looks at applications, and tries again for so long whatever the error is.
pub(super) async fn look(context: &Context, applications: &[ApplicationId], patience: Duration) -> Sight {
    let failure = match tried(context, applications, patience).await {
        Ok(found) => return Sight { found, ..Sight::default() },
        Err(failure) => failure,
    };
    if let [only] = applications {
        return Sight { unseen: [(only.clone(), not_seen(only, failure))].into(), ..Sight::default() };
    }
    context.note(Level::Warning, format!("{failure}; each application is looked at by itself")).await;
    let looks = applications.iter().map(|application| async move {
        (application, tried(context, std::slice::from_ref(application), ALONE).await)
    });
    let looks: Vec<_> = looks.collect();
    let mut looks = futures::stream::iter(looks).buffer_unordered(context.options.concurrency.max(1));
    let mut sight = Sight::default();
    while let Some((application, looked)) = looks.next().await {
        match looked {
            Ok(found) => sight.found.extend(found),
            Err(failure) => drop(sight.unseen.insert(application.clone(), not_seen(application, failure))),
        }
    }
    sight
}

async fn tried(context: &Context, applications: &[ApplicationId], patience: Duration) -> Result<Surroundings, Failure> {
    let tries = context.insist(patience, || context.observe(applications, Duration::ZERO));
    let failed = |error: PortError| Failure::of("look at the environment", &error);
    unpanicking(context.within(patience + ANSWER, tries)).await.and_then(|looked| looked.map_err(failed))
}

fn not_seen(application: &ApplicationId, Failure { activity, kind, message }: Failure) -> Failure {
    Failure { activity, kind, message: format!("{application} could not be looked at: {message}") }
}
