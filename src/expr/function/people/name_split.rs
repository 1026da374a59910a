//! `name.split(s)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "name.split",
    summary: "`first` and `last` of a person's name: the last is the last word, with particles such as `van der` before it and `Jr.` or `III` behind it; `Lovelace, Ada` is turned; nothing is dropped but white space",
    signatures: &["name.split(string) -> map(string, string)"],
    fails: None,
    examples: &[
        (
            "name.split('Ada Lovelace')",
            "{'first': 'Ada', 'last': 'Lovelace'}",
        ),
        (
            "name.split('Ludwig van Beethoven')",
            "{'first': 'Ludwig', 'last': 'van Beethoven'}",
        ),
        (
            "name.split('Martin Luther King Jr.')",
            "{'first': 'Martin Luther', 'last': 'King Jr.'}",
        ),
        (
            "name.split('Lovelace, Ada')",
            "{'first': 'Ada', 'last': 'Lovelace'}",
        ),
        ("name.split(' Plato ')", "{'first': '', 'last': 'Plato'}"),
        ("name.split('')", "{'first': '', 'last': ''}"),
    ],
    prepare: None,
    run,
};

/// Small words that begin a last name.
const PARTICLES: [&str; 32] = [
    "af", "al", "bin", "da", "das", "de", "degli", "del", "della", "dem", "den", "der", "di",
    "dos", "du", "el", "ibn", "la", "las", "le", "los", "mac", "st.", "ten", "ter", "van", "vom",
    "von", "y", "zu", "zum", "zur",
];

/// What may stand behind a last name.
const SUFFIXES: [&str; 13] = [
    "jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "md", "m.d.", "phd", "ph.d.", "esq", "esq.",
];

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len().saturating_mul(4))?;
    call.makes(text.len())?;
    call.makes_map(2)?;
    let (first, last) = split(text);
    let arena = call.arena();
    Ok(arena.object(&[
        ("first", Value::String(arena.string(&first))),
        ("last", Value::String(arena.string(&last))),
    ]))
}

fn split(text: &str) -> (String, String) {
    let is_suffix = |word: &str| SUFFIXES.contains(&word.to_lowercase().as_str());
    let joined = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((last, first)) = text.split_once(',') {
        // `King, Jr.` is not turned.
        if !first.trim().is_empty() && !first.split_whitespace().all(is_suffix) {
            return (joined(first), joined(last));
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    // A first word is a first name, unless it is alone.
    let mut start = words.len().saturating_sub(1);
    while start > 1 && words.get(start).is_some_and(|word| is_suffix(word)) {
        start -= 1;
    }
    while start > 1
        && words
            .get(start - 1)
            .is_some_and(|word| PARTICLES.contains(word))
    {
        start -= 1;
    }
    let (first, last) = words.split_at_checked(start).unwrap_or((&words, &[]));
    (first.join(" "), last.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_where_their_last_name_begins() {
        let check = |text: &str, first: &str, last: &str| {
            assert_eq!(split(text), (first.to_owned(), last.to_owned()), "{text}");
        };
        check("Ada  King\tLovelace", "Ada King", "Lovelace");
        check("Vincent van der Berg", "Vincent", "van der Berg");
        check("Van Morrison", "Van", "Morrison");
        check("Antoine de Saint-Exupéry", "Antoine", "de Saint-Exupéry");
        check("Oscar de la Renta", "Oscar", "de la Renta");
        check("Henry VIII", "Henry", "VIII");
        check("Harry Connick Jr", "Harry", "Connick Jr");
        check("King, Jr.", "King,", "Jr.");
        check("van Gogh, Vincent", "Vincent", "van Gogh");
        check("Gogh,", "", "Gogh,");
        check("de Gaulle", "de", "Gaulle");
        check("李小龍", "", "李小龍");
        check(",", "", ",");
    }
}
