//! Which kinds a cluster knows, besides those that every cluster does. Each is asked for once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use conductor_core::ports::PortError;
use kube::Resource;
use tokio::sync::OnceCell;

use crate::reader::{Called, Reader};

/// What was answered, by group and kind.
#[derive(Default)]
pub(crate) struct Known {
    /// A thousand applications may ask at once: one of them asks the cluster, and the others wait for the answer.
    answers: Mutex<BTreeMap<String, Arc<OnceCell<bool>>>>,
    /// Those that settings name, with what the cluster says of them.
    named: Mutex<BTreeMap<String, Called>>,
}

impl Known {
    /// True for a cluster that knows this kind.
    pub(crate) async fn knows<K: Resource<DynamicType = ()>>(&self, reader: &Reader) -> Result<bool, PortError> {
        let kind = format!("{}/{}", K::api_version(&()), K::kind(&()));
        let answer = Arc::clone(self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default());
        answer.get_or_try_init(|| Box::pin(reader.knows::<K>())).await.copied()
    }

    /// The kind that settings name; `None` where the cluster has none of that name.
    pub(crate) async fn named(
        &self,
        reader: &Reader,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<Called>, PortError> {
        let name = format!("{api_version}/{kind}");
        let answered = self.named.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        if answered.is_some() {
            return Ok(answered);
        }
        let answer = reader.kind_called(api_version, kind).await?;
        if let Some(called) = &answer {
            self.named.lock().unwrap_or_else(PoisonError::into_inner).insert(name, called.clone());
        }
        Ok(answer)
    }
}
