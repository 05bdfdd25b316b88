//! Whether a delivery has deployed the images that are wanted.

use std::collections::BTreeMap;

use conductor_core::ports::{FailureKind, PortError};

use crate::images::{pinned, repository};
use crate::place::Place;
use crate::production::running;
use crate::reader::Reader;

/// Containers by what is wanted of them.
type Images = BTreeMap<String, String>;

/// The wanted images of the containers that a delivery has left as they were: the same version, or nothing was done.
///
/// # Errors
/// When it has deployed another image than is wanted.
pub(super) fn unchanged(
    task: &str,
    place: &Place,
    found: &Images,
    before: &Images,
    wanted: &Images,
) -> Result<Images, PortError> {
    let mut unchanged = Images::new();
    for (container, wanted) in wanted {
        match found.get(container) {
            Some(found) if found == wanted => {}
            Some(found) if before.get(container) == Some(found) => {
                unchanged.insert(container.clone(), wanted.clone());
            }
            // What its tag stands for does not matter: it is set by the digest that is wanted.
            Some(found) if repository(found) == repository(wanted) => {}
            Some(found) => return Err(other(task, place, container, found, wanted)),
            None => return Err(other(task, place, container, "nothing", wanted)),
        }
    }
    Ok(unchanged)
}

/// Proves that containers run the wanted versions although their images are as they were.
pub(super) async fn prove(reader: &Reader, task: &str, place: &Place, wanted: &Images) -> Result<(), PortError> {
    let found = running(reader, std::slice::from_ref(place), None).await?;
    let runs = found.get(place).map(|running| running.images.clone()).unwrap_or_default();
    for (container, wanted) in wanted {
        let found = runs.get(container).map_or("nothing", String::as_str);
        if pinned(wanted).is_none_or(|wanted| digest(&wanted) != digest(found)) {
            return Err(other(task, place, container, found, wanted));
        }
    }
    Ok(())
}

fn digest(image: &str) -> Option<&str> {
    image.split_once('@').map(|(_, digest)| digest)
}

fn other(task: &str, place: &Place, container: &str, found: &str, wanted: &str) -> PortError {
    let text = format!("{task} has succeeded, and container {container} of {place} runs {found}; expected {wanted}");
    PortError::new(FailureKind::Unsettled, text)
}
