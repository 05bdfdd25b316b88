//! Revisions of task definitions: read once, since they never change, and made where there is none that says the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecs::types::{Tag, TaskDefinition};
use conductor_core::ports::{FailureKind, PortError};
use tokio::sync::Mutex as Turn;

use crate::answer::Failed;
use crate::attempts::Attempts;
use crate::definition::{Definition, Difference, MADE_OF, MOST_TAGS};
use crate::pace::Operation;
use crate::place::Revision;
use crate::reader::Reader;
use crate::writer::Writer;

/// The newest revisions of a family that are looked at for one that says what is wanted. A run makes two of each family: one with
/// the versions, and one with the resources besides. Each costs a call of its own, the first time; to make one anew costs one, too.
const LOOKED_AT: usize = 4;

/// What revisions say.
pub(crate) struct Revisions {
    reader: Reader,
    /// What was read. That one is active is never taken from here.
    read: Mutex<BTreeMap<Revision, Arc<Definition>>>,
    /// One after the other looks for revisions of a family, or makes them.
    families: Mutex<BTreeMap<String, Arc<Turn<()>>>>,
}

impl Revisions {
    pub(crate) fn new(reader: Reader) -> Self {
        Self { reader, read: Mutex::default(), families: Mutex::default() }
    }

    /// What a revision says.
    pub(crate) async fn get(&self, revision: &Revision) -> Result<Arc<Definition>, PortError> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(revision).cloned();
        if let Some(read) = read {
            return Ok(read);
        }
        // Applications may share a family: the first reads for all.
        let turn = self.turn(&format!("{revision}"));
        let _turn = turn.lock().await;
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(revision).cloned();
        match read {
            Some(read) => Ok(read),
            None => self.fresh(revision).await,
        }
    }

    /// The same, as it is now.
    pub(crate) async fn fresh(&self, revision: &Revision) -> Result<Arc<Definition>, PortError> {
        let definition = Arc::new(self.reader.definition(revision).await?);
        self.keep(Arc::clone(&definition));
        Ok(definition)
    }

    /// The revision that says what the base says but for a difference: the base itself, one that was made before, or a new one.
    pub(crate) async fn like(
        &self,
        writer: &Writer,
        base: &Definition,
        difference: &Difference,
    ) -> Result<Revision, PortError> {
        let act = format!("could not register a revision like {}", base.revision);
        let refused = |text: String| PortError::because(FailureKind::Rejected, &act, text);
        let content = base.with(difference).map_err(refused)?;
        if base.says(&content) && self.fresh(&base.revision).await?.is_active() {
            return Ok(base.revision.clone());
        }
        self.obtain(writer, base, &content, &act).await
    }

    /// A revision that can be used and says what this one says: itself, or where it is inactive another one like it.
    pub(crate) async fn usable(&self, writer: &Writer, revision: &Revision) -> Result<Revision, PortError> {
        let recorded = self.fresh(revision).await?;
        if recorded.is_active() {
            return Ok(revision.clone());
        }
        let act = format!("could not register {revision} anew, which somebody has deregistered");
        let anew = self.obtain(writer, &recorded, &recorded.content, &act).await?;
        tracing::warn!(%revision, %anew, "somebody has deregistered a recorded revision: another one like it takes its place");
        Ok(anew)
    }

    async fn obtain(
        &self,
        writer: &Writer,
        base: &Definition,
        content: &TaskDefinition,
        act: &str,
    ) -> Result<Revision, PortError> {
        let turn = self.turn(&base.revision.family);
        let _turn = turn.lock().await;
        let made_of = base.made_of(content);
        let tags = base.tags_of(made_of.clone());
        if tags.len() > MOST_TAGS {
            let text = format!("{} has {} tags, so that there is no room for one more", base.revision, base.tags.len());
            return Err(PortError::because(FailureKind::Rejected, act, text));
        }
        let mut attempts = Attempts::default();
        loop {
            if let Some(known) = self.made_before(base, content, &made_of).await? {
                return Ok(known);
            }
            writer.pace.turn(Operation::Register).await;
            match self.register(writer, content, &tags, act).await {
                Ok(revision) => return Ok(revision),
                // It may be registered: it is looked for before it is sent again.
                Err(failed) => attempts.after(failed, &writer.pace, Operation::Register).await?,
            }
        }
    }

    /// An active revision that was made for the same.
    async fn made_before(
        &self,
        base: &Definition,
        content: &TaskDefinition,
        made_of: &str,
    ) -> Result<Option<Revision>, PortError> {
        for revision in self.reader.newer(&base.revision, LOOKED_AT).await? {
            let known = match self.get(&revision).await {
                Ok(known) => known,
                // It was deleted since it was listed.
                Err(error) if error.kind == FailureKind::Rejected || error.kind == FailureKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if known.tags.get(MADE_OF).is_some_and(|tag| tag == made_of) && known.says(content) {
                return Ok(Some(revision));
            }
        }
        Ok(None)
    }

    async fn register(
        &self,
        writer: &Writer,
        content: &TaskDefinition,
        tags_of_it: &BTreeMap<String, String>,
        act: &str,
    ) -> Result<Revision, Failed> {
        let content = content.clone();
        let call = writer.clients.ecs.register_task_definition();
        let call = call
            .set_family(content.family)
            .set_task_role_arn(content.task_role_arn)
            .set_execution_role_arn(content.execution_role_arn)
            .set_network_mode(content.network_mode)
            .set_container_definitions(content.container_definitions)
            .set_volumes(content.volumes)
            .set_placement_constraints(content.placement_constraints)
            .set_requires_compatibilities(content.requires_compatibilities)
            .set_cpu(content.cpu)
            .set_memory(content.memory)
            .set_pid_mode(content.pid_mode)
            .set_ipc_mode(content.ipc_mode)
            .set_proxy_configuration(content.proxy_configuration)
            .set_ephemeral_storage(content.ephemeral_storage)
            .set_runtime_platform(content.runtime_platform)
            .set_enable_fault_injection(content.enable_fault_injection)
            .set_tags(Some(tags(tags_of_it)));
        let answer = call.send().await.map_err(|error| Failed::of(act, error))?;
        writer.pace.let_through(Operation::Register);
        let read = answer.task_definition().and_then(|made| Definition::read(made.clone(), answer.tags()));
        let Some(mut made) = read else {
            let error = PortError::because(FailureKind::Unavailable, act, "the answer has no revision in it");
            return Err(Failed { outcome: crate::answer::Outcome::Unknown, error });
        };
        made.tags.clone_from(tags_of_it);
        let revision = made.revision.clone();
        self.keep(Arc::new(made));
        Ok(revision)
    }

    fn keep(&self, definition: Arc<Definition>) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(definition.revision.clone(), definition);
    }

    fn turn(&self, of: &str) -> Arc<Turn<()>> {
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(families.entry(of.to_owned()).or_default())
    }
}

/// Tags as the SDK takes them.
pub(crate) fn tags(of: &BTreeMap<String, String>) -> Vec<Tag> {
    of.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
