//! Why an evaluation failed.

use std::fmt;

/// A failure: small, `Copy`, and without a message until somebody shows it, because `&&`, `||`
/// and `??` throw most of them away.
#[derive(Debug, Clone, Copy)]
pub struct Fault<'a> {
    /// Which kind; `??` absorbs only those that [`FaultKind::is_absence`] names.
    pub kind: FaultKind,
    /// Bytes of the expression's text.
    pub span: (u32, u32),
    /// What it was about: the missing key, the function's name, a sentence. Never a whole value.
    pub detail: &'a str,
}

/// The kinds of [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// No such key, select on `null`, value of an empty optional.
    Absent,
    /// A list that is too short for the index.
    Index,
    /// No function or operator for these types.
    NoOverload,
    /// A result outside its type's range.
    Overflow,
    /// Division or remainder by zero.
    DivideByZero,
    /// A conversion that the value does not allow.
    Range,
    /// An argument that the function does not accept.
    BadArgument,
    /// `fail(message)`.
    Failed,
    /// The step or memory budget is spent.
    Budget,
    /// Nested too deep.
    Depth,
}

impl FaultKind {
    /// Whether something was not there, rather than wrong.
    pub fn is_absence(self) -> bool {
        matches!(self, Self::Absent | Self::Index)
    }
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FaultKind::Absent => write!(f, "no such key: {}", self.detail),
            FaultKind::Index => write!(f, "index out of range: {}", self.detail),
            FaultKind::NoOverload => write!(f, "no such overload: {}", self.detail),
            FaultKind::Overflow => write!(f, "out of range: {}", self.detail),
            FaultKind::DivideByZero => write!(f, "division by zero: {}", self.detail),
            FaultKind::Range | FaultKind::BadArgument | FaultKind::Failed => {
                f.write_str(self.detail)
            }
            FaultKind::Budget => write!(f, "the request's budget is spent: {}", self.detail),
            FaultKind::Depth => write!(f, "nested too deep: {}", self.detail),
        }
    }
}
