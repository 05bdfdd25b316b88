//! A curve from its CSV file: rows of `time,value`. What a curve is in a load test is said in `conductor_core::spec`.

use std::path::Path;
use std::time::Duration;

use conductor_core::spec::{CurveDocument, CurvePointDocument, LoadTestDocument, ValueDocument, Violation};
use conductor_core::units::{Rate, Span};

use crate::input::{InputError, Problem, Written, read, text};
use crate::places::Place;

/// The most rows that are read.
const MOST_ROWS: usize = 10_000;
const A_TIME: &str = "seconds since the curve's begin, or a span of time such as 90s or 6h";
const A_VALUE: &str = "a share of the scale from 0 to 1000, such as 0.35, or a rate such as 2500/min";

/// Reads a load test, with the curves that it names beside it.
///
/// # Errors
/// When the file or one of its curves cannot be read; a curve's error points at its own file and line.
pub fn read_load_test(file: &Path) -> Result<Written<LoadTestDocument>, InputError> {
    let mut written = read::<LoadTestDocument>(file)?;
    let mut violations = Vec::new();
    for (position, stage) in written.value.spec.stages.iter_mut().flatten().enumerate() {
        let Some(CurveDocument::File(name)) = &stage.curve else { continue };
        let path = file.parent().unwrap_or(Path::new("")).join(name);
        match text(&path, "a curve of at most 10000 rows") {
            Ok(rows) => stage.curve = Some(CurveDocument::Points(points(&path, &rows)?)),
            Err(problem) => violations.push(Violation {
                field: format!("spec.stages[{position}].curve"),
                problem: format!("{} {problem}", path.display()),
                expected: "a CSV file beside the load test".to_owned(),
            }),
        }
    }
    if violations.is_empty() { Ok(written) } else { Err(written.refuse(&violations)) }
}

/// The points of a CSV text.
fn points(file: &Path, text: &str) -> Result<Vec<CurvePointDocument>, InputError> {
    let mut rows = Rows { last: None, problems: Vec::new(), points: Vec::new() };
    let lines = text.trim_start_matches('\u{feff}').lines().zip(1_u64..);
    let mut lines = lines.filter(|(line, _)| !line.trim().is_empty()).peekable();
    lines.next_if(|(line, _)| is_header(line));
    for (line, number) in lines {
        rows.take(line, number);
    }
    if rows.problems.is_empty() && !(2..=MOST_ROWS).contains(&rows.points.len()) {
        let message = format!("there are {} rows; expected 2 to {MOST_ROWS} rows of time,value", rows.points.len());
        rows.problems.push(Problem { place: None, message });
    }
    if rows.problems.is_empty() {
        return Ok(rows.points);
    }
    Err(InputError { file: file.to_owned(), problems: rows.problems })
}

fn is_header(line: &str) -> bool {
    fields(line).is_some_and(|(time, value)| time.eq_ignore_ascii_case("time") && value.eq_ignore_ascii_case("value"))
}

/// The two fields of a row, without the quotes that spreadsheets put around them.
fn fields(line: &str) -> Option<(&str, &str)> {
    let (time, value) = line.split_once(',')?;
    Some((time.trim().trim_matches('"'), value.trim().trim_matches('"')))
}

/// The rows read so far.
struct Rows {
    last: Option<Span>,
    problems: Vec<Problem>,
    points: Vec<CurvePointDocument>,
}

impl Rows {
    fn take(&mut self, line: &str, number: u64) {
        /// More would hide the first ones.
        const MOST_PROBLEMS: usize = 20;
        if self.problems.len() >= MOST_PROBLEMS {
            return;
        }
        let mut wrong = |message: String| {
            let place = Some(Place { line: number, column: 1 });
            self.problems.push(Problem { place, message });
        };
        let Some((time, value)) = fields(line) else {
            wrong(format!("\"{line}\" is not a row; expected time,value such as 6h,0.35"));
            return;
        };
        let read_time = time_of(time);
        match (read_time, self.last) {
            (None, _) => wrong(format!("\"{time}\" is not a time; expected {A_TIME}")),
            (Some(time), Some(last)) if time < last => {
                wrong(format!("{time} is before {last}; expected rows in the order of time"));
            }
            (Some(_), _) => {}
        }
        let read_value = value_of(value);
        if read_value.is_none() {
            wrong(format!("\"{value}\" is not a value; expected {A_VALUE}"));
        }
        self.last = read_time.or(self.last);
        if let (Some(time), Some(value)) = (read_time, read_value) {
            self.points.push(CurvePointDocument { time: time.to_string(), value });
        }
    }
}

