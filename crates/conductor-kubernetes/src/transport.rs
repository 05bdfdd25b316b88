//! Connections to an API server that do not outlive the network below them.
//!
//! Kube's own client keeps an unused connection for 90 s and asks nothing of its socket. After a cut that nobody has told of (a gateway
//! that has forgotten its connections, a node that is gone) each of them is then tried in turn, for as long as an answer may take. Here an
//! unused connection is soon closed, and the kernel ends one whose other end acknowledges nothing. A watch is in use and stays,
//! however long nothing happens, for as long as the other end acknowledges probes.

use std::time::Duration;

use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use tower::limit::RateLimitLayer;
use tower::util::{BoxService, option_layer};
use tower::{BoxError, ServiceBuilder};

/// How long a connection is kept that nobody uses: through the pauses within a rollout, and far below the wait for one answer.
const UNUSED_FOR: Duration = Duration::from_secs(4);
/// How long what was sent may stay unacknowledged until the kernel ends the connection: below the wait for one answer too, so
/// that a call fails by its connection and the next one gets a new one.
const UNACKNOWLEDGED_FOR: Duration = Duration::from_secs(10);
/// After how long of silence the kernel asks whether the other end is there, and how often from then on.
const PROBED_AFTER: Duration = Duration::from_secs(10);
/// The time between probes that are not answered.
const PROBED_EACH: Duration = Duration::from_secs(3);

/// Makes a client. `rate` limits all that it sends.
///
/// # Errors
/// When the certificates or credentials of the configuration are of no use, or it names a proxy that cannot be used.
pub(crate) fn client(config: Config, rate: Option<RateLimitLayer>) -> kube::Result<Client> {
    if config.proxy_url.is_some() {
        // Which proxies there are is decided by the features that kube is built with, and so is the error of one that is none of them.
        return Ok(ClientBuilder::try_from(config)?.with_layer(&option_layer(rate)).build());
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(PROBED_AFTER));
    tcp.set_keepalive_interval(Some(PROBED_EACH));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED_FOR));
    // It counts the handshake of TLS, too.
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let http: HttpClient<_, Body> = HttpClient::builder(TokioExecutor::new())
        .pool_idle_timeout(UNUSED_FOR)
        // With it they are closed in time, rather than when the next one is looked for.
        .pool_timer(TokioTimer::new())
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    let builder = ClientBuilder::new(BoxService::new(service), config.default_namespace);
    Ok(builder.with_layer(&option_layer(rate)).build())
}
