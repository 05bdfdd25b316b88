//! The cases, by what they are about. Each takes a kind of bed and makes one of its own.

pub mod back;
pub mod broken_off;
pub mod marks;
pub mod others;
pub mod there;
