//! Objects of kinds of which nothing is known but what the definition of the kind says of its scale subresource: where the
//! replicas, their count and the labels of the pods stand. Without a definition these stand where all built-in kinds have them.
//!
//! The subresource itself is never written to: the marker and the change are one write, to the object.
//!
//! | file | subject |
//! |---|---|
//! | `declared` | what a cluster says of a kind |
//! | `object` | an object of such a kind, as a workload |
//! | `found` | the kinds of an environment's applications |
//! | `ready` | that its pods are ready, which the object does not say |
//! | `running` | what production gives one |

mod declared;
mod found;
mod object;
mod ready;
mod running;

pub(crate) use declared::Declared;
pub(crate) use found::Scalables;
pub(crate) use object::Scalable;
pub(crate) use running::running;
