//! "Did you mean": the known name that a mistyped one is nearest to.

/// The candidate nearest to `name`, if any is near enough to be what was meant: at most two
/// typing mistakes apart, one for names of up to four letters. Case, `_`, `-` and blanks do not
/// count. Of equally near ones the first.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(name);
    let letters = folded.chars().count();
    let limit = if letters <= 4 { 1 } else { 2 };
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let other = fold(candidate);
        let distance = strsim::osa_distance(&folded, &other);
        // Two short names that share no letter are not alike, however few letters they have.
        let limit = limit.min(other.chars().count().max(letters).saturating_sub(1));
        if candidate != name
            && distance <= limit
            && best.is_none_or(|(shortest, _)| distance < shortest)
        {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The help line for [`nearest`]: ``did you mean `starts_with`?``.
pub fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, candidates).map(|known| format!("did you mean `{known}`?"))
}

fn fold(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn names_the_nearest_within_reach() {
        let known = [
            "startsWith",
            "endsWith",
            "status_code",
            "when",
            "let",
            "body",
        ];
        for (written, meant) in [
            ("startswith", Some("startsWith")),
            ("starts_with", Some("startsWith")),
            ("statusCode", Some("status_code")),
            ("stauts_code", Some("status_code")),
            ("staus", None),
            ("wen", Some("when")),
            ("hwen", Some("when")),
            ("whne", Some("when")),
            ("lat", Some("let")),
            ("xyz", None),
            ("b", None),
            ("", None),
            ("when", None),
            ("wéhen", Some("when")),
        ] {
            assert_eq!(nearest(written, known), meant, "{written}");
        }
    }
}
