//! The freeze in real clusters, with the manifests that are shipped, by an account with the rights that are shipped.

mod allowed;
mod bed;
mod changes;
mod denied;
mod lifecycle;
mod proof;
