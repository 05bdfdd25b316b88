//! The methods of the service over a conductor.

use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use conductor_core::phase::Retarget;
use conductor_core::ports::RunSummary;
use conductor_core::run::{Created, RunId};
use conductor_core::units::UnitError;
use conductor_core::view::Update;
use conductor_engine::Conductor;
use conductor_proto::v1;
use conductor_proto::v1::load_test_service_server::LoadTestService;
use futures::{Stream, StreamExt};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::declarations::{Caller, Declarations};
use crate::document::document;
use crate::messages;
use crate::status::{of_field, of_port, of_spec, of_start, of_store, of_update, of_view, unsayable};
use crate::values::object;

const PAGE: usize = 50;
const LONGEST_PAGE: i32 = 1000;

/// The service. Cloning gives another handle on the same one.
#[derive(Clone)]
pub struct Service {
    conductor: Conductor,
    declarations: Arc<dyn Declarations>,
    ends: watch::Sender<bool>,
}

impl Service {
    /// A service over the runs of a conductor.
    pub fn new(conductor: Conductor, declarations: Arc<dyn Declarations>) -> Self {
        Self { conductor, declarations, ends: watch::Sender::new(false) }
    }

    /// Ends all streams, those to come included, so that nobody who watches keeps a server from its end.
    pub fn end_watches(&self) {
        self.ends.send_replace(true);
    }

    fn declared(&self, load_test: Option<v1::LoadTest>) -> Result<Created, Status> {
        let document = document(load_test).map_err(|error| of_spec(&error))?;
        self.declarations.declare(document).map_err(|error| of_spec(&error))
    }

    async fn seen(&self, run: &RunId) -> Result<v1::Run, Status> {
        let view = self.conductor.get(run).await.map_err(|error| of_view(&error))?;
        messages::run(&view).map_err(|error| unsayable(&error))
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
        let created = self.declared(request.into_inner().load_test)?;
        let run = self.conductor.start(created).await.map_err(|error| of_start(&error))?;
        Ok(Response::new(v1::StartLoadTestResponse { run: Some(self.seen(&run).await?) }))
    }

    async fn get_load_test(
        &self,
        request: Request<v1::GetLoadTestRequest>,
    ) -> Result<Response<v1::GetLoadTestResponse>, Status> {
        let run = id(&request.into_inner().id)?;
        Ok(Response::new(v1::GetLoadTestResponse { run: Some(self.seen(&run).await?) }))
    }

    async fn list_load_tests(
        &self,
        request: Request<v1::ListLoadTestsRequest>,
    ) -> Result<Response<v1::ListLoadTestsResponse>, Status> {
        let runs = self.conductor.list().await.map_err(|error| of_store(&error, &error))?;
        page(&runs, &request.into_inner()).map(Response::new)
    }

    async fn watch_load_test(
        &self,
        request: Request<v1::WatchLoadTestRequest>,
    ) -> Result<Response<Self::WatchLoadTestStream>, Status> {
        let v1::WatchLoadTestRequest { id: run, after_revision } = request.into_inner();
        let run = id(&run)?;
        let updates = self.conductor.follow(&run, after_revision).await.map_err(|error| of_view(&error))?;
        let mut ends = self.ends.subscribe();
        Ok(Response::new(Box::pin(async_stream::stream! {
            let mut updates = std::pin::pin!(updates);
            loop {
                let next = tokio::select! {
                    biased;
                    () = ended(&mut ends) => Next::Ended,
                    update = updates.next() => update.map_or(Next::Over, Next::Update),
                };
                match next {
                    Next::Update(update) => yield messages::update(&update).map_err(|error| unsayable(&error)),
                    Next::Over => break,
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
        let by = caller(&request);
        let run = id(&request.into_inner().id)?;
        let view = self.conductor.get(&run).await.map_err(|error| of_view(&error))?;
        let asked = view.verdict.is_none();
        if asked {
            self.conductor.stop(&run, &by).await.map_err(|error| of_store(&error, &error))?;
        }
        Ok(Response::new(v1::StopLoadTestResponse { asked }))
    }

    async fn update_load_test(
        &self,
        request: Request<v1::UpdateLoadTestRequest>,
    ) -> Result<Response<v1::UpdateLoadTestResponse>, Status> {
        let by = caller(&request);
        let v1::UpdateLoadTestRequest { id: run, target, within, plateau } = request.into_inner();
        let run = id(&run)?;
        let change = Retarget {
            target: value("target", &target)?,
            within: within.map(|within| value("within", &within)).transpose()?,
            plateau: plateau.map(|plateau| value("plateau", &plateau)).transpose()?,
        };
        self.conductor.update(&run, change, &by).await.map_err(|error| of_update(&error))?;
        Ok(Response::new(v1::UpdateLoadTestResponse {}))
    }

    async fn plan_load_test(
        &self,
        request: Request<v1::PlanLoadTestRequest>,
    ) -> Result<Response<v1::PlanLoadTestResponse>, Status> {
        let mut created = self.declared(request.into_inner().load_test)?;
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
        let request = request.into_inner();
        let run = id(&request.id)?;
        let format = v1::ReportFormat::try_from(request.format)
            .map_err(|_| of_field("format", format!("{} is no format", request.format), "HTML or JSON"))?;
        let view = self.conductor.get(&run).await.map_err(|error| of_view(&error))?;
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

/// A page of a list. Runs are never deleted, so that the last run of a page tells where the next one begins.
fn page(runs: &[RunSummary], request: &v1::ListLoadTestsRequest) -> Result<v1::ListLoadTestsResponse, Status> {
    let size = match request.page_size {
        0 => PAGE,
        size @ 1..=LONGEST_PAGE => size as usize,
        size => return Err(of_field("pageSize", format!("{size} is out of range"), format!("1 to {LONGEST_PAGE}"))),
    };
    let begin = if request.page_token.is_empty() {
        0
    } else {
        let last = runs.iter().position(|run| run.id.as_str() == request.page_token);
        let unknown = || of_field("pageToken", "is not known", "nextPageToken of the page before");
        last.ok_or_else(unknown)? + 1
    };
    let is_meant = |run: &&RunSummary| {
        (request.environment.is_empty() || run.environment == request.environment)
            && (request.name.is_empty() || run.name == request.name)
            && request.finished.is_none_or(|finished| run.finished == finished)
    };
    let mut found: Vec<&RunSummary> = runs[begin..].iter().filter(is_meant).take(size + 1).collect();
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|run| run.id.to_string());
    Ok(v1::ListLoadTestsResponse {
        runs: found.into_iter().map(messages::summary).collect(),
        next_page_token: next.unwrap_or_default(),
    })
}

fn id(text: &str) -> Result<RunId, Status> {
    // What a name is made of helps nobody who has to find the run's.
    let refused = |_| of_field("id", format!("\"{text}\" is not the id of a run"), "an id as ListLoadTests tells it");
    text.parse().map_err(refused)
}

fn value<T: FromStr<Err = UnitError>>(field: &str, text: &str) -> Result<T, Status> {
    text.parse().map_err(|error: UnitError| of_field(field, error.problem, error.expected))
}

fn caller<T>(request: &Request<T>) -> String {
    match request.extensions().get::<Caller>() {
        Some(Caller(name)) => name.clone(),
        None => "a caller of the server".to_owned(),
    }
}
