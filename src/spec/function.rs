//! `function:` documents.
//!
//! The doc comments are the reference: the JSON Schema carries them into editors, and
//! `hookweir explain function.accept.max_body` shows them.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::either::{self, Respond, StatusCode};
use super::{DedupeSpec, DeliverSpec, Expression, Rate, SignatureSpec, Size, Tree};

/// A function: how a request is recognised and authenticated, what is read from it and what is
/// answered.
///
/// ```yaml
/// function: greeting
/// summary: Says hello
/// auth: { zapikey: required }
/// let:
///   name: params.name ?? "stranger"
/// respond:
///   output: Hello ${name}
/// ```
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Function")]
pub struct FunctionSpec {
    /// The function's name, by which its address and its keys know it: a letter, then letters,
    /// digits and `_`; an extension's is `namespace__name`.
    ///
    /// ```yaml
    /// function: github_push
    /// ```
    #[schemars(regex(pattern = "^[A-Za-z][A-Za-z0-9_]*$"))]
    pub function: String,
    /// A sentence for people.
    ///
    /// ```yaml
    /// summary: A push to main is posted to Slack
    /// ```
    pub summary: Option<String>,
    /// Which requests are taken.
    ///
    /// ```yaml
    /// accept: { methods: [POST], path: /hooks/github, max_body: 1MiB }
    /// ```
    #[serde(default)]
    pub accept: AcceptSpec,
    /// From whom requests are taken. There is no default: a function for everybody says
    /// `auth: none`.
    ///
    /// ```yaml
    /// auth: { zapikey: required }
    /// ```
    pub auth: Option<AuthSpec>,
    /// What is read from the request, and how.
    ///
    /// ```yaml
    /// request: { arguments: [email, name] }
    /// ```
    #[serde(default)]
    pub request: RequestSpec,
    /// The condition on which the function runs. When it is false, the answer is `skipped` and
    /// nothing else happens.
    ///
    /// ```yaml
    /// when: headers["x-github-event"] == "push"
    /// ```
    pub when: Option<Expression>,
    /// Named values for the expressions below and for each other, in any order. Each is computed
    /// once, and only when it is asked for.
    ///
    /// ```yaml
    /// let:
    ///   branch: body.ref.strip_prefix("refs/heads/")
    ///   is_main: branch == "main"
    /// ```
    #[serde(default, rename = "let", deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, Expression>")]
    pub bindings: IndexMap<String, Expression>,
    /// Conditions that the request must fulfil, in order.
    ///
    /// ```yaml
    /// check:
    ///   - that: email.contains("@")
    ///     else: { status_code: 422, message: an email address is needed }
    /// ```
    #[serde(default)]
    pub check: Vec<CheckSpec>,
    /// What makes another request the same one.
    ///
    /// ```yaml
    /// dedupe: { key: body.id, window: 3d }
    /// ```
    pub dedupe: Option<DedupeSpec>,
    /// What is delivered, to whom: on disk before the request is answered, and tried again until it
    /// is settled.
    ///
    /// ```yaml
    /// deliver:
    ///   - name: lead
    ///     connection: crm
    ///     request: { path: /leads, json: { email: "${email}" } }
    /// ```
    #[serde(default)]
    pub deliver: Vec<DeliverSpec>,
    /// Events of a function that delivers nothing are not kept, unless it says `events`.
    ///
    /// ```yaml
    /// keep: events
    /// ```
    #[serde(default, deserialize_with = "either::keep")]
    #[schemars(extend("enum" = ["events"]))]
    pub keep: Option<String>,
    /// What is taken out of a JSON or form body, the query or the headers before the event is kept.
    ///
    /// ```yaml
    /// redact: [body.card.number, "body.items[*].iban", headers.x-session]
    /// ```
    #[serde(default)]
    pub redact: Vec<String>,
    /// The answer: one, or a list of cases of which the first that holds is given. Without it the
    /// answer is Zoho's envelope around nothing.
    ///
    /// ```yaml
    /// respond:
    ///   - when: is_main
    ///     status_code: 201
    ///     body: { branch: "${branch}" }
    ///   - status_code: 202
    /// ```
    #[serde(default, deserialize_with = "either::respond")]
    #[schemars(with = "Respond")]
    pub respond: Vec<CaseSpec>,
    /// `respond:` was written as a list, so that paths have an index.
    #[serde(skip)]
    pub respond_is_list: bool,
    /// The function's own tests. `hookweir test` runs them offline, each with the same clock, event
    /// and random values (`uuid4()`, `uuid7()`) every time.
    ///
    /// ```yaml
    /// tests:
    ///   - name: a push to main is taken
    ///     request: { json: { ref: refs/heads/main } }
    ///     expect: { status_code: 201 }
    /// ```
    #[serde(default)]
    pub tests: Vec<TestSpec>,
}

