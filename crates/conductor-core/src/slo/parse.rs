//! Reads an objective, word by word from the left; the first thing that is wrong is told with its place.

use std::str::FromStr;

use super::error::unknown;
use super::{
    Bound, During, FACTOR_WHOLE, Judged, Limit, Metric, NUMBER_WHOLE, PERCENTILE_WHOLE, Percentile, SHARE_WHOLE, Slo,
    SloError, Then,
};
use crate::units::Span;

/// The most characters that an objective may have.
pub const MOST_CHARACTERS: usize = 500;

const FIGURES: &str = "a percentile such as p95 or p99.9, mean, error_rate, or prometheus(\"a query\")";
const TIME: &str = "a time such as 800ms or 1.5s, or a multiple of the baseline such as 1.1 × baseline";
const SHARE: &str = "a share such as 0.5%, or a multiple of the baseline such as 1.1 × baseline";
const NUMBER: &str = "a number such as 0.7, with at most six decimals";
const QUERY: &str = "a query in quotes, such as prometheus(\"max(cpu_ratio{job='shop'})\")";
const STRETCH: &str = "plateau, ramp or load";

impl FromStr for Slo {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Self, SloError> {
        Reader::new(text)?.slo()
    }
}

/// A piece of the text with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    from: usize,
    len: usize,
}

