//! `locust-plugin`, `schema` and `completions`: texts that the program carries.

use clap::CommandFactory;
use clap_complete::Shell;
use conductor_core::spec::LoadTestDocument;

use crate::args::Arguments;
use crate::exit::{Failed, PASSED};
use crate::out;

/// Prints the Locust plugin.
pub(super) fn locust_plugin() -> Result<u8, Failed> {
    out::answer(conductor_locust::PLUGIN)?;
    Ok(PASSED)
}

/// Prints the JSON Schema of a load test.
pub(super) fn schema() -> Result<u8, Failed> {
    out::answer(&schema_text().map_err(Failed::because)?)?;
    Ok(PASSED)
}

fn schema_text() -> serde_json::Result<String> {
    let schema = schemars::schema_for!(LoadTestDocument);
    Ok(format!("{}\n", serde_json::to_string_pretty(&schema)?))
}

/// Prints the completions of a shell.
pub(super) fn completions(shell: Shell) -> Result<u8, Failed> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "conductor", &mut text);
    out::answer(&String::from_utf8_lossy(&text))?;
    Ok(PASSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schema_is_the_one_the_program_prints() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema/loadtest.json");
        let text = schema_text().unwrap();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(std::path::Path::new(file).parent().unwrap()).unwrap();
            std::fs::write(file, &text).unwrap();
        }
        let published = std::fs::read_to_string(file).unwrap();
        assert_eq!(published, text, "run the tests with UPDATE_GOLDEN=1 to write {file}");
    }
}
