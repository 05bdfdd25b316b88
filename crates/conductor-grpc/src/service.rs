//! The methods of the service over a conductor.

use std::pin::Pin;
use std::sync::Arc;

use conductor_access::{Outcome, Role};
use conductor_core::ports::StoreError;
use conductor_core::run::{Created, RunId};
use conductor_core::spec::LoadTestDocument;
use conductor_core::view::{RunView, Update};
use conductor_engine::{Conductor, ViewError};
use conductor_proto::v1;
use conductor_proto::v1::load_test_service_server::LoadTestService;
use futures::{Stream, StreamExt};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::call::{Call, Change};
use crate::changes::{apart, environment};
use crate::declarations::Declarations;
use crate::document::document;
use crate::messages;
use crate::pages::page;
use crate::status::{of_field, of_port, of_spec, of_store, of_view, unsayable};
use crate::values::object;

/// The service. Cloning gives another handle on the same one.
#[derive(Clone)]
pub struct Service {
    pub(crate) conductor: Conductor,
    declarations: Arc<dyn Declarations>,
    ends: watch::Sender<bool>,
}

/// Why a caller is not shown a run.
pub(crate) enum Unseen {
    /// It is of an environment that they may not see. What they are told is what is told of a run that is not there.
    /// Where nobody can tell now whether they may, they are told that.
    Hidden { environment: String, outcome: Outcome, status: Status },
    /// It is not there, or cannot be read.
    Other(Status),
}

impl From<Unseen> for Status {
    fn from(unseen: Unseen) -> Self {
        match unseen {
            Unseen::Hidden { status, .. } | Unseen::Other(status) => status,
        }
    }
}

impl Service {
    /// A service over the runs of a conductor. It answers only what comes in by a [`Door`](crate::Door).
    pub fn new(conductor: Conductor, declarations: Arc<dyn Declarations>) -> Self {
        Self { conductor, declarations, ends: watch::Sender::new(false) }
    }

    /// Ends all streams, those to come included, so that nobody who watches keeps a server from its end.
    pub fn end_watches(&self) {
        self.ends.send_replace(true);
    }

    pub(crate) fn declared(&self, document: LoadTestDocument) -> Result<Created, Status> {
        self.declarations.declare(document).map_err(|error| of_spec(&error))
    }

    /// A run that the caller may see.
    pub(crate) async fn view(&self, call: &Call, run: &RunId) -> Result<RunView, Unseen> {
        self.look(call, run, RunView::clone).await
    }

    /// Something of a run that the caller may see.
    pub(crate) async fn look<T>(&self, call: &Call, run: &RunId, at: impl Fn(&RunView) -> T) -> Result<T, Unseen> {
        let found = self.conductor.look(run, |view| (view.environment.clone(), at(view))).await;
        let environment = match &found {
            Ok((environment, _)) => Some(environment.clone()),
            // That it cannot be read is told to nobody who may not see it either.
            Err(ViewError::Replay { .. }) => self.listed(run).await.map_err(Unseen::Other)?,
            Err(ViewError::Store(_)) => None,
        };
        if let Some(environment) = environment
            && let Err(refused) = call.require(Role::Viewer, &environment).await
        {
            let (outcome, unknown) = (refused.outcome(), StoreError::UnknownRun(run.clone()));
            let status = if refused.is_decided { of_store(&unknown, &unknown) } else { refused.status };
            return Err(Unseen::Hidden { environment, outcome, status });
        }
        found.map(|(_, found)| found).map_err(|error| Unseen::Other(of_view(&error)))
    }

    /// The environment of a run, as lists tell it.
    async fn listed(&self, run: &RunId) -> Result<Option<String>, Status> {
        let runs = self.conductor.list().await.map_err(|error| of_store(&error, &error))?;
        Ok(runs.into_iter().find(|known| known.id == *run).map(|known| known.environment))
    }

    pub(crate) async fn said(&self, call: &Call, run: &RunId) -> Result<v1::Run, Status> {
        messages::run(&self.view(call, run).await?).map_err(|error| unsayable(&error))
    }
}

type Watched = Pin<Box<dyn Stream<Item = Result<v1::WatchLoadTestResponse, Status>> + Send>>;

#[tonic::async_trait]
impl LoadTestService for Service {
    type WatchLoadTestStream = Watched;

    async fn start_load_test(
        &self,
        request: Request<v1::StartLoadTestRequest>,
    ) -> Result<Response<v1::StartLoadTestResponse>, Status> {
        let (this, mut change) = (self.clone(), Change::of(&request)?);
        let done = apart(async move {
            let result = this.start(&mut change, request.into_inner()).await;
            change.end(result).await
        });
        done.await.map(Response::new)
    }

    async fn get_load_test(
        &self,
        request: Request<v1::GetLoadTestRequest>,
    ) -> Result<Response<v1::GetLoadTestResponse>, Status> {
        let call = Call::of(&request)?;
        let run = id(&request.into_inner().id)?;
        Ok(Response::new(v1::GetLoadTestResponse { run: Some(self.said(&call, &run).await?) }))
    }

    async fn list_load_tests(
        &self,
        request: Request<v1::ListLoadTestsRequest>,
    ) -> Result<Response<v1::ListLoadTestsResponse>, Status> {
        let call = Call::of(&request)?;
        let runs = self.conductor.list().await.map_err(|error| of_store(&error, &error))?;
        let environments = call.seen(runs.iter().map(|run| run.environment.as_str()).collect()).await?;
        let seen = runs.iter().filter(|run| environments.contains(run.environment.as_str()));
        page(&seen.collect::<Vec<_>>(), &request.into_inner()).map(Response::new)
    }