/// Which requests are taken.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Accept")]
pub struct AcceptSpec {
    /// HTTP methods in capitals; default `[GET, POST]`.
    ///
    /// ```yaml
    /// methods: [POST]
    /// ```
    pub methods: Option<Vec<String>>,
    /// An address beside Zoho's. It may hold `{parameters}`, each one whole segment, which
    /// expressions read as `path.NAME`.
    ///
    /// ```yaml
    /// path: /hooks/typeform/{form}
    /// ```
    pub path: Option<String>,
    /// The largest body in bytes, with its unit; default `10MiB`, at most the gateway's limit.
    ///
    /// ```yaml
    /// max_body: 1MiB
    /// ```
    pub max_body: Option<Size>,
    /// How many requests one caller may send: one key, or without keys one address.
    ///
    /// ```yaml
    /// rate: 60/min
    /// ```
    pub rate: Option<Rate>,
}

/// `auth:`, a map or the word `none`.
#[derive(Debug, Clone)]
pub enum AuthSpec {
    /// `auth: none`
    None,
    /// `auth: { zapikey: …, signature: … }`
    Callers {
        /// Whether a key is needed; not at all where only a signature is written.
        zapikey: Option<KeyRule>,
        /// How requests are signed.
        signature: Option<Box<SignatureSpec>>,
        /// From where they may come; from everywhere without it.
        allow_ips: Option<Vec<String>>,
        /// Of whom the caller must show a certificate; of nobody without it.
        client_certificate: Option<Vec<String>>,
    },
}

/// `auth.zapikey`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyRule {
    /// Without a valid key: 401.
    Required,
    /// A key that is given must be valid.
    Optional,
    /// Keys are neither asked for nor looked at.
    None,
}

/// What is read from the request, and how.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Request")]
pub struct RequestSpec {
    /// Zoho's declared arguments: bound by name from `params`, then from the JSON text in
    /// `params.arguments`; those that are not sent are null. Expressions read `arguments.NAME`.
    ///
    /// ```yaml
    /// arguments: [email, name]
    /// ```
    #[serde(default)]
    pub arguments: Vec<String>,
    /// A file with the JSON Schema of the body, relative to this file. Expressions are checked
    /// against it; requests are not.
    ///
    /// ```yaml
    /// schema: schemas/response.json
    /// ```
    pub schema: Option<String>,
    /// A file with a JSON body as it arrives, or a list of them, relative to this file:
    /// expressions are checked against what these have in common. Several tell what may be absent.
    ///
    /// ```yaml
    /// sample: fixtures/response.json
    /// ```
    #[serde(default, deserialize_with = "either::paths")]
    #[schemars(with = "either::Paths")]
    pub sample: Vec<String>,
}

/// A condition that the request must fulfil.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Check")]
pub struct CheckSpec {
    /// Must be true.
    ///
    /// ```yaml
    /// that: size(body.items) > 0
    /// ```
    pub that: Expression,
    /// The answer when it is not.
    ///
    /// ```yaml
    /// else: { status_code: 422, message: no items }
    /// ```
    #[serde(rename = "else")]
    pub otherwise: ElseSpec,
}

/// The answer to a request that does not fulfil a condition.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Else")]
pub struct ElseSpec {
    /// 400 to 499; default 422.
    ///
    /// ```yaml
    /// status_code: 400
    /// ```
    #[serde(
        default = "unprocessable",
        deserialize_with = "either::status::<400, 499, _>"
    )]
    #[schemars(range(min = 400, max = 499))]
    pub status_code: u16,
    /// What the caller is told; may hold `${ }`.
    ///
    /// ```yaml
    /// message: ${email} is not an email address
    /// ```
    pub message: String,
}

fn unprocessable() -> u16 {
    422
}

