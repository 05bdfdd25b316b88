//! The layer that writes lines. What is never logged, whatever is asked for, is said here.

use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::error::TelemetryError;
use crate::settings::{LogFormat, LogSettings};

/// The variable that goes before the settings' filter.
pub const LOG_VARIABLE: &str = "CONDUCTOR_LOG";

/// It logs whole answers that it cannot read, with whatever secrets are in them.
const NEVER_LOGGED: &str = "kube_client";

/// The layer that writes lines, filtered by `asked` where the variable is set, and by the settings otherwise.
pub(crate) fn layer<S, W>(
    settings: &LogSettings,
    asked: Option<String>,
    writer: W,
) -> Result<Box<dyn Layer<S> + Send + Sync>, TelemetryError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let (field, words) = match asked {
        Some(words) => (LOG_VARIABLE, words),
        None => ("logs.filter", settings.filter.clone()),
    };
    let filter = EnvFilter::builder().parse(&words).map_err(|error| {
        let expected = "levels, by crate where wanted, such as info,conductor_engine=debug";
        TelemetryError::setting(field, format!("{words:?} is no filter: {error}"), expected)
    })?;
    // Not a directive: a longer one, such as for a module, would go before it.
    let filter = filter.and(filter_fn(may_be_logged));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    Ok(match settings.format {
        LogFormat::Text => lines.with_ansi(false).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().with_filter(filter).boxed(),
    })
}

fn may_be_logged(of: &Metadata<'_>) -> bool {
    of.target().split("::").next() != Some(NEVER_LOGGED)
}
