//! `cargo verify` runs every check of the project; `cargo demo` runs a whole load test on this machine;
//! `cargo steer` compares the control laws on it; `cargo staged` plays runs in which something is wrong.

mod again;
mod chain;
mod demo;
mod fuzz;
mod image;
mod lanes;
mod machine;
mod program;
mod shop;
mod stage;
mod staged;
mod steer;
mod tidy;
mod tools;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage:
  cargo demo             runs a whole load test against a little shop on this machine
  cargo demo --release   with programs as they are installed, whose memory is judged
  cargo steer [CONDITION…]
                         steers a real Locust through changed conditions with both control laws, and compares them
  cargo staged [CASE…]   plays whole runs in which one thing is wrong on purpose, and prints what the conductor makes of each
  cargo verify           runs every check of the project and counts the tests
  cargo verify --full    with the slow ones: the fault runs again and again, kills at any write, and what real
                         controllers do
  cargo xtask environment
                         installs what the tests run, and prints the variables by which they find it, for a shell
  cargo xtask alertmanager
                         builds Alertmanager, which is told of alerts, once for this machine
  cargo xtask collector  builds the OpenTelemetry collector, to which --full sends spans, once for this machine
  cargo xtask grafana    builds Grafana, which --full writes annotations into, once for this machine
  cargo xtask helm       builds Helm, which installs the chart, once for this machine
  cargo xtask hoverfly   builds Hoverfly, by which mocks answer, once for this machine
  cargo xtask image      builds the programs of the image, and says where they are
  cargo xtask junitparser
                         installs what reads JUnit's XML in the tests, once for this clone
  cargo xtask kubernetes builds what the Kubernetes tests run, once for this machine
  cargo xtask moto       installs what the ECS tests run, once for this machine
  cargo xtask mariadb    finds MariaDB, or unpacks it once for this machine
  cargo xtask postgres   installs what the tests of test data run, once for this machine
  cargo xtask prometheus builds Prometheus, which scrapes what counts a KPI, once for this machine
  cargo xtask skipper    builds Skipper, which routes what is tagged to mocks, once for this machine
  cargo xtask CONTROLLER builds a real controller, which --full tests, once for this machine
  cargo xtask fuzz ramp --seconds 60
                         looks for observations that lead the control law astray; spec for documents, edge for callers
                         of the server that bring about what they must not";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["demo"] => demo::run(demo::Profile::Dev),
        ["demo", "--release"] => demo::run(demo::Profile::Release),
        ["steer", ref conditions @ ..] => steer::run(conditions),
        ["staged", ref cases @ ..] => staged::run(cases),
        ["verify"] => verify::run(verify::Extent::Usual),
        ["verify", "--full"] => verify::run(verify::Extent::Full),
        ["environment"] => verify::show_environment(),
        ["alertmanager"] => show(tools::alertmanager::install()),
        ["collector"] => show(tools::collector::install()),
        ["image"] => show(image::build()),
        ["hoverfly"] => show(tools::hoverfly::install()),
        ["skipper"] => show(tools::skipper::install()),
        ["grafana"] => show(tools::grafana::install()),
        ["helm"] => show(tools::helm::install()),
        ["junitparser"] => show(tools::junitparser::install()),
        ["kubernetes"] => show(tools::kubernetes::install()),
        ["mariadb"] => show(tools::mariadb::install()),
        ["postgres"] => show(tools::postgres::install()),
        ["moto"] => show(tools::moto::install()),
        ["prometheus"] => show(tools::prometheus::install()),
        ["fuzz", target, "--seconds", seconds] => fuzz::run(target, seconds),
        [word] if let Some(controller) = tools::controllers::called(word) => show(controller.install()),
        _ => {
            eprintln!("{USAGE}");
            eprintln!("controllers are {}", tools::controllers::words().join(", "));
            ExitCode::from(2)
        }
    }
}

/// Says where a tool is.
fn show(installed: Result<PathBuf, String>) -> ExitCode {
    match installed {
        Ok(folder) => {
            println!("{}", folder.display());
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
