//! Who may call a conductor: callers and their roles for environments, TLS, and the trail of what was called.
//!
//! A server makes one [`Access`] from its [`AccessSettings`], gives [`Access::identify`] the headers of a call and the
//! [`Peer`] it comes from, and asks the [`Caller`] for the role that the called method needs. A [`Denied`] has a reason
//! for the log and a text for the caller, which tells nothing secret. [`TlsAcceptor`] makes the peers.

#![forbid(unsafe_code)]

mod access;
mod audit;
mod caller;
mod denied;
mod oidc;
mod reviewed;
mod role;
mod secret;
mod settings;
mod tls;
mod token;
mod token_file;
mod unverified;
mod watched;

pub use access::{Access, AccessProblem, NotLoopback};
pub use audit::{AuditError, AuditLog, AuditRecord, AuditSettings, Outcome};
pub use caller::{Caller, Peer, Source};
pub use denied::{Denied, Refusal};
pub use oidc::{Algorithm, OidcProblem, OidcSettings};
pub use reviewed::{ReviewCluster, ReviewProblem, ReviewSettings};
pub use role::{BadGrant, Grants, Role};
pub use secret::Secret;
pub use settings::{AccessSettings, CertificateCaller, TokenSettings};
pub use tls::{ClientCertificates, TlsAcceptor, TlsConnection, TlsProblem, TlsSettings};
pub use token::{BadHash, NoRandomness, TokenHash, make_token};
pub use token_file::TokenFileProblem;
