//! What the law advises, and how it explains itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something the law wants people to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Alarm {
    /// The KPI is zero, and chance does not explain it; said once, when that has lasted.
    Stalled,
    /// The generator runs fewer users than it was told to, three times in a row.
    GeneratorShort,
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stalled => "the KPI is zero, and chance does not explain it",
            Self::GeneratorShort => "the load generator runs fewer users than it was told to, three times in a row",
        })
    }
}

/// What the law is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Too few events were seen to trust the ratio of KPI to users: users grow with care.
    #[default]
    Boot,
    /// The ratio is known: users follow the line.
    Track,
    /// Users are worth less than they were: fewer of them tell whether it is the system or the users.
    Test,
    /// The system is past its limit: users are drawn back until it is well again.
    Drain,
    /// The system is well again and its limit unknown: users come back step by step.
    Climb,
    /// The limit is known and below the line: users stay just under it.
    Hold,
    /// A few more users tell whether the limit has moved.
    Probe,
    /// The KPI is gone: users are drawn back.
    Stalled,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Boot => "boot",
            Self::Track => "track",
            Self::Test => "test",
            Self::Drain => "drain",
            Self::Climb => "climb",
            Self::Hold => "hold",
            Self::Probe => "probe",
            Self::Stalled => "stalled",
        })
    }
}

/// Why the law is in its mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// Nothing is known yet.
    #[default]
    Begin,
    /// Enough events were seen to know what users are worth.
    RatioLearnt,
    /// Users are worth less than they were, more clearly than chance explains.
    EfficiencyLost,
    /// Fewer users are worth as little each: it is the users who changed.
    RatioChanged,
    /// Fewer users are worth more each: it was the system's limit.
    LimitProven,
    /// The KPI collapsed while users grew.
    Collapsed,
    /// The KPI broke down though users did not grow.
    BrokeDown,
    /// The KPI fell while users grew, before it was known what they are worth.
    FellWhileGrowing,
    /// More users after the ratio had changed were worth nothing: the verdict was wrong.
    Relapsed,
    /// The system is well again.
    Drained,
    /// It is time to look whether the limit has moved.
    TimeToProbe,
    /// The limit has moved up.
    ProbeWorked,
    /// The limit is where it was.
    ProbeFailed,
    /// Response times say that the limit is no longer where it was met.
    LimitMoved,
    /// The limit was found on the way up.
    LimitFound,
    /// The line is within what the system can do.
    LineWithinReach,
    /// The KPI is zero, and chance does not explain it.
    NothingCounted,
    /// The KPI is back.
    KpiBack,
    /// The KPI is back after an overload.
    BackFromOverload,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Begin => "nothing is known yet",
            Self::RatioLearnt => "it is known what users are worth",
            Self::EfficiencyLost => "users are worth less than they were",
            Self::RatioChanged => "fewer users are worth as little each: the users changed",
            Self::LimitProven => "fewer users are worth more each: it was the system's limit",
            Self::Collapsed => "the KPI collapsed while users grew",
            Self::BrokeDown => "the KPI broke down though users did not grow",
            Self::FellWhileGrowing => "the KPI fell while users grew",
            Self::Relapsed => "more users were worth nothing",
            Self::Drained => "the system is well again",
            Self::TimeToProbe => "it is time to look whether the limit has moved",
            Self::ProbeWorked => "the limit has moved up",
            Self::ProbeFailed => "the limit is where it was",
            Self::LimitMoved => "response times say that the limit has moved",
            Self::LimitFound => "the limit was found on the way up",
            Self::LineWithinReach => "the line is within what the system can do",
            Self::NothingCounted => "the KPI is zero, and chance does not explain it",
            Self::KpiBack => "the KPI is back",
            Self::BackFromOverload => "the KPI is back after an overload",
        })
    }
}

/// Where the system was found to be at its limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Knee {
    /// Users that fill it.
    pub users: f64,
    /// The KPI it sustains, events per minute.
    pub kpi_per_min: f64,
}

impl fmt::Display for Knee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its limit is {:.0}/min with {:.0} users", self.kpi_per_min, self.users)
    }
}

/// What the law advises.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    /// Users from now on, at least 1.
    pub users: u64,
    /// Users started or stopped per second, at least 0.01.
    pub spawn_rate: f64,
    /// The line's value now, events per minute.
    pub set_point_per_min: f64,
    /// What people should know.
    pub alarm: Option<Alarm>,
    /// What the law is doing.
    pub mode: Mode,
    /// Why.
    pub reason: Reason,
    /// Learnt KPI events per user and minute; 0 when nothing is learnt.
    pub gain: f64,
    /// The gain's relative standard deviation; 0 when nothing is learnt.
    pub gain_sd: f64,
    /// Learnt time from users to KPI, seconds.
    pub lag_s: f64,
    /// The last window's KPI per user against what users were worth while the line was met; `None` before that is known.
    pub efficiency: Option<f64>,
    /// The system's limit, where one was found.
    pub knee: Option<Knee>,
}
