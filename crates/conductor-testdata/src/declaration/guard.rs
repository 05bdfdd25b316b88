//! The row guard: what must be true beside the tag before rows are deleted. It narrows and never widens.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What must be true beside the tag before rows of a table are deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RowGuard {
    /// Nothing is deleted anywhere when more rows than these are of the run: a tag that production writes by mistake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_rows: Option<u64>,
    /// Conditions that a row must all meet. A row of the run that does not stays, and so do rows that are known to be of the run
    /// by it; both are told.
    #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<RowGuardCondition>,
}

impl RowGuard {
    pub(crate) fn is_empty(&self) -> bool {
        self.most_rows.is_none() && self.conditions.is_empty()
    }
}

/// A condition on one column of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RowGuardCondition {
    /// The column.
    pub column: String,
    /// How it is compared.
    #[serde(default)]
    pub op: Operator,
    /// With what; absent for `isNull` and `isNotNull`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<RowGuardValue>,
}

/// How a column is compared. A column without a value meets none of these but `isNull`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operator {
    /// It is the value.
    #[default]
    Equals,
    /// It is another value.
    NotEquals,
    /// It is less than the value.
    LessThan,
    /// It is the value or less.
    AtMost,
    /// It is more than the value.
    MoreThan,
    /// It is the value or more.
    AtLeast,
    /// It has no value.
    IsNull,
    /// It has a value.
    IsNotNull,
}

impl Operator {
    /// The operator in SQL, and whether a value follows.
    pub(crate) const fn sql(self) -> (&'static str, bool) {
        match self {
            Self::Equals => ("=", true),
            Self::NotEquals => ("<>", true),
            Self::LessThan => ("<", true),
            Self::AtMost => ("<=", true),
            Self::MoreThan => (">", true),
            Self::AtLeast => (">=", true),
            Self::IsNull => ("IS NULL", false),
            Self::IsNotNull => ("IS NOT NULL", false),
        }
    }
}

/// A value that a column is compared with. Fractions and times are written as text, which the database reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RowGuardValue {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

impl fmt::Display for RowGuardValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}
