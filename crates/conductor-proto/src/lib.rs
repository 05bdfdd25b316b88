//! The contract of the service: what is generated of `proto/`, and its descriptors. Nothing is written by hand here.

/// Messages, client and server of `conductor.v1`.
pub mod v1 {
    #![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated; the documentation is in the contract")]

    tonic::include_proto!("conductor.v1");
}

/// The descriptors of all files, their imports included: for reflection, and for JSON. They are a `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/conductor.v1.binpb"));
