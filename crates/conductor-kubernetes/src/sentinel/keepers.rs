//! Keepers of a repository that act, though the run has them paused: somebody lets them go on, or has made them anew.

use conductor_core::app::ApplicationId;
use conductor_core::guard::Drift;

use super::news::{News, Seen, seen};
use crate::change::Change;
use crate::drift::{last_writer, maker, way};
use crate::field::Field;
use crate::keeper::{Found, Keeps, Kept};
use crate::object::is_marked;

/// A keeper that acts.
pub(super) struct Acts {
    found: Found,
    /// What would pause it.
    pause: Change,
    is_marked: bool,
}

/// What there is to tell of one.
pub(super) fn keeper<K: Keeps>((): &(), watch: usize, object: &K, is_there: bool) -> Option<News> {
    let found = Found::of(object)?;
    let (keeper, is_marked) = (found.keeper.clone(), is_marked(object));
    // Nothing but its switch is ever looked at, which can be read.
    let pause = object.pause().ok().and_then(|changes| changes.into_iter().next());
    let acts = pause.filter(|_| is_there).map(|pause| Acts { found, pause, is_marked });
    Some(News::Keeper(keeper, acts.map(|acts| Box::new(seen(watch, object.meta(), Ok(acts))))))
}

/// It, as far as it is about some namespaces.
pub(super) fn within(seen: Seen<Acts>, is_in: impl Fn(&str) -> bool) -> Seen<Acts> {
    let fields = seen.fields.map(|acts| Acts { found: acts.found.within(is_in), ..acts });
    Seen { fields, ..seen }
}

/// Whether it keeps one of these.
pub(super) fn keeps<'k>(seen: &Seen<Acts>, kept: impl IntoIterator<Item = &'k Kept>) -> bool {
    seen.fields.as_ref().is_ok_and(|acts| kept.into_iter().any(|kept| kept.is_kept_by(&acts.found)))
}

/// That one acts which keeps this application.
pub(super) fn drift(application: &ApplicationId, seen: &Seen<Acts>) -> Option<Drift> {
    let Acts { found, pause: Change { field, from, to }, is_marked } = seen.fields.as_ref().ok()?;
    let by = match from {
        Some(_) => last_writer(&seen.managed, &way(pointer(field))),
        // Who takes a field away is not noted. One that the run has not paused is as it was made.
        None => (!is_marked).then(|| maker(&seen.managed)).flatten(),
    };
    let [from, to] = [from, to].map(|value| value.as_ref().map_or_else(|| "absent".to_owned(), ToString::to_string));
    Some(Drift {
        application: application.clone(),
        field: format!("{field} of {}", found.keeper),
        expected: to,
        found: from,
        by: by.map(|writer| writer.to_string()),
        reverted: false,
    })
}

/// Where the switch of a keeper stands.
fn pointer(field: &Field) -> &'static str {
    if *field == Field::AutomatedSync { "/spec/syncPolicy/automated/enabled" } else { "/spec/suspend" }
}
