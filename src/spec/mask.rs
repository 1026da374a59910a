//! A secret that somebody wrote into a spec is not drawn beside the error that says so.
//!
//! Such a spec is never loaded, but its lines would stand in the output of `check`, in a build
//! server's log, in the answer to a reload. What is masked keeps its length and its line breaks, so
//! that places stay what they are.

use std::ops::Range;
use std::sync::Arc;

use super::layout::{Layout, NodeId, ROOT, Shape};

/// Keys below `secrets` whose values say where a secret is.
const ELSEWHERE: [&str; 3] = ["env", "file", "credential"];

/// What the names of header lines with secrets have in them.
const SECRET_NAMES: [&str; 5] = ["auth", "cookie", "key", "secret", "token"];

/// The bytes of a document that may be a secret: under `signature.secrets`, and where a connection
/// says how we show who we are, whatever does not say where one is; an address with a user.
pub(super) fn ranges(layout: &Layout) -> Vec<Range<usize>> {
    let child = |node, name| layout.field(node, name).map(|(_, value)| value);
    let mut found = Vec::new();
    // The address of a proxy or a database may hold a user and a password.
    let proxy = child(ROOT, "outbound").and_then(|outbound| child(outbound, "proxy"));
    let store = child(ROOT, "store");
    let says_user = |node: &NodeId| {
        let text = layout.scalar(*node).map(|scalar| &*scalar.text);
        text.is_some_and(|text| text.contains('@') || text.contains("password"))
    };
    for address in [proxy, store].into_iter().flatten().filter(says_user) {
        collect(layout, address, &mut found);
    }
    if child(ROOT, "connection").is_some() {
        let bases = [Some(ROOT), child(ROOT, "sandbox")];
        for base in bases.into_iter().flatten() {
            of_connection(layout, base, &mut found);
        }
        return found;
    }
    let signature = match child(ROOT, "auth") {
        Some(auth) => child(auth, "signature"),
        None => child(ROOT, "signature"),
    };
    let Some(signature) = signature else {
        return found;
    };
    let mut rules = vec![signature];
    if let Some(Shape::List(items)) = child(signature, "any_of").and_then(|all| layout.shape(all)) {
        rules.extend(items);
    }
    for secrets in rules.into_iter().filter_map(|rule| child(rule, "secrets")) {
        collect(layout, secrets, &mut found);
    }
    found
}

fn of_connection(layout: &Layout, base: NodeId, found: &mut Vec<Range<usize>>) {
    let child = |node, name| layout.field(node, name).map(|(_, value)| value);
    let text = |node| layout.scalar(node).map(|scalar| &*scalar.text);
    let auth = child(base, "auth");
    let of_auth = |name, below| child(child(auth?, name)?, below);
    let url = child(base, "base_url");
    let secrets = [
        auth.and_then(|auth| child(auth, "bearer")),
        of_auth("basic", "password"),
        of_auth("api_key", "value"),
        child(base, "sign").and_then(|sign| child(sign, "secrets")),
        url.filter(|url| text(*url).is_some_and(|text| text.contains('@'))),
    ];
    for secret in secrets.into_iter().flatten() {
        collect(layout, secret, found);
    }
    let headers = child(base, "headers").and_then(|headers| layout.shape(headers));
    if let Some(Shape::Map(lines)) = headers {
        for (name, value) in lines {
            let name = text(*name).unwrap_or_default().to_ascii_lowercase();
            if SECRET_NAMES.iter().any(|part| name.contains(part)) {
                collect(layout, *value, found);
            }
        }
    }
}

fn collect(layout: &Layout, node: NodeId, found: &mut Vec<Range<usize>>) {
    match layout.shape(node) {
        Some(Shape::Scalar(_)) => found.push(layout.bytes(layout.resolve(node))),
        Some(Shape::List(items)) => {
            for item in items {
                collect(layout, *item, found);
            }
        }
        Some(Shape::Map(pairs)) => {
            for (key, value) in pairs {
                let name = layout.scalar(*key).map(|scalar| &*scalar.text);
                if name.is_none_or(|name| !ELSEWHERE.contains(&name)) {
                    collect(layout, *value, found);
                }
            }
        }
        Some(Shape::Alias(_)) | None => {}
    }
}

/// The text with `*` for every byte of these but line breaks.
pub(super) fn mask(text: &Arc<str>, ranges: &[Range<usize>]) -> Arc<str> {
    if ranges.is_empty() {
        return Arc::clone(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    for range in ranges {
        for byte in bytes.get_mut(range.clone()).into_iter().flatten() {
            if !matches!(byte, b'\n' | b'\r') {
                *byte = b'*';
            }
        }
    }
    // Ranges are those of whole scalars, so no character is cut.
    String::from_utf8(bytes).map_or_else(|_| "".into(), Into::into)
}

#[cfg(test)]
mod tests {
    use crate::spec::load_text;

    #[test]
    fn a_secret_in_a_spec_is_not_drawn() {
        let drawn = |secrets: &str| {
            let text = format!(
                "function: f\nauth:\n  signature:\n    preset: github\n    secrets: {secrets}\n"
            );
            let loaded = load_text("f.yaml", &text);
            let problems = format!("{:?}", loaded.diagnostics);
            assert!(!problems.contains("hunter2"), "{problems}");
            let (_, source) = loaded.sources.iter().next().unwrap();
            assert_eq!(source.text.len(), text.len());
            source.text.lines().skip(4).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(
            drawn("[hunter2, { env: A }]"),
            "    secrets: [*******, { env: A }]"
        );
        assert_eq!(drawn("hunter2"), "    secrets: *******");
        assert_eq!(drawn("\n      - \"né\""), "    secrets: \n      - *****");
        assert_eq!(
            drawn("[{ value: hunter2 }]"),
            "    secrets: [{ value: ******* }]"
        );
        let text = "connection: c\nbase_url: https://a:hunter2@h\nheaders: { X-Api-Key: hunter2 }\n\
                    auth: { bearer: hunter2, basic: { username: a, password: hunter2 } }\n\
                    sandbox: { auth: { api_key: { header: A, value: hunter2 } }, sign: { secrets: [hunter2] } }\n";
        let loaded = load_text("c.yaml", text);
        let problems = format!("{:?}", loaded.diagnostics);
        let (_, source) = loaded.sources.iter().next().unwrap();
        assert!(!problems.contains("hunter2"), "{problems}");
        assert!(!source.text.contains("hunter2"), "{}", source.text);
        assert_eq!(
            drawn("[{ file: a.secret }]"),
            "    secrets: [{ file: a.secret }]"
        );
    }
}
