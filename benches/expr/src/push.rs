//! The body: GitHub's example of a push with five commits.

use std::path::Path;

use serde_json::{Value, json};

use super::Outcome;

const COMMITS: usize = 5;

/// The push, compact. The corpus' example is of a tag and has no commit, so commits of GitHub's
/// form are put in; one of them is not distinct.
pub(super) fn body() -> Outcome<Vec<u8>> {
    let folder = std::env::var("HOOKWEIR_PAYLOAD_CORPUS").unwrap_or_else(|_| {
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/corpus/payloads"
        )
        .to_owned()
    });
    let path = Path::new(&folder).join("github/push.json");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}; set HOOKWEIR_PAYLOAD_CORPUS", path.display()))?;
    let text = with_commits(&text)?;
    Ok(text.into_bytes())
}

/// Puts the commits in without reading the rest: its keys keep the order that GitHub gave them.
fn with_commits(text: &str) -> Outcome<String> {
    let event: Value = serde_json::from_str(text)?;
    let commits: Vec<Value> = (0..COMMITS).map(|number| commit(&event, number)).collect();
    let head = commits.last().ok_or("no commit")?.to_string();
    let text = compact(text);
    for part in ["\"commits\":[]", "\"head_commit\":null"] {
        if text.matches(part).count() != 1 {
            return Err(format!("the push has no `{part}`").into());
        }
    }
    Ok(text
        .replace(
            "\"commits\":[]",
            &format!("\"commits\":{}", Value::from(commits)),
        )
        .replace("\"head_commit\":null", &format!("\"head_commit\":{head}")))
}

/// The text without white space between its tokens.
fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut is_inside, mut is_escaped) = (false, false);
    for c in text.chars() {
        if is_inside || !c.is_whitespace() {
            out.push(c);
        }
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_inside => is_escaped = true,
            '"' => is_inside = !is_inside,
            _ => {}
        }
    }
    out
}

fn commit(event: &Value, number: usize) -> Value {
    let name = &event["pusher"]["name"];
    let person = json!({"name": name, "email": event["pusher"]["email"], "username": name});
    let id = format!("{:040x}", 0x9e37_79b9_7f4a_7c15_u128 * (number as u128 + 1));
    json!({
        "id": id,
        "tree_id": format!("{:040x}", 0xc2b2_ae3d_27d4_eb4f_u128 * (number as u128 + 1)),
        "distinct": number != 1,
        "message": format!("Say \"hello\" in page {number}\n\nIt was silent."),
        "timestamp": format!("2019-05-15T15:{number:02}:28+02:00"),
        "url": format!("https://github.com/Codertocat/Hello-World/commit/{id}"),
        "author": person,
        "committer": person,
        "added": [],
        "removed": [],
        "modified": [format!("pages/{number}.md")],
    })
}
