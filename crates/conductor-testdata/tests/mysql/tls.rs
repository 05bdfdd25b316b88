//! A server behind TLS, with a certificate of an authority that only the declaration knows.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use conductor_core::ports::{FailureKind, TestDataStore};
use serde_json::{Value, json};

use crate::bed::{Bed, SHOP, tables};
use crate::certificate::Certificate;

/// Writes files of an authority, and of a server that has a certificate of it for a name.
fn write(folder: &Path, name: &str) {
    let Certificate { authority, certificate, key } = Certificate::of(name);
    for (file, text) in [("ca.pem", authority), ("cert.pem", certificate), ("key.pem", key)] {
        let file = folder.join(file);
        fs::write(&file, text).unwrap();
        // The server may be another user's.
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    }
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
}

async fn bed(folder: &Path) -> Bed {
    let option = |option: &str, file: &str| format!("--ssl-{option}={}", folder.join(file).display());
    let options = [option("ca", "ca.pem"), option("cert", "cert.pem"), option("key", "key.pem")];
    let bed = Bed::with_options(&options.each_ref().map(String::as_str), SHOP).await;
    bed.run("CREATE USER secret@localhost REQUIRE SSL; GRANT ALL ON *.* TO secret@localhost").await;
    bed
}

async fn tried(bed: &Bed, tls: Value) -> Result<(), (FailureKind, String)> {
    let store = bed.store(tables(), json!({ "user": "secret", "tls": tls }));
    store.check().await.map(drop).map_err(|error| bed.told(&error))
}

#[tokio::test]
async fn the_server_is_the_one_that_its_certificate_names() {
    let (known, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(known.path(), "127.0.0.1");
    write(other.path(), "other.example");
    let ca = |folder: &tempfile::TempDir| folder.path().join("ca.pem");
    let bed_known = bed(known.path()).await;
    for tls in [
        json!({ "caFile": ca(&known) }),
        json!({ "mode": "verifyCa", "caFile": ca(&known) }),
        json!({ "mode": "require" }),
    ] {
        tried(&bed_known, tls.clone()).await.unwrap_or_else(|error| panic!("{tls}: {error:?}"));
    }
    // None is taken for a connection that is lost, which would be tried again.
    for (tls, reason) in [
        (json!({ "mode": "verifyCa", "caFile": ca(&other) }), "certificate"),
        (json!({ "caFile": other.path().join("missing.pem") }), "tls.caFile: could not read "),
        (json!({ "mode": "disable" }), ""),
    ] {
        let (kind, message) = tried(&bed_known, tls.clone()).await.unwrap_err();
        assert_eq!(kind, FailureKind::Rejected, "{tls}: {message}");
        let expected = "test data shop: could not connect to shop at 127.0.0.1:PORT: ";
        assert!(message.starts_with(expected) && message.contains(reason), "{message}");
    }
    let bed_other = bed(other.path()).await;
    let (kind, message) = tried(&bed_other, json!({ "caFile": ca(&other) })).await.unwrap_err();
    assert_eq!(kind, FailureKind::Rejected, "{message}");
    assert!(message.contains("certificate"), "{message}");
    tried(&bed_other, json!({ "mode": "verifyCa", "caFile": ca(&other) })).await.unwrap();
}
