//! The tree keeps the rules that its documents state: who may import whom, which crate has which
//! door, that every file says what it is for, that links lead somewhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A module and what it may import, from the ground up; the table of `src/ARCHITECTURE.md`.
const IMPORTS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("value", &[]),
    ("diagnostic", &[]),
    ("expr", &["value", "diagnostic"]),
    ("template", &["expr", "value", "diagnostic"]),
    ("spec", &["diagnostic"]),
    ("auth", &["clock", "value"]),
    ("delivery", &["clock"]),
    ("zoho", &["value"]),
    ("outbound", &[]),
    (
        "route",
        &[
            "spec",
            "expr",
            "template",
            "auth",
            "delivery",
            "zoho",
            "outbound",
            "store",
            "value",
            "diagnostic",
            "clock",
        ],
    ),
    ("store", &["outbound", "auth", "delivery", "clock"]),
    ("connect", &["route", "store", "outbound", "auth", "clock"]),
    (
        "gateway",
        &[
            "route",
            "store",
            "outbound",
            "spec",
            "expr",
            "template",
            "auth",
            "delivery",
            "zoho",
            "value",
            "diagnostic",
            "clock",
        ],
    ),
    (
        "dispatch",
        &[
            "connect", "gateway", "route", "store", "outbound", "auth", "delivery", "value",
            "expr", "clock",
        ],
    ),
    (
        "server",
        &[
            "gateway",
            "dispatch",
            "route",
            "store",
            "outbound",
            "auth",
            "delivery",
            "zoho",
            "value",
            "diagnostic",
            "clock",
        ],
    ),
    (
        "cli",
        &[
            "connect",
            "server",
            "gateway",
            "dispatch",
            "store",
            "outbound",
            "route",
            "zoho",
            "auth",
            "delivery",
            "spec",
            "template",
            "expr",
            "diagnostic",
            "value",
            "clock",
        ],
    ),
];

/// An outside crate and the one place that may name it, or the two.
const DOORS: &[(&str, &str)] = &[
    ("pest", "src/expr/parser"),
    ("pest_derive", "src/expr/parser"),
    ("jsonpath_rust", "src/expr/jsonpath"),
    ("phonenumber", "src/expr/function/people"),
    ("email_address", "src/expr/function/people"),
    ("rust_iso3166", "src/expr/function/people"),
    ("serde_yaml", "src/spec/"),
    ("saphyr_parser", "src/spec/ src/value/yaml"),
    ("schemars", "src/spec/"),
    ("handlebars", "src/template/"),
    ("annotate_snippets", "src/diagnostic/render"),
    ("ring", "src/auth/signature/"),
    ("webpki", "src/auth/signature/"),
    ("rusqlite", "src/store/"),
    ("tokio_postgres", "src/store/"),
    ("tokio_postgres_rustls", "src/store/postgres/"),
    ("deadpool_postgres", "src/store/postgres/"),
    ("chacha20poly1305", "src/store/"),
    ("reqwest", "src/outbound/"),
    ("oauth2", "src/connect/"),
    ("http_acl", "src/outbound/address"),
    ("rustls_native_certs", "src/outbound/roots"),
    ("warp", "src/server/"),
    ("hyper", "src/server/"),
    ("tokio_rustls", "src/server/"),
    ("socket2", "src/server/"),
    ("ppp", "src/server/proxied"),
    ("multer", "src/gateway/"),
    ("clap", "src/cli/"),
    ("notify", "src/cli/"),
    ("rustyline", "src/cli/eval/terminal"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` with this ending, with paths relative to the crate.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut pending = vec![root().join(folder)];
    while let Some(next) = pending.pop() {
        let Ok(entries) = fs::read_dir(&next) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                pending.push(path);
            } else if path.extension().is_some_and(|known| known == ending) {
                let name = path
                    .strip_prefix(root())
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no *.{ending} below {folder}");
    found
}

/// A file's code without its comments and without its tests, which stand last.
fn code(text: &str) -> String {
    let body = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text);
    body.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn is_test(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/")
}

#[test]
fn a_module_imports_only_what_the_table_allows() {
    let table: BTreeMap<_, _> = IMPORTS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (name, text) in files("src", "rs") {
        let module = name
            .trim_start_matches("src/")
            .split(['/', '.'])
            .next()
            .unwrap()
            .to_owned();
        if module == "lib" || module == "main" || is_test(&name) {
            continue;
        }
        let allowed = table
            .get(module.as_str())
            .unwrap_or_else(|| panic!("{name}: `{module}` is not in the table"));
        for part in code(&text).split("crate::").skip(1) {
            let used: String = part
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if table.contains_key(used.as_str())
                && used != module
                && !allowed.contains(&used.as_str())
            {
                wrong.push(format!("{name} imports {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_outside_crate_is_named_only_at_its_door() {
    let mut wrong = Vec::new();
    for (name, text) in files("src", "rs") {
        if is_test(&name) {
            continue;
        }
        let code = code(&text);
        for (krate, door) in DOORS {
            let named = code.match_indices(&format!("{krate}::")).any(|(at, _)| {
                !code[..at].ends_with(|before: char| {
                    before.is_alphanumeric() || before == '_' || before == ':'
                })
            });
            if named && !door.split(' ').any(|door| name.starts_with(door)) {
                wrong.push(format!("{name} names {krate}, whose door is {door}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_opens_by_saying_what_it_is_for() {
    let mut sources = files("src", "rs");
    sources.extend(files("tests/it", "rs"));
    let bare: Vec<_> = sources
        .iter()
        .filter(|(name, text)| name != "src/lib.rs" && !text.starts_with("//!"))
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(bare.is_empty(), "without a header: {}", bare.join(", "));
}

#[test]
fn the_architecture_names_every_module() {
    let map = fs::read_to_string(root().join("src/ARCHITECTURE.md")).unwrap();
    for (module, _) in IMPORTS {
        assert!(
            map.contains(&format!("`{module}`")),
            "src/ARCHITECTURE.md does not speak of `{module}`"
        );
    }
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut pages: Vec<(String, String)> = [
        "README.md",
        "CHANGELOG.md",
        ".github/CONTRIBUTING.md",
        "tests/README.md",
        "benches/README.md",
    ]
    .iter()
    .map(|name| {
        (
            (*name).to_owned(),
            fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}")),
        )
    })
    .collect();
    pages.extend(
        files("src", "md")
            .into_iter()
            .filter(|(name, _)| name.ends_with("ARCHITECTURE.md")),
    );
    pages.extend(files("grammar", "md"));
    pages.extend(files("examples", "md"));
    let mut broken = Vec::new();
    for (name, text) in pages {
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = target.split('#').next().unwrap_or("");
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            let from = root().join(&name).parent().map(PathBuf::from).unwrap();
            if !from.join(path).exists() {
                broken.push(format!("{name}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn map_order_is_not_left_to_a_feature_of_serde_json() {
    // Answers keep the order of the spec because our own types keep it. Somebody's
    // `preserve_order` would hide a mistake there, and cost every request.
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let package = lock
        .split("[[package]]")
        .find(|part| part.contains("name = \"serde_json\"\n"))
        .unwrap();
    assert!(
        !package.contains("\"indexmap\""),
        "serde_json is built with `preserve_order`"
    );
}
