//! Calls of a server: connected when needed, with a token, tried again where that helps.

use std::time::Duration;

use conductor_core::ports::RunSummary;
use conductor_core::run::RunId;
use conductor_core::view::RunView;
use conductor_proto::v1;
use conductor_proto::v1::load_test_service_client::LoadTestServiceClient;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

use super::credentials::Credentials;
use super::document;
use super::refusal::Refusal;
use super::scheme;
use super::server_url::ServerUrl;
use super::target::Target;
use crate::exit::Failed;

/// The methods, on a connection.
pub(super) type Stub = LoadTestServiceClient<Channel>;

const CONNECT: Duration = Duration::from_secs(5);
/// How long a server may say nothing before it is asked whether it is there, and how long it may take to say so.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));
/// How often a call is made before its failure is told.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A server gives pages of at most so many runs.
const PAGE: i32 = 1000;

/// A server that is called.
pub(super) struct Client {
    pub(super) server: ServerUrl,
    /// What a command must say to reach the same server.
    pub(super) arguments: String,
    stub: Stub,
    credentials: Credentials,
}

impl Client {
    /// A client of a server, which is connected to with the first call.
    ///
    /// # Errors
    /// When files for TLS cannot be used.
    pub(super) fn new(target: Target, variable: fn(&str) -> Option<String>) -> Result<Self, Failed> {
        let Target { server, tls, token, arguments } = target;
        let (interval, timeout) = KEEPALIVE;
        let mut endpoint = Endpoint::from(server.uri())
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(interval)
            .keep_alive_timeout(timeout)
            .user_agent(concat!("conductor/", env!("CARGO_PKG_VERSION")))
            .map_err(Failed::because)?;
        if server.is_encrypted() {
            let config = tls.config().map_err(|error| Failed::input(format!("{error:#}")))?;
            endpoint = endpoint.tls_config(config).map_err(|error| {
                Failed::input(format!("TLS to {server} cannot be begun: {:#}", anyhow::Error::from(error)))
            })?;
        }
        // A run of days has a report of megabytes.
        let stub = LoadTestServiceClient::new(endpoint.connect_lazy()).max_decoding_message_size(usize::MAX);
        Ok(Self { server, arguments, stub, credentials: Credentials::new(token, variable) })
    }

