//! The pattern of one item of a signature header: `v1={sig}`, `{key_id}|{sig}`, `t={value}`.

/// A pattern: fixed text and named parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Name(Box<str>),
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadItem {
    /// `{` without `}`, `}` without `{`, or nothing between.
    #[error("a part is a name in braces, as in `v1={{sig}}`")]
    Braces,
    /// A part follows another without text between: nobody could say where one ends.
    #[error("two parts need text between them")]
    Adjacent,
    /// A name stands twice.
    #[error("a part stands twice")]
    Twice,
}

impl Item {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, BadItem> {
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (literal, tail) = match rest.split_once('{') {
                Some((literal, tail)) => (literal, Some(tail)),
                None => (rest, None),
            };
            if literal.contains('}') {
                return Err(BadItem::Braces);
            }
            if !literal.is_empty() {
                parts.push(Part::Text(literal.into()));
            }
            let Some(tail) = tail else { break };
            let (name, tail) = tail.split_once('}').ok_or(BadItem::Braces)?;
            let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if !is_name {
                return Err(BadItem::Braces);
            }
            if matches!(parts.last(), Some(Part::Name(_))) {
                return Err(BadItem::Adjacent);
            }
            if parts
                .iter()
                .any(|part| matches!(part, Part::Name(known) if **known == *name))
            {
                return Err(BadItem::Twice);
            }
            parts.push(Part::Name(name.into()));
            rest = tail;
        }
        Ok(Self(parts))
    }

    /// The names of its parts, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Name(name) => Some(&**name),
            Part::Text(_) => None,
        })
    }

    /// What the parts are in `text`, by name; `None` when it does not fit. A part goes up to the
    /// first place where the text after it stands, and is never empty.
    pub fn take<'i, 't>(&'i self, text: &'t str) -> Option<Vec<(&'i str, &'t str)>> {
        let mut found = Vec::new();
        let mut rest = text;
        let mut parts = self.0.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Text(literal) => rest = rest.strip_prefix(&**literal)?,
                Part::Name(name) => {
                    let end = match parts.peek() {
                        Some(Part::Text(next)) => rest.find(&**next)?,
                        _ => rest.len(),
                    };
                    let (value, tail) = rest.split_at_checked(end)?;
                    if value.is_empty() {
                        return None;
                    }
                    found.push((&**name, value));
                    rest = tail;
                }
            }
        }
        rest.is_empty().then_some(found)
    }

    /// The text in which each part is what `value` says.
    pub fn fill<'v>(&self, value: impl Fn(&str) -> &'v str) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => &**text,
                Part::Name(name) => value(name),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_taken_by_name() {
        let item = Item::parse("{key_id}|{sig}").unwrap();
        assert_eq!(
            item.take("abc|0f|1"),
            Some(vec![("key_id", "abc"), ("sig", "0f|1")])
        );
        assert_eq!(
            item.fill(|name| if name == "sig" { "0f" } else { "me" }),
            "me|0f"
        );
        let prefixed = Item::parse("sha256={sig}").unwrap();
        assert_eq!(prefixed.take("sha256=00"), Some(vec![("sig", "00")]));
        for other in ["sha1=00", "sha256=", " sha256=00", "SHA256=00", ""] {
            assert_eq!(prefixed.take(other), None, "{other}");
        }
        let closed = Item::parse("<{sig}>").unwrap();
        assert_eq!(closed.take("<a>"), Some(vec![("sig", "a")]));
        assert_eq!(closed.take("<a>b"), None);
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for (text, why) in [
            ("{sig", BadItem::Braces),
            ("sig}", BadItem::Braces),
            ("{}", BadItem::Braces),
            ("{Sig}", BadItem::Braces),
            ("{a}{b}", BadItem::Adjacent),
            ("{a}-{a}", BadItem::Twice),
        ] {
            assert_eq!(Item::parse(text), Err(why), "{text}");
        }
    }
}
