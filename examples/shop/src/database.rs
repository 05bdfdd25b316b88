//! The shop's SQLite file: baskets and orders, each row tagged with the load test that made it. No HTTP here.

pub(crate) mod seed;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

use crate::catalogue;

/// One product in a basket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The product's number.
    pub(crate) product: i64,
    /// How many of it.
    pub(crate) quantity: i64,
}

/// The shop's store. Several processes write to one file, so every transaction is short.
#[derive(Clone)]
pub(crate) struct Database {
    pool: SqlitePool,
}

impl Database {
    /// Opens the file and makes the tables that are not there yet.
    pub(crate) async fn open(path: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new()
            .max_connections(2)
            .connect_with(options)
            .await
            .with_context(|| format!("could not open the database {}", path.display()))?;
        sqlx::raw_sql(include_str!("database/schema.sql")).execute(&pool).await.context("could not make the tables")?;
        Ok(Self { pool })
    }

    /// Keeps a basket and answers with its number.
    pub(crate) async fn add_basket(&self, run: Option<&str>, lines: &[Line]) -> sqlx::Result<i64> {
        let mut write = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let basket = insert_basket(&mut write, run, lines).await?;
        write.commit().await?;
        Ok(basket)
    }

    /// What is in a basket; empty when there is no such basket.
    pub(crate) async fn basket(&self, basket: i64) -> sqlx::Result<Vec<Line>> {
        let rows: Vec<(i64, i64)> =
            sqlx::query_as("SELECT product_id, quantity FROM basket_lines WHERE basket_id = ? ORDER BY id")
                .bind(basket)
                .fetch_all(&self.pool)
                .await?;
        Ok(rows.into_iter().map(|(product, quantity)| Line { product, quantity }).collect())
    }

    /// Keeps a paid order and answers with its number.
    pub(crate) async fn add_order(&self, run: Option<&str>, basket: i64, total_cents: i64) -> sqlx::Result<i64> {
        let order = sqlx::query("INSERT INTO orders (basket_id, total_cents, status, run_id) VALUES (?, ?, 'paid', ?)")
            .bind(basket)
            .bind(total_cents)
            .bind(run)
            .execute(&self.pool)
            .await?;
        Ok(order.last_insert_rowid())
    }

    /// How many orders there are.
    pub(crate) async fn orders(&self) -> sqlx::Result<i64> {
        sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&self.pool).await
    }

    /// The load test of each order, `None` for a customer's.
    #[cfg(test)]
    pub(crate) async fn runs_of_orders(&self) -> Vec<Option<String>> {
        sqlx::query_scalar("SELECT run_id FROM orders ORDER BY id").fetch_all(&self.pool).await.unwrap()
    }
}

/// What a basket costs, in euro cents; `None` when one of its products does not exist.
pub(crate) fn total_cents(lines: &[Line]) -> Option<i64> {
    lines.iter().map(|line| catalogue::price_cents(line.product)?.checked_mul(line.quantity)).sum()
}

async fn insert_basket(write: &mut Transaction<'_, Sqlite>, run: Option<&str>, lines: &[Line]) -> sqlx::Result<i64> {
    let basket = sqlx::query("INSERT INTO baskets (run_id) VALUES (?)").bind(run).execute(&mut **write).await?;
    let basket = basket.last_insert_rowid();
    for line in lines {
        sqlx::query("INSERT INTO basket_lines (basket_id, product_id, quantity, run_id) VALUES (?, ?, ?, ?)")
            .bind(basket)
            .bind(line.product)
            .bind(line.quantity)
            .bind(run)
            .execute(&mut **write)
            .await?;
    }
    Ok(basket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_order_refers_to_a_basket_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("a shop.db")).await.unwrap();
        let basket = database.add_basket(Some("r-1"), &[Line { product: 2, quantity: 3 }]).await.unwrap();
        let lines = database.basket(basket).await.unwrap();
        assert_eq!(total_cents(&lines), Some(38_700));
        assert!(database.add_order(None, basket, 38_700).await.is_ok());
        assert!(database.add_order(None, basket + 1, 38_700).await.is_err(), "no such basket");
    }
}
