//! The names that an expression may use, each with its type and its slot.

use super::Type;

/// The number of a variable: its index in a [`Scope`](super::Scope).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u16);

/// The variables and functions that an expression may use, and how strictly it is read.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: Vec<(String, Type)>,
    functions: Vec<Declaration>,
    container: String,
    unchecked: bool,
    without_macros: bool,
}

/// A function that only the checker knows; calling it fails.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// Its name, qualified where it has a name space.
    pub name: String,
    /// Types of the arguments, of the receiver first.
    pub parameters: Vec<Type>,
    /// Type of the result.
    pub result: Type,
    /// It is called as `receiver.name(…)`.
    pub is_method: bool,
}

impl Environment {
    /// CEL's and our functions, no variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a variable. Slots count up from 0 in the order of declaration. A later variable of
    /// the same name hides the earlier one.
    pub fn declare(&mut self, name: impl Into<String>, of: Type) -> Slot {
        let slot = Slot(u16::try_from(self.variables.len()).unwrap_or(u16::MAX));
        self.variables.push((name.into(), of));
        slot
    }

    /// Adds a function for the checker.
    pub fn declare_function(&mut self, function: Declaration) {
        self.functions.push(function);
    }

    /// Sets the name space in which names are looked up first: `com.example`.
    pub fn set_container(&mut self, container: impl Into<String>) {
        self.container = container.into();
    }

    /// Leaves the checker out: what it would find fails when it runs.
    pub fn skip_check(&mut self) {
        self.unchecked = true;
    }

    /// Takes macros for calls.
    pub fn skip_macros(&mut self) {
        self.without_macros = true;
    }

    /// Says what a variable's type is, once it is known: `let` names are declared before their
    /// expressions are checked.
    pub fn refine(&mut self, slot: Slot, of: Type) {
        if let Some(variable) = self.variables.get_mut(usize::from(slot.0)) {
            variable.1 = of;
        }
    }

    /// The slot and type of a name.
    pub fn find(&self, name: &str) -> Option<(Slot, &Type)> {
        let index = self
            .variables
            .iter()
            .rposition(|(known, _)| known == name)?;
        Some((
            Slot(u16::try_from(index).ok()?),
            &self.variables.get(index)?.1,
        ))
    }

    /// All variables, in the order of their slots.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &Type)> {
        self.variables.iter().map(|(name, of)| (name.as_str(), of))
    }

    /// The declared functions of a name.
    pub(super) fn functions<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Declaration> {
        self.functions
            .iter()
            .filter(move |function| function.name == name)
    }

    /// The name, then the names that it has in the container, innermost first.
    pub(super) fn candidates<'e>(
        &'e self,
        name: &'e str,
        absolute: bool,
    ) -> impl Iterator<Item = String> + 'e {
        let mut container =
            (!absolute && !self.container.is_empty()).then_some(self.container.as_str());
        let qualified = std::iter::from_fn(move || {
            let inner = container?;
            container = inner.rsplit_once('.').map(|(outer, _)| outer);
            Some(format!("{inner}.{name}"))
        });
        qualified.chain(std::iter::once(name.to_owned()))
    }

    pub(super) fn is_checked(&self) -> bool {
        !self.unchecked
    }

    pub(super) fn has_macros(&self) -> bool {
        !self.without_macros
    }
}
