//! The environments that load tests may name, read once at the start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use async_trait::async_trait;
use conductor_core::ports::{PortError, Ports};
use conductor_core::run::Created;
use conductor_core::spec::{LoadTestDocument, SpecError, Violation};
use conductor_grpc::Declarations;
use conductor_wiring::{Environment, Wiring, declare};

use crate::args::variable;

/// The environments by their names.
pub(crate) struct Environments(BTreeMap<String, Environment>);

impl Environments {
    /// Reads all of them.
    pub(crate) fn read(files: &[PathBuf], state_dir: &Path) -> anyhow::Result<Self> {
        let mut known: BTreeMap<String, Environment> = BTreeMap::new();
        for file in files {
            let environment = Environment::read(file, state_dir)?;
            let name = environment.name.clone();
            if known.insert(name.clone(), environment).is_some() {
                bail!(
                    "{}: metadata.name: \"{name}\" is the name of another environment, too; expected one of its own",
                    file.display()
                );
            }
        }
        if known.is_empty() {
            bail!("spec.environments is empty; expected at least one environment's file");
        }
        Ok(Self(known))
    }

    /// Their names.
    pub(crate) fn names(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

#[async_trait]
impl Declarations for Environments {
    fn declare(&self, document: LoadTestDocument) -> Result<Created, SpecError> {
        let name = &document.spec.environment;
        let Some(environment) = self.0.get(name) else {
            let problem = format!("\"{name}\" is not an environment of this server");
            let field = "spec.environment".to_owned();
            return Err(SpecError {
                violations: vec![Violation { field, problem, expected: format!("one of {}", self.names()) }],
            });
        };
        declare(document, environment)
    }

    async fn ports(&self, created: &Created) -> Result<Ports, PortError> {
        let wiring = Wiring::new(variable);
        wiring.usable(created).await?;
        wiring.ports(created, 0).await
    }
}
