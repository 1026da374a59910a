//! Where signatures, tokens, times and fields stand in a request: from what is written to what runs.

use http::HeaderName;

use super::compile::Compiler;
use super::{Place, Source, Stamp, StampFrom, Taken};
use crate::auth::signature::{Case, Encoding, Item, Scheme, StampFormat};
use crate::diagnostic::code::signature as code;
use crate::spec::{CompareSpec, FieldPath, SignatureSpec, SourceSpec, StampSpec, TakenSpec};

/// Seconds, where a timestamp has no tolerance of its own.
const TOLERANCE: u32 = 300;

impl Compiler<'_, '_, '_> {
    pub(super) fn header(&mut self, name: &str, at: &FieldPath) -> Option<HeaderName> {
        let parsed = name.parse().ok();
        if parsed.is_none() {
            self.error(
                code::BAD_SOURCE,
                at,
                &format!("`{name}` cannot be a header's name"),
                "letters, digits and `-`",
            );
        }
        parsed
    }

    pub(super) fn pointer(&mut self, text: &str, at: &FieldPath) -> Option<Vec<Box<str>>> {
        if text.is_empty() {
            return Some(Vec::new());
        }
        let Some(rest) = text.strip_prefix('/') else {
            self.error(
                code::BAD_SOURCE,
                at,
                &format!("`{text}` is no JSON pointer"),
                "it begins with `/`: `/signature/token` is the field `token` of the field `signature`",
            );
            return None;
        };
        Some(
            rest.split('/')
                .map(|part| part.replace("~1", "/").replace("~0", "~").into())
                .collect(),
        )
    }

    pub(super) fn source(&mut self, spec: &SourceSpec, at: &FieldPath) -> Option<Source> {
        let SourceSpec {
            header,
            query,
            form,
            json,
            value,
        } = spec;
        let mut found = Vec::new();
        if let Some(name) = header {
            found.push(self.header(name, &at.key("header")).map(Source::Header));
        }
        if let Some(name) = query {
            found.push(Some(Source::Query(name.as_str().into())));
        }
        if let Some(name) = form {
            found.push(Some(Source::Form(name.as_str().into())));
        }
        if let Some(pointer) = json {
            found.push(self.pointer(pointer, &at.key("json")).map(Source::Json));
        }
        if let Some(value) = value {
            let clause = self.expressions.expression(&at.key("value"), &value.0);
            found.push(clause.map(|(clause, _)| Source::Value(clause)));
        }
        if found.len() == 1 {
            return found.pop().flatten();
        }
        self.error(
            code::BAD_SOURCE,
            at,
            if found.is_empty() {
                "this says nowhere where the text stands"
            } else {
                "this says more than one place where the text stands"
            },
            "one of `header`, `query`, `form`, `json` and `value`",
        );
        None
    }

    pub(super) fn taken(
        &mut self,
        rule: &SignatureSpec,
        scheme: Scheme,
        at: &FieldPath,
    ) -> Option<Taken> {
        if scheme.is_token() || scheme == Scheme::Jwt {
            let place = match (&rule.compare, scheme) {
                (None, Scheme::Basic) => Place::Authorization("basic"),
                (None, Scheme::Jwt) if rule.signature.is_none() => Place::Authorization("bearer"),
                (None, Scheme::Jwt) => {
                    let spec = rule.signature.clone().unwrap_or_default();
                    self.place(&spec, &at.key("signature"))?
                }
                (Some(compare), _) => self.compare(compare, &at.key("compare"))?,
                (None, _) => {
                    self.error(
                        code::BAD_SCHEME,
                        at,
                        "`compare` is missing: where does the token stand?",
                        "as in `compare: { header: X-Token }`",
                    );
                    return None;
                }
            };
            return Some(Taken {
                place,
                split: None,
                item: None,
                skip: 0,
                encoding: None,
            });
        }
        let Some(spec) = &rule.signature else {
            self.error(
                code::BAD_SCHEME,
                at,
                "`signature` is missing: where does the signature stand?",
                "as in `signature: { header: X-Signature, encoding: hex }`",
            );
            return None;
        };
        let at = at.key("signature");
        let place = self.place(spec, &at)?;
        let item = match &spec.item {
            None => None,
            Some(text) => Some(self.item(text, "sig", &at.key("item"))?),
        };
        let names = item
            .iter()
            .flat_map(Item::names)
            .filter(|name| *name != "sig");
        let slots = names
            .map(|name| Some((name.into(), self.slot(name)?)))
            .collect::<Option<Vec<(Box<str>, usize)>>>()?;
        let case = match spec.case.as_deref() {
            Some("lower") => Case::Lower,
            Some("upper") => Case::Upper,
            _ => Case::Any,
        };
        let encoding = match spec.encoding.as_deref() {
            Some("base64") => Encoding::Base64,
            Some("base64url") => Encoding::Base64Url,
            _ => Encoding::Hex(case),
        };
        Some(Taken {
            place,
            split: spec
                .split
                .as_deref()
                .filter(|text| !text.is_empty())
                .map(Into::into),
            item: item.map(|item| (item, slots)),
            skip: spec.skip,
            encoding: Some(encoding),
        })
    }

    pub(super) fn place(&mut self, spec: &TakenSpec, at: &FieldPath) -> Option<Place> {
        if !spec.headers.is_empty() || spec.header_numbered.is_some() {
            let others = !spec.source().is_nowhere()
                || (!spec.headers.is_empty() && spec.header_numbered.is_some());
            if others {
                self.error(
                    code::BAD_SOURCE,
                    at,
                    "this says more than one place where signatures stand",
                    "one of `header`, `headers`, `header_numbered`, `query`, `form`, `json` and `value`",
                );
                return None;
            }
            if let Some(prefix) = &spec.header_numbered {
                self.header(&format!("{prefix}1"), &at.key("header_numbered"))?;
                return Some(Place::Numbered(prefix.to_ascii_lowercase().into()));
            }
            let names: Vec<_> = spec
                .headers
                .iter()
                .enumerate()
                .map(|(index, name)| self.header(name, &at.key("headers").index(index)))
                .collect();
            return Some(Place::Headers(names.into_iter().collect::<Option<_>>()?));
        }
        let source = spec.source();
        self.source(&source, at).map(Place::One)
    }

    pub(super) fn compare(&mut self, spec: &CompareSpec, at: &FieldPath) -> Option<Place> {
        if let Some(list) = &spec.json_each {
            let list = self.pointer(list, &at.key("json_each"))?;
            let field =
                self.pointer(spec.field.as_deref().unwrap_or_default(), &at.key("field"))?;
            return Some(Place::Each(list, field));
        }
        let source = spec.source();
        self.source(&source, at).map(Place::One)
    }

    /// A pattern in which `name` must stand.
    pub(super) fn item(&mut self, text: &str, name: &str, at: &FieldPath) -> Option<Item> {
        let why = match Item::parse(text) {
            Ok(item) if item.names().any(|known| known == name) => return Some(item),
            Ok(_) => format!("`{{{name}}}` is missing"),
            Err(why) => why.to_string(),
        };
        self.error(
            code::BAD_ITEM,
            at,
            &format!("`{text}` is no form of an item: {why}"),
            &format!("as in `v1={{{name}}}`"),
        );
        None
    }

    pub(super) fn stamp(&mut self, spec: &StampSpec, at: &FieldPath) -> Option<Stamp> {
        let has_source = !spec.source().is_nowhere();
        let from = match (&spec.item, spec.index, has_source) {
            (Some(item), None, false) => {
                StampFrom::Item(self.item(item, "value", &at.key("item"))?)
            }
            (None, Some(index), false) => StampFrom::Index(index),
            (None, None, true) => {
                let source = spec.source();
                StampFrom::Source(self.source(&source, at)?)
            }
            _ => {
                self.error(
                    code::BAD_SOURCE,
                    at,
                    "this must say one place where the time stands",
                    "one of `header`, `query`, `form`, `json`, `value`, `item` and `index`",
                );
                return None;
            }
        };
        let format = match spec.format.as_deref() {
            Some("unix_ms") => StampFormat::UnixMs,
            Some("rfc3339") => StampFormat::Rfc3339,
            _ => StampFormat::Unix,
        };
        Some(Stamp {
            from,
            format,
            tolerance: spec.tolerance.unwrap_or(TOLERANCE),
        })
    }
}
