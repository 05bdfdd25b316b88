//! Who may call a conductor: roles for environments, secrets that are never shown, and bearer tokens that are hashed at rest.

mod role;
mod secret;
mod token;

pub use role::{Grants, Role};
pub use secret::Secret;
pub use token::{BadHash, NoRandomness, TokenHash, make_token};
