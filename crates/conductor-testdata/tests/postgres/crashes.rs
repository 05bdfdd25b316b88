//! A conductor that dies in the middle: the rows themselves say what is left to do.

use conductor_core::ports::TestDataStore;
use conductor_postgres_bed::PostgresSettings;
use serde_json::json;

use crate::bed::{Bed, run};

#[tokio::test]
async fn another_conductor_goes_on_wherever_one_has_died() {
    let bed = Bed::shop(1000).await;
    let others = bed.of_others().await;
    for (table, left) in [("lines", 2900), ("lines", 2300), ("orders", 2500), ("baskets", 2400)] {
        let store = bed.shop_store(json!({ "batchSize": 40, "rowsPerSecond": 4000 }));
        let id = run();
        let dies = async { bed.until("rows go", &format!("SELECT count(*) < {left} FROM {table}")).await };
        tokio::select! {
            deleted = store.delete(&id) => panic!("it was done before it could die: {deleted:?}"),
            () = dies => {}
        }
        assert_eq!(bed.of_others().await, others);
    }
    bed.shop_store(json!({})).delete(&run()).await.unwrap();
    assert_eq!((bed.rows().await, bed.of_others().await), (others, others));
}

#[tokio::test]
async fn what_a_sweep_has_told_as_deleted_stays_so_when_the_server_crashes_at_once() {
    // Its log would be written long after the test, but for those who wait for it.
    let settings = PostgresSettings::with([("wal_writer_delay", "10s"), ("wal_writer_flush_after", "1GB")]);
    let bed = Bed::of_its_own_with(settings, 50).await;
    let others = bed.of_others().await;
    bed.shop_store(json!({ "batchSize": 10 })).delete(&run()).await.unwrap();
    let bed = bed.after_a_crash().await;
    assert_eq!((bed.rows().await, bed.of_others().await), (others, others));
}
