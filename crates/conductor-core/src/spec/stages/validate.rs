//! What makes the shape of a load valid, and how a valid one is written.

use super::super::document::SpecDocument;
use super::super::search;
use super::super::validate::{Findings, LONGEST};
use super::{Curve, CurveDocument, CurvePoint, CurvePointDocument, LoadShape, Stage, StageDocument, ValueDocument};
use crate::units::{Rate, Span};

const MOST_STAGES: usize = 1_000;
const EITHER: &str = "either rampUp and plateau, or stages, or search";
const FIELD: &str = "spec.stages";

/// A shape and the target that goes with it.
pub(crate) fn shape(found: &mut Findings, spec: &SpecDocument) -> Option<(LoadShape, Rate)> {
    let target = spec.kpi.target.as_ref().map(|target| found.parse::<Rate>("spec.kpi.target", target));
    let given = [
        ("rampUp", spec.ramp_up.is_some()),
        ("plateau", spec.plateau.is_some()),
        ("stages", spec.stages.is_some()),
        ("search", spec.search.is_some()),
    ];
    let given: Vec<&str> = given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
    match given.as_slice() {
        ["rampUp" | "plateau"] | ["rampUp", "plateau"] => {
            let shape = ramp_up(found, spec, target.is_some());
            Some((shape?, target??))
        }
        ["stages"] => {
            let stages = Stages { found, target: target.flatten() }.read(spec.stages.as_deref()?)?;
            let shape = LoadShape::Stages(stages);
            let highest = || Rate::per_minute(shape.highest_of_stages()).ok();
            let target = target.unwrap_or_else(highest)?;
            Some((shape, target))
        }
        ["search"] => {
            let plan = search::plan(found, spec.search.as_ref()?, target.flatten())?;
            let to = plan.to;
            Some((LoadShape::Search(plan), to))
        }
        [] => {
            found.add("spec.rampUp", "it is missing, and so are plateau, stages and search", EITHER);
            None
        }
        [others @ .., last] => {
            found.add(&format!("spec.{last}"), format!("there is {} as well", others.join(" and ")), EITHER);
            None
        }
    }
}

fn ramp_up(found: &mut Findings, spec: &SpecDocument, has_target: bool) -> Option<LoadShape> {
    if !has_target {
        found.add("spec.kpi.target", "it is missing", "the rate to reach and hold, such as 7200/min");
    }
    if spec.ramp_up.is_none() {
        found.add("spec.rampUp", "it is missing", "the time from the first user to the target, such as 30m");
    }
    let ramp_up = found.span_of("spec.rampUp", spec.ramp_up.as_ref());
    if spec.plateau.is_none() {
        found.add("spec.plateau", "it is missing", "the time to hold the target, such as 90m");
    }
    let plateau = found.span_of("spec.plateau", spec.plateau.as_ref());
    Some(LoadShape::RampUp { ramp_up: ramp_up?, plateau: plateau? })
}

/// Tells where a shape is too short to be measured.
pub(crate) fn check_length(found: &mut Findings, shape: &LoadShape, interval: Span) {
    let (field, problem, expected) = match shape {
        LoadShape::RampUp { plateau, .. } if *plateau < interval => (
            "spec.plateau",
            format!("{plateau} is shorter than the interval of {interval}"),
            "at least one interval, or nothing is measured at the target",
        ),
        LoadShape::Stages(_) if shape.time(interval) < interval => (
            FIELD,
            format!("together they take {}, shorter than the interval of {interval}", shape.time(interval)),
            "at least one interval, or nothing is measured",
        ),
        LoadShape::Search(plan) if plan.hold < interval => (
            "spec.search.hold",
            format!("{} is shorter than the interval of {interval}", plan.hold),
            "at least one interval, or nothing is measured at a level",
        ),
        LoadShape::Search(plan) if plan.longest(interval) > LONGEST => (
            "spec.search",
            format!("it may take {}", plan.longest(interval)),
            "at most 168h, a week: a larger step, or from and to nearer to each other",
        ),
        LoadShape::RampUp { .. } | LoadShape::Stages(_) | LoadShape::Search(_) => return,
    };
    found.add(field, problem, expected);
}

