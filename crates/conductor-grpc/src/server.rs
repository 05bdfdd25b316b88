//! What serves the service: health and reflection beside it, limits around it, on a listener.

use std::time::Duration;

use conductor_proto::v1::load_test_service_server::LoadTestServiceServer;
use tokio::net::TcpListener;
use tonic::server::NamedService;
use tonic::transport::Server;

use crate::answered::AnsweredLayer;
use crate::connections::connections;
use crate::door::{Door, DoorLayer};
use crate::json::JsonLayer;
use crate::limits::Limits;
use crate::service::Service;

/// How long a connection may say nothing before it is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Serves until `until`, then ends all watches, finishes the calls that are under way, and returns.
///
/// # Errors
/// When the descriptors cannot be read, or the listener fails.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    door: Door,
    limits: Limits,
    until: impl Future<Output = ()> + Send,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let Door { access, tls, audit, observer } = door;
    let longest = limits.message_bytes.get();
    let (mut health, health_service) = tonic_health::server::health_reporter();
    let load_tests = LoadTestServiceServer::new(service.clone())
        .max_decoding_message_size(longest)
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
        // Who watches the health is told so and ends, too.
        health.clear_service_status(<LoadTestServiceServer<Service> as NamedService>::NAME).await;
        health.clear_service_status("").await;
        service.end_watches();
    };
    Server::builder()
        .accept_http1(true)
        .layer(JsonLayer { longest })
        .layer(AnsweredLayer { observer })
        .layer(DoorLayer::new(access, audit, limits))
        .max_concurrent_streams(limits.streams.get())
        .http2_keepalive_interval(Some(KEEPALIVE))
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(load_tests)
        .serve_with_incoming_shutdown(connections(listener, tls, limits.connections), until)
        .await?;
    Ok(())
}
