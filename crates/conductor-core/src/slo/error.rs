//! What is wrong with an objective, and where.

use std::fmt;

/// An objective that cannot be read, with the place in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SloError {
    /// The whole text.
    pub text: String,
    /// The first character that is wrong, counted from 0.
    pub from: usize,
    /// How many characters are wrong; 0 where something is missing at the end.
    pub len: usize,
    /// What was found there and why it is wrong.
    pub problem: String,
    /// What would be right.
    pub expected: String,
}

impl SloError {
    /// The problem with its place: the text in a line of its own, and marks below what is wrong.
    pub fn pointed(&self) -> String {
        let (indent, marks) = (" ".repeat(self.from), "^".repeat(self.len.max(1)));
        format!("{} at character {}:\n    {}\n    {indent}{marks}", self.problem, self.from + 1, self.text)
    }
}

impl fmt::Display for SloError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; expected {}", self.pointed(), self.expected)
    }
}

/// A word that is not known, with the nearest one that is.
pub(super) fn unknown(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("\"{word}\" is not known (did you mean \"{near}\"?)"),
        None => format!("\"{word}\" is not known"),
    }
}

/// The word that is fewest edits away, where that is less than half of it.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let distances = known.iter().map(|near| (distance(&word, &near.chars().collect::<Vec<_>>()), *near));
    let (least, near) = distances.min_by_key(|(distance, _)| *distance)?;
    (least * 2 < near.chars().count()).then_some(near)
}

/// The fewest insertions, deletions and replacements that make one of the other.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (position, left) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], position + 1);
        for (column, right) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_told_unless_it_is_far() {
        assert_eq!(unknown("durng", &["over", "during"]), "\"durng\" is not known (did you mean \"during\"?)");
        assert_eq!(unknown("banana", &["over", "during"]), "\"banana\" is not known");
        assert_eq!(distance(&['a', 'b', 'c'], &['b', 'c', 'd', 'e']), 3);
    }
}