    /// Makes a call, and once more where the server does not know the token and there may be another one.
    pub(super) async fn once<Q: Clone, A, F: Future<Output = Result<Response<A>, Status>>>(
        &self,
        message: &Q,
        call: impl Fn(Stub, Request<Q>) -> F,
    ) -> Result<A, Refusal> {
        let mut is_renewed = false;
        loop {
            let mut request = Request::new(message.clone());
            if let Some(token) = self.credentials.token().await.map_err(Refusal::Token)? {
                let value = format!("Bearer {}", token.reveal()).parse::<AsciiMetadataValue>();
                let mut value = value.map_err(|_| Refusal::Token(anyhow::anyhow!("it does not fit a header")))?;
                value.set_sensitive(true);
                request.metadata_mut().insert("authorization", value);
            }
            let refusal = match call(self.stub.clone(), request).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => Refusal::Status(Box::new(status)),
            };
            // Asked for only where something is wrong already: nobody waits longer who has a server.
            if refusal.is_lost()
                && let Some(problem) = scheme::mistaken(&self.server).await
            {
                return Err(Refusal::Scheme(problem));
            }
            if is_renewed || !refusal.is_unauthenticated() || !self.credentials.forget().await {
                return Err(refusal);
            }
            is_renewed = true;
        }
    }

    /// Makes a call, again and again for some time where that may help. So the call has to be one that may come twice.
    pub(super) async fn call<Q: Clone, A, F: Future<Output = Result<Response<A>, Status>>>(
        &self,
        message: &Q,
        call: impl Fn(Stub, Request<Q>) -> F,
    ) -> Result<A, Refusal> {
        let mut pauses = Pauses::default();
        for _ in 1..ATTEMPTS {
            match self.once(message, &call).await {
                Err(refusal @ Refusal::Status(_)) if refusal.may_pass() => pauses.wait(&refusal).await,
                done => return done,
            }
        }
        self.once(message, &call).await
    }

    /// A run as it is now; tried once, for those who come back anyway.
    pub(super) async fn look(&self, run: &RunId) -> Result<RunView, Refusal> {
        read(&self.once(&wanted(run, v1::ReportFormat::Json), report).await?)
    }

    /// A run as it is now.
    pub(super) async fn view(&self, run: &RunId) -> Result<RunView, Failed> {
        let answer = self.call(&wanted(run, v1::ReportFormat::Json), report).await;
        answer.and_then(|answer| read(&answer)).map_err(|refusal| self.failed(&refusal))
    }

    /// A run's report, HTML.
    pub(super) async fn page(&self, run: &RunId) -> Result<String, Failed> {
        let answer = self.call(&wanted(run, v1::ReportFormat::Html), report).await;
        let page = answer.and_then(|answer| {
            String::from_utf8(answer.content).map_err(|error| Refusal::Answer(format!("is no page of HTML: {error}")))
        });
        page.map_err(|refusal| self.failed(&refusal))
    }

    /// Runs, the newest first: all, or those that have ended or not; no more than `most`.
    pub(super) async fn runs(&self, finished: Option<bool>, most: Option<i32>) -> Result<Vec<RunSummary>, Failed> {
        let page_size = most.unwrap_or(PAGE);
        let mut request = v1::ListLoadTestsRequest { page_size, finished, ..Default::default() };
        let mut runs = Vec::new();
        loop {
            let call = async |mut stub: Stub, request| stub.list_load_tests(request).await;
            let page = self.call(&request, call).await.map_err(|refusal| self.failed(&refusal))?;
            for run in &page.runs {
                runs.push(document::summary(run).map_err(|problem| self.failed(&Refusal::Answer(problem)))?);
            }
            if most.is_some() || page.next_page_token.is_empty() {
                return Ok(runs);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// The run that was named, or the newest one.
    pub(super) async fn run_or_newest(&self, run: Option<RunId>) -> Result<RunId, Failed> {
        if let Some(run) = run {
            return Ok(run);
        }
        let newest = self.runs(None, Some(1)).await?.into_iter().next().map(|run| run.id);
        newest.ok_or_else(|| Failed::input(format!("there are no runs at {}", self.server)))
    }

    /// For people.
    pub(super) fn failed(&self, refusal: &Refusal) -> Failed {
        refusal.failed(&self.server)
    }

    /// The command that shows a run of the same server.
    pub(super) fn watch_command(&self, run: &RunId) -> String {
        format!("conductor{} watch {run}", self.arguments)
    }
}

fn wanted(run: &RunId, format: v1::ReportFormat) -> v1::GetReportRequest {
    v1::GetReportRequest { id: run.to_string(), format: format.into() }
}

async fn report(
    mut stub: Stub,
    request: Request<v1::GetReportRequest>,
) -> Result<Response<v1::GetReportResponse>, Status> {
    stub.get_report(request).await
}

fn read(answer: &v1::GetReportResponse) -> Result<RunView, Refusal> {
    serde_json::from_slice(&answer.content).map_err(|error| {
        Refusal::Answer(format!(
            "is no run as this version knows them, so that the server may be of another one: {error}"
        ))
    })
}

/// The pauses between attempts, each twice as long as the one before.
pub(super) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pauses {
    /// Waits, at least as long as the server wants within reason.
    pub(super) async fn wait(&mut self, refusal: &Refusal) {
        let wanted = refusal.pause().unwrap_or_default().min(LONGEST_PAUSE);
        tokio::time::sleep(self.0.max(wanted)).await;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
    }
}
