//! One mock: the two probes before load, and the look at it while there is some.

use std::time::Duration;

use async_trait::async_trait;
use conductor_core::failure::Failure;
use conductor_core::load::Tags;
use conductor_core::mocks::{Answer, MOCKED_HEADER, MockProof, MockSight, MockSpec, PROBE_HEADER, RouteCounts};
use conductor_core::ports::{FailureKind, MockProbe, PortError};
use conductor_core::spec::{LOAD_TEST_HEADER, RUN_HEADER};
use reqwest::{Client, Method};

use crate::call;
use crate::hoverfly::{Hoverfly, Token};
use crate::settings::{MockSettings, ProbeSettings, Secrets};
use crate::skipper::Skipper;

/// The header by which Hoverfly marks what it has fetched from the real dependency.
const FETCHED_HEADER: &str = "Hoverfly";
/// A route counts a request a moment after it was answered: how long that may take, and the time between two looks.
const COUNTED_WITHIN: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A mock by Hoverfly behind Skipper.
#[derive(Debug)]
pub struct Mock {
    settings: MockSettings,
    client: Client,
    hoverfly: Hoverfly,
    skipper: Skipper,
    token: Option<Token>,
}

impl Mock {
    /// A mock of these settings. Nothing is called yet. A TLS provider of `rustls` must be installed.
    ///
    /// # Errors
    /// When the settings are not right, or a client cannot be made.
    pub fn new(settings: MockSettings, secrets: Secrets) -> Result<Self, PortError> {
        if let Some((field, problem, expected)) = settings.violations().into_iter().next() {
            let text = format!("mock {}: {field}: {problem}; expected {expected}", settings.name);
            return Err(PortError::new(FailureKind::Rejected, text));
        }
        let client = call::client()?;
        let hoverfly = Hoverfly::new(client.clone(), &settings.hoverfly.admin, secrets.hoverfly);
        let skipper = Skipper::new(client.clone(), &settings.router);
        Ok(Self { hoverfly, skipper, client, token: secrets.probe.map(Token), settings })
    }

    /// All of it. Simulators are read first: what has come to them is counted by a route later than by them.
    async fn sight(&self) -> Result<MockSight, PortError> {
        let (simulators, arrived) = self.hoverfly.state().await?;
        let routes = self.skipper.counts().await?;
        Ok(MockSight { name: self.settings.name.clone(), simulators, arrived, routes, unread: None })
    }

    /// Sends a probe, tagged or not, and finds out what became of it. The routes had counted so much `before`.
    async fn send(&self, tags: Option<&Tags>, before: &RouteCounts) -> Result<Answer, PortError> {
        let ProbeSettings { url, method, body, headers, real_marker, .. } = &self.settings.probe;
        let id = format!("probe-{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>());
        let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
        let act = format!("could not send the {} probe to {url}", if tags.is_some() { "tagged" } else { "untagged" });
        let mut request = self.client.request(method, url).header(PROBE_HEADER, &id);
        request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        if let Some(tags) = tags {
            let (name, value) = LOAD_TEST_HEADER;
            request = request.header(name, value).header(RUN_HEADER, tags.run.as_str());
            request = tags.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        }
        if let Some(Token(token)) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.body(body.clone());
        }
        let response = request.send().await;
        let response =
            response.map_err(|error| PortError::because(FailureKind::Rejected, act.clone(), error.without_url()))?;
        let header = |name: &str| Some(response.headers().get(name)?.to_str().unwrap_or_default().to_owned());
        let has = |header_name: &str, expected: &Option<String>| {
            header(header_name).is_some_and(|found| expected.as_ref().is_none_or(|expected| *expected == found))
        };
        let answer = Answer {
            status: response.status().as_u16(),
            mocked_by: header(MOCKED_HEADER),
            fetched: header(FETCHED_HEADER).is_some(),
            real_marker: real_marker.as_ref().map(|marker| has(&marker.header, &marker.value)),
            ..Answer::default()
        };
        // An answer whose body is left unread may not be over for the router.
        drop(response.bytes().await);
        let routes = self.counted(before).await?;
        Ok(Answer { journal: self.hoverfly.journal(&id).await?, routes, ..answer })
    }

    /// What routes have counted since before, once one of them has counted something.
    async fn counted(&self, before: &RouteCounts) -> Result<RouteCounts, PortError> {
        let mut waited = Duration::ZERO;
        loop {
            let added = self.skipper.counts().await?.since(before);
            if added != RouteCounts::default() || waited >= COUNTED_WITHIN {
                return Ok(added);
            }
            tokio::time::sleep(LOOK_EVERY).await;
            waited += LOOK_EVERY;
        }
    }

    /// The probes, as far as one allows the next.
    async fn probe(&self, proof: &mut MockProof, tags: &Tags, spec: &MockSpec) -> Result<(), PortError> {
        if !proof.allows_tagged() {
            return Ok(());
        }
        proof.tagged = Some(self.send(Some(tags), &proof.before.routes).await?);
        if !proof.allows_untagged(spec) {
            return Ok(());
        }
        let between = self.skipper.counts().await?;
        proof.untagged = Some(self.send(None, &between).await?);
        proof.after = self.sight().await?;
        Ok(())
    }
}

#[async_trait]
impl MockProbe for Mock {
    fn name(&self) -> String {
        self.settings.name.clone()
    }

    async fn prove(&self, tags: &Tags, spec: &MockSpec) -> Result<MockProof, PortError> {
        let before = self.sight().await?;
        let mut proof = MockProof { after: before.clone(), before, ..MockProof::default() };
        if let Err(error) = self.probe(&mut proof, tags, spec).await {
            proof.unread = Some(Failure::of("", &error).message);
        }
        Ok(proof)
    }

    async fn look(&self) -> MockSight {
        let unread = |simulators, error: &PortError| MockSight {
            name: self.settings.name.clone(),
            simulators,
            unread: Some(Failure::of("", error).message),
            ..MockSight::default()
        };
        // What is known of simulators is told even where the router does not answer.
        let (simulators, arrived) = match self.hoverfly.state().await {
            Ok(state) => state,
            Err(error) => return unread(Vec::new(), &error),
        };
        match self.skipper.counts().await {
            Ok(routes) => MockSight { name: self.settings.name.clone(), simulators, arrived, routes, unread: None },
            Err(error) => unread(simulators, &error),
        }
    }
}
