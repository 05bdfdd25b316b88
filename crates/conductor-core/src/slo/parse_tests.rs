//! Objectives as they are read: what is taken, what is refused and where, and that what is shown is read as the same.

use proptest::prelude::*;

use super::{Bound, During, Judged, Limit, Metric, Percentile, Slo, SloError, Then};
use crate::units::Span;

fn slo(text: &str) -> Slo {
    text.parse().unwrap_or_else(|error: SloError| panic!("{error}"))
}

fn refused(text: &str) -> String {
    text.parse::<Slo>().unwrap_err().to_string()
}

#[test]
fn an_objective_is_read_as_a_person_means_it() {
    let whole = Slo {
        metric: Metric::Percentile(Percentile(95_000)),
        requests: Some("checkout".to_owned()),
        bound: Bound::Below,
        limit: Limit::Time(800_000),
        judged: Judged::Whole,
        during: During::Plateau,
        then: Then::Mark,
    };
    assert_eq!(slo("p95(checkout) < 800ms"), whole);
    assert_eq!(slo("  p95 ( checkout )<0.8 s during plateau then mark "), whole);
    assert_eq!(
        slo("p99.9 < 1.5s over 2m during load then abort"),
        Slo {
            metric: Metric::Percentile(Percentile(99_900)),
            requests: None,
            bound: Bound::Below,
            limit: Limit::Time(1_500_000),
            judged: Judged::Over(Span::minutes(2)),
            during: During::Load,
            then: Then::Abort,
        }
    );
    let minutes = slo("error_rate(POST /orders) < 0.5 % in 99% of minutes");
    assert_eq!(
        (&minutes.metric, minutes.limit, minutes.judged, minutes.during),
        (&Metric::ErrorRate, Limit::Share(5_000), Judged::Minutes(990_000), During::Plateau)
    );
    assert_eq!(minutes.counted_as(), Some("POST /orders"));
    assert_eq!(slo("mean(\"a \\\"b\\\" (c)\") < 3ms").counted_as(), Some("a \"b\" (c)"));
}

