//! A type from samples: what was seen, at every place, over all of them.
//!
//! A null says only that null is possible. Numbers are `number` whatever they look like: whether
//! a price is written `10` or `10.5` is the sender's serializer's choice. What some have and
//! others lack is optional, in the samples themselves and in the elements of a list.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::expr::{Field, Others, Record, Type};

pub(super) fn read(samples: &[Arc<str>], source: &str) -> Result<Type, (usize, String)> {
    let mut seen = Seen::default();
    for (index, text) in samples.iter().enumerate() {
        seen.add(&super::json(text).map_err(|why| (index, why))?);
    }
    Ok(seen.shape(&source.into()))
}

/// What stood at one place.
#[derive(Debug, Default)]
struct Seen {
    /// Values that hold no others, each kind once.
    plain: Vec<Type>,
    /// The elements of all lists.
    list: Option<Box<Seen>>,
    maps: Option<Maps>,
}

/// How many maps stood at a place, and their fields, each with how often it was there.
#[derive(Debug, Default)]
struct Maps {
    count: usize,
    fields: BTreeMap<String, (usize, Seen)>,
}

impl Seen {
    fn add(&mut self, value: &Json) {
        match value {
            Json::Null => self.add_plain(Type::Null),
            Json::Bool(_) => self.add_plain(Type::Bool),
            Json::Number(_) => self.add_plain(Type::Number),
            Json::String(_) => self.add_plain(Type::String),
            Json::Array(elements) => {
                let list = self.list.get_or_insert_default();
                for element in elements {
                    list.add(element);
                }
            }
            Json::Object(members) => {
                let maps = self.maps.get_or_insert_default();
                maps.count += 1;
                for (name, value) in members {
                    let (times, seen) = maps.fields.entry(name.clone()).or_default();
                    *times += 1;
                    seen.add(value);
                }
            }
        }
    }

    fn add_plain(&mut self, of: Type) {
        if !self.plain.contains(&of) {
            self.plain.push(of);
        }
    }

    fn shape(&self, source: &Arc<str>) -> Type {
        let list = self
            .list
            .iter()
            .map(|list| Type::List(Arc::new(list.shape(source))));
        let maps = self.maps.iter().map(|maps| maps.shape(source));
        let plain = self.plain.iter().cloned();
        let of = plain.chain(list).chain(maps).reduce(|a, b| a.union(&b));
        match of {
            // A null shows that null is possible, and nothing of what else is.
            Some(Type::Null) => Type::Dyn.or_null(),
            Some(of) => of,
            None => Type::Dyn,
        }
    }
}

impl Maps {
    fn shape(&self, source: &Arc<str>) -> Type {
        if self.fields.is_empty() {
            // An empty map shows no field, and so says of none that it is wrong.
            return Type::Map(Arc::new(Type::String), Arc::new(Type::Dyn));
        }
        let fields = self.fields.iter().map(|(name, (times, seen))| Field {
            optional: *times < self.count,
            ..Field::required(name, seen.shape(source))
        });
        Type::Record(Arc::new(Record {
            name: None,
            fields: fields.collect(),
            others: Others::Doubtful,
            source: Some(Arc::clone(source)),
            hint: None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(samples: &[&str], shown: &str) {
        let samples: Vec<Arc<str>> = samples.iter().map(|&text| text.into()).collect();
        assert_eq!(
            read(&samples, "s").unwrap().to_string(),
            shown,
            "{samples:?}"
        );
    }

    #[test]
    fn all_that_was_seen_fits() {
        check(&["1"], "number");
        check(&["null"], "dyn or null");
        check(&["null", "\"a\""], "string or null");
        check(&["1", "\"a\""], "number or string");
        check(&["[]"], "list(dyn)");
        check(&["[1, null, 2.5]"], "list(number or null)");
        check(&["{}"], "map(string, dyn)");
        check(
            &[r#"{"a": 1, "é": {"b": true}}"#, r#"{"a": null}"#],
            "{a: number or null, é?: map}",
        );
        check(
            &[r#"[{"a": 1}, {"b": []}]"#],
            "list({a?: number, b?: list(dyn)})",
        );
    }

    #[test]
    fn what_is_no_json_is_said_with_its_place() {
        let samples = ["{}".into(), "{\n  \"a\": }".into()];
        assert_eq!(
            read(&samples, "s"),
            Err((1, "line 2, column 8: expected value".to_owned()))
        );
    }
}
