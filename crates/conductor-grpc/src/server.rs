//! What serves the service: health and reflection beside it, limits around it, on a listener.

use std::io;
use std::time::Duration;

use conductor_access::Peer;
use conductor_proto::v1::load_test_service_server::LoadTestServiceServer;
use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tonic::server::NamedService;
use tonic::transport::Server;

use crate::answered::AnsweredLayer;
use crate::connections::{Connection, connections, made};
use crate::deadline::DeadlineLayer;
use crate::door::{Door, DoorLayer};
use crate::json::JsonLayer;
use crate::limits::Limits;
use crate::service::Service;

/// How long a connection may say nothing before it is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Why nothing is served any more.
type Failed = Box<dyn std::error::Error + Send + Sync>;

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
) -> Result<(), Failed> {
    let Door { access, tls, audit, observer } = door;
    let door = Door { access, tls: None, audit, observer };
    on(connections(listener, tls, limits.connections), service, door, limits, until).await
}

/// Serves on connections that others make and secure, such as those in memory, each with who is at its other end. One more than
/// there may be is closed at once.
///
/// # Errors
/// When the descriptors cannot be read.
pub async fn serve_streams<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    streams: impl Stream<Item = (T, Peer)> + Send,
    service: Service,
    door: Door,
    limits: Limits,
    until: impl Future<Output = ()> + Send,
) -> Result<(), Failed> {
    on(made(streams, limits.connections), service, door, limits, until).await
}

async fn on(
    connections: impl Stream<Item = io::Result<Connection>>,
    service: Service,
    door: Door,
    limits: Limits,
    until: impl Future<Output = ()> + Send,
) -> Result<(), Failed> {
    let Door { access, tls: _, audit, observer } = door;
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
        .layer(DeadlineLayer)
        .layer(DoorLayer::new(access, audit, limits))
        .max_concurrent_streams(limits.streams.get())
        .http2_keepalive_interval(Some(KEEPALIVE))
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(load_tests)
        .serve_with_incoming_shutdown(connections, until)
        .await?;
    Ok(())
}
