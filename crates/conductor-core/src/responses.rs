//! The responses of a window by their status code, where the load generator tells that.
//!
//! They explain what became of requests; nothing is steered or judged by them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// The status codes that HTTP has room for (RFC 9110).
const STATUS_CODES: RangeInclusive<u16> = 100..=599;

/// How many requests were answered with which status code; never more than the 500 codes of HTTP, and [`NO_RESPONSE`].
///
/// In JSON a list, by growing code: whoever reads a number as the name of a field has to make it a number again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Coded>", into = "Vec<Coded>")]
pub struct ResponseCodes(BTreeMap<u16, u64>);

/// The code of requests that got no response of HTTP: nobody took the connection, it broke, the time was up, or what came was none.
pub const NO_RESPONSE: u16 = 0;

/// Requests with the same code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Coded {
    code: u16,
    count: u64,
}

impl From<Vec<Coded>> for ResponseCodes {
    fn from(list: Vec<Coded>) -> Self {
        list.into_iter().map(|coded| (coded.code, coded.count)).collect()
    }
}

impl From<ResponseCodes> for Vec<Coded> {
    fn from(codes: ResponseCodes) -> Self {
        codes.iter().map(|(code, count)| Coded { code, count }).collect()
    }
}

impl FromIterator<(u16, u64)> for ResponseCodes {
    fn from_iter<I: IntoIterator<Item = (u16, u64)>>(counted: I) -> Self {
        let mut codes = Self::default();
        counted.into_iter().for_each(|(code, count)| codes.add(code, count));
        codes
    }
}

impl ResponseCodes {
    /// Takes in requests; a code that HTTP does not have is no response of HTTP.
    pub fn add(&mut self, code: u16, count: u64) {
        if count > 0 {
            let code = if STATUS_CODES.contains(&code) { code } else { NO_RESPONSE };
            let known = self.0.entry(code).or_default();
            *known = known.saturating_add(count);
        }
    }

    /// Takes in those of another window.
    pub fn add_all(&mut self, other: &Self) {
        other.iter().for_each(|(code, count)| self.add(code, count));
    }

    /// Each code with its requests, by growing code.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        self.0.iter().map(|(code, count)| (*code, *count))
    }

    /// The requests with this code.
    pub fn of(&self, code: u16) -> u64 {
        self.0.get(&code).copied().unwrap_or_default()
    }

    /// All requests in it.
    pub fn total(&self) -> u64 {
        self.0.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// True when nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_add_up_code_by_code() {
        let mut codes: ResponseCodes = [(200, 5), (500, 1), (200, 2), (404, 0)].into_iter().collect();
        codes.add_all(&[(500, 3), (NO_RESPONSE, 1)].into_iter().collect());
        assert_eq!(codes.iter().collect::<Vec<_>>(), [(NO_RESPONSE, 1), (200, 7), (500, 4)]);
        assert_eq!((codes.of(500), codes.of(404), codes.total()), (4, 0, 12));
        assert!(ResponseCodes::from_iter([(200, 0)]).is_empty());
    }

    #[test]
    fn what_is_no_code_of_http_is_no_response_so_that_codes_are_bounded() {
        let codes: ResponseCodes = (0..=u16::MAX).map(|code| (code, 1)).collect();
        assert_eq!(codes.iter().count(), 501);
        assert_eq!(codes.of(NO_RESPONSE), 65_536 - 500);
        assert_eq!((codes.of(100), codes.of(599), codes.of(99), codes.of(600)), (1, 1, 0, 0));
    }

    #[test]
    fn a_journal_has_them_as_a_list_and_reads_one_that_is_out_of_order() {
        let codes: ResponseCodes = [(500, 1), (200, 7)].into_iter().collect();
        let json = serde_json::json!([{"code": 200, "count": 7}, {"code": 500, "count": 1}]);
        assert_eq!(serde_json::to_value(&codes).unwrap(), json);
        let read = serde_json::json!([{"code": 500, "count": 1}, {"code": 200, "count": 3}, {"code": 200, "count": 4}]);
        assert_eq!(serde_json::from_value::<ResponseCodes>(read).unwrap(), codes);
    }
}
