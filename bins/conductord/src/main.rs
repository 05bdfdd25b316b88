//! The server: arguments, settings, one runtime, and the exit code.

mod args;
mod environments;
mod observe;
mod server;
mod settings;
mod signals;

use std::process::ExitCode;

use clap::Parser;
use conductor_telemetry::Telemetry;
use tokio::runtime::{Builder, Runtime};

use crate::args::Arguments;
use crate::server::Server;
use crate::settings::ServerSettings;

/// A file or an argument is wrong; nothing was begun.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    // It fails only where a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let begun = Arguments::parse().settings().map_err(|error| (BAD_INPUT, error)).and_then(|settings| {
        let runtime = Builder::new_multi_thread().enable_all().build().map_err(|error| (1, error.into()))?;
        serve(&runtime, settings)
    });
    match begun {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, error)) => {
            eprintln!("error: {error:#}");
            ExitCode::from(code)
        }
    }
}

/// Serves until a signal ends it, in order.
fn serve(runtime: &Runtime, settings: ServerSettings) -> Result<(), (u8, anyhow::Error)> {
    let telemetry = Telemetry::begin(&settings.telemetry, &args::variable, runtime.handle().clone())
        .map_err(|error| (BAD_INPUT, error.into()))?;
    let done = runtime.block_on(async {
        let server = Server::begin(settings).await.map_err(|error| (1, error))?;
        server.run().await.map_err(|error| (1, error))
    });
    runtime.block_on(telemetry.end(server::LAST_SPANS));
    done
}