/// Puts a shape back into the fields it is written in.
pub(crate) fn written(shape: LoadShape, document: &mut SpecDocument) {
    match shape {
        LoadShape::RampUp { ramp_up, plateau } => {
            document.ramp_up = Some(ramp_up.to_string());
            document.plateau = Some(plateau.to_string());
        }
        LoadShape::Search(plan) => document.search = Some(search::written(&plan)),
        LoadShape::Stages(stages) => document.stages = Some(stages.into_iter().map(written_stage).collect()),
    }
}

fn written_stage(stage: Stage) -> StageDocument {
    let nothing = StageDocument::default();
    let text = |span: Span| Some(span.to_string());
    match stage {
        Stage::Ramp { time, to } => StageDocument { ramp: text(time), to: Some(to.to_string()), ..nothing },
        Stage::Hold { time } => StageDocument { hold: text(time), ..nothing },
        Stage::Step { to, hold } => StageDocument { step: Some(to.to_string()), hold: text(hold), ..nothing },
        Stage::Spike { to, rise, hold, fall } => StageDocument {
            spike: Some(to.to_string()),
            rise: text(rise),
            hold: text(hold),
            fall: text(fall),
            ..nothing
        },
        Stage::Curve(Curve { scale, points }) => {
            let written = |point: CurvePoint| CurvePointDocument {
                time: point.time.to_string(),
                value: ValueDocument::Share(point.value),
            };
            let curve = CurveDocument::Points(points.into_iter().map(written).collect());
            StageDocument { curve: Some(curve), scale: Some(scale.to_string()), ..nothing }
        }
    }
}

/// Reads stages, and finds all that is wrong with them.
pub(super) struct Stages<'a> {
    pub(super) found: &'a mut Findings,
    pub(super) target: Option<Rate>,
}

