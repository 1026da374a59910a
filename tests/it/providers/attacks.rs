//! What can be made of a genuine request without its secret. Which parts of a request are proof is
//! read from the preset, so that presets that are not known here are attacked as well.
//!
//! What a scheme does not sign cannot be told from genuine: where a token is all that is sent, or
//! the body is no part of what is signed, changing that is no attack on the scheme, and is left
//! out.

use hookweir::auth::signature::{Case as Letters, Encoding};
use hookweir::spec::{SignatureSpec, TakenSpec};

use super::case::Case;

/// Each with a name.
pub(super) fn of(case: &Case, spec: &SignatureSpec) -> Vec<(String, Case)> {
    let rules: Vec<&SignatureSpec> = if spec.any_of.is_empty() {
        vec![spec]
    } else {
        spec.any_of.iter().collect()
    };
    let mut attacks = Vec::new();
    // Each alternative that the request could be of: those whose signature is there.
    for rule in &rules {
        headers(case, rule, &mut attacks);
    }
    body(case, &rules, &mut attacks);
    times(case, &rules, &mut attacks);
    // What made no difference is the genuine request.
    attacks.retain(|(_, attack)| {
        (&attack.headers, &attack.body, &attack.target, attack.now)
            != (&case.headers, &case.body, &case.target, case.now)
    });
    attacks
}

fn with_header(case: &Case, name: &str, change: impl Fn(&str) -> Option<String>) -> Case {
    let mut attack = case.clone();
    attack.headers = case
        .headers
        .iter()
        .filter_map(|(known, value)| {
            let value = if known.eq_ignore_ascii_case(name) {
                change(value)?
            } else {
                value.clone()
            };
            Some((known.clone(), value))
        })
        .collect();
    attack
}

