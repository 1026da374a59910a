//! What searching with a regular expression costs.
//!
//! The engine is linear in the text, but for each character of it an unlucky expression can keep as
//! many places of itself in play as it has, so that is what is counted: characters, classes and
//! dots, times the repetitions around them. `[ab]{1000}` has a thousand.

/// Steps of a search through so many bytes.
pub(super) fn steps(pattern: &str, bytes: usize) -> u64 {
    let bytes = bytes as u64;
    bytes / 16 + bytes.saturating_mul(places(pattern)) / 64
}

/// How many places the expression has. Right for what compiles; anything for what does not.
pub(super) fn places(pattern: &str) -> u64 {
    let mut groups: Vec<(u64, u64)> = Vec::new();
    // Of the group that is open: what came before the last item, and that item.
    let (mut before, mut last) = (0_u64, 0_u64);
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '(' => {
                groups.push((before, last));
                (before, last) = (0, 0);
            }
            ')' => {
                let size = before.saturating_add(last);
                let (outer, item) = groups.pop().unwrap_or((0, 0));
                (before, last) = (outer.saturating_add(item), size);
            }
            '{' => last = last.saturating_mul(repetitions(&mut rest)),
            '*' | '+' | '?' | '|' | '^' | '$' => {}
            _ => {
                match c {
                    '\\' => drop(rest.next()),
                    '[' => skip_class(&mut rest),
                    _ => {}
                }
                before = before.saturating_add(last);
                last = 1;
            }
        }
    }
    groups
        .iter()
        .fold(before.saturating_add(last), |sum, (outer, item)| {
            sum.saturating_add(*outer).saturating_add(*item)
        })
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

fn skip_class(rest: &mut std::str::Chars<'_>) {
    let mut depth = 1;
    let mut is_first = true;
    while let Some(c) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '^' if is_first => continue,
            // A bracket that comes first is a character.
            ']' if !is_first => depth -= 1,
            '[' => depth += 1,
            _ => {}
        }
        if depth == 0 {
            return;
        }
        is_first = false;
    }
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
            assert_eq!(places(pattern), want, "{pattern}");
        }
    }
}
