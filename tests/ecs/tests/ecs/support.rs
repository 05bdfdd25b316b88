//! A bed for each test, and the clients of its users.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_ecs::Client;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::types::{ContainerDefinition, Deployment, DeploymentRolloutState, Service};
use conductor_ecs_bed::{BedError, EcsBed, Motos, ServiceMade, User};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// One task is started in this time.
pub(crate) const STEP: Duration = Duration::from_millis(100);

/// What most tests share, one after the other.
static MOTOS: Motos = Motos::new();

/// A bed with a cluster `test` whose clock is held and which starts a task each [`STEP`].
pub(crate) async fn bed() -> EcsBed {
    made(EcsBed::start_with(&MOTOS).await).await
}

/// The same with a moto of its own, for tests that end while something is asked of it, and for those that end it.
pub(crate) async fn bed_of_its_own() -> EcsBed {
    made(EcsBed::start().await).await
}

async fn made(bed: Result<EcsBed, BedError>) -> EcsBed {
    let bed = bed.unwrap_or_else(|error| panic!("{error}"));
    bed.clock().hold();
    bed.set_pace(10.0);
    bed.make_cluster("test").await.unwrap();
    bed
}

/// Such a bed with a service `pay` of three tasks.
pub(crate) async fn with_pay() -> (EcsBed, Client) {
    pay(bed().await).await
}

/// The same with a moto of its own.
pub(crate) async fn with_pay_of_its_own() -> (EcsBed, Client) {
    pay(bed_of_its_own().await).await
}

async fn pay(bed: EcsBed) -> (EcsBed, Client) {
    bed.make_service(ServiceMade::new("test", "pay", "registry.example/pay:v1", 3)).await.unwrap();
    let client = ecs(&bed, User::Conductor).await;
    (bed, client)
}

/// What the default chain finds for a user, who asks once only.
pub(crate) async fn config(bed: &EcsBed, user: User) -> SdkConfig {
    let files = EnvConfigFiles::builder()
        .with_file(EnvConfigFileKind::Credentials, EcsBed::credentials_file())
        .with_file(EnvConfigFileKind::Config, EcsBed::config_file())
        .build();
    // The bed speaks no TLS, and to read the certificates of the machine takes longer than most tests.
    let client = aws_smithy_http_client::Builder::new().build_http();
    let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(client).profile_files(files);
    let loader = loader.profile_name(user.profile()).endpoint_url(bed.endpoint());
    loader.retry_config(RetryConfig::disabled()).load().await
}

pub(crate) async fn ecs(bed: &EcsBed, user: User) -> Client {
    Client::new(&config(bed, user).await)
}

/// Registers a version of a family and answers with its ARN.
pub(crate) async fn register(client: &Client, family: &str, image: &str) -> String {
    let container = ContainerDefinition::builder().name("app").image(image).memory(64).build();
    let request = client.register_task_definition().family(family).container_definitions(container);
    let registered = request.send().await.unwrap();
    registered.task_definition().unwrap().task_definition_arn().unwrap().to_owned()
}

/// Deploys an image to `pay` and answers with the id of the deployment.
pub(crate) async fn deploy(client: &Client, image: &str) -> String {
    let version = register(client, "pay", image).await;
    let update = client.update_service().cluster("test").service("pay").task_definition(version);
    let updated = update.send().await.unwrap();
    updated.service().unwrap().deployments()[0].id().unwrap().to_owned()
}

pub(crate) async fn describe(client: &Client, name: &str) -> Service {
    let described = client.describe_services().cluster("test").services(name).send().await.unwrap();
    described.services().first().unwrap().clone()
}

/// Turns the clock on, step by step.
pub(crate) fn steps(bed: &EcsBed, steps: u32) {
    bed.clock().advance(STEP * steps);
}

/// Status, state of the rollout, running and pending tasks.
pub(crate) fn told(deployment: &Deployment) -> (&str, DeploymentRolloutState, i32, i32) {
    let state = deployment.rollout_state().unwrap().clone();
    (deployment.status().unwrap(), state, deployment.running_count(), deployment.pending_count())
}

/// The name of a refusal.
pub(crate) fn kind<E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(error: &SdkError<E, R>) -> &str {
    error.as_service_error().unwrap_or_else(|| panic!("{error:?}")).meta().code().unwrap()
}

/// The words of a refusal.
pub(crate) fn words<E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(error: &SdkError<E, R>) -> &str {
    error.as_service_error().unwrap_or_else(|| panic!("{error:?}")).meta().message().unwrap()
}
