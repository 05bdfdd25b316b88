//! Lists by pages.

use conductor_core::ports::RunSummary;
use conductor_proto::v1;
use tonic::Status;

use crate::messages;
use crate::status::of_field;

const PAGE: usize = 50;
const LONGEST_PAGE: i32 = 1000;

/// A page of the runs that a caller may see. Runs are never deleted, so that the last run of a page tells where the next one begins.
pub(crate) fn page(
    runs: &[&RunSummary],
    request: &v1::ListLoadTestsRequest,
) -> Result<v1::ListLoadTestsResponse, Status> {
    let size = match request.page_size {
        0 => PAGE,
        size @ 1..=LONGEST_PAGE => size as usize,
        size => return Err(of_field("pageSize", format!("{size} is out of range"), format!("1 to {LONGEST_PAGE}"))),
    };
    let begin = if request.page_token.is_empty() {
        0
    } else {
        let last = runs.iter().position(|run| run.id.as_str() == request.page_token);
        let unknown = || of_field("pageToken", "is not known", "nextPageToken of the page before");
        last.ok_or_else(unknown)? + 1
    };
    let is_meant = |run: &&RunSummary| {
        (request.environment.is_empty() || run.environment == request.environment)
            && (request.name.is_empty() || run.name == request.name)
            && request.finished.is_none_or(|finished| run.finished == finished)
    };
    let mut found: Vec<&RunSummary> = runs[begin..].iter().copied().filter(is_meant).take(size + 1).collect();
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|run| run.id.to_string());
    Ok(v1::ListLoadTestsResponse {
        runs: found.into_iter().map(messages::summary).collect(),
        next_page_token: next.unwrap_or_default(),
    })
}
