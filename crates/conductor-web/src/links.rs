//! Pages that show a run's figures, as a report leads there.

use conductor_core::links::Link;
use conductor_core::view::RunView;

/// The pages of a run. A report may be of a journal that somebody else has written: what is no page of the web is left out.
pub(crate) fn of(view: &RunView) -> Vec<Link> {
    let is_of_the_web = |link: &&Link| ["http://", "https://"].iter().any(|scheme| link.url.starts_with(scheme));
    view.links.iter().filter(is_of_the_web).cloned().collect()
}
