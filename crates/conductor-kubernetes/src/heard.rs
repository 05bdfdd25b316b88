//! What was heard of the writes to each object: one that nobody has heard of may still come to pass.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::named::{Key, Named};
use crate::object::Object;

/// What was heard, by object. Nothing was where no write was made.
#[derive(Default)]
pub(crate) struct Heard {
    objects: Mutex<BTreeMap<Key, Last>>,
}

/// What was heard of the last writes to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// The newest was done. Whatever was written towards an older object fails at it.
    Done,
    /// Nothing was heard of the newest: it may be done, or still be under way.
    Nothing,
}

/// A write. Dropped without another word it is one that nothing was heard of.
pub(crate) struct Write<'a> {
    heard: &'a Heard,
    key: Key,
    before: Option<Last>,
}

impl Heard {
    /// A write begins.
    pub(crate) fn begin<K: Object>(&self, named: Named<'_, K>) -> Write<'_> {
        let key = named.key();
        let before = self.objects().insert(key.clone(), Last::Nothing);
        Write { heard: self, key, before }
    }

    /// What was heard of the last write to an object; `None` where there was none.
    pub(crate) fn last<K: Object>(&self, named: Named<'_, K>) -> Option<Last> {
        self.objects().get(&named.key()).copied()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<Key, Last>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write<'_> {
    /// It was done.
    pub(crate) fn done(self) {
        self.heard.objects().insert(self.key, Last::Done);
    }

    /// It was refused, and will never be done: the one before it is the last.
    pub(crate) fn refused(self) {
        let mut objects = self.heard.objects();
        match self.before {
            Some(before) => objects.insert(self.key, before),
            None => objects.remove(&self.key),
        };
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::Deployment;

    use super::*;

    #[test]
    fn what_was_not_heard_of_stays_in_doubt_until_something_newer_is_done() {
        let heard = Heard::default();
        let checkout = Named::<Deployment>::new("shop", "checkout");
        let (last, begin) = (|| heard.last(checkout), || heard.begin(checkout));
        assert_eq!(last(), None);
        begin().refused();
        assert_eq!(last(), None);
        drop(begin());
        assert_eq!(last(), Some(Last::Nothing));
        begin().refused();
        assert_eq!(last(), Some(Last::Nothing));
        begin().done();
        assert_eq!(last(), Some(Last::Done));
        begin().refused();
        assert_eq!(last(), Some(Last::Done));
        assert_eq!(heard.last(Named::<Deployment>::new("shop", "ledger")), None);
    }
}
