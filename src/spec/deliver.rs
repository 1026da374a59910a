//! `deliver:`, `dedupe:`, `keep:` and `redact:` of a function: what becomes of its events.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Expression, Period, Tree, either};

/// A promise: on disk before the request is answered, and tried again until it is settled.
///
/// ```yaml
/// name: lead
/// connection: crm
/// request: { path: /leads, json: { email: "${email}" } }
/// ```
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Deliver")]
pub struct DeliverSpec {
    /// Its name in the function: lower-case letters, digits and `_`.
    ///
    /// ```yaml
    /// name: lead
    /// ```
    #[schemars(regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub name: String,
    /// Where it goes.
    ///
    /// ```yaml
    /// connection: crm
    /// ```
    pub connection: String,
    /// The condition on which there is anything to deliver.
    ///
    /// ```yaml
    /// when: email != ""
    /// ```
    pub when: Option<Expression>,
    /// A list: there is one delivery for each element, which expressions here read as `item`.
    ///
    /// ```yaml
    /// for_each: body.items
    /// ```
    pub for_each: Option<Expression>,
    /// How long the answer may wait for the first attempt; at most `60s`. Later attempts go on
    /// behind it.
    ///
    /// ```yaml
    /// wait: 8s
    /// ```
    pub wait: Option<Period>,
    /// Those of one connection that have the same value here go one after the other.
    ///
    /// ```yaml
    /// order_by: email
    /// ```
    pub order_by: Option<Expression>,
    /// Of `order_by`: what becomes of those behind a dead letter. `skip` (default): the next one
    /// goes; `block`: they wait until it is retried or cancelled; `park`: they are held until they
    /// are released.
    ///
    /// ```yaml
    /// on_dead: block
    /// ```
    #[serde(default, deserialize_with = "either::on_dead")]
    #[schemars(extend("enum" = ["skip", "block", "park"]))]
    pub on_dead: Option<String>,
    /// How often and for how long it is tried.
    ///
    /// ```yaml
    /// retry: { attempts: 12, first: 5s, limit: 1h, horizon: 3d }
    /// ```
    #[serde(default)]
    pub retry: RetrySpec,
    /// How long one attempt may take; default: the connection's.
    ///
    /// ```yaml
    /// timeout: 10s
    /// ```
    pub timeout: Option<Period>,
    /// `at_accept` (default): the request is made when the event comes, and no reload changes it.
    /// `at_delivery`: it is made anew for each attempt, by the function as it is then.
    ///
    /// ```yaml
    /// evaluate: at_delivery
    /// ```
    #[serde(default, deserialize_with = "either::evaluate")]
    #[schemars(extend("enum" = ["at_accept", "at_delivery"]))]
    pub evaluate: Option<String>,
    /// Which answers count as success; default: the connection's.
    ///
    /// ```yaml
    /// ok_when: json.data[0].status == "success"
    /// ```
    pub ok_when: Option<Expression>,
    /// What is sent.
    ///
    /// ```yaml
    /// request: { method: POST, path: /leads, json: { email: "${email}" } }
    /// ```
    #[serde(default)]
    pub request: DeliverRequestSpec,
}

/// How often and for how long a delivery is tried. Waits grow threefold.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Retry")]
pub struct RetrySpec {
    /// Attempts, the first included; default 12.
    ///
    /// ```yaml
    /// attempts: 5
    /// ```
    #[schemars(range(min = 1, max = 100))]
    pub attempts: Option<u32>,
    /// The wait after the first; default `5s`.
    ///
    /// ```yaml
    /// first: 30s
    /// ```
    pub first: Option<Period>,
    /// The longest wait; default `10h`.
    ///
    /// ```yaml
    /// limit: 1h
    /// ```
    pub limit: Option<Period>,
    /// How long after the event an attempt may be begun; default `3d`.
    ///
    /// ```yaml
    /// horizon: 7d
    /// ```
    pub horizon: Option<Period>,
}

/// What is sent: method, address, headers, and one of `json`, `form`, `multipart`, `text` and
/// `raw`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DeliverRequest")]
pub struct DeliverRequestSpec {
    /// Default: `POST`.
    ///
    /// ```yaml
    /// method: PUT
    /// ```
    pub method: Option<String>,
    /// What stands behind the connection's `base_url`. What a hole gives is one segment, or a part
    /// of one: `/`, `?` and their like in it are escaped.
    ///
    /// ```yaml
    /// path: /leads/${path.lead_id}/notes
    /// ```
    pub path: Option<String>,
    /// The query; a list repeats the name, an empty optional leaves it out.
    ///
    /// ```yaml
    /// query: { notify: "true", source: "${path.form}" }
    /// ```
    #[serde(default, deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, Tree>")]
    pub query: IndexMap<String, Tree>,
    /// Header lines beside the connection's.
    ///
    /// ```yaml
    /// headers: { X-Source: "${event.id}" }
    /// ```
    #[serde(default, deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, Tree>")]
    pub headers: IndexMap<String, Tree>,
    /// The body, as JSON.
    ///
    /// ```yaml
    /// json: { email: "${email}" }
    /// ```
    pub json: Option<Tree>,
    /// The body, as `application/x-www-form-urlencoded`; a list repeats the name.
    ///
    /// ```yaml
    /// form: { email: "${email}" }
    /// ```
    #[serde(default, deserialize_with = "either::some_map")]
    #[schemars(with = "Option<std::collections::BTreeMap<String, Tree>>")]
    pub form: Option<IndexMap<String, Tree>>,
    /// The body, as `multipart/form-data`: of each part its text, or a file of the request
    /// (`${files.cv}`).
    ///
    /// ```yaml
    /// multipart: { note: "${note}", file: "${files.cv}" }
    /// ```
    #[serde(default, deserialize_with = "either::some_map")]
    #[schemars(with = "Option<std::collections::BTreeMap<String, Tree>>")]
    pub multipart: Option<IndexMap<String, Tree>>,
    /// The body, as text: with `${ }`, or `$template:`. Its type is `content_type`.
    ///
    /// ```yaml
    /// text: { $template: "{{#each body.items}}{{name}}, {{/each}}" }
    /// ```
    pub text: Option<Tree>,
    /// The body of the event, byte for byte, with its content type.
    ///
    /// ```yaml
    /// raw: body
    /// ```
    #[serde(default, deserialize_with = "either::raw")]
    #[schemars(extend("enum" = ["body"]))]
    pub raw: Option<String>,
    /// Of `text`; default `text/plain; charset=utf-8`.
    ///
    /// ```yaml
    /// content_type: application/xml
    /// ```
    pub content_type: Option<String>,
}

/// What makes another request the same one: it is answered as the first was, and does nothing.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Dedupe")]
pub struct DedupeSpec {
    /// What is the same when the provider sends the event again, and differs for every other.
    ///
    /// ```yaml
    /// key: headers["x-github-delivery"]
    /// ```
    pub key: Expression,
    /// For how long; default `3d`.
    ///
    /// ```yaml
    /// window: 30d
    /// ```
    pub window: Option<Period>,
}
