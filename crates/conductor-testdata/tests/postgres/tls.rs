//! A server behind TLS, with a certificate of an authority that only the declaration knows. The server of the bed has none of its
//! own: a front of this test does what it would do when a client asks for it.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use conductor_core::ports::{FailureKind, TestDataStore};
use rustls::ServerConfig;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::bed::{Bed, counts, run, shop_tables, told};
use crate::certificate::Certificate;
use crate::tls_server;

/// The length and the code by which a client asks for TLS.
const ASKS: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A front with a certificate for a name; its port, and the folder with its authority. It ends with the test's runtime.
async fn front(bed: &Bed, name: &str) -> (u16, TempDir) {
    let certificate = Certificate::of(name);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(authority(&folder), &certificate.authority).unwrap();
    let config = tls_server::config(&certificate);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (port, server) = (listener.local_addr().unwrap().port(), bed.server.port());
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(pass(client, config.clone(), server));
        }
    });
    (port, folder)
}

async fn pass(mut client: TcpStream, config: Arc<ServerConfig>, server: u16) {
    let mut first = [0; 8];
    client.read_exact(&mut first).await.unwrap();
    assert_eq!(first, ASKS, "the client has not asked for TLS");
    client.write_all(b"S").await.unwrap();
    // A client that does not trust the certificate ends the connection.
    let Ok(mut client) = TlsAcceptor::from(config).accept(client).await else { return };
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await.unwrap();
    // It ends as either end does, in order or not.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

fn authority(folder: &TempDir) -> PathBuf {
    folder.path().join("ca.pem")
}

async fn tried(bed: &Bed, port: u16, tls: Value) -> Result<(), (FailureKind, String)> {
    let store = bed.store(shop_tables(), json!({ "host": "127.0.0.1", "port": port, "tls": tls }));
    store.check().await.map(drop).map_err(|error| (error.kind, told(&error)))
}

#[tokio::test]
async fn the_server_is_the_one_that_its_certificate_names() {
    let bed = Bed::shop(3).await;
    let (known, of_known) = front(&bed, "127.0.0.1").await;
    let (other, of_other) = front(&bed, "other.example").await;
    for tls in [
        json!({ "caFile": authority(&of_known) }),
        json!({ "mode": "verifyCa", "caFile": authority(&of_known) }),
        json!({ "mode": "require" }),
    ] {
        tried(&bed, known, tls.clone()).await.unwrap_or_else(|error| panic!("{tls}: {error:?}"));
    }
    tried(&bed, other, json!({ "mode": "verifyCa", "caFile": authority(&of_other) })).await.unwrap();
    // None is taken for a connection that is lost, which would be tried again.
    for (port, tls, expected) in [
        (known, json!({ "mode": "verifyCa", "caFile": authority(&of_other) }), "certificate"),
        (known, json!({ "caFile": of_other.path().join("missing.pem") }), "tls.caFile: could not read "),
        (known, json!({}), "certificate"),
        (other, json!({ "caFile": authority(&of_other) }), "certificate"),
        (bed.server.port(), json!({ "mode": "require" }), "TLS"),
    ] {
        let (kind, message) = tried(&bed, port, tls.clone()).await.unwrap_err();
        assert_eq!(kind, FailureKind::Rejected, "{tls}: {message}");
        assert!(message.starts_with("test data shop: could not connect to "), "{message}");
        assert!(message.contains(expected), "{tls}: {message}");
    }
    let through = json!({ "host": "127.0.0.1", "port": known, "tls": { "caFile": authority(&of_known) } });
    assert_eq!(bed.store(shop_tables(), through).delete(&run()).await.unwrap(), counts(3));
}
