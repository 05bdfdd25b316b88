//! Clients of an account: credentials by the default chain of the SDK, a role where one is named, a limit of time on each call.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_ecs::config::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use crate::settings::AccountSettings;

/// By what name a role is taken on, as CloudTrail shows it.
const SESSION: &str = "load-test-conductor";
/// How long it may take to reach AWS.
const CONNECT: Duration = Duration::from_secs(5);

/// The clients of an account. They send each call once: whether it is sent again is decided here, where it is known what the
/// call does.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) autoscaling: aws_sdk_applicationautoscaling::Client,
}

/// The clients of an account. Nothing is asked of it yet.
pub(crate) async fn connect(account: &AccountSettings, timeout: Duration) -> Clients {
    let config = config(account, timeout).await;
    Clients {
        ecs: aws_sdk_ecs::Client::new(&config),
        autoscaling: aws_sdk_applicationautoscaling::Client::new(&config),
    }
}

async fn config(account: &AccountSettings, timeout: Duration) -> SdkConfig {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder().operation_timeout(timeout).connect_timeout(CONNECT.min(timeout)).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::disabled());
    if let Some(region) = &account.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(file) = &account.credentials_file {
        let files = EnvConfigFiles::builder().include_default_config_file(true);
        loader = loader.profile_files(files.with_file(EnvConfigFileKind::Credentials, file).build());
    }
    if let Some(profile) = &account.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = &account.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    let config = loader.load().await;
    let Some(role) = &account.role_arn else { return config };
    let mut provider = AssumeRoleProvider::builder(role).session_name(SESSION).configure(&config);
    if let Some(id) = &account.external_id {
        provider = provider.external_id(id);
    }
    let credentials = SharedCredentialsProvider::new(provider.build().await);
    config.into_builder().credentials_provider(credentials).build()
}