/// One answer. With `output` it is Zoho's envelope; with any of the others it is a
/// `crmAPIResponse`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Case")]
pub struct CaseSpec {
    /// The case holds if this is true. The last case of a list has none.
    ///
    /// ```yaml
    /// when: size(items) == 0
    /// ```
    pub when: Option<Expression>,
    /// Zoho's envelope around this value. Excludes the other four.
    ///
    /// ```yaml
    /// output: Hello ${name}
    /// ```
    pub output: Option<Tree>,
    /// 200 to 599, a number or a text with `${ }`; default 200.
    ///
    /// ```yaml
    /// status_code: 201
    /// ```
    #[serde(default, deserialize_with = "either::case_status")]
    #[schemars(with = "StatusCode")]
    pub status_code: Option<Tree>,
    /// Default `application/json;charset=utf-8`.
    ///
    /// ```yaml
    /// content_type: text/plain
    /// ```
    pub content_type: Option<String>,
    /// Added to the answer; given at all, they replace Zoho's `Content-Disposition`. Values are
    /// texts with `${ }`.
    ///
    /// ```yaml
    /// headers: { Retry-After: "30" }
    /// ```
    #[serde(default, deserialize_with = "either::some_map")]
    #[schemars(with = "Option<std::collections::BTreeMap<String, Tree>>")]
    pub headers: Option<IndexMap<String, Tree>>,
    /// A text is sent as it is, anything else as JSON. Texts in it may hold `${ }`; one that is
    /// `${…}` and nothing else keeps the value's type. `$template:` is Handlebars.
    ///
    /// ```yaml
    /// body: { id: "${id}", name: "${name}" }
    /// ```
    pub body: Option<Tree>,
}

/// One test of a function.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Test")]
pub struct TestSpec {
    /// What is claimed; unique in the function.
    ///
    /// ```yaml
    /// name: a push to main is taken
    /// ```
    pub name: String,
    /// The time of the test's clock; default `2026-01-01T00:00:00Z`.
    ///
    /// ```yaml
    /// at: 2026-11-01T10:00:00Z
    /// ```
    pub at: Option<String>,
    /// `sandbox` (default) or `production`.
    ///
    /// ```yaml
    /// environment: production
    /// ```
    #[serde(default, deserialize_with = "either::environment")]
    #[schemars(extend("enum" = ["sandbox", "production"]))]
    pub environment: Option<String>,
    /// Values of `env.` names.
    ///
    /// ```yaml
    /// env: { CHANNEL: "#sandbox" }
    /// ```
    #[serde(default, deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub env: IndexMap<String, String>,
    /// What is sent.
    ///
    /// ```yaml
    /// request: { json: { name: Ada } }
    /// ```
    #[serde(default)]
    pub request: TestRequestSpec,
    /// What destinations answer, by the delivery's name: `status_code`, `headers`, `json`, `text`,
    /// or `timeout: true`, `refused: true`; a list for one attempt after the other. Default: 200
    /// and `{}`.
    ///
    /// ```yaml
    /// mocks: { lead: { status_code: 201, json: { id: 7 } } }
    /// ```
    #[serde(default, deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, Tree>")]
    pub mocks: IndexMap<String, Tree>,
    /// What must come of it.
    ///
    /// ```yaml
    /// expect: { status_code: 200, output: Hello Ada }
    /// ```
    #[serde(default)]
    pub expect: ExpectSpec,
    /// Expressions over `response` (`status_code`, `headers`, `body`, `text`) that must be true.
    ///
    /// ```yaml
    /// assert: [size(response.body.items) == 2]
    /// ```
    #[serde(default)]
    pub assert: Vec<Expression>,
}

