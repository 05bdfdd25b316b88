//! Figures and saturation that a real Prometheus has of chosen times.

use std::fmt::Write;

use conductor_core::figures::Reading;
use conductor_core::ports::{FailureKind, FigureSource, SaturationSource};
use conductor_core::saturation::Saturation;
use conductor_observe::{FiguresSettings, PrometheusFigures, PrometheusSaturation, SaturationSettings};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::contract::{run, words};
use crate::prometheus_bed::{Prometheus, program};

/// What nobody listens at: what there is was written before.
const NOWHERE: &str = "127.0.0.1:9";
const APPLICATIONS: usize = 1_122;

struct Bed {
    prometheus: Prometheus,
    began: Timestamp,
    _folder: tempfile::TempDir,
}

impl Bed {
    /// A Prometheus that has, of four minutes an hour ago, the use of a processor by each application, every fifteen seconds: of the
    /// shop a tenth more each minute, and of all others a tenth.
    fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let began = Timestamp::from_second(Timestamp::now().as_second() - 3_600).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut text = "# TYPE cpu_ratio gauge\n".to_owned();
        let mut tell = |name: &str, of: &dyn Fn(f64) -> f64| {
            for sample in 0..=16 {
                let at = began.as_second() + 15 * sample;
                let value = of(15.0 * sample as f64 / 60.0);
                writeln!(text, "cpu_ratio{{application=\"{name}\",zone=\"a\"}} {value} {at}").unwrap();
            }
        };
        tell("shop", &|minutes| 0.5 + 0.1 * minutes.floor());
        (1..APPLICATIONS).for_each(|number| tell(&format!("app-{number}"), &|_| 0.1));
        text.push_str("# EOF\n");
        let file = folder.path().join("samples");
        std::fs::write(&file, text).unwrap();
        let mut backfill = program("promtool");
        backfill.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&file).arg(folder.path().join("data"));
        let done = backfill.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let prometheus = Prometheus::scraping(NOWHERE, folder.path().to_owned());
        Self { prometheus, began, _folder: folder }
    }

    fn at(&self, seconds: i64) -> Timestamp {
        Timestamp::from_second(self.began.as_second() + seconds).unwrap()
    }

    fn server(&self, more: Value) -> Value {
        let mut written = more;
        written["url"] = self.prometheus.url.clone().into();
        written
    }

    fn figures(&self, more: Value) -> PrometheusFigures {
        let settings: FiguresSettings = serde_json::from_value(json!({ "prometheus": self.server(more) })).unwrap();
        assert_eq!(settings.violations(), []);
        PrometheusFigures::new(settings).unwrap()
    }

    fn saturation(&self, query: &str) -> PrometheusSaturation {
        let settings = json!({ "prometheus": self.server(json!({})), "query": query });
        let settings: SaturationSettings = serde_json::from_value(settings).unwrap();
        assert_eq!((settings.violations(), settings.threshold), (vec![], 0.9));
        PrometheusSaturation::new(settings).unwrap()
    }
}

fn queries<const N: usize>(of: [&str; N]) -> Vec<String> {
    of.map(str::to_owned).to_vec()
}

#[tokio::test]
async fn figures_are_those_of_their_time() {
    let bed = Bed::start();
    let query = r#"max(cpu_ratio{application="shop"})"#;
    let asked =
        queries([query, "0 / 0", "max(no_such)", "cpu_ratio", "max(", r#"count(cpu_ratio{run="$run"}) or vector(7)"#]);
    let figures = bed.figures(json!({}));
    let (time, found) = figures.read(&run(), &asked, bed.at(130)).await.unwrap();
    assert_eq!((time, &found[query]), (bed.at(130), &Reading::of(0.7)));
    assert_eq!(figures.read(&run(), &asked, bed.at(60)).await.unwrap().1[query], Reading::of(0.6));
    assert_eq!(found["0 / 0"], Reading::failed("it is NaN"));
    assert_eq!(found[&asked[5]], Reading::of(7.0), "with the run's id in the query");
    let why = |query: &str| found[query].failure.clone().unwrap();
    assert_eq!(why("max(no_such)"), "the query gives no data");
    let several = "the query gives 1122 series; expected one number, such as of max(…) or sum(…) around it";
    assert_eq!(why("cpu_ratio"), several);
    assert!(why("max(").contains("parse error"), "Prometheus' own words: {}", why("max("));
    let late = bed.figures(json!({ "delay": "1m" }));
    let (time, found) = late.read(&run(), &asked[..1], bed.at(130)).await.unwrap();
    assert_eq!((time, &found[query]), (bed.at(70), &Reading::of(0.6)), "what is complete by then");
}

#[tokio::test]
async fn a_query_that_can_be_no_figure_is_refused_before_the_load_with_prometheus_own_words() {
    let bed = Bed::start();
    let figures = bed.figures(json!({}));
    let without = "vector(1) and vector(1) == 2";
    let asked = queries(["vector(1)", "scalar(vector(2))", "0 / 0", without]);
    assert_eq!(figures.check(&run(), &asked).await.unwrap(), [without], "there may be none before the load");
    let wrong = queries(["vector(1)", "max(", "up[5m]", without, "\"text\""]);
    let error = figures.check(&run(), &wrong).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    let told = words(&error);
    for words in [
        "prometheus(\"max(\"): could not ask Prometheus at http://127.0.0.1:",
        "parse error: unclosed left parenthesis",
        "; prometheus(\"up[5m]\"): could not ask Prometheus at ",
        "the query gives a matrix, and not figures at one time",
        "the query gives a string, and not figures at one time",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains("prometheus(\"vector(1)\")"), "{told}");
}

#[tokio::test]
async fn one_query_tells_of_more_than_a_thousand_applications() {
    let bed = Bed::start();
    let source = bed.saturation("max by (application) (cpu_ratio)");
    let (time, used) = source.read(&run(), bed.at(240)).await.unwrap();
    let look = Saturation::of(time, source.threshold(), used);
    assert_eq!((look.at, look.read, look.highest.len()), (bed.at(240), 1_122, 10));
    assert_eq!((look.highest[0].application.as_str(), look.highest[0].ratio), ("shop", 0.9));
    let none = bed.saturation("max by (application) (no_such)").read(&run(), bed.at(240)).await.unwrap();
    assert_eq!(none.1, []);
    let error = bed.saturation("max by (zone) (cpu_ratio)").read(&run(), bed.at(240)).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(
        words(&error).contains("whose label application names no application (labels of the first: zone)"),
        "{error:?}"
    );
    let error = bed.saturation("scalar(vector(1))").read(&run(), bed.at(240)).await.unwrap_err();
    assert_eq!(words(&error), "saturation.query gives a number, and not a series for each application");
}

#[tokio::test]
async fn a_prometheus_that_is_down_is_told_of_once_and_has_no_figures() {
    let mut bed = Bed::start();
    let (figures, saturation) = (bed.figures(json!({ "timeout": "2s" })), bed.saturation("cpu_ratio"));
    bed.prometheus.stop();
    let asked = queries(["vector(1)", "vector(2)"]);
    let error = figures.read(&run(), &asked, bed.at(0)).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable, "{}", words(&error));
    assert!(
        words(&error).starts_with(&format!("could not ask Prometheus at {}", bed.prometheus.url)),
        "{}",
        words(&error)
    );
    assert_eq!(figures.check(&run(), &asked).await.unwrap_err().kind, FailureKind::Unavailable);
    assert_eq!(saturation.read(&run(), bed.at(0)).await.unwrap_err().kind, FailureKind::Unavailable);
}
