//! `crmAPIRequest`: the one argument that Zoho gives a function.
//!
//! All eight keys are always there, in the order of Zoho's documentation. The body is text as it
//! was sent, never parsed; bytes that are no text are base64, and a header says so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::value::{Arena, Map, Value, json};

/// Tells the reader of `crmAPIRequest.headers` that `body` is not the text itself.
pub const BODY_ENCODING: &str = "x-body-encoding";

/// Query parameters and form fields that no function sees in `params`: who calls, and the name of
/// the object itself, which a caller must not be able to fill.
pub const HIDDEN_PARAMETERS: [&str; 3] = ["auth_type", "zapikey", "crmAPIRequest"];

/// The name under which declared arguments may arrive together, as JSON.
pub const ARGUMENTS: &str = "arguments";

/// What `crmAPIRequest.body` holds.
#[derive(Debug, Clone, Copy)]
pub enum RequestBody<'a> {
    /// There was none, or a multipart one: `null`.
    None,
    /// The text as it was sent.
    Text(&'a str),
    /// Bytes that are no text.
    Binary(&'a [u8]),
}

/// The parts of `crmAPIRequest`, each as a value already.
#[derive(Debug, Clone, Copy)]
pub struct RequestObject<'a> {
    /// The body.
    pub body: RequestBody<'a>,
    /// See [`params`].
    pub params: Value<'a>,
    /// The text of the part `inputFile`, or null.
    pub file_content: Value<'a>,
    /// The key's owner.
    pub user_info: Value<'a>,
    /// Upper case.
    pub method: &'a str,
    /// `apikey`, `oauth`.
    pub auth_type: &'a str,
    /// Lower-case names, each once.
    pub headers: &'a [(&'a str, Value<'a>)],
}

impl<'a> RequestObject<'a> {
    /// The object itself.
    pub fn value(&self, arena: &'a Arena) -> Value<'a> {
        let mut headers: Vec<_> = self.headers.to_vec();
        // Only the gateway may say this: a sender could make a reader decode what is text.
        headers.retain(|(name, _)| *name != BODY_ENCODING);
        let body = match self.body {
            RequestBody::None => Value::Null,
            RequestBody::Text(text) => Value::String(text),
            RequestBody::Binary(bytes) => {
                headers.push((BODY_ENCODING, Value::String("base64")));
                Value::String(arena.string(&STANDARD.encode(bytes)))
            }
        };
        arena.object(&[
            ("body", body),
            ("params", self.params),
            ("file_content", self.file_content),
            ("user_info", self.user_info),
            ("method", Value::String(self.method)),
            ("auth_type", Value::String(self.auth_type)),
            ("headers", arena.object(&headers)),
            ("record", arena.object(&[])),
        ])
    }
}

/// Zoho's flat view of query and form: of equal names the first, query before form, without
/// [`HIDDEN_PARAMETERS`].
pub fn params<'a>(
    query: &[(&'a str, &'a str)],
    form: &[(&'a str, &'a str)],
    arena: &'a Arena,
) -> Value<'a> {
    let mut seen = std::collections::HashSet::new();
    let entries: Vec<_> = query
        .iter()
        .chain(form)
        .filter(|(name, _)| !HIDDEN_PARAMETERS.contains(name) && seen.insert(*name))
        .map(|(name, value)| (*name, Value::String(value)))
        .collect();
    arena.object(&entries)
}

