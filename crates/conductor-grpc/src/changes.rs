//! The methods that change something: each is permitted, done and told to the audit trail in a task of its own, so that
//! a caller who goes away leaves nothing half done.

use std::str::FromStr;

use conductor_core::phase::Retarget;
use conductor_core::run::{Created, RequestId, RunId};
use conductor_core::units::UnitError;
use conductor_proto::v1;
use tonic::Status;

use crate::call::Change;
use crate::document::document;
use crate::service::{Service, Unseen, id};
use crate::status::{of_field, of_spec, of_start, of_store, of_update};

/// Who has asked for something where nobody was asked who they are.
const SOMEBODY: &str = "a caller of the server";

/// Does a change in a task of its own.
pub(crate) async fn apart<T: Send + 'static>(
    change: impl Future<Output = Result<T, Status>> + Send + 'static,
) -> Result<T, Status> {
    match tokio::spawn(change).await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(%error, "a call has broken down");
            Err(Status::internal("the call has broken down; the log of the server says why"))
        }
    }
}

impl Service {
    pub(crate) async fn start(
        &self,
        change: &mut Change,
        request: v1::StartLoadTestRequest,
    ) -> Result<v1::StartLoadTestResponse, Status> {
        let name = request_id(&request.request_id)?;
        let document = document(request.load_test).map_err(|error| of_spec(&error))?;
        change.permit(environment(&document.spec.environment)?).await?;
        let declared = self.declared(document)?;
        let created = Created { by: change.call().by(), request: name, ..declared };
        let run = self.conductor.start(created).await.map_err(|error| of_start(&error))?;
        change.about(&run);
        Ok(v1::StartLoadTestResponse { run: Some(self.said(change.call(), &run).await?) })
    }

    pub(crate) async fn stop(
        &self,
        change: &mut Change,
        request: v1::StopLoadTestRequest,
    ) -> Result<v1::StopLoadTestResponse, Status> {
        let (run, asked) = self.permitted(change, &request.id).await?;
        if asked {
            let by = change.call().by().unwrap_or_else(|| SOMEBODY.to_owned());
            self.conductor.stop(&run, &by).await.map_err(|error| of_store(&error, &error))?;
        }
        Ok(v1::StopLoadTestResponse { asked })
    }

    pub(crate) async fn update(
        &self,
        change: &mut Change,
        request: v1::UpdateLoadTestRequest,
    ) -> Result<v1::UpdateLoadTestResponse, Status> {
        let v1::UpdateLoadTestRequest { id, target, within, plateau } = request;
        let (run, _) = self.permitted(change, &id).await?;
        let other = Retarget {
            target: value("target", &target)?,
            within: within.map(|within| value("within", &within)).transpose()?,
            plateau: plateau.map(|plateau| value("plateau", &plateau)).transpose()?,
        };
        let by = change.call().by().unwrap_or_else(|| SOMEBODY.to_owned());
        self.conductor.update(&run, other, &by).await.map_err(|error| of_update(&error))?;
        Ok(v1::UpdateLoadTestResponse {})
    }

    /// A run that the caller may change, and whether it goes on.
    async fn permitted(&self, change: &mut Change, text: &str) -> Result<(RunId, bool), Status> {
        let run = id(text)?;
        change.about(&run);
        let seen = self.look(change.call(), &run, |view| (view.environment.clone(), view.verdict.is_none())).await;
        let (environment, goes_on) = match seen {
            Ok(seen) => seen,
            Err(unseen) => {
                if let Unseen::Hidden { environment, outcome, .. } = &unseen {
                    change.hidden(environment, *outcome);
                }
                return Err(unseen.into());
            }
        };
        change.permit(&environment).await?;
        Ok((run, goes_on))
    }
}

/// An environment's name, of a length that it may have: it goes into answers and into the trail before it is known.
pub(crate) fn environment(name: &str) -> Result<&str, Status> {
    const LONGEST: usize = 128;
    if name.len() > LONGEST {
        let problem = format!("a text of {} bytes is not the name of an environment", name.len());
        return Err(of_field("spec.environment", problem, format!("1 to {LONGEST} characters")));
    }
    Ok(name)
}

fn request_id(text: &str) -> Result<Option<RequestId>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let problem = |_| format!("a text of {} bytes is not the id of a request", text.len());
    let refused = |problem| of_field("requestId", problem, "1 to 128 visible ASCII characters, such as a UUID");
    text.parse().map(Some).map_err(problem).map_err(refused)
}

fn value<T: FromStr<Err = UnitError>>(field: &str, text: &str) -> Result<T, Status> {
    text.parse().map_err(|error: UnitError| of_field(field, error.problem, error.expected))
}
