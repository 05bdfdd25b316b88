//! The service over loopback, on a model environment.

mod access;
mod bed;
mod calls;
mod identities;
mod limits;
mod requests;
mod trail;
