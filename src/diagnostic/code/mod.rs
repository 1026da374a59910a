//! The codes of all kinds of problem, and what `hookweir explain CODE` says about each.
//!
//! One file an area, each a single `codes!` list. A code that was ever released keeps its meaning
//! for ever. Each has a page in `explanations/`: a title line, a paragraph, a document that is
//! wrong and one that is right; a code without its page does not compile.

use super::Code;

/// Declares codes, and gathers them with their pages into `ALL`.
///
/// ```ignore
/// codes! {
///     /// A name that nothing declares.
///     UNKNOWN_NAME = "E0203";
/// }
/// ```
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        $($(#[$doc])* pub const $name: $crate::diagnostic::Code = $crate::diagnostic::Code($code);)*

        /// All codes of this area, each with its page.
        pub const ALL: &[($crate::diagnostic::Code, &str)] = &[
            $(($name, include_str!(concat!("../explanations/", $code, ".md"))),)*
        ];
    };
}

pub mod delivery;
pub mod expr;
pub mod route;
pub mod settings;
pub mod signature;
pub mod template;
pub mod yaml;

const AREAS: [&[(Code, &str)]; 7] = [
    yaml::ALL,
    expr::ALL,
    template::ALL,
    route::ALL,
    settings::ALL,
    signature::ALL,
    delivery::ALL,
];

/// All codes with their pages, area by area.
pub fn all() -> impl Iterator<Item = (Code, &'static str)> {
    AREAS.into_iter().flatten().copied()
}

/// The page of a code; case does not matter.
pub fn explain(code: &str) -> Option<&'static str> {
    all()
        .find(|(known, _)| known.0.eq_ignore_ascii_case(code))
        .map(|(_, page)| page)
}

#[cfg(test)]
mod tests {
    use super::{all, explain};

    #[test]
    fn every_code_has_a_page_of_its_own() {
        let mut codes: Vec<&str> = all().map(|(code, _)| code.0).collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count, "a code stands twice");
        for (code, page) in all() {
            let form = code.0.strip_prefix(['E', 'W']).unwrap_or_default();
            assert!(form.len() == 4 && form.parse::<u16>().is_ok(), "{}", code.0);
            let mut lines = page.lines();
            let title = lines.next().unwrap_or_default();
            assert!(
                title.starts_with("# ")
                    && !title.ends_with('.')
                    && title != format!("# {}", code.0),
                "{}: {title}",
                code.0
            );
            assert_eq!(lines.next(), Some(""), "{}", code.0);
            assert!(page.ends_with('\n') && page.len() > 100, "{}", code.0);
            // Both blocks, or none where no YAML can show it.
            let blocks = ["\nWrong:\n\n```yaml\n", "\nRight:\n\n```yaml\n"]
                .map(|block| page.matches(block).count());
            assert!(blocks == [1, 1] || blocks == [0, 0], "{}", code.0);
        }
    }

    #[test]
    fn pages_are_found_whatever_the_case() {
        assert_eq!(explain("e0101"), explain("E0101"));
        assert!(explain("E0101").is_some());
        assert_eq!(explain("E9999"), None);
    }
}
