//! StackSets of Zalando: of the Stacks of one, that with the traffic is the application.
//!
//! Their controller makes a Deployment of a Stack, and a HorizontalPodAutoscaler where the Stack has one, and writes both anew
//! whenever they are other ones. So the Stack is changed and marked, and never these; the StackSet never rewrites a Stack that
//! is there. One thing the controller leaves alone: the replicas of an autoscaled Stack, which stand on its Deployment only.
//!
//! | file | subject |
//! |---|---|
//! | `stack` | a Stack: what of it is looked at |
//! | `fields` | what a run changes of it |
//! | `choice` | which Stack of a StackSet it is |
//! | `found` | how the Stacks of applications are found |
//! | `scale` | giving a Stack other values, and waiting for what comes of it |
//! | `replicas` | giving the Deployment of an autoscaled Stack its replicas back |
//! | `carried` | waiting until the controller has carried a change on |
//! | `part` | letting go of Stacks |

mod carried;
mod choice;
mod fields;
mod found;
mod part;
mod replicas;
mod scale;
mod stack;

pub(crate) use carried::is_carried;
pub(crate) use choice::weights;
pub(crate) use found::serving;
pub(crate) use stack::Stack;
