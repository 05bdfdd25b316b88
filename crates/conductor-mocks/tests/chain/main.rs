//! The whole chain, with the real Skipper, Hoverfly and payment provider: what is a proof and what is none, and what is seen
//! while load is generated.

mod bed;
mod proofs;
mod route_group;
mod watching;
