//! What Prometheus' HTTP API answers with.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::increase::Point;
use crate::kpi::web::shown;

/// The most series that a query may give: what counts a business has few.
const MOST_SERIES: usize = 2_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status: String,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Data {
    pub(crate) result_type: String,
    pub(crate) result: serde_json::Value,
}

#[derive(Debug, Deserialize)]
struct Series {
    #[serde(default, rename = "metric")]
    _labels: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// What an answer gives.
///
/// # Errors
/// With what Prometheus or its answer says is wrong.
pub(crate) fn data(text: &str) -> Result<Data, String> {
    let answer: Answer = serde_json::from_str(text)
        .map_err(|error| format!("it is no answer of Prometheus' API: {error}{}", shown(text)))?;
    match answer.data {
        Some(data) if answer.status == "success" => Ok(data),
        Some(_) | None => Err(match answer.error {
            Some(error) => shown(&error).trim_start_matches(": ").to_owned(),
            None => format!("its status is {}", answer.status),
        }),
    }
}

/// The series of an answer, each with its samples. What is not a number is left out.
///
/// # Errors
/// With what Prometheus or its answer says is wrong.
pub(super) fn series(text: &str) -> Result<Vec<Vec<Point>>, String> {
    let data = data(text)?;
    if data.result_type != "matrix" {
        return Err(format!("the query gives a {}, not series over time", data.result_type));
    }
    let found: Vec<Series> = serde_json::from_value(data.result)
        .map_err(|error| format!("its series are not as Prometheus has them: {error}"))?;
    if found.len() > MOST_SERIES {
        return Err(format!("the query gives {} series; {MOST_SERIES} are the most", found.len()));
    }
    let number = |(time, value): (f64, String)| Some((time, value.parse::<f64>().ok().filter(|v| v.is_finite())?));
    Ok(found.into_iter().map(|series| series.values.into_iter().filter_map(number).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_is_left_out_and_errors_are_prometheus_own() {
        let text = r#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"a":"b"},"values":[[1.5,"3"],[2.5,"NaN"],[3.5,"+Inf"],[4.5,"4"]]}]}}"#;
        assert_eq!(series(text).unwrap(), [vec![(1.5, 3.0), (4.5, 4.0)]]);
        let text = r#"{"status":"error","errorType":"bad_data","error":"parse error: unexpected }"}"#;
        assert_eq!(series(text).unwrap_err(), "parse error: unexpected }");
        let text = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
        assert_eq!(series(text).unwrap_err(), "the query gives a vector, not series over time");
        assert!(series("<html>").unwrap_err().starts_with("it is no answer of Prometheus' API: "));
    }
}
