//! What has become of staged runs, as one table.

use std::fmt;

use crate::staged::play::Played;

/// The table of runs that were played.
#[derive(Debug)]
pub struct Table<'a>(pub &'a [Played]);

const HEAD: [&str; 6] = ["case", "disturbed", "expected", "got", "seconds", "ok"];

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![HEAD.map(str::to_owned)];
        rows.extend(self.0.iter().map(|one| {
            let seconds = one.took.as_secs().to_string();
            let ok = if one.is_ok() { "yes" } else { "NO" };
            [one.name, one.disturbed, &one.expected, &one.got, &seconds, ok].map(str::to_owned)
        }));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: [usize; HEAD.len()] = std::array::from_fn(width);
        for row in &rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        let right = self.0.iter().filter(|one| one.is_ok()).count();
        writeln!(f, "\n{right} of {} with the right verdict and the right first reason", self.0.len())
    }
}
