//! The order of deletion: rows that point at others go before what they point at.

use std::collections::BTreeSet;

/// Puts children before their parents, and keeps the declared order where none is needed. Each table has the numbers of its
/// parents; that it is its own is no matter of order.
///
/// # Errors
/// With the tables that point at each other in a circle, and all that these wait for.
pub(crate) fn children_first(parents: &[BTreeSet<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut left: Vec<usize> = (0..parents.len()).collect();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_free = |table: &usize| !left.iter().any(|other| other != table && parents[*other].contains(table));
        let Some(free) = left.iter().position(is_free) else { return Err(left) };
        ordered.push(left.remove(free));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(parents: &[&[usize]]) -> Vec<BTreeSet<usize>> {
        parents.iter().map(|parents| parents.iter().copied().collect()).collect()
    }

    #[test]
    fn children_come_before_parents_and_all_else_stays_as_declared() {
        assert_eq!(children_first(&sets(&[&[], &[0], &[], &[1, 0]])), Ok(vec![2, 3, 1, 0]));
        assert_eq!(children_first(&sets(&[&[], &[], &[]])), Ok(vec![0, 1, 2]));
    }

    #[test]
    fn a_table_may_point_at_itself_and_a_circle_is_told() {
        assert_eq!(children_first(&sets(&[&[0], &[0, 1]])), Ok(vec![1, 0]));
        assert_eq!(children_first(&sets(&[&[1], &[0], &[1]])), Err(vec![0, 1]));
    }
}
