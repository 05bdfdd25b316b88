//! Who calls, as a real API server knows them: tokens of ServiceAccounts, and what Roles let them do.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod bed;
mod rights;
mod tokens;
