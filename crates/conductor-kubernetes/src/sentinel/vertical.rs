//! VerticalPodAutoscalers that do other than a run has left them to do.

use conductor_core::app::ApplicationId;
use conductor_core::guard::Drift;

use super::news::{News, Seen, read, seen, unreadable};
use crate::drift::{Step, last_writer, maker};
use crate::named::Named;
use crate::object::Object;
use crate::vertical::{Policy, VerticalPodAutoscaler};

/// The way to the mode.
const MODE: [Step<'static>; 3] = [Step::Field("spec"), Step::Field("updatePolicy"), Step::Field("updateMode")];

/// What matters of one.
pub(super) struct Mode {
    /// What a run has given it last.
    given: Option<String>,
    found: Option<String>,
    evicts: bool,
}

/// What there is to tell of one.
pub(super) fn vertical((): &(), watch: usize, found: &VerticalPodAutoscaler, is_there: bool) -> Option<News> {
    let meta = &found.metadata;
    let name = Named::of(&(), found).to_string();
    let mode = |policy: Policy| Mode { given: found.given(), evicts: policy.evicts(), found: policy.mode };
    let mode = read(&name, found.fields()).map(mode);
    Some(News::Vertical(name, found.target()?, is_there.then(|| seen(watch, meta, mode))))
}

/// How one drifts: from what the run has given it, or from evicting nothing.
pub(super) fn drift(application: &ApplicationId, name: &str, seen: &Seen<Mode>) -> Option<Drift> {
    let Mode { given, found, evicts } = match &seen.fields {
        Ok(mode) => mode,
        Err(why) => return Some(unreadable(application, why)),
    };
    let expected = match given {
        Some(given) if Some(given) == found.as_ref() => return None,
        Some(given) => given.clone(),
        None if *evicts => "Initial or Off".to_owned(),
        None => return None,
    };
    let by = match found {
        Some(_) => last_writer(&seen.managed, &MODE),
        // Who takes a mode away is not noted. One that the run has not changed is as it was made.
        None => given.is_none().then(|| maker(&seen.managed)).flatten(),
    };
    Some(Drift {
        application: application.clone(),
        field: format!("updateMode of {name}"),
        expected,
        found: found.clone().unwrap_or_else(|| "absent".to_owned()),
        by: by.map(|writer| writer.to_string()),
        reverted: false,
    })
}
