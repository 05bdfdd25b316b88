//! Skipper with the routes of deploy/skipper, Hoverfly with its simulation, and the shop's payment provider behind them.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use conductor_bed::{Ending, Folder, Folders, Identity, Keeper, until};
use conductor_core::load::Tags;
use conductor_core::mocks::{MockFault, MockProof, MockSight, MockSpec};
use conductor_core::ports::{MockProbe, PortError};
use conductor_core::spec::LOAD_TEST_HEADER;
use conductor_mocks::{Mock, MockSettings, Secrets};
use reqwest::Client;
use serde_json::{Value, json};

pub(crate) const ROUTES: &str = include_str!("../../../../deploy/skipper/payments.eskip");
pub(crate) const SIMULATION: &str = include_str!("../../../../deploy/skipper/payments-simulation.json");

pub(crate) const WITHIN: Duration = Duration::from_secs(20);

/// What runs, and where.
pub(crate) struct Chain {
    pub(crate) client: Client,
    hoverfly: Option<Keeper<&'static str>>,
    skipper: Option<Keeper<&'static str>>,
    _payments: Keeper<&'static str>,
    folder: Folder,
    ports: Ports,
}

#[derive(Clone, Copy)]
struct Ports {
    proxy: u16,
    admin: u16,
    router: u16,
    support: u16,
    payments: u16,
}

/// A program that `cargo verify` builds.
fn program(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable);
    path.unwrap_or_else(|| panic!("{variable} is not set: cargo verify sets it, and cargo xtask environment shows it"))
        .into()
}

pub(crate) fn free_port() -> u16 {
    conductor_bed::loopback::listen().unwrap().1
}