struct Reader<'a> {
    text: &'a str,
    characters: Vec<char>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Result<Self, SloError> {
        let characters: Vec<char> = text.chars().collect();
        // Neither is shown again: the one would disturb a terminal, the other fill it.
        let shown = |characters: &[char]| -> String {
            characters.iter().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { *c }).collect()
        };
        let refused = |from, problem: String, expected: String| {
            Err(SloError { text: shown(&characters[from..]), from: 0, len: 1, problem, expected })
        };
        if characters.len() > MOST_CHARACTERS {
            let problem = format!("{} characters are too many", characters.len());
            return refused(0, problem, format!("at most {MOST_CHARACTERS}"));
        }
        if let Some(position) = characters.iter().position(|c| c.is_control()) {
            return refused(position, "there is a control character".to_owned(), "printable text".to_owned());
        }
        Ok(Self { text, characters, at: 0 })
    }

    fn slo(mut self) -> Result<Slo, SloError> {
        let metric = self.metric()?;
        let requests = self.requests()?;
        let bound = self.bound(&metric)?;
        let limit = self.limit(&metric)?;
        let is_figure = matches!(metric, Metric::Prometheus(_));
        let judged = if is_figure { Judged::For(Span::default()) } else { Judged::Whole };
        let (during, then) = (During::default(), Then::default());
        let mut slo = Slo { metric, requests, bound, limit, judged, during, then };
        let mut said: Vec<&str> = Vec::new();
        while let Some(word) = self.word() {
            let part = match word.text.as_str() {
                "over" | "for" | "in" => "window",
                "during" => "stretch",
                "then" => "action",
                other => {
                    let problem = unknown(other, &["over", "for", "during", "in", "then"]);
                    return Err(self.wrong(&word, problem, parts(is_figure, &said)));
                }
            };
            // Of minutes it is said in one go which ones they are.
            let also = (word.text == "in").then_some("stretch");
            if [Some(part), also].iter().flatten().any(|part| said.contains(part)) {
                let problem = format!("\"{}\" comes after something that says the same", word.text);
                return Err(self.wrong(&word, problem, parts(is_figure, &said)));
            }
            said.extend([Some(part), also].into_iter().flatten());
            match word.text.as_str() {
                "over" if is_figure => {
                    let problem = "\"over\" adds up requests, and a figure of Prometheus has its times in its query";
                    return Err(self.wrong(&word, problem, "for and a time, such as for 3m"));
                }
                "for" if !is_figure => {
                    let problem = "\"for\" is of figures of Prometheus, and requests are added up";
                    return Err(self.wrong(&word, problem, "over and a time, such as over 2m"));
                }
                "over" => slo.judged = Judged::Over(self.time("over")?),
                "for" => slo.judged = Judged::For(self.time("for")?),
                "in" => (slo.judged, slo.during) = self.minutes()?,
                "during" => slo.during = self.stretch()?,
                _ => slo.then = self.action()?,
            }
            if slo.then == Then::Abort && slo.judged == Judged::Whole && self.peek().is_none() {
                let problem = "a run cannot be ended by a figure that is only known at its end:";
                let expected = "a window as well, such as over 2m, or in 99% of plateau minutes";
                return Err(self.wrong(&word, format!("{problem} \"then\""), expected));
            }
        }
        Ok(slo)
    }

    fn metric(&mut self) -> Result<Metric, SloError> {
        let Some(word) = self.word() else { return Err(self.missing("a figure", FIGURES)) };
        match word.text.as_str() {
            "mean" => return Ok(Metric::Mean),
            "error_rate" => return Ok(Metric::ErrorRate),
            "prometheus" => return self.query().map(Metric::Prometheus),
            _ => {}
        }
        let digits = word.text.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let Some(digits) = digits else {
            let problem = unknown(&word.text, &["p50", "p90", "p95", "p99", "mean", "error_rate", "prometheus"]);
            return Err(self.wrong(&word, problem, FIGURES));
        };
        let percentile = units(digits, PERCENTILE_WHOLE / 100).and_then(|units| u32::try_from(units).ok());
        match percentile.filter(|units| (1..PERCENTILE_WHOLE).contains(units)) {
            Some(units) => Ok(Metric::Percentile(Percentile(units))),
            None => {
                let problem = format!("\"{}\" is not a percentile", word.text);
                Err(self.wrong(&word, problem, "p and a number above 0 and below 100, such as p95 or p99.9"))
            }
        }
    }

    /// The name in parentheses, where there is one.
    fn requests(&mut self) -> Result<Option<String>, SloError> {
        const EXPECTED: &str =
            "the name of requests as the load generator counts them, such as (checkout) or (\"POST /a(b)\")";
        let open = self.at;
        if self.word_if("(").is_none() {
            return Ok(None);
        }
        self.skip_spaces();
        let from = self.at;
        let mut name = String::new();
        let mut closed = false;
        if self.characters.get(self.at) == Some(&'"') {
            self.at += 1;
            while let Some(character) = self.characters.get(self.at).copied() {
                self.at += 1;
                match character {
                    '"' => {
                        closed = true;
                        break;
                    }
                    '\\' => {
                        name.extend(self.characters.get(self.at));
                        self.at += 1;
                    }
                    other => name.push(other),
                }
            }
        } else {
            let rest = &self.characters[self.at..];
            let bare = rest.iter().take_while(|c| !['"', '(', ')', '\\'].contains(c)).count();
            name = rest[..bare].iter().collect::<String>().trim_end().to_owned();
            self.at += bare;
            closed = true;
        }
        let word = Word { text: name, from, len: self.at.min(self.characters.len()).saturating_sub(from).max(1) };
        if !closed {
            return Err(self.wrong(&word, "the quotes of a name are not closed", "another \" after the name"));
        }
        if word.text.trim().is_empty() {
            return Err(self.wrong(&word, "there is no name in the parentheses", EXPECTED));
        }
        if self.word_if(")").is_none() {
            let open = Word { text: "(".to_owned(), from: open, len: 1 };
            let problem = "the parenthesis is not closed after the name";
            return Err(self.wrong(
                &open,
                problem,
                ") after the name, and quotes around a name that has parentheses or quotes",
            ));
        }
        Ok(Some(word.text))
    }

    /// The query in parentheses and quotes. Unlike in a name, a backslash is an escape of its own, so that none of a query gets lost.
    fn query(&mut self) -> Result<String, SloError> {
        let Some(open) = self.word() else { return Err(self.missing("the query", QUERY)) };
        if open.text != "(" {
            return Err(self.wrong(&open, format!("\"{}\" is not the query of a figure", open.text), QUERY));
        }
        self.skip_spaces();
        let from = self.at;
        let Some(quote) = self.word_if("\"") else {
            let len = self.characters[from..].iter().take_while(|c| **c != ')').count().max(1);
            return Err(match self.characters.get(from) {
                Some(_) => {
                    let bare = Word { text: String::new(), from, len };
                    self.wrong(&bare, "the query of a figure is not in quotes", QUERY)
                }
                None => self.missing("the query", QUERY),
            });
        };
        let mut query = String::new();
        loop {
            let at = self.at;
            self.at += 1;
            match (self.characters.get(at).copied(), self.characters.get(at + 1).copied()) {
                (None, _) => {
                    let expected = "another \" after the query, and \\\" for one in it";
                    return Err(self.wrong(&quote, "the quotes of a query are not closed", expected));
                }
                (Some('"'), _) => break,
                (Some('\\'), Some(escaped @ ('"' | '\\'))) => {
                    query.push(escaped);
                    self.at += 1;
                }
                (Some('\\'), next) => {
                    let escape = Word { text: String::new(), from: at, len: 1 + usize::from(next.is_some()) };
                    let problem = "what follows the backslash cannot be escaped";
                    return Err(self.wrong(&escape, problem, "\\\" for a quote, or \\\\ for a backslash"));
                }
                (Some(other), _) => query.push(other),
            }
        }
        if query.trim().is_empty() {
            let word = Word { text: String::new(), from, len: self.at - from };
            return Err(self.wrong(&word, "there is no query in the quotes", QUERY));
        }
        if self.word_if(")").is_none() {
            return Err(self.wrong(&open, "the parenthesis is not closed after the query", ") after the query"));
        }
        Ok(query)
    }

    fn bound(&mut self, metric: &Metric) -> Result<Bound, SloError> {
        let is_figure = matches!(metric, Metric::Prometheus(_));
        let expected =
            if is_figure { "< or >, and the limit of the figure" } else { "< and what the figure must be below" };
        let Some(word) = self.word() else { return Err(self.missing("\"<\"", expected)) };
        let bound = match word.text.as_str() {
            "<" => Some(Bound::Below),
            ">" if is_figure => Some(Bound::Above),
            _ => None,
        };
        bound.filter(|_| self.word_if("=").is_none()).ok_or_else(|| {
            self.wrong(&word, format!("\"{}\" is not what an objective compares by", word.text), expected)
        })
    }

    /// A limit without a unit.
    fn plain_number(&mut self) -> Result<Limit, SloError> {
        let Some(word) = self.number() else { return Err(self.missing("a limit", NUMBER)) };
        let (sign, digits) = word.text.strip_prefix('-').map_or((1, word.text.as_str()), |digits| (-1, digits));
        let number = units(digits, NUMBER_WHOLE).and_then(|units| i64::try_from(units).ok());
        number.map(|units| Limit::Number(sign * units)).ok_or_else(|| {
            let starts = digits.starts_with(|c: char| c.is_ascii_digit());
            let is_number = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
            let problem = match digits.strip_suffix(['×', 'x', '*']) {
                Some(_) => "figures of Prometheus are not kept to be compared with a baseline",
                None if starts && !is_number => "a figure of Prometheus has no unit",
                None => "it is not a limit",
            };
            self.wrong(&word, format!("{problem}: \"{}\"", word.text), NUMBER)
        })
    }

    fn limit(&mut self, metric: &Metric) -> Result<Limit, SloError> {
        let expected = match metric {
            Metric::Prometheus(_) => return self.plain_number(),
            Metric::ErrorRate => SHARE,
            Metric::Percentile(_) | Metric::Mean => TIME,
        };
        let Some(word) = self.number() else { return Err(self.missing("a limit", expected)) };
        let split = word.text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(word.text.len());
        let (digits, unit) = word.text.split_at(split);
        let whole = match unit {
            "ms" => 1_000,
            "s" => 1_000_000,
            "%" => SHARE_WHOLE / 100,
            "×" | "x" | "*" => FACTOR_WHOLE,
            _ => {
                let problem = format!("\"{}\" is not a limit", word.text);
                return Err(self.wrong(&word, problem, expected));
            }
        };
        let Some(units) = units(digits, whole) else {
            let problem =
                format!("\"{}\" is not a number with a unit, or has more decimals than are told apart", word.text);
            return Err(self.wrong(&word, problem, expected));
        };
        if units == 0 {
            let problem = format!("nothing can be below \"{}\"", word.text);
            return Err(self.wrong(&word, problem, "a limit above zero"));
        }
        match (unit, metric) {
            ("×" | "x" | "*", _) => {
                self.keyword("baseline", "baseline, which is the run that spec.baseline names")?;
                let factor = u32::try_from(units).ok().filter(|units| *units <= 1_000 * FACTOR_WHOLE);
                factor.map(Limit::Baseline).ok_or_else(|| self.wrong(&word, "the multiple is too high", "at most 1000"))
            }
            ("%", Metric::ErrorRate) => {
                let share = u32::try_from(units).ok().filter(|share| *share <= SHARE_WHOLE);
                share.map(Limit::Share).ok_or_else(|| {
                    self.wrong(&word, format!("\"{}\" is more than everything", word.text), "at most 100%")
                })
            }
            ("ms" | "s", Metric::Percentile(_) | Metric::Mean) => {
                let time = Some(units).filter(|micros| *micros <= 3_600 * 1_000_000);
                time.map(Limit::Time).ok_or_else(|| self.wrong(&word, "the time is too long", "at most 3600s"))
            }
            (_, Metric::ErrorRate) => Err(self.wrong(&word, "an error rate is a share, not a time", SHARE)),
            (_, Metric::Percentile(_) | Metric::Mean | Metric::Prometheus(_)) => {
                Err(self.wrong(&word, "a response time is no share", TIME))
            }
        }
    }

    fn time(&mut self, of: &str) -> Result<Span, SloError> {
        const EXPECTED: &str = "a time such as 2m or 90s";
        let Some(word) = self.word() else { return Err(self.missing(&format!("the time of \"{of}\""), EXPECTED)) };
        let whole =
            |span: &Span| !span.is_zero() && span.as_duration().subsec_nanos() == 0 && *span <= Span::minutes(24 * 60);
        let said = word.text.parse::<Span>().ok().filter(whole);
        said.ok_or_else(|| {
            let problem = format!("\"{}\" is not a time of whole seconds up to a day", word.text);
            self.wrong(&word, problem, EXPECTED)
        })
    }

    /// What follows `in`.
    fn minutes(&mut self) -> Result<(Judged, During), SloError> {
        const EXPECTED: &str = "a share of minutes such as in 99% of plateau minutes";
        let Some(word) = self.number() else { return Err(self.missing("the share of minutes", EXPECTED)) };
        let share = word.text.strip_suffix('%').and_then(|digits| units(digits, SHARE_WHOLE / 100));
        let share = share.and_then(|share| u32::try_from(share).ok()).filter(|share| (1..=SHARE_WHOLE).contains(share));
        let Some(share) = share else {
            let problem = format!("\"{}\" is not a share above 0% and up to 100%", word.text);
            return Err(self.wrong(&word, problem, EXPECTED));
        };
        self.keyword("of", EXPECTED)?;
        let during = match self.peek() {
            Some(word) if word.text == "minutes" => During::default(),
            Some(_) | None => self.stretch()?,
        };
        self.keyword("minutes", EXPECTED)?;
        Ok((Judged::Minutes(share), during))
    }

    fn stretch(&mut self) -> Result<During, SloError> {
        let Some(word) = self.word() else { return Err(self.missing("the part of the load", STRETCH)) };
        match word.text.as_str() {
            "plateau" => Ok(During::Plateau),
            "ramp" => Ok(During::Ramp),
            "load" => Ok(During::Load),
            other => Err(self.wrong(&word, unknown(other, &["plateau", "ramp", "load"]), STRETCH)),
        }
    }

    fn action(&mut self) -> Result<Then, SloError> {
        const EXPECTED: &str = "mark, abort or alert";
        let Some(word) = self.word() else { return Err(self.missing("what a breach leads to", EXPECTED)) };
        match word.text.as_str() {
            "mark" => Ok(Then::Mark),
            "abort" => Ok(Then::Abort),
            "alert" => Ok(Then::Alert),
            other => Err(self.wrong(&word, unknown(other, &["mark", "abort", "alert"]), EXPECTED)),
        }
    }

    fn keyword(&mut self, known: &'static str, expected: &str) -> Result<(), SloError> {
        match self.word() {
            Some(word) if word.text == known => Ok(()),
            Some(word) => Err(self.wrong(&word, unknown(&word.text, &[known]), expected)),
            None => Err(self.missing(&format!("\"{known}\""), expected)),
        }
    }

    /// A number with its unit, which may be a word of its own.
    fn number(&mut self) -> Option<Word> {
        let mut word = self.word()?;
        if word.text.chars().all(|c| c.is_ascii_digit() || c == '.')
            && let Some(unit) = self.peek().filter(|unit| ["ms", "s", "%", "×", "x", "*"].contains(&unit.text.as_str()))
        {
            self.word();
            word.text.push_str(&unit.text);
            word.len = unit.from + unit.len - word.from;
        }
        Some(word)
    }

    fn peek(&mut self) -> Option<Word> {
        let at = self.at;
        let word = self.word();
        self.at = at;
        word
    }

    fn word_if(&mut self, known: &str) -> Option<Word> {
        let at = self.at;
        let word = self.word().filter(|word| word.text == known);
        if word.is_none() {
            self.at = at;
        }
        word
    }

    /// The next word: letters, digits and what is between them, or one character that stands for itself.
    fn word(&mut self) -> Option<Word> {
        self.skip_spaces();
        let from = self.at;
        let rest = &self.characters[from..];
        let alone = ['(', ')', '<', '>', '=', '×', '*', '"', ','];
        let len = match rest.first()? {
            first if alone.contains(first) => 1,
            _ => rest.iter().take_while(|c| !c.is_whitespace() && !alone.contains(c)).count(),
        };
        self.at += len;
        Some(Word { text: rest[..len].iter().collect(), from, len })
    }

    fn skip_spaces(&mut self) {
        while self.characters.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn wrong(&self, word: &Word, problem: impl Into<String>, expected: impl Into<String>) -> SloError {
        SloError {
            text: self.text.to_owned(),
            from: word.from,
            len: word.len.min(self.characters.len() - word.from),
            problem: problem.into(),
            expected: expected.into(),
        }
    }

    /// Something that should have come at the end.
    fn missing(&self, what: &str, expected: &str) -> SloError {
        SloError {
            text: self.text.to_owned(),
            from: self.characters.len(),
            len: 0,
            problem: format!("{what} is missing"),
            expected: expected.to_owned(),
        }
    }
}

/// The parts that may still come.
fn parts(is_figure: bool, said: &[&str]) -> String {
    let window = if is_figure { "for 3m or in 99% of plateau minutes" } else { "over 2m or in 99% of plateau minutes" };
    let parts =
        [("window", window), ("stretch", "during plateau, ramp or load"), ("action", "then mark, abort or alert")];
    let left: Vec<&str> = parts.into_iter().filter(|(part, _)| !said.contains(part)).map(|(_, text)| text).collect();
    if left.is_empty() { "nothing more".to_owned() } else { format!("{}, or nothing more", left.join(", ")) }
}

/// A decimal number as a count of units, of which `whole`, a power of ten, are one; `None` where it is not one, or has more decimals
/// than there are units.
fn units(text: &str, whole: impl Into<u64>) -> Option<u64> {
    let whole = whole.into();
    let digits = whole.ilog10() as usize;
    let (integer, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| !text.is_empty() && text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(integer) || text.contains('.') && !is_number(fraction) || fraction.len() > digits {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<digits$}").parse().ok().filter(|_| digits > 0).unwrap_or_default();
    integer.parse::<u64>().ok()?.checked_mul(whole)?.checked_add(fraction)
}
