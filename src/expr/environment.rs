//! The names that an expression may use, each with its type and its slot.

use std::hash::{Hash, Hasher};

use indexmap::{Equivalent, IndexMap};

use super::Type;

/// The number of a variable: its index in a [`Scope`](super::Scope).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u16);

/// The variables and functions that an expression may use, and how strictly it is read.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: Vec<(String, Type)>,
    /// Where among the variables the last of each name stands. A function may have thousands of
    /// values under `let`, each of which asks for several names.
    places: IndexMap<String, usize>,
    functions: Vec<Declaration>,
    container: String,
    unchecked: bool,
    without_macros: bool,
}

/// A name that is looked for.
struct Asked<'n>(&'n str);

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Equivalent<String> for Asked<'_> {
    fn equivalent(&self, known: &String) -> bool {
        #[cfg(test)]
        tests::COMPARED.set(tests::COMPARED.get() + 1);
        self.0 == known
    }
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
        let (name, place) = (name.into(), self.variables.len());
        self.places.insert(name.clone(), place);
        self.variables.push((name, of));
        Slot(u16::try_from(place).unwrap_or(u16::MAX))
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
        let index = *self.places.get(&Asked(name))?;
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How many names were compared with one that was looked for.
        pub(super) static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    fn environment(names: usize) -> Environment {
        let mut environment = Environment::new();
        for name in 0..names {
            environment.declare(format!("name{name}"), Type::Dyn);
        }
        environment
    }

    #[test]
    fn the_last_of_a_name_is_found() {
        let mut environment = environment(3);
        let last = environment.declare("name1", Type::Int);
        assert_eq!(environment.find("name1"), Some((last, &Type::Int)));
        assert_eq!(environment.find("name2"), Some((Slot(2), &Type::Dyn)));
        assert_eq!(environment.find("name"), None);
        environment.refine(last, Type::Bool);
        assert_eq!(environment.find("name1"), Some((last, &Type::Bool)));
    }

    #[test]
    fn a_name_is_found_without_a_look_at_all_others() {
        let names = 8_000;
        let environment = environment(names);
        for name in 0..names {
            assert!(environment.find(&format!("name{name}")).is_some());
            assert!(environment.find(&format!("other{name}")).is_none());
        }
        // Hashes of seven bits meet by chance now and then.
        let compared = COMPARED.get();
        assert!((names..2 * names).contains(&compared), "{compared}");
    }

    #[test]
    fn an_expression_looks_for_few_names_however_many_there_are() {
        let environment = environment(8_000);
        let text = "name0.a + name7999[name1] + string(name2.b.c)";
        crate::expr::compile(text, &environment).unwrap();
        assert!(COMPARED.get() < 100, "{}", COMPARED.get());
    }
}