pub(crate) fn started(name: &'static str, mut command: Command) -> Keeper<&'static str> {
    let keeper = Keeper::new(Ending::KILL);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    keeper.start(name, command).unwrap();
    keeper
}

impl Chain {
    /// The chain as deploy/skipper ships it.
    pub(crate) async fn up() -> Self {
        Self::with(ROUTES, SIMULATION).await
    }

    pub(crate) async fn with(routes: &str, simulation: &str) -> Self {
        let mut chain = Self::without_router(simulation).await;
        let file = chain.folder.write("routes.eskip", &chain.addressed(routes)).unwrap();
        chain.start_skipper(&["-routes-file", file.to_str().unwrap()]).await;
        chain
    }

    /// The chain but for its router.
    pub(crate) async fn without_router(simulation: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = Folders { prefix: "mocks-", process: None }.make(Identity::own()).unwrap();
        let [proxy, admin, router, support, payments] = [(); 5].map(|()| free_port());
        let ports = Ports { proxy, admin, router, support, payments };
        folder.write("simulation.json", simulation).unwrap();
        let mut provider = Command::new(program("CONDUCTOR_SHOP"));
        provider.args(["payments", "--service-time-ms", "1", "--port", &payments.to_string()]);
        let client = Client::builder().no_proxy().build().unwrap();
        let mut chain =
            Self { client, hoverfly: None, skipper: None, _payments: started("payments", provider), folder, ports };
        chain.start_hoverfly("-webserver").await;
        chain.answers(&format!("http://127.0.0.1:{payments}/health")).await;
        chain
    }

    /// Starts Hoverfly anew, in the way that this argument says.
    pub(crate) async fn start_hoverfly(&mut self, how: &str) {
        self.hoverfly = None;
        let Ports { proxy, admin, .. } = self.ports;
        let mut command = Command::new(program("CONDUCTOR_HOVERFLY"));
        command.args([how, "-listen-on-host", "127.0.0.1", "-log-level", "error"]);
        command.args(["-pp", &proxy.to_string(), "-ap", &admin.to_string(), "-import"]);
        command.arg(self.folder.file("simulation.json")).current_dir(self.folder.path());
        self.hoverfly = Some(started("hoverfly", command));
        self.answers(&format!("http://127.0.0.1:{admin}/api/health")).await;
    }

    /// Starts Skipper with routes from there.
    pub(crate) async fn start_skipper(&mut self, routes: &[&str]) {
        let Ports { router, support, .. } = self.ports;
        let mut command = Command::new(program("CONDUCTOR_SKIPPER"));
        command.args(["-wait-first-route-load", "-wait-for-healthcheck-interval", "0s", "-access-log-disabled"]);
        command.args(["-metrics-flavour", "prometheus", "-serve-route-counter"]);
        command.args([
            "-address",
            &format!("127.0.0.1:{router}"),
            "-support-listener",
            &format!("127.0.0.1:{support}"),
        ]);
        command.args(routes).current_dir(self.folder.path());
        self.skipper = Some(started("skipper", command));
        self.answers(&format!("http://127.0.0.1:{support}/metrics")).await;
    }

    pub(crate) fn stop_hoverfly(&mut self) {
        self.hoverfly = None;
    }

    pub(crate) fn stop_skipper(&mut self) {
        self.skipper = None;
    }

    async fn answers(&self, url: &str) {
        until(url, WITHIN, async || {
            let answer = self.client.get(url).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// Gives Skipper other routes, and waits until it has them.
    pub(crate) async fn route(&self, routes: &str) {
        let url = format!("http://127.0.0.1:{}/routes", self.ports.support);
        let told = async || self.client.get(&url).send().await.ok()?.text().await.ok();
        let before = told().await.unwrap();
        self.folder.write("routes.eskip", &self.addressed(routes)).unwrap();
        until("Skipper takes other routes", WITHIN, async || told().await.filter(|now| *now != before)).await;
    }

    /// Shipped routes with the addresses of this chain.
    pub(crate) fn addressed(&self, routes: &str) -> String {
        self.ports.addressed(routes)
    }

    /// Waits until the router has this route.
    pub(crate) async fn has_route(&self, id: &str) {
        let url = format!("http://127.0.0.1:{}/routes", self.ports.support);
        until(id, WITHIN, async || {
            let routes = self.client.get(&url).send().await.ok()?.text().await.ok()?;
            routes.contains(&format!("{id}: ")).then_some(())
        })
        .await;
    }

    /// Sets Hoverfly's mode.
    pub(crate) async fn mode(&self, mode: &str) {
        let url = format!("http://127.0.0.1:{}/api/v2/hoverfly/mode", self.ports.admin);
        let answer = self.client.put(&url).body(json!({ "mode": mode }).to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Pays so many times by way of the router, with this tag if any; gives the last status.
    pub(crate) async fn pay(&self, times: u32, tag: Option<&str>) -> u16 {
        let mut status = 0;
        for _ in 0..times {
            status = self.pay_at(self.ports.router, tag).await;
        }
        status
    }

    /// Pays at the mock itself, past the router.
    pub(crate) async fn pay_past_the_router(&self) -> u16 {
        self.pay_at(self.ports.proxy, None).await
    }

    async fn pay_at(&self, port: u16, tag: Option<&str>) -> u16 {
        let request = self.client.post(format!("http://127.0.0.1:{port}/payments")).json(&json!({ "amount": 1 }));
        let request = tag.iter().fold(request, |request, tag| request.header(LOAD_TEST_HEADER.0, *tag));
        request.send().await.unwrap().status().as_u16()
    }

    pub(crate) fn settings(&self) -> Value {
        let Ports { admin, router, support, .. } = self.ports;
        json!({
            "name": "payments",
            "hoverfly": { "admin": [format!("http://127.0.0.1:{admin}")] },
            "router": {
                "metrics": [format!("http://127.0.0.1:{support}/metrics")],
                "routes": { "mock": ["payments_mock"], "leak": ["payments_leak"], "real": ["payments_real"] },
            },
            "probe": {
                "url": format!("http://127.0.0.1:{router}/payments"),
                "method": "POST",
                "headers": { "Content-Type": "application/json" },
                "body": "{\"amount\":0}",
                "realMarker": { "header": "X-Provider", "value": "payments" },
            },
        })
    }

    pub(crate) fn mock(&self) -> (Mock, MockSpec) {
        made(self.settings())
    }

    pub(crate) async fn prove(&self) -> Result<MockProof, PortError> {
        let (mock, spec) = self.mock();
        mock.prove(&tags(), &spec).await
    }

    /// What keeps the chain from being proved.
    pub(crate) async fn faults(&self) -> Vec<MockFault> {
        let (mock, spec) = self.mock();
        mock.prove(&tags(), &spec).await.unwrap().faults(&spec)
    }

    pub(crate) async fn look(&self) -> MockSight {
        self.mock().0.look().await
    }
}

pub(crate) fn made(settings: Value) -> (Mock, MockSpec) {
    let settings: MockSettings = serde_json::from_value(settings).unwrap();
    let spec = settings.spec();
    (Mock::new(settings, Secrets::default()).unwrap(), spec)
}

pub(crate) fn tags() -> Tags {
    Tags { run: "r-1".parse().unwrap(), headers: [("X-Team".to_owned(), "shop".to_owned())].into() }
}

impl Ports {
    fn addressed(self, routes: &str) -> String {
        let of = [self.proxy, self.payments, self.router].map(|port| format!("http://127.0.0.1:{port}"));
        let names = ["http://hoverfly:8500", "http://payments:8600", "http://skipper:9090"];
        names.iter().zip(of).fold(routes.to_owned(), |routes, (name, address)| routes.replace(name, &address))
    }
}