#[test]
fn a_figure_of_prometheus_is_a_query_in_quotes_with_a_number_as_its_limit() {
    let figure = slo(r#"prometheus("max(cpu{job='shop'})") < 0.7 for 3m"#);
    let whole = Slo {
        metric: Metric::Prometheus("max(cpu{job='shop'})".to_owned()),
        requests: None,
        bound: Bound::Below,
        limit: Limit::Number(700_000),
        judged: Judged::For(Span::minutes(3)),
        during: During::Plateau,
        then: Then::Mark,
    };
    assert_eq!(figure, whole);
    assert_eq!((figure.query(), figure.counted_as()), (Some("max(cpu{job='shop'})"), None));
    let escaped = slo(r#" prometheus ( "x{a=\"b\\\\d\"}" )>-2 during load then abort"#);
    assert_eq!(escaped.query(), Some(r#"x{a="b\\d"}"#));
    assert_eq!(
        (escaped.bound, escaped.limit, escaped.judged, escaped.then),
        (Bound::Above, Limit::Number(-2_000_000), Judged::For(Span::default()), Then::Abort),
        "at each measurement, so that it is known before the end"
    );
    assert_eq!(escaped.to_string(), r#"prometheus("x{a=\"b\\\\d\"}") > -2 during load then abort"#);
    let minutes = slo("prometheus(\"up\") > 0 in 99% of minutes then abort");
    assert_eq!(minutes.to_string(), "prometheus(\"up\") > 0 in 99% of plateau minutes then abort");
}

#[test]
fn a_mistake_in_a_figure_of_prometheus_is_pointed_at() {
    assert_eq!(
        refused(r#"prometheus("up{a=\d}") < 1"#),
        "what follows the backslash cannot be escaped at character 18:\n    prometheus(\"up{a=\\d}\") < 1\n                     ^^; \
         expected \\\" for a quote, or \\\\ for a backslash"
    );
    assert_eq!(
        refused("prometheus(up) < 1"),
        "the query of a figure is not in quotes at character 12:\n    prometheus(up) < 1\n               ^^; expected a query in \
         quotes, such as prometheus(\"max(cpu_ratio{job='shop'})\")"
    );
    let mistakes = [
        ("prometheus", "the query is missing at character 11"),
        ("prometheus(", "the query is missing at character 12"),
        ("prometheus()", "the query of a figure is not in quotes at character 12"),
        ("prometheus < 1", "\"<\" is not the query of a figure at character 12"),
        ("prometheus(\"up", "the quotes of a query are not closed at character 12"),
        ("prometheus(\"up\\", "what follows the backslash cannot be escaped at character 15"),
        ("prometheus(\" \") < 1", "there is no query in the quotes at character 12"),
        ("prometheus(\"up\" < 1", "the parenthesis is not closed after the query at character 11"),
        ("prometheus(\"up\")", "\"<\" is missing at character 17"),
        ("prometheus(\"up\") >= 1", "\">\" is not what an objective compares by at character 18"),
        ("prometheus(\"up\") = 1", "\"=\" is not what an objective compares by"),
        ("prometheus(\"up\") < ", "a limit is missing"),
        ("prometheus(\"up\") < 70%", "a figure of Prometheus has no unit: \"70%\" at character 20"),
        ("prometheus(\"up\") < 1.1 × baseline", "figures of Prometheus are not kept to be compared with a baseline"),
        ("prometheus(\"up\") < 0.0000001", "it is not a limit: \"0.0000001\""),
        ("prometheus(\"up\") < high", "it is not a limit: \"high\""),
        (
            "prometheus(\"up\") < 1 over 3m",
            "\"over\" adds up requests, and a figure of Prometheus has its times in its query",
        ),
        ("prometheus(\"up\") < 1 for", "the time of \"for\" is missing at character 25"),
        ("prometheus(\"up\") < 1 for 0s", "\"0s\" is not a time of whole seconds"),
        ("prometheus(\"up\") < 1 for 3m in 9% of minutes", "\"in\" comes after something that says the same"),
        ("prometheus(\"up\") < 1 fr 3m", "expected for 3m or in 99% of plateau minutes, during plateau"),
        ("p95 < 1s for 3m", "\"for\" is of figures of Prometheus, and requests are added up at character 10"),
        ("prometeus(\"up\") < 1", "did you mean \"prometheus\"?"),
    ];
    for (text, message) in mistakes {
        assert!(refused(text).contains(message), "{text}: {}", refused(text));
    }
}

#[test]
fn a_multiple_of_the_baseline_has_three_signs() {
    let texts = ["1.1 × baseline", "1.1×baseline", "1.1 x baseline", "1.1x baseline", "1.1 * baseline", "1.1*baseline"];
    for text in texts {
        assert_eq!(slo(&format!("p95(checkout) < {text}")).limit, Limit::Baseline(1_100), "{text}");
    }
}

#[test]
fn objectives_are_written_in_one_way() {
    let texts = [
        ("p95(checkout)<0.80s", "p95(checkout) < 800ms"),
        ("error_rate < 1 % then alert", "error_rate < 1% then alert"),
        ("p99.90 < 1500ms then abort over 120s", "p99.9 < 1.5s over 2m then abort"),
        ("error_rate < 0.50% during load", "error_rate < 0.5% during load"),
        ("error_rate < 1 % in 99% of minutes", "error_rate < 1% in 99% of plateau minutes"),
        ("mean(\"checkout\") < 1.1*baseline", "mean(checkout) < 1.1 × baseline"),
        ("mean(\" a\") < 2s", "mean(\" a\") < 2s"),
    ];
    for (text, written) in texts {
        assert_eq!(slo(text).to_string(), written);
    }
}

#[test]
fn what_is_wrong_is_pointed_at() {
    assert_eq!(
        refused("p95(checkout) < 800sx"),
        "\"800sx\" is not a limit at character 17:\n    p95(checkout) < 800sx\n                    ^^^^^; expected a time such as 800ms \
         or 1.5s, or a multiple of the baseline such as 1.1 × baseline"
    );
    assert_eq!(
        refused("p95 < 1s durng plateau"),
        "\"durng\" is not known (did you mean \"during\"?) at character 10:\n    p95 < 1s durng plateau\n             ^^^^^; expected \
         over 2m or in 99% of plateau minutes, during plateau, ramp or load, then mark, abort or alert, or nothing more"
    );
    assert_eq!(
        refused("p95(checkout)"),
        "\"<\" is missing at character 14:\n    p95(checkout)\n                 ^; expected < and what the figure must be below"
    );
    // A sign of more than one byte is one character.
    assert_eq!(
        refused("p95 < 1.1 × basline"),
        "\"basline\" is not known (did you mean \"baseline\"?) at character 13:\n    p95 < 1.1 × basline\n                ^^^^^^^; \
         expected baseline, which is the run that spec.baseline names"
    );
}

#[test]
fn each_mistake_has_its_words() {
    let mistakes = [
        ("", "a figure is missing at character 1"),
        ("q95 < 1s", "did you mean \"p95\"?"),
        ("p0 < 1s", "\"p0\" is not a percentile at character 1"),
        ("p100 < 1s", "\"p100\" is not a percentile"),
        ("p99.9999 < 1s", "\"p99.9999\" is not a percentile"),
        ("prometheus(\"up\") < 1s", "a figure of Prometheus has no unit"),
        ("p95(checkout < 1s", "the parenthesis is not closed after the name at character 4"),
        ("p95(\"checkout) < 1s", "the quotes of a name are not closed at character 5"),
        ("p95() < 1s", "there is no name in the parentheses at character 5"),
        ("p95(", "there is no name in the parentheses at character 5"),
        ("p95 > 1s", "\">\" is not what an objective compares by at character 5"),
        ("p95 <= 1s", "\"<\" is not what an objective compares by"),
        ("p95 < 5%", "a response time is no share at character 7"),
        ("error_rate < 5ms", "an error rate is a share, not a time at character 14"),
        ("error_rate < 101%", "\"101%\" is more than everything"),
        ("error_rate < 0%", "nothing can be below \"0%\""),
        ("p95 < 4000s", "the time is too long"),
        ("p95 < 1.0000001s", "more decimals than are told apart"),
        ("p95 < 1s over", "the time of \"over\" is missing at character 14"),
        ("p95 < 1s over 0s", "\"0s\" is not a time of whole seconds"),
        ("p95 < 1s over 2m in 99% of minutes", "\"in\" comes after something that says the same at character 18"),
        ("p95 < 1s during load during load", "\"during\" comes after something that says the same"),
        ("p95 < 1s during load in 9% of minutes", "\"in\" comes after something that says the same"),
        ("p95 < 1s in 0% of minutes", "\"0%\" is not a share above 0%"),
        ("p95 < 1s in 99% of platau minutes", "did you mean \"plateau\"?"),
        ("p95 < 1s then abort", "a run cannot be ended by a figure that is only known at its end"),
        ("p95 < 1s over 1m then alrt", "\"alrt\" is not known (did you mean \"alert\"?) at character 23"),
        ("p95 < 1s\nover 1m", "there is a control character"),
    ];
    for (text, message) in mistakes {
        assert!(refused(text).contains(message), "{text}: {}", refused(text));
    }
    let long = format!("p95({}) < 1s", "a".repeat(600));
    assert!(refused(&long).contains("610 characters are too many"), "{}", refused(&long));
}

fn slos() -> impl Strategy<Value = Slo> {
    let metric = prop_oneof![
        (1_u32..100_000).prop_map(|units| Metric::Percentile(Percentile(units))),
        Just(Metric::Mean),
        Just(Metric::ErrorRate)
    ];
    let judged = prop_oneof![
        Just(Judged::Whole),
        (1_u64..=86_400).prop_map(|seconds| Judged::Over(Span::seconds(seconds))),
        (1_u32..=1_000_000).prop_map(Judged::Minutes),
    ];
    let during = prop_oneof![Just(During::Plateau), Just(During::Ramp), Just(During::Load)];
    let requests =
        proptest::option::of("[ -~é×]{0,20}[!-~]".prop_filter("no name", |name: &String| !name.trim().is_empty()));
    let units = (1_u64..=3_600_000_000, 1_u32..=1_000_000, 1_u32..=1_000_000, any::<bool>());
    let then = prop_oneof![Just(Then::Mark), Just(Then::Abort), Just(Then::Alert)];
    (metric, requests, units, judged, during, then).prop_map(
        |(metric, requests, (time, share, factor, relative), judged, during, then)| {
            let limit = match metric {
                _ if relative => Limit::Baseline(factor),
                Metric::ErrorRate => Limit::Share(share),
                Metric::Percentile(_) | Metric::Mean | Metric::Prometheus(_) => Limit::Time(time),
            };
            let then = if judged == Judged::Whole && then == Then::Abort { Then::Mark } else { then };
            Slo { metric, requests, bound: Bound::Below, limit, judged, during, then }
        },
    )
}

fn figures() -> impl Strategy<Value = Slo> {
    let query = "[ -~é×]{0,40}[!-~]";
    let judged = prop_oneof![
        (0_u64..=86_400).prop_map(|seconds| Judged::For(Span::seconds(seconds))),
        (1_u32..=1_000_000).prop_map(Judged::Minutes),
    ];
    let bound = prop_oneof![Just(Bound::Below), Just(Bound::Above)];
    let number = -9_000_000_000_000_i64..9_000_000_000_000;
    (query, bound, number, judged, any::<bool>()).prop_map(|(query, bound, number, judged, abort)| Slo {
        metric: Metric::Prometheus(query),
        requests: None,
        bound,
        limit: Limit::Number(number),
        judged,
        during: During::Load,
        then: if abort { Then::Abort } else { Then::Mark },
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(slo in prop_oneof![slos(), figures()]) {
        let text = slo.to_string();
        prop_assert_eq!(text.parse::<Slo>().map_err(|error| TestCaseError::fail(error.to_string()))?, slo);
    }

    #[test]
    fn whatever_is_read_or_refused_points_into_its_text(text in "(p95|mean|error_rate|prometheus|>|\\\\|-| for |\\(|\\)|<|\"|[0-9.]{1,3}|ms|s|%|×| baseline| over | in | of | minutes| during | load| then | abort| alert|[a-z]| ){0,14}") {
        match text.parse::<Slo>() {
            Ok(slo) => prop_assert_eq!(slo.to_string().parse::<Slo>().unwrap(), slo),
            Err(error) => prop_assert!(error.from + error.len <= error.text.chars().count(), "{}", error),
        }
    }
}
