//! A service behind TLS, with a certificate of an authority that only the declaration knows.

use std::io::{Read, Write};
use std::net::TcpListener;

use conductor_core::ports::{FailureKind, TestDataStore};
use conductor_testdata::HttpTestData;
use rustls::{ServerConnection, StreamOwned};
use serde_json::json;

use crate::bed::{counts, install_tls, run, tagged};
use crate::certificate::Certificate;
use crate::service::Paging;
use crate::tls_server;

/// An authority, and a server that has a certificate of it and answers each request with an empty list.
fn serve() -> (String, u16) {
    let certificate = Certificate::of("localhost");
    let config = tls_server::config(&certificate);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // The thread ends with the test's process.
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), connection);
            let mut request = [0; 4096];
            // A client that does not trust the certificate says nothing more.
            if stream.read(&mut request).is_ok_and(|read| read > 0) {
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{\"orders\":[]}");
                let _ = stream.flush();
            }
        }
    });
    (certificate.authority, port)
}

#[tokio::test]
async fn a_service_is_trusted_by_the_authority_that_is_declared_and_by_no_other() {
    install_tls();
    let (pem, port) = serve();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    let store = |besides: serde_json::Value| {
        let mut settings = json!({
            "name": "shop", "url": format!("https://localhost:{port}"), "resources": [tagged(Paging::Whole)], "patience": "1s"
        });
        settings.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
        HttpTestData::new(serde_json::from_value(settings).unwrap(), None).unwrap()
    };
    assert_eq!(store(json!({ "caFile": file })).count(&run()).await.unwrap(), counts(0));
    let error = store(json!({})).count(&run()).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable);
    assert!(conductor_core::failure::Failure::of("", &error).message.contains("certificate"), "{error:?}");
}
