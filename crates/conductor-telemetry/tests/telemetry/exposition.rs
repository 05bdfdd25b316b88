//! A strict reader of OpenMetrics text: it takes nothing that the rules of the format, or those of good names, forbid.

use std::collections::{BTreeMap, BTreeSet};

/// What a scraper has read: values by series, such as `conductor_runs_total{outcome="passed"}`.
#[derive(Debug)]
pub(crate) struct Scrape {
    series: BTreeMap<String, f64>,
    families: BTreeMap<String, Family>,
}

#[derive(Debug, Default)]
struct Family {
    kind: String,
    help: String,
    unit: Option<String>,
}

impl Scrape {
    /// Reads a text, and fails at the first line that is wrong.
    pub(crate) fn read(text: &str) -> Self {
        let mut this = Self { series: BTreeMap::new(), families: BTreeMap::new() };
        let body = text.strip_suffix("# EOF\n").expect("the text ends by # EOF");
        let mut current = String::new();
        for line in body.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                this.comment(comment, &mut current);
            } else {
                this.sample(line, &current);
            }
        }
        for (name, family) in &this.families {
            assert!(!family.kind.is_empty() && !family.help.is_empty(), "{name} lacks its TYPE or HELP");
            if let Some(unit) = &family.unit {
                assert!(name.ends_with(&format!("_{unit}")), "{name} does not end by its unit {unit}");
            }
        }
        this.assert_histograms();
        this
    }

    /// The value of a series.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        self.series.get(series).copied()
    }

    /// All series that begin by this.
    pub(crate) fn of(&self, start: &str) -> Vec<&str> {
        self.series.keys().map(String::as_str).filter(|series| series.starts_with(start)).collect()
    }

    /// The names of the families, with their types.
    pub(crate) fn families(&self) -> BTreeMap<&str, &str> {
        self.families.iter().map(|(name, family)| (name.as_str(), family.kind.as_str())).collect()
    }

    fn comment(&mut self, comment: &str, current: &mut String) {
        let (keyword, rest) = comment.split_once(' ').expect("a keyword and a name");
        let (name, words) = rest.split_once(' ').expect("a name and what is said of it");
        assert!(is_name(name), "{name:?} is no name of a metric");
        if current != name {
            assert!(!self.families.contains_key(name), "{name} is told in two places");
            name.clone_into(current);
        }
        let family = self.families.entry(name.to_owned()).or_default();
        let was_told = match keyword {
            "TYPE" => !std::mem::replace(&mut family.kind, words.to_owned()).is_empty(),
            "HELP" => !std::mem::replace(&mut family.help, words.to_owned()).is_empty(),
            "UNIT" => family.unit.replace(words.to_owned()).is_some(),
            other => panic!("{other} is no keyword"),
        };
        assert!(!was_told, "{keyword} of {name} is told twice");
    }

    fn sample(&mut self, line: &str, current: &str) {
        let (series, value) = line.rsplit_once(' ').expect("a series and a value");
        let name = series.split('{').next().unwrap();
        let family = self.families.get(current).unwrap_or_else(|| panic!("{line} belongs to nothing"));
        let suffixes: &[&str] = match family.kind.as_str() {
            "gauge" => &[""],
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "info" => &["_info"],
            other => panic!("{other} is no type"),
        };
        let is_of_it = suffixes.iter().any(|suffix| name == format!("{current}{suffix}"));
        assert!(is_of_it, "{line} is no sample of {current}, a {}", family.kind);
        assert_labels(&series[name.len()..]);
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line} has no value"));
        assert!(value.is_finite(), "{line}");
        assert!(self.series.insert(series.to_owned(), value).is_none(), "{series} is told twice");
    }

    /// Buckets grow, and the last one counts all.
    fn assert_histograms(&self) {
        let histograms = self.families.iter().filter(|(_, family)| family.kind == "histogram");
        for name in histograms.map(|(name, _)| name) {
            let counts = self.of(&format!("{name}_count"));
            for count in counts {
                let labels = count.trim_start_matches(&format!("{name}_count")).trim_matches(['{', '}']);
                let all = format!("{name}_bucket{{le=\"+Inf\",{labels}}}");
                assert_eq!(self.value(&all), self.value(count), "{all} and {count}");
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_word)
}

/// Labels such as `{a="b",c="d\"e"}`, or none.
fn assert_labels(labels: &str) {
    if labels.is_empty() {
        return;
    }
    let mut rest = labels.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).expect("labels in braces");
    let mut names = BTreeSet::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").expect("a label and its value");
        assert!(is_name(name) && names.insert(name.to_owned()), "{name:?} in {labels}");
        let mut end = None;
        let mut is_escaped = false;
        for (position, c) in after.char_indices() {
            match (is_escaped, c) {
                (true, '\\' | '"' | 'n') => is_escaped = false,
                (true, other) => panic!("\\{other} in {labels}"),
                (false, '\\') => is_escaped = true,
                (false, '"') => {
                    end = Some(position);
                    break;
                }
                (false, _) => {}
            }
        }
        let after = &after[end.expect("the value ends") + 1..];
        rest = after.strip_prefix(',').unwrap_or(after);
        assert!(after.is_empty() || after.starts_with(','), "{labels}");
    }
}
