//! What can be said on the command line.

mod alerts;
mod reach;
mod remote;

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::ArgPredicate;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use conductor_core::run::RunId;
use conductor_core::units::{Rate, Span};

use crate::exit;
pub(crate) use alerts::{AlertsVerb, Tried};
pub(crate) use reach::Reach;
pub(crate) use remote::{Contexts, Owned, Started};

/// Runs load tests: deploys and scales like production, pushes to a business KPI, puts everything back.
#[derive(Parser)]
#[command(name = "conductor", version, after_help = exit::TABLE)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What holds for every verb.
#[derive(Args)]
pub(crate) struct Global {
    /// Folder of this machine's journal, the reports and the supervisors of local applications.
    /// Default: loadtest-conductor in the platform's folder for state.
    #[arg(long, global = true, env = "CONDUCTOR_STATE_DIR", value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// The journal that several conductors share, a YAML or JSON file that says where it is: see docs/journal.md.
    /// Default: one of this machine, in the state folder.
    #[arg(long, global = true, env = "CONDUCTOR_JOURNAL", value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// What to print: text for people, or JSON on standard output with progress on standard error.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// What to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Text for people.
    #[value(alias = "table")]
    Text,
    /// One JSON document.
    Json,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Runs a load test to its end, and back.
    ///
    /// Ctrl-C once ends it in order: load stops, everything is put back, its data is deleted. Before it begins, what an
    /// earlier run left behind in the same environment is put back.
    #[command(after_help = exit::TABLE)]
    Run(Ran),
    /// Starts a run at a server, which drives it to its end and back, whatever becomes of this program.
    #[command(after_help = exit::TABLE)]
    Start(Started),
    #[command(flatten)]
    Anywhere(Anywhere),
    /// Runs a load test against a model of a system, in seconds, or compares algorithms on models.
    #[command(after_help = exit::TABLE)]
    Simulate(Simulated),
    /// Puts back what runs left behind whose conductor died.
    ///
    /// It goes by their journals. Where a journal is lost, or has ended although not everything was put back, what the run has
    /// left at the applications themselves is enough: see --from-cluster. What becomes of one run does not keep the others from
    /// being put back: the worst exit code counts.
    #[command(after_help = exit::TABLE)]
    Restore(Restored),
    /// Puts back what runs have left at the applications of an environment whose conductors give no sign of life any more.
    ///
    /// It needs no journal, and is meant to be called now and then, as deploy/kubernetes/reaper.yaml does. A run of which
    /// neither a sign nor a journal tells whether its conductor lives is left alone, and told.
    #[command(after_help = exit::TABLE)]
    Reap(Reaped),
    /// Puts all that a run has left as evidence into one archive: its journal, and what follows from that.
    ///
    /// `conductor report FILE` opens it anywhere, and says whether it was changed. The environment's settings are not in it.
    Bundle(Bundled),
    /// Compares two runs or bundles: what was changed, what was measured, and whether the difference is real.
    Compare(Compared),
    /// Lets others change applications that a run has frozen, as the denial of their change says.
    ///
    /// The run goes on, and tells of what they change.
    Unfreeze(Unfrozen),
    /// Runs the local applications of an environment.
    #[command(subcommand)]
    Local(Local),
    /// Lists and chooses the servers of the contexts file.
    #[command(subcommand)]
    Context(Contexts),
    /// Tries out who is told of alerts.
    #[command(subcommand)]
    Alerts(AlertsVerb),
    /// Makes a token for a caller of a server, and prints it with the line for the server's file of tokens.
    Token(Owned),
    /// Prints the Locust plugin, a Python file to put beside a locustfile.
    LocustPlugin,
    /// Prints the JSON Schema of a kind of document.
    Schema {
        /// The kind: as in docs/schema, or as the document names it.
        #[arg(value_enum, ignore_case = true, default_value_t = SchemaKind::LoadTest)]
        kind: SchemaKind,
    },
    /// Prints the completions of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Documents that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaKind {
    /// A load test.
    #[value(name = "loadtest")]
    LoadTest,
    /// Who is told of alerts.
    Alerts,
    /// What a run has come to.
    Results,
}

/// What can be done on this machine and at a server.
#[derive(Subcommand)]
pub(crate) enum Anywhere {
    /// Tells what a run would change and how long each step may take. Changes nothing.
    Plan(Declared),
    /// Lists all runs, newest first.
    List,
    /// Shows a run.
    Get(OneRun),
    /// Judges a run that has ended, from its journal alone: whether it was valid, whether it passed, and why.
    #[command(after_help = exit::TABLE)]
    Verdict(OneRun),
    /// Shows a run while it goes on.
    Watch(OneRun),
    /// Asks a run to end in order: load stops, everything is put back, its data is deleted.
    Stop(OneRun),
    /// Gives a run another target while it goes on, without a jump of the load.
    ///
    /// It replaces what is left of ramp-up and plateau, or of the stages. A run that has no load yet takes it when its
    /// load begins.
    Update(Updated),
    /// Writes a run's report: one HTML file for people, or what build servers, pull requests and programs read.
    Report(Reported),
}

