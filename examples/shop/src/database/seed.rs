//! A database with a history: orders of customers, and some that an earlier load test left behind.

use std::path::PathBuf;

use clap::Args;

use super::{Database, Line, insert_basket, total_cents};

/// What to put into the database.
#[derive(Args)]
pub(crate) struct Settings {
    /// The SQLite file; it is made when it does not exist.
    #[arg(long)]
    database: PathBuf,
    /// Orders of customers.
    #[arg(long, default_value_t = 500)]
    customer_orders: u32,
    /// Orders of an earlier load test.
    #[arg(long, default_value_t = 50)]
    earlier_orders: u32,
    /// Id of the earlier load test.
    #[arg(long, default_value = "an-earlier-run")]
    earlier_run: String,
}

/// Fills an empty database; one with orders in it stays as it is.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let database = Database::open(&settings.database).await?;
    let present = database.orders().await?;
    if present > 0 {
        println!("{} has {present} orders already", settings.database.display());
        return Ok(());
    }
    add_orders(&database, None, settings.customer_orders).await?;
    add_orders(&database, Some(&settings.earlier_run), settings.earlier_orders).await?;
    let (customers, earlier) = (settings.customer_orders, settings.earlier_orders);
    println!("{}: {customers} orders of customers, {earlier} of an earlier load test", settings.database.display());
    Ok(())
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
