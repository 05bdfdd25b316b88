//! Which kinds a cluster knows, besides those that every cluster does. Each is asked for once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use conductor_core::ports::PortError;
use kube::Resource;

use crate::reader::Reader;

/// What was answered, by group and kind.
#[derive(Default)]
pub(crate) struct Known {
    answers: Mutex<BTreeMap<String, bool>>,
}

impl Known {
    /// True for a cluster that knows this kind.
    pub(crate) async fn knows<K: Resource<DynamicType = ()>>(&self, reader: &Reader) -> Result<bool, PortError> {
        let kind = format!("{}/{}", K::api_version(&()), K::kind(&()));
        let answered = self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&kind).copied();
        if let Some(answer) = answered {
            return Ok(answer);
        }
        let answer = reader.knows::<K>().await?;
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, answer);
        Ok(answer)
    }
}