impl Stages<'_> {
    fn read(&mut self, documents: &[StageDocument]) -> Option<Vec<Stage>> {
        if documents.is_empty() || documents.len() > MOST_STAGES {
            self.found.add(
                FIELD,
                format!("there are {} of them", documents.len()),
                format!("1 to {MOST_STAGES} stages"),
            );
            return None;
        }
        let read = |(position, document)| self.stage(&format!("{FIELD}[{position}]"), document, position == 0);
        let read: Vec<Option<Stage>> = documents.iter().enumerate().map(read).collect();
        let stages: Vec<Stage> = read.into_iter().collect::<Option<_>>()?;
        let time = stages.iter().fold(Span::default(), |time, stage| time.plus(stage.time()));
        if time > LONGEST {
            self.found.add(FIELD, format!("together they take {time}"), "at most 168h, a week");
        }
        Some(stages)
    }

    fn stage(&mut self, field: &str, document: &StageDocument, first: bool) -> Option<Stage> {
        let StageDocument { ramp, to, step, spike, rise, hold, fall, curve, scale } = document;
        let kind = self.kind(field, document)?;
        let others = [("to", to), ("rise", rise), ("hold", hold), ("fall", fall), ("scale", scale)];
        for (name, _) in others.into_iter().filter(|(name, value)| value.is_some() && !kind.takes().contains(name)) {
            let problem = format!("a {} has none", kind.name());
            self.found.add(&format!("{field}.{name}"), problem, kind.expected());
        }
        match kind {
            Kind::Ramp => {
                let time = self.found.span_of(&format!("{field}.ramp"), ramp.as_ref());
                let to = self.rate_or_target(&format!("{field}.to"), to.as_ref());
                Some(Stage::Ramp { time: time?, to: to? })
            }
            Kind::Hold => {
                self.needs_a_level(&format!("{field}.hold"), first);
                Some(Stage::Hold { time: self.hold(field, hold.as_ref())? })
            }
            Kind::Step => {
                let to = self.rate(&format!("{field}.step"), step.as_ref());
                let hold = self.hold(field, hold.as_ref());
                Some(Stage::Step { to: to?, hold: hold? })
            }
            Kind::Spike => {
                self.needs_a_level(&format!("{field}.spike"), first);
                let to = self.rate(&format!("{field}.spike"), spike.as_ref());
                let rise = self.found.span(&format!("{field}.rise"), rise.as_ref(), Span::default());
                let hold = self.hold(field, hold.as_ref());
                let fall = self.found.span(&format!("{field}.fall"), fall.as_ref(), Span::default());
                Some(Stage::Spike { to: to?, rise, hold: hold?, fall })
            }
            Kind::Curve => self.curve(field, curve.as_ref()?, scale.as_ref()).map(Stage::Curve),
        }
    }

    fn kind(&mut self, field: &str, document: &StageDocument) -> Option<Kind> {
        const KINDS: &str = "one of ramp, hold, step, spike and curve, each in a stage of its own";
        let kinds = [
            (Kind::Ramp, document.ramp.is_some()),
            (Kind::Step, document.step.is_some()),
            (Kind::Spike, document.spike.is_some()),
            (Kind::Curve, document.curve.is_some()),
        ];
        let kinds: Vec<Kind> = kinds.into_iter().filter(|(_, given)| *given).map(|(kind, _)| kind).collect();
        match kinds.as_slice() {
            [] if document.hold.is_some() => return Some(Kind::Hold),
            [kind] => return Some(*kind),
            [] => self.found.add(field, "it does not say what it is", KINDS),
            several => {
                let names: Vec<&str> = several.iter().map(|kind| kind.name()).collect();
                self.found.add(field, format!("{} exclude each other", names.join(" and ")), KINDS);
            }
        }
        None
    }

    fn needs_a_level(&mut self, field: &str, first: bool) {
        if first {
            self.found.add(field, "there is no level yet", "a ramp, a step or a curve before it");
        }
    }

    fn rate(&mut self, field: &str, text: Option<&String>) -> Option<Rate> {
        self.found.parse(field, text?)
    }

    fn hold(&mut self, field: &str, text: Option<&String>) -> Option<Span> {
        let field = format!("{field}.hold");
        if text.is_none() {
            self.found.add(&field, "it is missing", "how long the level is held, such as 10m");
        }
        let hold = self.found.span_of(&field, text)?;
        if hold.is_zero() {
            self.found.add(&field, "0s is no time to hold a level", "a time such as 10m");
        }
        Some(hold)
    }

    pub(super) fn rate_or_target(&mut self, field: &str, text: Option<&String>) -> Option<Rate> {
        match text {
            Some(text) => self.found.parse(field, text),
            None => {
                let unsaid = self.target.is_none() && !self.found.has("spec.kpi.target");
                if unsaid {
                    self.found.add(
                        field,
                        "it is missing, and so is spec.kpi.target",
                        "a rate such as 7200/min, here or there",
                    );
                }
                self.target
            }
        }
    }
}

/// What a stage is.
#[derive(Clone, Copy)]
enum Kind {
    Ramp,
    Hold,
    Step,
    Spike,
    Curve,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Ramp => "ramp",
            Self::Hold => "hold",
            Self::Step => "step",
            Self::Spike => "spike",
            Self::Curve => "curve",
        }
    }

    /// The fields it may have besides its own.
    fn takes(self) -> &'static [&'static str] {
        match self {
            Self::Ramp => &["to"],
            Self::Hold | Self::Step => &["hold"],
            Self::Spike => &["rise", "hold", "fall"],
            Self::Curve => &["scale"],
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Ramp => "ramp and to alone",
            Self::Hold => "hold alone",
            Self::Step => "step and hold alone",
            Self::Spike => "spike, rise, hold and fall alone",
            Self::Curve => "curve and scale alone",
        }
    }
}
