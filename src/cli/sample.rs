//! A small request of a provider, made of what its preset knows.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value as Json, json};

use crate::spec::PresetSpec;

/// A small body, with the event's name and an id where the provider has them; what it has in
/// headers goes there.
pub(super) fn sample(
    preset: Option<&PresetSpec>,
    event: Option<&str>,
    headers: &mut HeaderMap,
) -> Vec<u8> {
    let webhook = preset.map(|preset| &preset.webhook);
    let id = uuid::Uuid::new_v4().to_string();
    let mut body = json!({});
    let mut form: Vec<(String, String)> = Vec::new();
    let places = [
        (webhook.and_then(|webhook| webhook.event.as_ref()), event),
        (
            webhook.and_then(|webhook| webhook.id.as_ref()),
            Some(id.as_str()),
        ),
    ];
    for (place, value) in places {
        let (Some(place), Some(value)) = (place, value) else {
            continue;
        };
        let place = place.0.split(" ?? ").last().unwrap_or_default();
        if let Some(name) = place
            .strip_prefix("headers[\"")
            .and_then(|rest| rest.strip_suffix("\"]"))
        {
            if let (Ok(name), Ok(value)) =
                (name.parse::<HeaderName>(), HeaderValue::from_str(value))
            {
                headers.insert(name, value);
            }
        } else if let Some(name) = place.strip_prefix("form.") {
            form.push((name.to_owned(), value.to_owned()));
        } else if let Some(path) = place.strip_prefix("body") {
            put(&mut body, path, value);
        }
    }
    let is_form = webhook
        .and_then(|webhook| webhook.content_type.as_deref())
        .is_some_and(|kind| kind.ends_with("x-www-form-urlencoded"));
    if is_form {
        return form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish()
            .into_bytes();
    }
    body.to_string().into_bytes()
}

/// Puts a value behind `.a.b`, `[0].a` or `["a-b"].c`; anything else is left out.
fn put(body: &mut Json, path: &str, value: &str) {
    let mut steps = Vec::new();
    for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        let part = part.trim_matches('"');
        if !part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        {
            return;
        }
        steps.push(part);
    }
    let mut at = body;
    for step in steps {
        at = match step.parse::<usize>() {
            Ok(_) => {
                if !at.is_array() {
                    *at = json!([{}]);
                }
                &mut at[0]
            }
            // Only a map has fields, and only null becomes one by being given some.
            Err(_) if at.is_object() || at.is_null() => &mut at[step],
            Err(_) => return,
        };
    }
    *at = Json::from(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;

    #[test]
    fn a_sample_has_the_event_where_its_provider_has_it() {
        let made = |preset: &str| {
            let mut headers = HeaderMap::new();
            let body = sample(spec::built_in(preset), Some("push"), &mut headers);
            (headers, String::from_utf8(body).unwrap())
        };
        let (headers, body) = made("github");
        assert_eq!(headers["x-github-event"], "push");
        assert_eq!(body, "{}");
        let (_, body) = made("stripe");
        assert!(
            body.contains("\"type\":\"push\"") && body.contains("\"id\":\""),
            "{body}"
        );
        let (_, body) = made("sendgrid");
        assert!(body.starts_with("[{\"event\":\"push\""), "{body}");
        let (_, body) = made("mailgun");
        assert!(
            body.contains("{\"event-data\":{\"event\":\"push\"}"),
            "{body}"
        );
        let (_, body) = made("mailgun_form");
        assert!(body.starts_with("event=push&token="), "{body}");
    }
}
