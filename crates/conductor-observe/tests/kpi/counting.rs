//! A service that counts orders: as metrics, as JSON and as a page, for who knows its secret.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;

/// A service that listens on loopback until this is dropped.
pub(crate) struct Counting {
    pub(crate) address: String,
    shop: Arc<Shop>,
    serving: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Shop {
    orders: AtomicU64,
    down: AtomicU64,
}

impl Counting {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shop = Arc::new(Shop::default());
        let service = Router::new()
            .route("/metrics", get(metrics))
            .route("/stats", get(stats))
            .route("/page", get(async |State(shop): State<Arc<Shop>>| format!("<b>{}</b> orders", shop.orders())))
            .route("/long", get(async || "x".repeat(2 << 20)))
            .route("/slow", get(async || std::future::pending::<&str>().await))
            .with_state(shop.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { address, shop, serving }
    }

    pub(crate) fn order(&self, orders: u64) {
        self.shop.orders.fetch_add(orders, Ordering::SeqCst);
    }

    /// As after a restart.
    pub(crate) fn forget(&self) {
        self.shop.orders.store(0, Ordering::SeqCst);
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.shop.down.store(u64::from(down), Ordering::SeqCst);
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shop {
    fn orders(&self) -> u64 {
        self.orders.load(Ordering::SeqCst)
    }
}

async fn metrics(State(shop): State<Arc<Shop>>) -> Result<String, StatusCode> {
    if shop.down.load(Ordering::SeqCst) > 0 {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let orders = shop.orders();
    let (web, app) = (orders / 2, orders - orders / 2);
    Ok(format!(
        "# TYPE shop_orders_total counter\nshop_orders_total{{by=\"web\"}} {web}\nshop_orders_total{{by=\"app\"}} {app}\n"
    ))
}

async fn stats(State(shop): State<Arc<Shop>>, headers: HeaderMap) -> Result<String, (StatusCode, String)> {
    match headers.get("authorization").and_then(|value| value.to_str().ok()) {
        Some("Bearer sesame" | "Basic c2hvcDpzZXNhbWU=") => {
            Ok(format!("{{\"orders\": {{\"total\": {}, \"none\": null}}}}", shop.orders()))
        }
        _ => Err((StatusCode::UNAUTHORIZED, "who are you?".to_owned())),
    }
}
