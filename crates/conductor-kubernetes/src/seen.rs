//! What was seen last of the objects that a run may change, so that a write need not begin with a look.
//!
//! It gets old at once, and may only be used for a patch that tests that nothing has changed: somebody else's change then
//! costs another look, and never a wrong write. So that a thousand objects take a megabyte, they are kept bare.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::named::{Key, Named};
use crate::object::Object;

/// Objects as JSON.
#[derive(Default)]
pub(crate) struct Seen {
    objects: Mutex<BTreeMap<Key, Box<[u8]>>>,
}

impl Seen {
    /// Keeps what a write needs of an object.
    pub(crate) fn keep<K: Object>(&self, kind: &K::DynamicType, object: &K) {
        let Some(bare) = object.bare() else { return };
        // What cannot be kept is looked at again.
        if let Ok(text) = serde_json::to_vec(&bare) {
            self.objects().insert(Named::of(kind, object).key(), text.into_boxed_slice());
        }
    }

    /// What was seen last of an object, once: whether it was good is known only after it was used.
    pub(crate) fn take<K: Object>(&self, named: Named<'_, K>) -> Option<K> {
        let text = self.objects().remove(&named.key())?;
        serde_json::from_slice(&text).ok().map(|object: K| object.of_kind(named.kind))
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<Key, Box<[u8]>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
