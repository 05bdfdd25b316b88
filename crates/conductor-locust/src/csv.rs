//! Locust's cumulative counters, read from the CSV of its statistics (the only form that it does not cache).
//!
//! Only what the driver needs: no writing, no streaming.

/// Cumulative counters of one row of the statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Requests, failed ones included.
    pub(crate) requests: u64,
    /// Failed requests.
    pub(crate) failures: u64,
}

/// All rows of the statistics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    rows: Vec<(String, String, Counters)>,
}

impl Table {
    /// Reads the text of `/stats/requests/csv`; `None` when it is something else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut records = records(text).into_iter();
        let header = records.next()?;
        let column = |name: &str| header.iter().position(|field| field == name);
        let (method, name) = (column("Type")?, column("Name")?);
        let (requests, failures) = (column("Request Count")?, column("Failure Count")?);
        let rows = records
            .map(|record| {
                let number = |at: usize| record.get(at)?.parse().ok();
                let counters = Counters { requests: number(requests)?, failures: number(failures)? };
                Some((record.get(method)?.clone(), record.get(name)?.clone(), counters))
            })
            .collect::<Option<_>>()?;
        Some(Self { rows })
    }

    /// The counters of a row; zero while Locust has not seen such a request.
    pub(crate) fn row(&self, method: &str, name: &str) -> Counters {
        let found = self.rows.iter().find(|(m, n, _)| m == method && n == name);
        found.map(|(_, _, counters)| *counters).unwrap_or_default()
    }

    /// The counters over all rows.
    pub(crate) fn total(&self) -> Counters {
        self.row("", "Aggregated")
    }
}

/// Records of a CSV text: fields may be quoted, a doubled quote stands for one.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quoted, c) {
            (true, '"') if chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            (_, '"') => quoted = !quoted,
            (false, ',') => record.push(std::mem::take(&mut field)),
            (false, '\r') => {}
            (false, '\n') => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            (_, other) => field.push(other),
        }
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        records.push(record);
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_by_the_names_of_their_columns() {
        let text = "Type,Name,Request Count,Failure Count,Median Response Time\r\n\
                    POST,\"/orders, \"\"fast\"\"\",375,5,2\r\n,Aggregated,2286,7,3\r\n";
        let table = Table::parse(text).unwrap();
        assert_eq!(table.row("POST", "/orders, \"fast\""), Counters { requests: 375, failures: 5 });
        assert_eq!(table.total(), Counters { requests: 2286, failures: 7 });
        assert_eq!(table.row("GET", "/"), Counters::default());
    }

    #[test]
    fn a_text_that_is_not_the_statistics_is_told_apart() {
        assert_eq!(Table::parse("<html><body>Login</body></html>"), None);
        assert_eq!(Table::parse("Type,Name,Request Count,Failure Count\r\nPOST,/x,many,0\r\n"), None);
    }
}