/// The request of a test.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TestRequest")]
pub struct TestRequestSpec {
    /// Default: `POST` when there is a body and it is accepted, else the first accepted method.
    ///
    /// ```yaml
    /// method: GET
    /// ```
    pub method: Option<String>,
    /// Default: the function's Zoho address. May hold a query.
    ///
    /// ```yaml
    /// path: /hooks/typeform/demo?source=mail
    /// ```
    pub path: Option<String>,
    /// Added to the query; a list repeats the name.
    ///
    /// ```yaml
    /// query: { tag: [a, b] }
    /// ```
    pub query: Option<Tree>,
    /// Header lines; a list repeats the line.
    ///
    /// ```yaml
    /// headers: { x-github-event: push }
    /// ```
    #[serde(default, deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, Tree>")]
    pub headers: IndexMap<String, Tree>,
    /// The body, as JSON.
    ///
    /// ```yaml
    /// json: { name: Ada }
    /// ```
    pub json: Option<Tree>,
    /// The body, as text.
    ///
    /// ```yaml
    /// body: hello
    /// ```
    pub body: Option<String>,
    /// The body, from a file, relative to the spec's file.
    ///
    /// ```yaml
    /// body_file: fixtures/push.json
    /// ```
    pub body_file: Option<String>,
    /// The body, from the payload corpus; the test is skipped, visibly, where that is absent.
    ///
    /// ```yaml
    /// corpus: payloads/github/push.json
    /// ```
    pub corpus: Option<String>,
    /// The body, any bytes.
    ///
    /// ```yaml
    /// body_base64: AAECAw==
    /// ```
    pub body_base64: Option<String>,
    /// The body, as `application/x-www-form-urlencoded`; a list repeats the name.
    ///
    /// ```yaml
    /// form: { name: Ada }
    /// ```
    pub form: Option<Tree>,
    /// The body, as `multipart/form-data`: of each part its text, or a map of `text`, `file` or
    /// `base64` with `filename` and `type`.
    ///
    /// ```yaml
    /// multipart: { note: hello, cv: { text: "%PDF", filename: cv.pdf } }
    /// ```
    pub multipart: Option<Tree>,
    /// Of a function behind a signature: how the request is signed, with a secret that is made for
    /// the tests. `right`: as the provider would; `wrong`: with another secret; `missing`: not at
    /// all; `stale`: long ago. Default: what it has counts as right, and is not looked at.
    ///
    /// ```yaml
    /// sign: wrong
    /// ```
    #[serde(default, deserialize_with = "either::sign")]
    #[schemars(extend("enum" = ["right", "wrong", "missing", "stale"]))]
    pub sign: Option<String>,
    /// The key that is sent. Default: a valid one where the function takes keys.
    ///
    /// ```yaml
    /// zapikey: { expired: true }
    /// ```
    pub zapikey: Option<TestKeySpec>,
}

/// `tests[].request.zapikey`: `none`, or a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestKeySpec {
    /// No key is sent.
    None,
    /// A key is made and sent.
    Made {
        /// Functions that it opens; default: all.
        functions: Option<Vec<String>>,
        /// It has expired.
        expired: bool,
        /// It has been revoked.
        revoked: bool,
        /// It was never made.
        unknown: bool,
        /// Where it is sent: `query` (default), `header` or `form`.
        sent_in: Option<String>,
    },
}

/// What must come of a test's request.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Expect")]
pub struct ExpectSpec {
    /// The answer's status.
    ///
    /// ```yaml
    /// status_code: 201
    /// ```
    #[serde(default, deserialize_with = "either::some_status::<100, 599, _>")]
    #[schemars(range(min = 100, max = 599))]
    pub status_code: Option<u16>,
    /// Header values; matchers allowed.
    ///
    /// ```yaml
    /// headers: { content-type: { $contains: json } }
    /// ```
    #[serde(default, deserialize_with = "either::map")]
    #[schemars(with = "std::collections::BTreeMap<String, Tree>")]
    pub headers: IndexMap<String, Tree>,
    /// The answer's body: a text is compared whole, a tree by the matching rules.
    ///
    /// ```yaml
    /// body: { id: { $any: true } }
    /// ```
    pub body: Option<Tree>,
    /// Whether `when` was false.
    ///
    /// ```yaml
    /// skipped: true
    /// ```
    pub skipped: Option<bool>,
    /// The code of the refusal.
    ///
    /// ```yaml
    /// refusal: AUTHENTICATION_FAILURE
    /// ```
    pub refusal: Option<String>,
    /// The envelope's `output`, as a value: JSON text in it is compared as JSON.
    ///
    /// ```yaml
    /// output: { id: "554023" }
    /// ```
    pub output: Option<Tree>,
    /// What is delivered, by name; given at all, it is complete: `{}` says that nothing is. Of each
    /// `outcome` (`delivered`, `pending`, `dead`, `held`), `method`, `path`, `query`, `headers`,
    /// `json`, `form`, `text`; a list for the deliveries of a `for_each`.
    ///
    /// ```yaml
    /// deliveries: { lead: { json: { email: ada@example.com } } }
    /// ```
    #[serde(default, deserialize_with = "either::some_map")]
    #[schemars(with = "Option<std::collections::BTreeMap<String, Tree>>")]
    pub deliveries: Option<IndexMap<String, Tree>>,
}
