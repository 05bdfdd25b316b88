//! Objectives that are nearly right: reading one never panics, an error points into its text and says what would be right, and what
//! is written again is read as the same.

#[path = "bytes.rs"]
#[allow(dead_code, reason = "other targets choose in more ways")]
mod bytes;

use conductor_core::slo::{MOST_CHARACTERS, Slo, SloError};

use bytes::Bytes;

/// Words of which objectives are made, and some that are nearly such.
const WORDS: [&str; 56] = [
    "p95",
    "p99.9",
    "p50",
    "p0",
    "p100",
    "p",
    "mean",
    "error_rate",
    "prometheus",
    "(",
    ")",
    "checkout",
    "POST /orders",
    "\"a (b)\"",
    "\"",
    "\\",
    "<",
    ">",
    "=",
    "800ms",
    "1.5s",
    "1.5",
    "0.5%",
    "%",
    "ms",
    "s",
    "1.1",
    "×",
    "x",
    "*",
    "baseline",
    "over",
    "2m",
    "90s",
    "0s",
    "in",
    "99%",
    "of",
    "minutes",
    "during",
    "plateau",
    "ramp",
    "load",
    "then",
    "abort",
    "mark",
    "\u{301}",
    "99999999999999999999",
    "prometheus(\"",
    "\")",
    "\"up{a='b'}\"",
    "\\\"",
    "\\\\",
    "for",
    "0.7",
    "-1",
];

/// Objectives that are right, to be changed.
const RIGHT: [&str; 9] = [
    "p95(checkout) < 800ms",
    "p99 < 1.5s over 2m then abort",
    "error_rate < 0.5% during load",
    "error_rate(POST /orders) < 1% in 99% of plateau minutes then abort",
    "p95(\"a (b)\") < 1.1 × baseline over 90s",
    "mean(checkout) < 120ms during ramp",
    "prometheus(\"max(cpu{job='shop'})\") < 0.7 for 3m",
    "prometheus(\"x{a=\\\"b\\\\\\\\d\\\"}\") > -0.5 during load then abort",
    "prometheus(\"up\") > 0 in 99% of plateau minutes",
];

/// Makes an objective of bytes, and reads it.
///
/// # Errors
/// With what should not be.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let mut bytes = Bytes::new(bytes);
    let text = match bytes.below(3) {
        0 => String::from_utf8_lossy(bytes.rest()).into_owned(),
        1 => changed(bytes.one_of(&RIGHT), &mut bytes),
        _ => made(&mut bytes),
    };
    read(&text)
}

/// One that is right with some words or characters put in, taken out or put in other places.
fn changed(right: &str, bytes: &mut Bytes<'_>) -> String {
    let mut characters: Vec<char> = right.chars().collect();
    for _ in 0..bytes.below(4) {
        let at = bytes.below(characters.len() + 1);
        match bytes.below(3) {
            0 => characters.truncate(at),
            1 if at < characters.len() => drop(characters.remove(at)),
            _ => drop(characters.splice(at..at, bytes.one_of(&WORDS).chars())),
        }
    }
    characters.into_iter().collect()
}

/// Words one after the other.
fn made(bytes: &mut Bytes<'_>) -> String {
    let mut text = String::new();
    for _ in 0..bytes.below(16) {
        text.push_str(bytes.one_of(&WORDS));
        text.push_str(bytes.one_of(&["", " "]));
    }
    text
}

fn read(text: &str) -> Result<(), String> {
    let slo: Slo = match text.parse() {
        Ok(slo) => slo,
        Err(error) => return refused(text, &error),
    };
    let written = slo.to_string();
    match written.parse::<Slo>() {
        Ok(again) if again == slo => Ok(()),
        Ok(again) => Err(format!("{text:?} is written as {written:?}, which is read as {again:?} instead of {slo:?}")),
        Err(error) => Err(format!("{text:?} is written as {written:?}, which is refused: {error}")),
    }
}

fn refused(text: &str, error: &SloError) -> Result<(), String> {
    let told = error.to_string();
    let length = error.text.chars().count();
    if error.from + error.len > length.max(1) {
        return Err(format!("{text:?}: the error points to {} of {length} characters: {told}", error.from + error.len));
    }
    if error.problem.is_empty() || error.expected.is_empty() {
        return Err(format!("{text:?}: the error does not say what is wrong or what would be right: {told}"));
    }
    if told.chars().any(|c| c.is_control() && c != '\n') {
        return Err(format!("{text:?}: the error has a control character"));
    }
    if told.len() > 8 * MOST_CHARACTERS + 1_000 {
        return Err(format!("the error of {} characters is {} long", text.chars().count(), told.len()));
    }
    Ok(())
}
