//! The server: arguments, settings, one runtime, and the exit code.

mod args;
mod environments;
mod exit;
mod listen;
mod observe;
mod server;
mod settings;

use std::process::ExitCode;

use clap::Parser;
use conductor_telemetry::Telemetry;
use tokio::runtime::{Builder, Runtime};

use crate::args::Arguments;
use crate::exit::Failed;
use crate::server::Server;
use crate::settings::ServerSettings;

fn main() -> ExitCode {
    // It fails only where a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let begun = Arguments::parse().settings().map_err(Failed::input).and_then(|settings| {
        let runtime = Builder::new_multi_thread().enable_all().build().map_err(Failed::because)?;
        serve(&runtime, settings)
    });
    match begun {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("error: {failed}");
            ExitCode::from(failed.code)
        }
    }
}

/// Serves until a signal ends it, in order.
fn serve(runtime: &Runtime, settings: ServerSettings) -> Result<(), Failed> {
    let telemetry = Telemetry::begin(&settings.telemetry, &args::variable, runtime.handle().clone());
    let telemetry = telemetry.map_err(Failed::input)?;
    let done = runtime.block_on(async {
        let server = Server::begin(settings).await?;
        server.run().await.map_err(Failed::from)
    });
    runtime.block_on(telemetry.end(server::LAST_SPANS));
    done
}
