//! The names that every expression and template of a function may use, each with its type.
//!
//! A root's slot is its position in [`Root::ALL`]; `let` names come after them. What value a root
//! has for a request is `gateway::view`'s business: here are only names and types, so that a
//! misspelt field of the gateway's own objects is an error at load.

use std::sync::Arc;

use crate::expr::{Environment, Field, Others, Record, Slot, Type};

/// One of the names that the gateway itself defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Root {
    /// The body, parsed by its content type.
    Body,
    /// The body, byte for byte.
    RawBody,
    /// Zoho's flat view of query and form: query first, the first of equal names.
    Params,
    /// The query; names may repeat.
    Query,
    /// The form fields, url-encoded or multipart; names may repeat.
    Form,
    /// The parameters of `accept.path`.
    Path,
    /// The cookies.
    Cookies,
    /// The header lines; names without case, may repeat.
    Headers,
    /// The files of a multipart body.
    Files,
    /// Zoho's text of the part `inputFile`.
    FileContent,
    /// The method, upper case.
    Method,
    /// `apikey`, or `none` where no key was needed and none was sent.
    AuthType,
    /// The key's owner.
    UserInfo,
    /// Zoho's declared arguments.
    Arguments,
    /// What is known of the event.
    Event,
    /// The variables that `gateway:` lists.
    Env,
    /// The instant at which the request arrived.
    Now,
    /// Zoho's request object.
    CrmApiRequest,
}

impl Root {
    /// All roots, in the order of their slots.
    pub const ALL: [Self; 18] = [
        Self::Body,
        Self::RawBody,
        Self::Params,
        Self::Query,
        Self::Form,
        Self::Path,
        Self::Cookies,
        Self::Headers,
        Self::Files,
        Self::FileContent,
        Self::Method,
        Self::AuthType,
        Self::UserInfo,
        Self::Arguments,
        Self::Event,
        Self::Env,
        Self::Now,
        Self::CrmApiRequest,
    ];

    /// The name in expressions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::RawBody => "raw_body",
            Self::Params => "params",
            Self::Query => "query",
            Self::Form => "form",
            Self::Path => "path",
            Self::Cookies => "cookies",
            Self::Headers => "headers",
            Self::Files => "files",
            Self::FileContent => "file_content",
            Self::Method => "method",
            Self::AuthType => "auth_type",
            Self::UserInfo => "user_info",
            Self::Arguments => "arguments",
            Self::Event => "event",
            Self::Env => "env",
            Self::Now => "now",
            Self::CrmApiRequest => "crmAPIRequest",
        }
    }

    /// The root of a slot; `None` for the slots after them, which are `let` names.
    pub fn of(slot: Slot) -> Option<Self> {
        Self::ALL.get(usize::from(slot.0)).copied()
    }

    /// The slot.
    pub const fn slot(self) -> Slot {
        Slot(self as u16)
    }
}

/// An environment that holds all roots. `arguments` are the function's declared arguments, `env`
/// the names that `gateway:` lists, `path_parameters` those of `accept.path`: a name that is not
/// among them is an error at load.
pub fn environment(
    arguments: &[String],
    env: &[String],
    path_parameters: &[String],
) -> Environment {
    let mut environment = Environment::new();
    for root in Root::ALL {
        let of = match root {
            Root::RawBody => Type::Bytes,
            Root::Params | Root::Query | Root::Form | Root::Cookies | Root::Headers => texts(),
            Root::Path => record(
                "path",
                path_parameters,
                &Type::String,
                "it has the parameters of `accept.path`: `path: /…/{{}}`",
            ),
            Root::Files => Type::Map(Arc::new(Type::String), Arc::new(file())),
            // A body may be anything; a file's content is text or null, for which the checker has
            // no type.
            Root::Body | Root::FileContent => Type::Dyn,
            Root::Method => Type::String,
            Root::AuthType => word(&["apikey", "none"]),
            Root::UserInfo => user_info(),
            Root::Arguments => record(
                "arguments",
                arguments,
                &Type::Dyn,
                "name it in `request`: `arguments: [{}]`",
            ),
            Root::Event => event(),
            Root::Env => record(
                "env",
                env,
                &Type::String,
                "name it in the document `gateway:`: `env: [{}]`",
            ),
            Root::Now => Type::Timestamp,
            Root::CrmApiRequest => crm_api_request(),
        };
        environment.declare(root.name(), of);
    }
    environment
}

fn word(words: &[&str]) -> Type {
    Type::Word(words.iter().map(|&word| word.to_owned()).collect())
}

fn texts() -> Type {
    Type::Map(Arc::new(Type::String), Arc::new(Type::String))
}

/// A record whose fields the function, or the gateway, names; `hint` says where.
fn record(name: &str, fields: &[impl AsRef<str>], of: &Type, hint: &'static str) -> Type {
    let fields = fields
        .iter()
        .map(|field| Field::required(field.as_ref(), of.clone()));
    Type::Record(Arc::new(Record {
        name: Some(name.to_owned()),
        fields: fields.collect(),
        others: Others::Wrong,
        source: None,
        hint: Some(hint),
    }))
}

fn user_info() -> Type {
    let names = ["id", "email", "name", "org_id"];
    Record::closed("user_info", names.map(|name| (name, Type::String)))
}

fn file() -> Type {
    Record::closed(
        "file",
        vec![
            ("name", Type::String),
            ("filename", Type::String),
            ("content_type", Type::String),
            ("detected_type", Type::Dyn),
            ("size", Type::Int),
            ("bytes", Type::Bytes),
            ("text", Type::Dyn),
        ],
    )
}

fn event() -> Type {
    Record::closed(
        "event",
        vec![
            ("id", Type::String),
            ("received_at", Type::Timestamp),
            ("function", Type::String),
            ("environment", word(&["production", "sandbox"])),
            ("generation", Type::Int),
            ("peer", Type::Dyn),
        ],
    )
}

fn crm_api_request() -> Type {
    Record::closed(
        "crmAPIRequest",
        vec![
            ("body", Type::Dyn),
            ("params", texts()),
            ("file_content", Type::Dyn),
            ("user_info", user_info()),
            ("method", Type::String),
            ("auth_type", Type::String),
            ("headers", texts()),
            (
                "record",
                Type::Map(Arc::new(Type::String), Arc::new(Type::Dyn)),
            ),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_stands_at_its_own_slot() {
        let environment = environment(&[], &[], &[]);
        for root in Root::ALL {
            assert_eq!(Root::of(root.slot()), Some(root));
            assert_eq!(
                environment.find(root.name()).map(|found| found.0),
                Some(root.slot())
            );
        }
        assert_eq!(Root::of(Slot(18)), None);
    }

    #[test]
    fn declared_names_are_the_only_fields() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        };
        let environment = environment(&names(&["email"]), &names(&["REGION"]), &names(&["form"]));
        for (root, field) in [("arguments", "email"), ("env", "REGION"), ("path", "form")] {
            let Some((_, Type::Record(record))) = environment.find(root) else {
                panic!("`{root}` is a record");
            };
            assert_eq!(record.others, Others::Wrong);
            assert_eq!(record.names().collect::<Vec<_>>(), [field]);
        }
    }
}
