//! What serves the service: health and reflection beside it, limits around it, on a listener.

use std::sync::Arc;
use std::time::Duration;

use conductor_proto::v1::load_test_service_server::LoadTestServiceServer;
use serde::Deserialize;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::answered::{AnsweredLayer, CallObserver};
use crate::json::JsonLayer;
use crate::service::Service;

/// What a client may use of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Longest message of a client, in bytes. Answers have no limit here.
    pub message_bytes: usize,
    /// Most calls at the same time on one connection, watches included.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_bytes: 1 << 20, streams: 200 }
    }
}

/// How long a connection may say nothing before it is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Serves until `until`, then ends all watches, finishes the calls that are under way, and returns.
///
/// # Errors
/// When the descriptors cannot be read, or the listener fails.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    limits: Limits,
    observer: Arc<dyn CallObserver>,
    until: impl Future<Output = ()> + Send,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (health, health_service) = tonic_health::server::health_reporter();
    let load_tests = LoadTestServiceServer::new(service.clone())
        .max_decoding_message_size(limits.message_bytes)
        .max_encoding_message_size(usize::MAX);
    health.set_serving::<LoadTestServiceServer<Service>>().await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(conductor_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let until = async move {
        until.await;
        health.set_not_serving::<LoadTestServiceServer<Service>>().await;
        service.end_watches();
    };
    Server::builder()
        .accept_http1(true)
        .layer(JsonLayer { longest: limits.message_bytes })
        .layer(AnsweredLayer { observer })
        .max_concurrent_streams(limits.streams)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(load_tests)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), until)
        .await?;
    Ok(())
}
