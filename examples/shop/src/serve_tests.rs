//! The shop over real HTTP: one order of a load test, and the queue that is too long.

use super::*;
use crate::payments;

struct Running {
    url: String,
    database: Database,
    shop: Arc<Shop>,
    payments: String,
    _folder: tempfile::TempDir,
}

async fn start(version: Version, patience_ms: u64) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let payments = serve(payments::router(Duration::ZERO)).await;
    let settings = Settings {
        port: 0,
        health_port: None,
        version,
        database: folder.path().join("shop.db"),
        payments: payments.clone(),
        at_a_time: 1,
        service_time_ms: 200,
        patience_ms,
        capacity: 1.0,
        conditions: None,
    };
    let shop = Arc::new(Shop::open(settings).await.unwrap());
    let database = shop.database.clone();
    Running { url: serve(router(Arc::clone(&shop))).await, database, shop, payments, _folder: folder }
}

async fn serve(router: Router) -> String {
    let listener = listener::shared(0).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    url
}

impl Running {
    async fn order(&self, client: &reqwest::Client) -> (u16, Value) {
        let basket = client.post(format!("{}/basket", self.url)).header("X-Load-Test-Run", "r-7");
        let basket: Value = basket.json(&json!({ "product": 1 })).send().await.unwrap().json().await.unwrap();
        let order = client.post(format!("{}/orders", self.url)).header("X-Load-Test-Run", "r-7");
        let order = order.header("X-Load-Test", "true");
        let answer = order.json(&json!({ "basket": basket["basket"] })).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

#[tokio::test]
async fn an_order_of_a_load_test_is_paid_and_tagged_with_the_run() {
    let shop = start(Version::V2, 5_000).await;
    let client = reqwest::Client::new();
    let (status, answer) = shop.order(&client).await;
    assert_eq!((status, answer["status"].as_str()), (201, Some("paid")), "{answer}");
    assert_eq!(shop.database.runs_of_orders().await.len(), 1);
    assert_eq!(shop.database.runs_of_orders().await, [Some("r-7".to_owned())]);
    let metrics = client.get(format!("{}/metrics", shop.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.ends_with("\nshop_orders_total 1\n"), "{metrics}");
    let listed = client.get(format!("{}/products", shop.url)).send().await.unwrap();
    assert_eq!(listed.headers()["x-shop-version"], "v2");
    assert!(listed.text().await.unwrap().contains("review"));
}

#[tokio::test]
async fn an_order_that_would_wait_too_long_is_refused_with_503() {
    let shop = start(Version::V1, 1).await;
    let client = reqwest::Client::new();
    let (one, two) = tokio::join!(shop.order(&client), shop.order(&client));
    let mut statuses = [one.0, two.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 503]);
    assert_eq!(shop.database.runs_of_orders().await.len(), 1);
}

#[tokio::test]
async fn the_provider_is_told_of_a_load_test_unless_the_tags_are_stripped() {
    let shop = start(Version::V2, 5_000).await;
    let client = reqwest::Client::new();
    for strip_tags in [false, true] {
        shop.shop.take(Conditions { strip_tags, ..Conditions::default() });
        assert_eq!(shop.order(&client).await.0, 201);
    }
    let taken = client.get(format!("{}/metrics", shop.payments)).send().await.unwrap().text().await.unwrap();
    let counted = "payments_taken_total{tagged=\"true\"} 1\npayments_taken_total{tagged=\"false\"} 1\n";
    assert!(taken.ends_with(counted), "{taken}");
}
