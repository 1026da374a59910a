//! What `serve` prints when it is ready: where it listens, what it serves and, at the first start,
//! a request to try.

use std::io;

use super::super::console::Console;
use super::super::urls::webhook_url;
use super::{Addresses, FirstStart, Gateway};
use crate::route::{Route, Suite};
use crate::spec::{KeyRule, TestSpec, Tree};

/// Prints it.
pub(super) fn print(
    console: &mut Console<'_>,
    gateway: &Gateway,
    suites: &[Suite],
    at: &Addresses,
    first: Option<&FirstStart>,
) -> io::Result<()> {
    let generation = gateway.generation();
    let commit = generation
        .commit
        .as_ref()
        .map_or_else(String::new, |commit| {
            let short: String = commit.id.chars().take(10).collect();
            let modified = if commit.modified { ", modified" } else { "" };
            format!(" (commit {short}{modified})")
        });
    let out = &mut console.out;
    let count = generation.routes.len();
    let functions = if count == 1 {
        "1 function".to_owned()
    } else {
        format!("{count} functions")
    };
    writeln!(
        out,
        "hookweir {} serves {functions}{commit}",
        env!("CARGO_PKG_VERSION")
    )?;
    match &at.listens {
        Some(address) => writeln!(out, "  webhooks  {} (listens on {address})", at.base)?,
        None => writeln!(out, "  webhooks  {}", at.base)?,
    }
    if let Some(admin) = at.admin {
        writeln!(out, "  admin     http://{admin}")?;
    }
    writeln!(out)?;
    let Some(first) = first else {
        for route in &generation.routes {
            writeln!(out, "  {}", route.name)?;
        }
        return writeln!(
            out,
            "\n`hookweir urls` prints the webhook URLs with their keys."
        );
    };
    let width = generation
        .routes
        .iter()
        .map(|route| route.name.len())
        .max()
        .unwrap_or(0);
    for route in &generation.routes {
        let url = match route.keys {
            KeyRule::Required | KeyRule::Optional => webhook_url(&at.base, &route.name, &first.key),
            KeyRule::None => super::super::urls::address(&at.base, &route.name),
        };
        writeln!(out, "  {:width$}  {url}", route.name)?;
    }
    writeln!(
        out,
        "\nThis is the first start: a sandbox key that opens all functions was made, and stands in"
    )?;
    writeln!(
        out,
        "these URLs. `hookweir keys create --environment production` makes one for production."
    )?;
    writeln!(
        out,
        "The admin token is in {}.",
        first.admin_token.display()
    )?;
    if let Some(line) = try_line(suites, at, first) {
        writeln!(out, "\nTry it:\n\n  {line}")?;
    }
    Ok(())
}

/// A request that can be pasted into a shell: of the functions' own tests, the first that needs no
/// file and is answered with success.
fn try_line(suites: &[Suite], at: &Addresses, first: &FirstStart) -> Option<String> {
    let candidates = suites
        .iter()
        .flat_map(|suite| suite.tests.iter().map(|test| (&*suite.route, &test.spec)));
    candidates
        .filter_map(|(route, test)| curl(route, test, at, first))
        .min_by_key(String::len)
}

fn curl(route: &Route, test: &TestSpec, at: &Addresses, first: &FirstStart) -> Option<String> {
    let request = &test.request;
    let succeeds = test
        .expect
        .status_code
        .is_some_and(|status| (200..300).contains(&status));
    let is_plain = request.path.is_none()
        && request.query.is_none()
        && request.zapikey.is_none()
        && request.headers.is_empty()
        && test.env.is_empty();
    let method = request.method.as_deref().unwrap_or("POST");
    if !succeeds || !is_plain || method != "POST" || route.keys == KeyRule::None {
        return None;
    }
    let body = if let Some(json) = &request.json {
        format!(
            "-H 'content-type: application/json' -d {}",
            quoted(&serde_json::to_string(json).ok()?)
        )
    } else if let Some(Tree::Map(fields)) = &request.form {
        let field = |(name, value): &(String, Tree)| match value {
            Tree::Text(value) => Some(format!(
                "--data-urlencode {}",
                quoted(&format!("{name}={value}"))
            )),
            _ => None,
        };
        fields
            .iter()
            .map(field)
            .collect::<Option<Vec<_>>>()?
            .join(" ")
    } else {
        return None;
    };
    let through = at.socket.as_ref().map_or_else(String::new, |path| {
        format!("--unix-socket {} ", quoted(&path.to_string_lossy()))
    });
    let url = quoted(&webhook_url(&at.local, &route.name, &first.key));
    Some(format!("curl {through}{url} {body}"))
}

/// In single quotes, for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_gives_back_what_was_quoted() {
        for text in ["plain", "it's", "$HOME `x` \\ \"", "", "é\n'"] {
            let output = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", quoted(text))])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }
}
