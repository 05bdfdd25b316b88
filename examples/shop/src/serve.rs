//! One replica of the shop: routes and handlers. What it can do at a time is in `capacity`, what it keeps in `database`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::capacity::{Capacity, Overloaded};
use crate::catalogue::{self, Version};
use crate::conditions::{self, Conditions};
use crate::database::{Database, Line, total_cents};
use crate::listener;

/// How a replica runs. The defaults give 19 orders a second to one replica and 57 to three.
#[derive(Args)]
pub(crate) struct Settings {
    /// Port on 127.0.0.1, shared with the other replicas.
    #[arg(long)]
    port: u16,
    /// A port of this replica alone, which answers `GET /health`.
    #[arg(long)]
    health_port: Option<u16>,
    /// The version to play.
    #[arg(long, value_enum)]
    version: Version,
    /// The SQLite file.
    #[arg(long)]
    database: PathBuf,
    /// Base URL of the payment provider, or of a router before it and its mock.
    #[arg(long)]
    payments: String,
    /// Orders that are worked on at a time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    at_a_time: u32,
    /// Milliseconds that one order takes, payment included.
    #[arg(long, default_value_t = 210)]
    service_time_ms: u64,
    /// Milliseconds that an order waits for its turn before it is refused with 503.
    #[arg(long, default_value_t = 3_000)]
    patience_ms: u64,
    /// Scales what the replica can do: 0.5 takes half as many orders a second.
    #[arg(long, env = "SHOP_CAPACITY", default_value_t = 1.0, value_parser = positive)]
    capacity: f64,
    /// A file that changes what the shop and its customers do while they run: see the locustfile.
    #[arg(long)]
    conditions: Option<PathBuf>,
}

struct Shop {
    version: Version,
    capacity: Capacity,
    database: Database,
    payments: String,
    /// Whether payments go without the tags of a load test, as [`conditions`] say.
    strip_tags: AtomicBool,
    client: reqwest::Client,
}

/// Serves until told to stop, then finishes the requests in flight.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let health_port = settings.health_port;
    let port = settings.port;
    let conditions = settings.conditions.clone();
    let shop = Arc::new(Shop::open(settings).await?);
    if let Some(file) = conditions {
        let shop = Arc::clone(&shop);
        tokio::spawn(async move { conditions::follow(file, |conditions| shop.take(conditions)).await });
    }
    let router = router(shop);
    let until_stopped = |mut stopped: watch::Receiver<bool>| async move {
        // An error means that the sender is gone, which is a reason to stop as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let serving = axum::serve(listener::shared(port)?, router.clone())
        .with_graceful_shutdown(until_stopped(stopped.clone()))
        .into_future();
    let health = async {
        if let Some(port) = health_port {
            let listener = listener::shared(port)?;
            axum::serve(listener, router).with_graceful_shutdown(until_stopped(stopped)).await?;
        }
        anyhow::Ok(())
    };
    let signal = async {
        listener::told_to_stop().await?;
        stop.send_replace(true);
        anyhow::Ok(())
    };
    tokio::try_join!(async { anyhow::Ok(serving.await?) }, health, signal)?;
    Ok(())
}

impl Shop {
    async fn open(settings: Settings) -> anyhow::Result<Self> {
        // The client wants a TLS provider even where all it calls is plain HTTP; a second install is harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let service_time = Duration::from_millis(settings.service_time_ms).div_f64(settings.capacity);
        Ok(Self {
            version: settings.version,
            capacity: Capacity::new(settings.at_a_time, service_time, Duration::from_millis(settings.patience_ms)),
            database: Database::open(&settings.database).await?,
            payments: format!("{}/payments", settings.payments.trim_end_matches('/')),
            strip_tags: AtomicBool::new(false),
            client: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(10))
                .build()
                .context("could not make the client of the payment provider")?,
        })
    }

    fn take(&self, conditions: Conditions) {
        self.capacity.scale(conditions.capacity);
        self.strip_tags.store(conditions.strip_tags, Ordering::Relaxed);
    }

    async fn pay(&self, headers: &HeaderMap, amount_cents: i64) -> reqwest::Result<()> {
        let mut request = self.client.post(&self.payments).json(&json!({ "amount_cents": amount_cents }));
        // A provider that is mocked for load tests tells them by these.
        let tags: &[&str] =
            if self.strip_tags.load(Ordering::Relaxed) { &[] } else { &["x-load-test", "x-load-test-run"] };
        for &name in tags {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        request.send().await?.error_for_status()?;
        Ok(())
    }
}

