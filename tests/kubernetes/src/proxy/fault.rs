//! What a test may ask a proxy to do, to which requests, and how often.

use std::time::Duration;

use conductor_bed::{Condition, Moment};

use super::answer::Answer;
use super::seen::{Seen, Verb};

/// Which requests. Each condition narrows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    writes: bool,
    verb: Option<Verb>,
    /// Resource and subresource.
    resource: Option<(String, String)>,
    namespace: Option<String>,
    name: Option<String>,
    path: Option<String>,
}

impl Requests {
    /// All of them.
    pub fn all() -> Self {
        Self::default()
    }

    /// Those that change the state of the cluster: see [`Seen::is_write`].
    pub fn writes() -> Self {
        Self { writes: true, ..Self::default() }
    }

    /// Those that want this.
    pub fn verb(self, verb: Verb) -> Self {
        Self { verb: Some(verb), ..self }
    }

    /// Those to a resource as RBAC names it: `deployments` are the objects themselves, `deployments/scale` their scale.
    pub fn resource(self, resource: &str) -> Self {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Self { resource: Some((resource.to_owned(), subresource.to_owned())), ..self }
    }

    /// Those to objects in a namespace.
    pub fn namespace(self, namespace: &str) -> Self {
        Self { namespace: Some(namespace.to_owned()), ..self }
    }

    /// Those to the objects of a name. A request that makes an object has none.
    pub fn name(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }

    /// Those whose path has this in it.
    pub fn path(self, part: &str) -> Self {
        Self { path: Some(part.to_owned()), ..self }
    }

    /// True for a request that is one of them.
    pub fn contain(&self, seen: &Seen) -> bool {
        let object = &seen.object;
        let is_of = |(resource, sub): &(String, String)| *resource == object.resource && *sub == object.subresource;
        (!self.writes || seen.is_write())
            && self.verb.is_none_or(|verb| verb == seen.verb)
            && self.resource.as_ref().is_none_or(is_of)
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == object.namespace)
            && self.name.as_ref().is_none_or(|name| *name == object.name)
            && self.path.as_ref().is_none_or(|part| seen.path.contains(part))
    }
}

impl Condition for Requests {
    type Seen = Seen;
    type Effect = Effect;

    fn holds_for(&self, seen: &Seen) -> bool {
        self.contain(seen)
    }
}

/// What happens after silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Then {
    /// The request goes on as if nothing had been, even if its client has given up meanwhile.
    GoOn,
    /// The connection is dropped.
    Drop,
}

/// What happens to a request in place of a plain answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The API server is not asked; this is the answer.
    Answer(Answer),
    /// The connection is dropped without an answer. [`Moment::After`] is a lost answer to what was done.
    Drop(Moment),
    /// Nothing is heard for a time.
    Silence {
        /// Whether the request is done before the silence or after it.
        at: Moment,
        /// How long.
        time: Duration,
        /// What comes then.
        then: Then,
    },
}

/// A fault to be switched on.
pub type Fault = conductor_bed::Fault<Requests>;

/// A fault that is switched on.
pub type Injected = conductor_bed::Injected<Requests>;

/// A request that is waited for, and is held when it comes.
pub type Stop = conductor_bed::Stop<Requests>;
