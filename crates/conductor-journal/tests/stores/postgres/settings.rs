//! Stores that cannot be opened, and why.

use conductor_journal::PostgresStore;
use serde_json::json;

use super::bed::{PostgresBed, behind};
use crate::cases::Bed;
use crate::events::told;

#[tokio::test]
async fn a_store_that_cannot_be_opened_says_which_and_why() {
    let bed = PostgresBed::fresh().await;
    let front = bed.server().front().await.unwrap();
    front.silence();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let missing = bed.server().socket().join("missing.pem");
    for (other, expected) in [
        (json!({ "schema": "my schema" }), "schema: \"my schema\" is not such a name; expected at most 63 of a to z"),
        (json!({ "leaseTime": "10ms" }), "leaseTime: 10ms is too short; expected 1s or more"),
        (json!({ "database": "nowhere" }), "database \"nowhere\" does not exist"),
        (json!({ "user": "nobody_here" }), "role \"nobody_here\" does not exist"),
        (json!({ "host": "127.0.0.1", "tls": { "mode": "require" } }), "TLS"),
        (json!({ "tls": { "caFile": missing } }), "tls.caFile: could not read "),
        (json!({ "host": "127.0.0.1", "port": nobody, "tls": { "mode": "disable" } }), "Connection refused"),
        (behind(&front), "the server does not answer within 10s"),
    ] {
        let settings = bed.settings(other.clone());
        let error = told(&PostgresStore::open(&settings, None).await.err().unwrap());
        let begins = format!(
            "could not open the journal in schema {} of database {} at {}:{}: ",
            settings.schema, settings.database, settings.host, settings.port
        );
        assert!(error.starts_with(&begins), "{other}: {error}");
        assert!(error.contains(expected), "{other}: {error}");
    }
}