fn router(shop: Arc<Shop>) -> Router {
    let version = HeaderValue::from_static(shop.version.name());
    Router::new()
        .route("/products", get(products))
        .route("/basket", post(fill_basket))
        .route("/orders", post(order))
        .route("/version", get(show_version))
        .route("/health", get(async || "ok"))
        .route("/metrics", get(metrics))
        .layer(map_response(move |mut response: Response| {
            response.headers_mut().insert("x-shop-version", version.clone());
            async { response }
        }))
        .with_state(shop)
}

async fn products(State(shop): State<Arc<Shop>>) -> impl IntoResponse {
    Json(json!({ "products": catalogue::products(shop.version) }))
}

async fn show_version(State(shop): State<Arc<Shop>>) -> impl IntoResponse {
    Json(json!({ "version": shop.version.name() }))
}

/// For Prometheus. Replicas share a port, so that whichever is asked tells of all orders, by the database, and of its own desks.
async fn metrics(State(shop): State<Arc<Shop>>) -> Result<String, Refusal> {
    let (orders, used) = (shop.database.orders().await?, shop.capacity.used());
    Ok(format!(
        "# HELP shop_desks_used_ratio The share of the desks of a replica that serve somebody.\n# TYPE shop_desks_used_ratio gauge\n\
         shop_desks_used_ratio {used}\n# HELP shop_orders_total Orders placed.\n# TYPE shop_orders_total counter\n\
         shop_orders_total {orders}\n"
    ))
}

#[derive(Deserialize)]
struct BasketRequest {
    product: i64,
    #[serde(default = "one")]
    quantity: i64,
}

#[derive(Deserialize)]
struct OrderRequest {
    basket: i64,
}

async fn fill_basket(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    Json(request): Json<BasketRequest>,
) -> Result<impl IntoResponse, Refusal> {
    let lines = [Line { product: request.product, quantity: request.quantity }];
    if !(1..=100).contains(&request.quantity) || total_cents(&lines).is_none() {
        return Err(Refusal::BadRequest("no such product, or a quantity that is not between 1 and 100"));
    }
    let basket = shop.database.add_basket(run_id(&headers), &lines).await?;
    Ok((StatusCode::CREATED, Json(json!({ "basket": basket }))))
}

async fn order(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    Json(request): Json<OrderRequest>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let work = async {
        let lines = shop.database.basket(request.basket).await?;
        let total = total_cents(&lines).filter(|_| !lines.is_empty()).ok_or(Refusal::BadRequest("no such basket"))?;
        shop.pay(&headers, total).await.map_err(Refusal::Payment)?;
        let order = shop.database.add_order(run_id(&headers), request.basket, total).await?;
        Ok((StatusCode::CREATED, Json(json!({ "status": "paid", "order": order, "total_cents": total }))))
    };
    shop.capacity.serve(work).await.map_err(|Overloaded| Refusal::Overloaded)?
}

/// Why a request was not answered with what it asked for.
enum Refusal {
    BadRequest(&'static str),
    Overloaded,
    Payment(reqwest::Error),
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, reason) = match self {
            Self::BadRequest(reason) => (StatusCode::BAD_REQUEST, reason.to_owned()),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "too many orders are waiting".to_owned()),
            Self::Payment(error) => (StatusCode::BAD_GATEWAY, format!("the payment failed: {error}")),
            Self::Database(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("the database failed: {error}")),
        };
        if status == StatusCode::BAD_GATEWAY || status == StatusCode::INTERNAL_SERVER_ERROR {
            eprintln!("{reason}");
        }
        (status, Json(json!({ "status": "refused", "reason": reason }))).into_response()
    }
}

fn run_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-load-test-run").and_then(|value| value.to_str().ok()).filter(|id| !id.is_empty())
}

fn one() -> i64 {
    1
}

fn positive(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "expected a number such as 0.5".to_owned())?;
    if (0.01..=100.0).contains(&factor) { Ok(factor) } else { Err("expected a number from 0.01 to 100".to_owned()) }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