/// Binds declared arguments: by name from `params`, then from the JSON object in
/// `params.arguments`, else null. Never from a body. `Err` when `params.arguments` is there and is
/// not the JSON of an object; it says why.
pub fn arguments<'a>(
    declared: &'a [String],
    params: Value<'a>,
    arena: &'a Arena,
) -> Result<Value<'a>, String> {
    let empty = Map::object(&[]);
    let params = match params {
        Value::Map(params) => params,
        _ => arena.alloc(empty),
    };
    let together = match params.get_str(ARGUMENTS) {
        Some(Value::String(text)) => match json::read(text.as_bytes(), arena, json::DEPTH) {
            Ok(Value::Map(together)) => together,
            Ok(_) => return Err("`arguments` is JSON, but not an object".to_owned()),
            Err(error) => return Err(format!("`arguments` is not JSON: {error}")),
        },
        _ => arena.alloc(empty),
    };
    let bound: Vec<_> = declared
        .iter()
        .map(|name| {
            let value = params.get_str(name).or_else(|| together.get_str(name));
            (name.as_str(), value.unwrap_or(Value::Null))
        })
        .collect();
    Ok(arena.object(&bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Value<'_>) -> String {
        let mut out = Vec::new();
        json::write(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_first_of_equal_names_holds_and_the_query_comes_first() {
        let arena = Arena::new();
        let query = [
            ("a", "1"),
            ("a", "2"),
            ("zapikey", "k"),
            ("auth_type", "apikey"),
        ];
        let form = [("a", "3"), ("b", "4"), ("crmAPIRequest", "{}"), ("", "5")];
        let params = params(&query, &form, &arena);
        assert_eq!(text(params), r#"{"a":"1","b":"4","":"5"}"#);
    }

    #[test]
    fn arguments_are_bound_by_name_then_from_their_json() {
        let check = |declared: &[&str], sent: &[(&str, &str)], expected: Result<&str, &str>| {
            let arena = Arena::new();
            let declared: Vec<_> = declared.iter().map(|&name| name.to_owned()).collect();
            let sent: Vec<_> = sent
                .iter()
                .map(|(n, v)| (arena.string(n), arena.string(v)))
                .collect();
            let bound = arguments(&declared, params(&sent, &[], &arena), &arena);
            assert_eq!(bound.map(text).as_deref().map_err(String::as_str), expected);
        };
        let json = r#"{"email":"jane@example.com","tags":["a"],"extra":1}"#;
        check(
            &["tags", "email", "none"],
            &[("arguments", json), ("email", "direct")],
            Ok(r#"{"tags":["a"],"email":"direct","none":null}"#),
        );
        check(
            &["id"],
            &[("arguments", r#"{"id":9007199254740993}"#)],
            Ok(r#"{"id":9007199254740993}"#),
        );
        check(&["a"], &[], Ok(r#"{"a":null}"#));
        check(
            &[],
            &[("arguments", "[1]")],
            Err("`arguments` is JSON, but not an object"),
        );
        let broken = Err(
            "`arguments` is not JSON: there is no JSON here, only an empty text at line 1, column 1",
        );
        check(&["a"], &[("arguments", "")], broken);
    }

    #[test]
    fn all_eight_keys_are_there_in_zohos_order() {
        let arena = Arena::new();
        let object = RequestObject {
            body: RequestBody::Text("{\"event\":\"é\"}\n"),
            params: arena.object(&[]),
            file_content: Value::Null,
            user_info: arena.object(&[("id", Value::String("1"))]),
            method: "POST",
            auth_type: "apikey",
            headers: &[
                ("x-body-encoding", Value::String("base64")),
                ("accept", Value::String("*/*")),
            ],
        };
        assert_eq!(
            text(object.value(&arena)),
            "{\"body\":\"{\\\"event\\\":\\\"é\\\"}\\n\",\"params\":{},\"file_content\":null,\
             \"user_info\":{\"id\":\"1\"},\"method\":\"POST\",\"auth_type\":\"apikey\",\
             \"headers\":{\"accept\":\"*/*\"},\"record\":{}}"
        );
        let binary = RequestObject {
            body: RequestBody::Binary(b"\xff\x00"),
            headers: &[],
            ..object
        };
        let text = text(binary.value(&arena));
        assert!(text.starts_with(r#"{"body":"/wA=","#), "{text}");
        assert!(
            text.contains(r#""headers":{"x-body-encoding":"base64"}"#),
            "{text}"
        );
    }
}
