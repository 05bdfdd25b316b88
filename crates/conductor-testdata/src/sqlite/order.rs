//! The order of deletion: rows that point at others go before what they point at.

use conductor_core::ports::{FailureKind, PortError};

use super::catalogue::Checked;

/// Puts children before their parents, and keeps the declared order where none is needed.
pub(super) fn children_first(store: &str, mut left: Vec<Checked>) -> Result<Vec<Checked>, PortError> {
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let free = left.iter().position(|table| !left.iter().any(|other| other.parents.contains(&table.name)));
        let Some(free) = free else {
            let names: Vec<&str> = left.iter().map(|table| table.name.as_str()).collect();
            let act = format!("test data {store}: the tables {} point at each other in a circle", names.join(", "));
            return Err(PortError::new(FailureKind::Rejected, act));
        };
        ordered.push(left.remove(free));
    }
    Ok(ordered)
}
