//! Objectives as they are read: what is taken, what is refused and where, and that what is shown is read as the same.

use proptest::prelude::*;

use super::{During, Judged, Limit, Metric, Percentile, Slo, SloError, Then};
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
            limit: Limit::Time(1_500_000),
            judged: Judged::Over(Span::minutes(2)),
            during: During::Load,
            then: Then::Abort,
        }
    );
    let minutes = slo("error_rate(POST /orders) < 0.5 % in 99% of minutes");
    assert_eq!(
        (minutes.metric, minutes.limit, minutes.judged, minutes.during),
        (Metric::ErrorRate, Limit::Share(5_000), Judged::Minutes(990_000), During::Plateau)
    );
    assert_eq!(minutes.counted_as(), "POST /orders");
    assert_eq!(slo("mean(\"a \\\"b\\\" (c)\") < 3ms").counted_as(), "a \"b\" (c)");
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
         over 2m or in 99% of plateau minutes, during plateau, ramp or load, then mark or abort, or nothing more"
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
        ("prometheus(\"up\") < 1s", "objectives cannot be of Prometheus's figures"),
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
        ("p95 < 1s over 1m then alert", "\"alert\" is not known (did you mean \"abort\"?) at character 23"),
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
    (metric, requests, units, judged, during, any::<bool>()).prop_map(
        |(metric, requests, (time, share, factor, relative), judged, during, abort)| {
            let limit = match metric {
                _ if relative => Limit::Baseline(factor),
                Metric::ErrorRate => Limit::Share(share),
                Metric::Percentile(_) | Metric::Mean => Limit::Time(time),
            };
            let then = if abort && judged != Judged::Whole { Then::Abort } else { Then::Mark };
            Slo { metric, requests, limit, judged, during, then }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(slo in slos()) {
        let text = slo.to_string();
        prop_assert_eq!(text.parse::<Slo>().map_err(|error| TestCaseError::fail(error.to_string()))?, slo);
    }

    #[test]
    fn whatever_is_read_or_refused_points_into_its_text(text in "(p95|mean|error_rate|\\(|\\)|<|\"|[0-9.]{1,3}|ms|s|%|×| baseline| over | in | of | minutes| during | load| then | abort|[a-z]| ){0,14}") {
        match text.parse::<Slo>() {
            Ok(slo) => prop_assert_eq!(slo.to_string().parse::<Slo>().unwrap(), slo),
            Err(error) => prop_assert!(error.from + error.len <= error.text.chars().count(), "{}", error),
        }
    }
}