/// A load test and its environment.
#[derive(Args)]
pub(crate) struct Declared {
    /// The load test, a YAML or JSON file.
    pub(crate) load_test: PathBuf,
    /// The environment's settings, a YAML or JSON file. Default: environment.yaml beside the load test. A server has its own.
    #[arg(long, env = "CONDUCTOR_SETTINGS", value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
}

/// A load test that is run here, and who is told of it.
#[derive(Args)]
pub(crate) struct Ran {
    #[command(flatten)]
    pub(crate) declared: Declared,
    /// The receivers of alerts, a YAML or JSON file of kind Alerts. Default: nobody is told. A server has its own.
    #[arg(long, env = "CONDUCTOR_ALERTS", value_name = "FILE")]
    pub(crate) alerts: Option<PathBuf>,
}

/// Models, and what to try on them.
#[derive(Args)]
#[command(group(ArgGroup::new("compared").multiple(true)))]
pub(crate) struct Simulated {
    /// The load test, a YAML or JSON file. Default: the model's own `run`.
    #[arg(conflicts_with = "compared")]
    pub(crate) load_test: Option<PathBuf>,
    /// The model of the system: a YAML or JSON file, or the name of a built-in one. Several are compared with --score
    /// or --plot; `all` is every built-in one, and `held-out-7` the seventh drawn by chance.
    #[arg(long, value_name = "FILE_OR_NAME", num_args = 1.., required_unless_present_any = ["goals", "verdicts"])]
    pub(crate) plant: Vec<String>,
    /// Where to write the report.
    #[arg(long, value_name = "FILE", conflicts_with = "compared")]
    pub(crate) report: Option<PathBuf>,
    /// Prints how near algorithms come to what could be achieved, over many runs.
    #[arg(long, group = "compared")]
    pub(crate) score: bool,
    /// Prints whether the control law reaches its goals on the built-in models and on plants drawn by chance, with 200
    /// seeds unless --seeds says otherwise. Exit code 1 when one that is required is missed.
    #[arg(long, group = "compared", conflicts_with_all = ["plant", "score", "plot", "algorithm", "tick"])]
    pub(crate) goals: bool,
    /// Prints what verdicts are worth: what becomes of runs in which something was wrong, and of those in which nothing was,
    /// 200 of each kind unless --seeds says otherwise. Exit code 1 when a bad run passed, or more than 1 % of the clean ones
    /// did not.
    #[arg(long, group = "compared", conflicts_with_all = ["plant", "score", "plot", "goals", "algorithm", "tick"])]
    pub(crate) verdicts: bool,
    /// Draws the first seed's run of each algorithm on each model: target, KPI, users, knee and modes over time. The
    /// file ends in .svg or .html.
    #[arg(long, group = "compared", value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trials: TrialArguments,
}

/// What is tried on models.
#[derive(Args)]
pub(crate) struct TrialArguments {
    /// Algorithms, by comma, or `all`.
    #[arg(long, requires = "compared", value_name = "LIST", value_delimiter = ',', default_value = "adaptive")]
    pub(crate) algorithm: Vec<String>,
    /// Runs of each algorithm on each model, each with a seed of its own.
    #[arg(long, requires = "compared", value_name = "N", default_value_t = 20, default_value_ifs([("goals", ArgPredicate::IsPresent, "200"), ("verdicts", ArgPredicate::IsPresent, "200")]), value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) seeds: u32,
    /// The first run's seed.
    #[arg(long, requires = "compared", value_name = "K", default_value_t = 1)]
    pub(crate) first_seed: u64,
    /// Time between two decisions: half seconds, at least 5s.
    #[arg(long, requires = "compared", value_name = "TIME", default_value = "60s")]
    pub(crate) tick: Span,
}

/// One run.
#[derive(Args)]
pub(crate) struct OneRun {
    /// The run. Default: the newest one; for `stop`, every one that has not ended.
    pub(crate) run: Option<RunId>,
}

/// What to put back, and by what.
#[derive(Args)]
pub(crate) struct Restored {
    /// The run. Default: every one that has not ended.
    pub(crate) run: Option<RunId>,
    /// Goes by what runs have left at the applications of an environment, for those that have no journal here, or one that has
    /// ended. A run whose conductor gives signs of life is left alone, unless it is named, and so is one of which neither a
    /// sign nor a journal tells whether it lives.
    #[arg(long, requires = "settings")]
    pub(crate) from_cluster: bool,
    /// The environment's settings, a YAML or JSON file; with --from-cluster.
    #[arg(long, env = "CONDUCTOR_SETTINGS", value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
}

