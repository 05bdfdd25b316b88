//! Whether ECS can be given what steps ask for: amounts that it counts in, and sizes that Fargate has. Whether instances have
//! room is not known beforehand: capacity providers may get it.

use async_trait::async_trait;
use conductor_core::capacity::Shortage;
use conductor_core::ports::{Capacity, PortError};
use conductor_core::scale::ScaleStep;
use futures::future::join_all;

use crate::definition::Difference;
use crate::environment::EcsEnvironment;
use crate::resources::{too_small, unfit_for_fargate};

#[async_trait]
impl Capacity for EcsEnvironment {
    async fn shortages(&self, steps: &[ScaleStep]) -> Result<Vec<Shortage>, PortError> {
        let looks = steps.iter().filter(|step| step.sets_resources()).map(|step| self.shortage(step));
        join_all(looks).await.into_iter().filter_map(Result::transpose).collect()
    }
}

impl EcsEnvironment {
    async fn shortage(&self, step: &ScaleStep) -> Result<Option<Shortage>, PortError> {
        let place = self.place(&step.application)?;
        let Some(service) = self.services.at(&place.cluster, &place.service).await? else { return Ok(None) };
        let definition = self.definition_of(&service).await?;
        let difference = Difference { resources: step.to.resources.clone(), ..Difference::default() };
        let problem = match definition.with(&difference) {
            Ok(content) => unfit_for_fargate(&content).or_else(|| too_small(&content)),
            Err(problem) => Some(problem),
        };
        let told = |problem| Shortage { is_final: true, message: format!("{}: {problem}", step.application) };
        Ok(problem.map(told))
    }
}
