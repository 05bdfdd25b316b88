//! An object by its name: what it is found by, and what people call it.

use std::fmt;

use kube::{Api, Client};

use crate::object::Object;

/// Kind, namespace and name.
pub(crate) type Key = [String; 3];

/// An object of a kind, whether it is there or not.
pub(crate) struct Named<'a, K: Object> {
    pub(crate) kind: &'a K::DynamicType,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

impl<K: Object> Clone for Named<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Object> Copy for Named<'_, K> {}

impl<'a, K: Object<DynamicType = ()>> Named<'a, K> {
    /// Of a kind of which nothing else is to be known.
    pub(crate) const fn new(namespace: &'a str, name: &'a str) -> Self {
        Self { kind: &(), namespace, name }
    }
}

impl<'a, K: Object> Named<'a, K> {
    /// By what an object says of itself.
    pub(crate) fn of(kind: &'a K::DynamicType, object: &'a K) -> Self {
        let meta = object.meta();
        let [namespace, name] = [&meta.namespace, &meta.name].map(|text| text.as_deref().unwrap_or_default());
        Self { kind, namespace, name }
    }

    /// By what it is found again.
    pub(crate) fn key(self) -> Key {
        [K::kind(self.kind).into_owned(), self.namespace.to_owned(), self.name.to_owned()]
    }

    /// The objects of its kind in its namespace.
    pub(crate) fn api(self, client: &Client) -> Api<K> {
        objects(client, self.namespace, self.kind)
    }
}

/// How people call it: `Deployment shop/checkout`.
impl<K: Object> fmt::Display for Named<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", K::kind(self.kind), self.namespace, self.name)
    }
}

/// The objects of a kind in a namespace.
pub(crate) fn objects<K: Object>(client: &Client, namespace: &str, kind: &K::DynamicType) -> Api<K> {
    Api::all_with(client.clone(), kind).constrain(namespace)
}
