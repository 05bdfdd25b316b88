//! What an instant query of Prometheus' HTTP API gives.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::kpi::prometheus::answer::data;

/// The most series that a query may give: there are a few thousand applications at most.
const MOST_SERIES: usize = 20_000;

/// What a query gives at one time. Figures may be what is no finite number.
#[derive(Debug, PartialEq)]
pub(super) enum Instant {
    /// One number.
    Scalar(f64),
    /// A number for each of some series, with its labels.
    Vector(Vec<(BTreeMap<String, String>, f64)>),
}

#[derive(Debug, Deserialize)]
struct Series {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

/// What an answer says.
///
/// # Errors
/// With what Prometheus or its answer says is wrong.
pub(super) fn instant(text: &str) -> Result<Instant, String> {
    let data = data(text)?;
    let unlike = |error: serde_json::Error| format!("its result is not as Prometheus has it: {error}");
    let number = |value: &str| value.parse::<f64>().map_err(|_| format!("its result has a value \"{value}\""));
    match data.result_type.as_str() {
        "scalar" => {
            let (_, value): (f64, String) = serde_json::from_value(data.result).map_err(unlike)?;
            number(&value).map(Instant::Scalar)
        }
        "vector" => {
            let found: Vec<Series> = serde_json::from_value(data.result).map_err(unlike)?;
            if found.len() > MOST_SERIES {
                return Err(format!("the query gives {} series; {MOST_SERIES} are the most", found.len()));
            }
            let series = found.into_iter().map(|series| Ok((series.metric, number(&series.value.1)?)));
            series.collect::<Result<_, String>>().map(Instant::Vector)
        }
        other => Err(format!("the query gives a {other}, and not figures at one time")),
    }
}

/// The one number that an objective is judged by; `None` where there is no data.
///
/// # Errors
/// With what would be right, where there are several.
pub(super) fn one(found: Instant) -> Result<Option<f64>, String> {
    match found {
        Instant::Scalar(value) => Ok(Some(value)),
        Instant::Vector(series) => match series.as_slice() {
            [(_, value)] => Ok(Some(*value)),
            [] => Ok(None),
            several => Err(format!(
                "the query gives {} series; expected one number, such as of max(…) or sum(…) around it",
                several.len()
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, result: &str) -> Result<Option<f64>, String> {
        instant(&format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#)).and_then(one)
    }

    #[test]
    fn one_number_is_a_figure_and_anything_else_says_what_would_be_right() {
        assert_eq!(read("scalar", r#"[1.5,"0.25"]"#), Ok(Some(0.25)));
        assert_eq!(read("vector", r#"[{"metric":{"a":"b"},"value":[1.5,"3"]}]"#), Ok(Some(3.0)));
        assert!(
            read("vector", r#"[{"metric":{},"value":[1.5,"NaN"]}]"#).unwrap().unwrap().is_nan(),
            "who judges it says so"
        );
        assert_eq!(read("vector", "[]"), Ok(None), "no data is no figure, and no error");
        let two = r#"[{"metric":{"a":"b"},"value":[1.5,"3"]},{"metric":{"a":"c"},"value":[1.5,"4"]}]"#;
        assert!(read("vector", two).unwrap_err().starts_with("the query gives 2 series; expected one number"));
        assert_eq!(read("matrix", "[]").unwrap_err(), "the query gives a matrix, and not figures at one time");
        assert_eq!(read("string", "[1, \"a\"]").unwrap_err(), "the query gives a string, and not figures at one time");
        assert!(read("vector", r#"[{"metric":{},"value":[1.5,"x"]}]"#).unwrap_err().contains("a value \"x\""));
        assert!(read("vector", "7").unwrap_err().starts_with("its result is not as Prometheus has it"));
    }
}
