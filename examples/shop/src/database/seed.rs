//! A database with a history: orders of customers, and some that an earlier load test left behind.

use std::path::Path;

use super::{Database, Line, insert_basket, total_cents};

const CUSTOMER_ORDERS: u32 = 500;
const EARLIER_ORDERS: u32 = 50;
const EARLIER_RUN: &str = "an-earlier-run";

/// Makes a database and puts the history into it.
pub(crate) async fn fill(path: &Path) -> anyhow::Result<()> {
    let database = Database::open(path).await?;
    add_orders(&database, None, CUSTOMER_ORDERS).await?;
    add_orders(&database, Some(EARLIER_RUN), EARLIER_ORDERS).await
}

async fn add_orders(database: &Database, run: Option<&str>, orders: u32) -> anyhow::Result<()> {
    let mut write = database.pool.begin_with("BEGIN IMMEDIATE").await?;
    for number in 0..i64::from(orders) {
        let lines = [Line { product: number % 6 + 1, quantity: number % 3 + 1 }];
        let basket = insert_basket(&mut write, run, &lines).await?;
        sqlx::query("INSERT INTO orders (basket_id, total_cents, status, run_id) VALUES (?, ?, 'paid', ?)")
            .bind(basket)
            .bind(total_cents(&lines))
            .bind(run)
            .execute(&mut *write)
            .await?;
    }
    write.commit().await?;
    Ok(())
}
