//! StackSets of Zalando: of the Stacks of one, that with the traffic is the application.
//!
//! Their controller makes a Deployment of a Stack, and a HorizontalPodAutoscaler where the Stack has one, and writes both anew
//! whenever they are other ones. So the Stack is changed and marked, and never these; the StackSet never rewrites a Stack that
//! is there. Two things the controller leaves alone: the replicas of an autoscaled Stack, which stand on its Deployment only,
//! and what others make of the pods of a Deployment, until the Stack is changed.
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
//! | `made` | what is made of a Stack, where somebody has made something else of it |
//! | `part` | letting go of Stacks |

mod carried;
mod choice;
mod fields;
mod found;
mod made;
mod part;
mod replicas;
mod scale;
mod stack;

pub(crate) use carried::{carried, is_carried};
pub(crate) use choice::weights;
pub(crate) use fields::StackFields;
pub(crate) use found::serving;
pub(crate) use made::{Other, has_other_pods, is_controller, is_of_stack, others, unlike};
pub(crate) use stack::Stack;
