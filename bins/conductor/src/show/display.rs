//! Where progress goes: a live view on a terminal, lines everywhere else.

use std::io::IsTerminal;

use conductor_core::view::RunView;
use conductor_engine::Progress as Workloads;

use super::live::Live;
use super::progress::Progress;
use crate::args::Output;
use crate::out;

/// Shows a run while it goes on.
pub(crate) enum Display {
    /// Lines on standard output.
    Lines(Progress),
    /// Lines on standard error, because standard output is for JSON.
    Aside(Progress),
    /// A live view.
    Live(Box<Live>),
}

impl Display {
    /// What fits the output.
    pub(crate) fn choose(output: Output) -> Self {
        match output {
            Output::Json => Self::Aside(Progress::default()),
            Output::Text if std::io::stdout().is_terminal() => match Live::open() {
                Ok(live) => Self::Live(Box::new(live)),
                Err(_) => Self::Lines(Progress::default()),
            },
            Output::Text => Self::Lines(Progress::default()),
        }
    }

    /// Shows what is new.
    pub(crate) fn show(&mut self, view: &RunView) {
        match self {
            Self::Lines(progress) => progress.lines(view).iter().for_each(|line| out::line(line)),
            Self::Aside(progress) => progress.lines(view).iter().for_each(|line| out::aside(line)),
            Self::Live(live) => live.show(view),
        }
    }

    /// Lets time pass, with how far rollouts and scaling are.
    pub(crate) fn refresh(&mut self, view: &RunView, workloads: &Workloads) {
        match self {
            Self::Lines(progress) => progress.waits(workloads).iter().for_each(|line| out::line(line)),
            Self::Aside(progress) => progress.waits(workloads).iter().for_each(|line| out::aside(line)),
            Self::Live(live) => live.refresh(view, workloads),
        }
    }

    /// Says something that is not in the run.
    pub(crate) fn say(&mut self, line: &str) {
        match self {
            Self::Lines(_) => out::line(line),
            Self::Aside(_) => out::aside(line),
            Self::Live(live) => live.say(line),
        }
    }
}