/// The header lines that are proof: of the signature, and the fields that are signed.
fn headers(case: &Case, rule: &SignatureSpec, attacks: &mut Vec<(String, Case)>) {
    let mut proof: Vec<String> = Vec::new();
    if let Some(taken) = &rule.signature {
        proof.extend(taken.header.clone());
        proof.extend(taken.headers.iter().cloned());
        proof.extend(numbered(case, taken));
    }
    if let Some(compare) = &rule.compare {
        proof.extend(compare.header.clone());
    }
    if rule.scheme.as_deref() == Some("basic") {
        proof.push("Authorization".to_owned());
    }
    // Of alternatives and of several signatures one is enough: all are attacked at once.
    let is_there = |name: &String| {
        case.headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    proof.retain(is_there);
    if !proof.is_empty() {
        let all = |change: &dyn Fn(&str) -> Option<String>| {
            proof
                .iter()
                .fold(case.clone(), |case, name| with_header(&case, name, change))
        };
        let mut add = |name: &str, change: &dyn Fn(&str) -> Option<String>| {
            attacks.push((format!("{name} {}", proof.join(", ")), all(change)));
        };
        add("missing", &|_| None);
        add("empty", &|_| Some(String::new()));
        let each = |value: &str, change: &dyn Fn(&str) -> String| {
            each_signature(value, rule, |text| Some(change(text)))
        };
        add("truncated by one", &|value| {
            Some(each(value, &|text| text[..text.len() - 1].to_owned()))
        });
        add("half of", &|value| {
            Some(each(value, &|text| text[..text.len() / 2].to_owned()))
        });
        add("longer by one", &|value| {
            Some(each(value, &|text| format!("{text}0")))
        });
        let encodings: Vec<_> = rule.signature.iter().map(encoding).collect();
        for encoding in encodings {
            add("flipped bit in", &|value| {
                Some(each_signature(value, rule, |text| {
                    let mut bytes = encoding.decode(text)?;
                    *bytes.last_mut()? ^= 1;
                    Some(encoding.encode(&bytes))
                }))
            });
            add("other encoding of", &|value| {
                Some(each_signature(value, rule, |text| {
                    let bytes = encoding.decode(text)?;
                    Some(match encoding {
                        Encoding::Hex(_) => Encoding::Base64.encode(&bytes),
                        _ => Encoding::Hex(Letters::Lower).encode(&bytes),
                    })
                }))
            });
            add("nothing but zeros in", &|value| {
                Some(each_signature(value, rule, |text| {
                    let bytes = encoding.decode(text)?;
                    Some(encoding.encode(&vec![0; bytes.len()]))
                }))
            });
        }
        let mut twice = case.clone();
        for name in &proof {
            let line = case
                .headers
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .unwrap();
            twice.headers.push(line.clone());
        }
        attacks.push((format!("twice {}", proof.join(", ")), twice));
    }
    for (name, source) in &rule.fields {
        let Some(header) = source.header.as_ref().filter(|header| is_there(header)) else {
            continue;
        };
        let field = |change: &dyn Fn(&str) -> Option<String>| with_header(case, header, change);
        attacks.push((format!("no {name}"), field(&|_| None)));
        attacks.push((format!("empty {name}"), field(&|_| Some(String::new()))));
        attacks.push((
            format!("replayed with another {name}"),
            field(&|value| Some(format!("{value}x"))),
        ));
    }
}

fn numbered(case: &Case, taken: &TakenSpec) -> Vec<String> {
    let Some(prefix) = &taken.header_numbered else {
        return Vec::new();
    };
    let prefix = prefix.to_lowercase();
    let names = case.headers.iter().map(|(name, _)| name.clone());
    names
        .filter(|name| name.to_lowercase().starts_with(&prefix))
        .collect()
}

fn encoding(taken: &TakenSpec) -> Encoding {
    match taken.encoding.as_deref() {
        Some("base64") => Encoding::Base64,
        Some("base64url") => Encoding::Base64Url,
        _ => Encoding::Hex(Letters::Any),
    }
}

/// The text with each of its signatures changed.
fn each_signature(
    text: &str,
    rule: &SignatureSpec,
    change: impl Fn(&str) -> Option<String>,
) -> String {
    let Some(taken) = &rule.signature else {
        return change(text).unwrap_or_default();
    };
    let pattern = taken.item.as_deref().unwrap_or("{sig}");
    let (before, after) = pattern.split_once("{sig}").unwrap_or(("", ""));
    // Names before the signature go up to the text between.
    let border = before.rsplit('}').next().unwrap();
    let changed = |item: &str| {
        let trimmed = item.trim();
        let rest = if before.contains('{') {
            trimmed.find(border).map(|at| at + border.len())
        } else {
            trimmed.starts_with(before).then_some(before.len())
        };
        let Some(start) = rest else {
            return item.to_owned();
        };
        let (head, signature) = trimmed.split_at(start);
        let Some(signature) = signature.strip_suffix(after).and_then(&change) else {
            return item.to_owned();
        };
        format!("{head}{signature}{after}")
    };
    match taken.split.as_deref().filter(|split| !split.is_empty()) {
        None => changed(text),
        Some(split) => text
            .split(split)
            .map(changed)
            .collect::<Vec<_>>()
            .join(split),
    }
}

/// The body, where it is signed.
fn body(case: &Case, rules: &[&SignatureSpec], attacks: &mut Vec<(String, Case)>) {
    let signs_body = rules.iter().all(|rule| {
        let is_token = matches!(rule.scheme.as_deref(), Some("token" | "basic"));
        let signed = rule.signed.as_deref().unwrap_or("${raw_body}");
        let requires = rule
            .require
            .iter()
            .any(|text| text.0.replace("json(raw_body)", "").contains("raw_body"));
        // Of JSON it is the fields that are signed, however they are written.
        let signed = signed.replace("json(raw_body)", "");
        !is_token && (signed.contains("raw_body") || requires)
    });
    if !signs_body {
        return;
    }
    let mut change = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut attack = case.clone();
        change(&mut attack.body);
        attacks.push((name.to_owned(), attack));
    };
    if !case.body.is_empty() {
        change("flipped bit in the body", &|body| {
            let middle = body.len() / 2;
            body[middle] ^= 1;
        });
        change("body without its last byte", &|body| {
            body.pop();
        });
        change("no body", &Vec::clear);
    }
    change("body with a line break more", &|body| body.push(b'\n'));
}

/// The clock, where a time is signed.
fn times(case: &Case, rules: &[&SignatureSpec], attacks: &mut Vec<(String, Case)>) {
    let stamps: Option<Vec<_>> = rules.iter().map(|rule| rule.timestamp.as_ref()).collect();
    let Some(stamps) = stamps else { return };
    let tolerance = stamps
        .iter()
        .map(|stamp| i64::from(stamp.tolerance.unwrap_or(300)))
        .max()
        .unwrap_or(0);
    // The genuine time lies within the tolerance: twice that away is outside, on both sides.
    for (name, by) in [("stale", 2 * tolerance + 2), ("future", -2 * tolerance - 2)] {
        let mut attack = case.clone();
        attack.now += by;
        attacks.push((name.to_owned(), attack));
    }
    for header in stamps.iter().filter_map(|stamp| stamp.header.as_ref()) {
        for (name, change) in [
            ("no time", None),
            ("empty time", Some(String::new())),
            ("a time that is none", Some("soon".to_owned())),
            ("another time", Some((case.now + 1).to_string())),
        ] {
            let attack = with_header(case, header, |_| change.clone());
            attacks.push((name.to_owned(), attack));
        }
    }
}
