//! A verdict in lines: each reason with what it rests on and what to do about it.

use conductor_core::verdict::{Verdict, VerdictCause};

/// The reasons of a verdict, the gravest first.
pub(crate) fn reasons(verdict: &Verdict) -> Vec<String> {
    verdict.causes.iter().flat_map(reason).collect()
}

fn reason(cause: &VerdictCause) -> Vec<String> {
    let mut lines = vec![format!("           {}: {}", cause.code, cause.message)];
    lines.extend(cause.evidence.iter().map(|evidence| format!("             - {evidence}")));
    if !cause.advice.is_empty() {
        lines.push(format!("             > {}", cause.advice));
    }
    lines
}

/// The verdict alone.
pub(crate) fn verdict(verdict: &Verdict) -> String {
    let back = if verdict.restored { "everything is back" } else { "something that the run changed is not back" };
    let mut lines = vec![format!("verdict    {}", verdict.outcome)];
    lines.extend(reasons(verdict));
    lines.push(format!("restored   {back}\n"));
    lines.join("\n")
}
