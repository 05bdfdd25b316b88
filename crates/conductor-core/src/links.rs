//! Pages where people look at a run's figures, by links to just its time and just its figures.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::run::RunId;

/// How much of the time before and after a run a page shows: what was before is what a run is compared with.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// A page that shows runs, as an environment knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageTemplate {
    /// What it shows.
    pub title: String,
    /// Its address, in which `{run}`, `{loadTest}`, `{environment}`, `{from}` and `{to}` stand for those of a run.
    pub url: String,
}

/// A page that shows a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// What it shows.
    pub title: String,
    /// Its address.
    pub url: String,
}

/// What a page shows of a run.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The run.
    pub run: &'a RunId,
    /// The load test's name.
    pub load_test: &'a str,
    /// Its environment.
    pub environment: &'a str,
    /// When it began.
    pub from: Timestamp,
    /// When it was over; `None` while it goes on.
    pub to: Option<Timestamp>,
}

impl PageTemplate {
    /// The page of a run. Times are milliseconds since 1970, a minute wider than the run on either side, and `now` at the end
    /// of one that goes on.
    pub fn link(&self, shown: &Shown<'_>) -> Link {
        let millisecond = |time: Timestamp| time.as_millisecond().to_string();
        let from = millisecond(shown.from.saturating_sub(MARGIN).unwrap_or(shown.from));
        let to = shown.to.map(|to| to.saturating_add(MARGIN).unwrap_or(to));
        let to = to.map_or_else(|| "now".to_owned(), millisecond);
        let values = [
            ("{run}", shown.run.as_str()),
            ("{loadTest}", shown.load_test),
            ("{environment}", shown.environment),
            ("{from}", &from),
            ("{to}", &to),
        ];
        // No value holds a brace once it is escaped, so that none is taken for another one's place.
        let url = values.iter().fold(self.url.clone(), |url, (place, value)| url.replace(place, &escaped(value)));
        Link { title: self.title.clone(), url }
    }
}

/// A text as the value of a query, with everything escaped that is not unreserved in RFC 3986.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            // Writing to a text does not fail.
            _ => drop(write!(escaped, "%{byte:02X}")),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(load_test: &str, to: Option<&str>) -> String {
        let url = "https://grafana.test/d/conductor-run?from={from}&to={to}&var-load_test={loadTest}&var-run={run}";
        let template =
            PageTemplate { title: "the run".to_owned(), url: format!("{url}&var-environment={{environment}}") };
        let run = "cyber-week-1".parse().unwrap();
        let from = "2026-11-24T14:00:00.5Z".parse().unwrap();
        let to = to.map(|to| to.parse().unwrap());
        template.link(&Shown { run: &run, load_test, environment: "shop", from, to }).url
    }

    #[test]
    fn a_link_has_the_run_and_its_time_with_a_margin() {
        assert_eq!(
            link("cyber-week", Some("2026-11-24T16:00:00Z")),
            "https://grafana.test/d/conductor-run?from=1795528740500&to=1795536060000&var-load_test=cyber-week&\
             var-run=cyber-week-1&var-environment=shop"
        );
    }

    #[test]
    fn a_run_that_goes_on_is_shown_until_now() {
        assert!(link("cyber-week", None).contains("?from=1795528740500&to=now&"));
    }

    #[test]
    fn a_value_stays_one_value_whatever_is_in_it() {
        let url = link("50% & more? {run}=ä#+", None);
        assert!(
            url.contains("&var-load_test=50%25%20%26%20more%3F%20%7Brun%7D%3D%C3%A4%23%2B&var-run=cyber-week-1&"),
            "{url}"
        );
    }
}