fn time_of(text: &str) -> Option<Span> {
    match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok().map(Span::from),
        Err(_) => text.parse().ok(),
    }
}

fn value_of(text: &str) -> Option<ValueDocument> {
    match text.parse::<f64>() {
        Ok(share) => (0.0..=1000.0).contains(&share).then_some(ValueDocument::Share(share)),
        Err(_) => text.parse::<Rate>().ok().map(|_| ValueDocument::Rate(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use conductor_core::spec::LoadTestSpec;

    use super::*;

    const TEST: &str = "
apiVersion: loadtest-conductor.dev/v1alpha1
kind: LoadTest
metadata: { name: day }
spec:
  environment: shop
  kpi: { name: orders }
  stages:
    - { ramp: 10m, to: 60/min }
    - { curve: day.csv, scale: 7200/min }
";

    fn day(csv: Option<&str>) -> Result<LoadTestSpec, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.yaml");
        std::fs::write(&file, TEST).unwrap();
        if let Some(csv) = csv {
            std::fs::write(folder.path().join("day.csv"), csv).unwrap();
        }
        let plain = |error: InputError| error.to_string().replace(&format!("{}/", folder.path().display()), "");
        let written = read_load_test(&file).map_err(plain)?;
        LoadTestSpec::try_from(written.value.clone()).map_err(|error| plain(written.refuse(&error.violations)))
    }

    #[test]
    fn the_rows_become_points_so_that_a_run_needs_no_file() {
        let spec = day(Some("\u{feff}Time, Value\r\n0,0.5\r\n\r\n\"6h\",\"1\"\r\n28800.5,1440/min\r\n")).unwrap();
        let points: Vec<_> = spec.profile().points().iter().map(|point| (point.at_s, point.per_min)).collect();
        let begin = 600.0;
        assert_eq!(
            points,
            [(0.0, 0.0), (begin, 60.0), (begin, 3600.0), (begin + 21600.0, 7200.0), (begin + 28800.5, 1440.0)]
        );
        let journalled = serde_json::to_string(&spec).unwrap();
        assert!(!journalled.contains("day.csv"), "{journalled}");
        assert_eq!(serde_json::from_str::<LoadTestSpec>(&journalled).unwrap(), spec);
    }

    #[test]
    fn every_bad_row_is_told_with_its_line_and_what_would_be_right() {
        let error = day(Some("time,value\n0,0.5\nnoon,1\n60,-1\n30,1\n90\n")).unwrap_err();
        let expected = [
            "day.csv:3:1: \"noon\" is not a time; expected seconds since the curve's begin, or a span of time such as 90s or 6h",
            "day.csv:4:1: \"-1\" is not a value; expected a share of the scale from 0 to 1000, such as 0.35, or a rate such as 2500/min",
            "day.csv:5:1: 30s is before 1m; expected rows in the order of time",
            "day.csv:6:1: \"90\" is not a row; expected time,value such as 6h,0.35",
        ];
        assert_eq!(error.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_curve_is_neither_empty_nor_endless() {
        assert_eq!(
            day(Some("time,value\n")).unwrap_err(),
            "day.csv: there are 0 rows; expected 2 to 10000 rows of time,value"
        );
        let rows: String = (0..10_001).map(|row| format!("{row},1\n")).collect();
        assert!(day(Some(&rows)).unwrap_err().contains("there are 10001 rows"));
        let error = day(Some(&"1,1\n".repeat(300_000))).unwrap_err();
        assert!(error.contains("is longer than 1 MiB; expected a curve of at most 10000 rows"), "{error}");
    }

    #[test]
    fn a_missing_file_is_told_at_the_field_that_names_it() {
        let error = day(None).unwrap_err();
        assert!(
            error.starts_with("test.yaml:10:16: spec.stages[1].curve: day.csv could not be read: No such file"),
            "{error}"
        );
        assert!(error.ends_with("; expected a CSV file beside the load test"), "{error}");
    }

    #[test]
    fn what_is_wrong_with_the_curve_as_a_whole_is_told_at_the_field() {
        let error = day(Some("0,0\n60,0\n")).unwrap_err();
        assert_eq!(error, "test.yaml:10:16: spec.stages[1].curve: every value is zero; expected a value above zero");
    }
}