    async fn watch_load_test(
        &self,
        request: Request<v1::WatchLoadTestRequest>,
    ) -> Result<Response<Self::WatchLoadTestStream>, Status> {
        let call = Call::of(&request)?;
        let v1::WatchLoadTestRequest { id: run, after_revision } = request.into_inner();
        let run = id(&run)?;
        let environment = self.look(&call, &run, |view| view.environment.clone()).await?;
        let updates = self.conductor.follow(&run, after_revision).await.map_err(|error| of_view(&error))?;
        let mut ends = self.ends.subscribe();
        Ok(Response::new(Box::pin(async_stream::stream! {
            let mut updates = std::pin::pin!(updates);
            let mut shut_out = std::pin::pin!(call.shut_out(&environment));
            loop {
                let next = tokio::select! {
                    biased;
                    () = ended(&mut ends) => Next::Ended,
                    refused = &mut shut_out => Next::Refused(refused),
                    update = updates.next() => update.map_or(Next::Over, Next::Update),
                };
                match next {
                    Next::Update(update) => yield messages::update(&update).map_err(|error| unsayable(&error)),
                    Next::Over => break,
                    Next::Refused(status) => {
                        yield Err(status);
                        break;
                    }
                    Next::Ended => {
                        yield Err(Status::unavailable(
                            "the server is shutting down; watch the run again, after the last revision that was told",
                        ));
                        break;
                    }
                }
            }
        })))
    }

    async fn stop_load_test(
        &self,
        request: Request<v1::StopLoadTestRequest>,
    ) -> Result<Response<v1::StopLoadTestResponse>, Status> {
        let (this, mut change) = (self.clone(), Change::of(&request)?);
        let done = apart(async move {
            let result = this.stop(&mut change, request.into_inner()).await;
            change.end(result).await
        });
        done.await.map(Response::new)
    }

    async fn update_load_test(
        &self,
        request: Request<v1::UpdateLoadTestRequest>,
    ) -> Result<Response<v1::UpdateLoadTestResponse>, Status> {
        let (this, mut change) = (self.clone(), Change::of(&request)?);
        let done = apart(async move {
            let result = this.update(&mut change, request.into_inner()).await;
            change.end(result).await
        });
        done.await.map(Response::new)
    }

    async fn plan_load_test(
        &self,
        request: Request<v1::PlanLoadTestRequest>,
    ) -> Result<Response<v1::PlanLoadTestResponse>, Status> {
        let call = Call::of(&request)?;
        let document = document(request.into_inner().load_test).map_err(|error| of_spec(&error))?;
        // Nothing is touched, but clusters and accounts are asked on the caller's behalf.
        let permitted = call.require(Role::Operator, environment(&document.spec.environment)?).await;
        permitted.map_err(|refused| refused.status)?;
        let mut created = self.declared(document)?;
        created.learnt = self.conductor.learnt(&created.spec).await.map_err(|error| of_store(&error, &error))?;
        let refused = |error| of_port(&created.spec.environment, &error);
        let ports = self.declarations.ports(&created).await.map_err(refused)?;
        let report = conductor_engine::plan(&ports, &created, jiff::Timestamp::now()).await.map_err(refused)?;
        let plan = object(&report).map_err(|error| unsayable(&error))?;
        Ok(Response::new(v1::PlanLoadTestResponse { plan: Some(plan) }))
    }

    async fn get_report(
        &self,
        request: Request<v1::GetReportRequest>,
    ) -> Result<Response<v1::GetReportResponse>, Status> {
        let call = Call::of(&request)?;
        let request = request.into_inner();
        let run = id(&request.id)?;
        let format = v1::ReportFormat::try_from(request.format)
            .map_err(|_| of_field("format", format!("{} is no format", request.format), "HTML or JSON"))?;
        let view = self.view(&call, &run).await?;
        let (content_type, content) = match format {
            v1::ReportFormat::Unspecified | v1::ReportFormat::Html => {
                let page = conductor_web::report(&view)
                    .map_err(|error| Status::internal(format!("the report could not be written: {error}")))?;
                ("text/html; charset=utf-8", page.into_bytes())
            }
            v1::ReportFormat::Json => {
                ("application/json", serde_json::to_vec_pretty(&view).map_err(|error| unsayable(&error))?)
            }
        };
        Ok(Response::new(v1::GetReportResponse { content_type: content_type.to_owned(), content }))
    }
}

/// What comes next in a watch.
enum Next {
    /// Something has changed.
    Update(Arc<Update>),
    /// The run is over.
    Over,
    /// The caller may not watch any more.
    Refused(Status),
    /// The server ends.
    Ended,
}

/// Waits until all watches shall end.
async fn ended(ends: &mut watch::Receiver<bool>) {
    if ends.wait_for(|ends| *ends).await.is_err() {
        // Nobody is left who could end them.
        std::future::pending::<()>().await;
    }
}

/// The run that a request names.
pub(crate) fn id(text: &str) -> Result<RunId, Status> {
    // What a name is made of helps nobody who has to find the run's.
    let refused = |_| of_field("id", format!("\"{text}\" is not the id of a run"), "an id as ListLoadTests tells it");
    text.parse().map_err(refused)
}