/// Where to look for what runs have left.
#[derive(Args)]
pub(crate) struct Reaped {
    /// The environment's settings, a YAML or JSON file.
    #[arg(long, env = "CONDUCTOR_SETTINGS", value_name = "FILE")]
    pub(crate) settings: PathBuf,
}

/// A freeze, and where it is.
#[derive(Args)]
pub(crate) struct Unfrozen {
    /// The name of the freeze.
    pub(crate) name: String,
    /// The environment's settings, a YAML or JSON file.
    #[arg(long, env = "CONDUCTOR_SETTINGS", value_name = "FILE")]
    pub(crate) settings: PathBuf,
}

/// One run, and its new target.
#[derive(Args)]
pub(crate) struct Updated {
    /// The run. Default: the newest one.
    pub(crate) run: Option<RunId>,
    /// The KPI to reach and hold, such as 5400/min.
    #[arg(long, value_name = "RATE", allow_hyphen_values = true)]
    pub(crate) target: Rate,
    /// Time to reach it, such as 5m; 0s is a step. Default: as steep as the test's first ramp, at least an interval.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) within: Option<Span>,
    /// Time to hold it, such as 20m. Default: until the load would have ended before, at least an interval.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) plateau: Option<Span>,
}

/// One run, and where its report goes.
#[derive(Args)]
pub(crate) struct Reported {
    /// The run, or the file of a bundle, which ends in .zip. Default: the newest run.
    #[arg(value_name = "RUN_OR_BUNDLE")]
    pub(crate) run: Option<Told>,
    /// The file. Default: reports/RUN.html in the state folder; of other formats, standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// For whom it is.
    #[arg(long, value_enum, default_value_t = ReportFormat::Html)]
    pub(crate) format: ReportFormat,
}

impl Reported {
    /// The run that is named. A bundle is none of a journal's.
    pub(crate) fn named(&self) -> Option<RunId> {
        match &self.run {
            Some(Told::Run(run)) => Some(run.clone()),
            Some(Told::Bundle(_)) | None => None,
        }
    }
}

/// What tells of a run: its journal, or a bundle.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// A run of a journal.
    Run(RunId),
    /// The file of a bundle.
    Bundle(PathBuf),
}

impl FromStr for Told {
    type Err = <RunId as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.ends_with(".zip") { Ok(Self::Bundle(text.into())) } else { text.parse().map(Self::Run) }
    }
}

/// Two runs.
#[derive(Args)]
pub(crate) struct Compared {
    /// The run that is compared with, or the file of its bundle, which ends in .zip.
    pub(crate) first: Told,
    /// The run that is compared, or the file of its bundle.
    pub(crate) second: Told,
}

/// One run, and where its bundle goes.
#[derive(Args)]
pub(crate) struct Bundled {
    /// The run. Default: the newest one.
    pub(crate) run: Option<RunId>,
    /// The file. Default: bundles/RUN.zip in the state folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// For whom a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// People: one page that needs nothing else.
    Html,
    /// Build servers: JUnit's XML.
    Junit,
    /// Pull requests: Markdown.
    #[value(alias = "md")]
    Markdown,
    /// Programs: JSON by docs/schema/results.json.
    Json,
}

/// What to do with the local applications of an environment.
#[derive(Subcommand)]
pub(crate) enum Local {
    /// Starts them under a supervisor of their own, and returns when all are ready.
    Up {
        /// The environment, a YAML or JSON file.
        environment: PathBuf,
    },
    /// Shows them.
    Status {
        /// The environment, a YAML or JSON file.
        environment: PathBuf,
    },
    /// Stops them and their supervisor.
    Down {
        /// The environment, a YAML or JSON file.
        environment: PathBuf,
    },
    /// The supervisor itself.
    #[command(hide = true)]
    Supervise {
        /// Its folder.
        folder: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_negative_figure_is_told_as_such_and_not_as_an_argument_that_nobody_knows() {
        for (name, value) in [("--target", "-5/min"), ("--within", "-5m"), ("--plateau", "-5m")] {
            let said = ["conductor", "update", "--target", "5/min", name, value];
            let said = if name == "--target" { [&said[..2], &said[4..]].concat() } else { said.to_vec() };
            let told = Arguments::try_parse_from(said).err().unwrap().to_string();
            assert!(told.starts_with(&format!("error: invalid value '{value}' for '{name} <")), "{told}");
        }
    }

    #[test]
    fn every_visible_argument_has_help() {
        fn look(command: &clap::Command) {
            assert!(command.get_about().is_some() || command.is_hide_set(), "{} has no help", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} of {} has no help", argument.get_id(), command.get_name());
            }
            command.get_subcommands().for_each(look);
        }
        look(&Arguments::command());
    }
}
