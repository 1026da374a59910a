//! What searching with a regular expression costs.
//!
//! The engine is linear in the text, but for each character of it an unlucky expression can keep as
//! many places of itself in play as it has, so that is what is counted: characters, classes and
//! dots, times the repetitions around them. `[ab]{1000}` has a thousand.

/// Compiling costs about so many steps,
const COMPILE: u64 = 400;
/// so many for each byte, since one place can be a class of a thousand letters,
const COMPILE_BYTE: u64 = 4;
/// so many for each place,
const COMPILE_PLACE: u64 = 100;
/// and so many for each class of Unicode: `\pL` is hundreds of ranges, each of several bytes.
const COMPILE_CLASS: u64 = 8_000;
/// Regardless of case, a class of Unicode is built once more from the other case of each letter.
const FOLDED: u64 = 4;

/// Steps of a search through so many bytes, and of reading the expression to find that out.
pub(in crate::expr) fn search(pattern: &str, bytes: usize) -> u64 {
    search_of(places(pattern), bytes).saturating_add(pattern.len() as u64 / 16)
}

/// Steps of a search alone, by an expression of so many places.
pub(in crate::expr) fn search_of(places: u64, bytes: usize) -> u64 {
    let bytes = bytes as u64;
    bytes / 16 + bytes.saturating_mul(places) / 64
}

/// How many places the expression has: characters, classes and dots, repetitions written out.
pub(in crate::expr) fn places(pattern: &str) -> u64 {
    Size::of(pattern).places
}

/// Steps of compiling the expression, or of finding out that it is none.
pub(in crate::expr) fn compile(pattern: &str) -> u64 {
    let size = Size::of(pattern);
    let folded = if regardless_of_case(pattern) {
        FOLDED
    } else {
        1
    };
    let of_classes = size.classes.saturating_mul(COMPILE_CLASS * folded);
    COMPILE
        .saturating_add(size.places.saturating_mul(COMPILE_PLACE))
        .saturating_add(of_classes)
        .saturating_add((pattern.len() as u64).saturating_mul(COMPILE_BYTE))
}

/// Whether a group sets the flag `i`.
fn regardless_of_case(pattern: &str) -> bool {
    pattern.split("(?").skip(1).any(|flags| {
        flags
            .bytes()
            .take_while(u8::is_ascii_lowercase)
            .any(|flag| flag == b'i')
    })
}

/// How large an expression is once its repetitions are written out. Right for what compiles;
/// anything for what does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    places: u64,
    /// Classes of Unicode, of which one place can name several.
    classes: u64,
}

impl Size {
    fn of(pattern: &str) -> Self {
        let mut groups: Vec<(Self, Self)> = Vec::new();
        // Of the group that is open: what came before the last item, and that item.
        let (mut before, mut last) = (Self::default(), Self::default());
        let mut rest = pattern.chars();
        while let Some(c) = rest.next() {
            match c {
                '(' => {
                    groups.push((before, last));
                    (before, last) = (Self::default(), Self::default());
                }
                ')' => {
                    let size = before.plus(last);
                    let (outer, item) = groups.pop().unwrap_or_default();
                    (before, last) = (outer.plus(item), size);
                }
                '{' => last = last.times(repetitions(&mut rest)),
                '*' | '+' | '?' | '|' | '^' | '$' => {}
                _ => {
                    let classes = match c {
                        '\\' => escape(&mut rest),
                        '[' => class(&mut rest),
                        _ => 0,
                    };
                    before = before.plus(last);
                    last = Self { places: 1, classes };
                }
            }
        }
        groups.iter().fold(before.plus(last), |sum, (outer, item)| {
            sum.plus(*outer).plus(*item)
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            places: self.places.saturating_add(other.places),
            classes: self.classes.saturating_add(other.classes),
        }
    }

    fn times(self, count: u64) -> Self {
        Self {
            places: self.places.saturating_mul(count),
            classes: self.classes.saturating_mul(count),
        }
    }
}

/// The largest number up to the closing brace.
fn repetitions(rest: &mut std::str::Chars<'_>) -> u64 {
    let text = rest.as_str();
    let end = text.find('}').unwrap_or(0);
    let (inside, after) = text.split_at(end);
    let largest = inside
        .split(',')
        .filter_map(|number| number.trim().parse::<u64>().ok())
        .max();
    if largest.is_some() {
        *rest = after.chars();
        rest.next();
    }
    largest.unwrap_or(1).max(1)
}

/// Passes over what stands behind a backslash: `\pL`, `\p{Greek}` and their negations are classes.
fn escape(rest: &mut std::str::Chars<'_>) -> u64 {
    if !matches!(rest.next(), Some('p' | 'P')) {
        return 0;
    }
    if rest.next() == Some('{') {
        rest.find(|c| *c == '}');
    }
    1
}

/// Passes over a class in brackets; says how many classes of Unicode it names.
fn class(rest: &mut std::str::Chars<'_>) -> u64 {
    let (mut depth, mut classes) = (1, 0);
    let mut is_first = true;
    while let Some(c) = rest.next() {
        match c {
            '\\' => classes += escape(rest),
            '^' if is_first => continue,
            // A bracket that comes first is a character.
            ']' if !is_first => depth -= 1,
            '[' => depth += 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        is_first = false;
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_multiply_the_places_inside_them() {
        for (pattern, want) in [
            ("", 0),
            ("abc", 3),
            (r"^\d{4}-\d{2}$", 7),
            ("[ab]*a[ab]{1000}", 1002),
            ("(a{10}b){10}c", 111),
            ("((a{100}){100}){100}", 1_000_000),
            ("a{2,5}|b{3,}", 8),
            ("[]a]{3}[^]b]{2}[[:alpha:]x]", 6),
            (r"\{3}\[a", 5),
            ("a{", 1),
            ("(((", 0),
            (")))a", 1),
        ] {
            assert_eq!(Size::of(pattern).places, want, "{pattern}");
        }
    }

    #[test]
    fn classes_of_unicode_are_counted_wherever_they_stand() {
        for (pattern, places, classes) in [
            (r"\d\w[[:alpha:]]", 3, 0),
            (r"\pL[\PN\p{Greek}x]", 2, 3),
            (r"(\p{L}x){20}", 40, 20),
            (r"\\pL", 3, 0),
            (r"\p", 1, 1),
            (r"\p{", 1, 1),
            ("", 0, 0),
        ] {
            assert_eq!(Size::of(pattern), Size { places, classes }, "{pattern}");
        }
    }

    #[test]
    fn a_class_of_unicode_is_dear_and_dearer_regardless_of_case() {
        let plain = compile("[a-z]{20}");
        let classes = compile(r"\pL{20}");
        assert!(classes > 50 * plain, "{classes}, {plain}");
        assert!(compile(r"(?i)\pL{20}") > 3 * classes);
        assert!(compile(r"(?si:\pL{20})") > 3 * classes);
        assert!(compile(r"(?P<i>\pL{20})") < 2 * classes);
    }
}
