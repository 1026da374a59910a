//! `hookweir send`: a request as a provider would send it, signed, to a running gateway.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

use super::console::{Console, Exit, Failure, finish};
use super::sample::sample;
use crate::diagnostic::Severity;
use crate::gateway::signature::{With, attacks, sign};
use crate::gateway::{Admission, Head, InboundRequest};
use crate::route::{self, Address, Generation, Outside, Pattern, Settings};
use crate::spec::{self, AuthSpec, PresetSpec, SignatureSpec, Spec};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sign a request as a provider would and send it to a running gateway
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookweir send github_push --event push
  hookweir send github_push --event push --body push.json
  hookweir send lead --as stripe --to http://127.0.0.1:9080/hooks/stripe
  hookweir send github_push --attack               every forgery must be refused

The secret is taken from where the function takes it, so this runs where the gateway's variables
are set. Without `--body` a small one is made, with the event's name and an id where the provider
has them. Who signs with a private key cannot be stood in for: such requests are not sent.

The exit code is 0 when the answer is 2xx, or when all forgeries were refused; else 1.")]
pub struct Args {
    /// The function to call
    #[arg(value_name = "FUNCTION")]
    function: String,

    /// Sign as this provider does, in place of the function's own
    #[arg(long = "as", value_name = "PRESET")]
    preset: Option<String>,

    /// The event's name, put where the provider has it
    #[arg(long, value_name = "NAME")]
    event: Option<String>,

    /// A file with the body; `-` is standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,

    /// A header line: `Name: value`
    #[arg(long, value_name = "LINE")]
    header: Vec<String>,

    /// The method [default: POST]
    #[arg(
        long,
        value_name = "METHOD",
        default_value = "POST",
        hide_default_value = true
    )]
    method: Method,

    /// Where to; with a path that is not the function's own, the path is what is called
    /// [default: where the gateway listens]
    #[arg(long, value_name = "URL")]
    to: Option<Uri>,

    /// The key, of functions that ask for one, too
    #[arg(
        long,
        value_name = "KEY",
        env = "HOOKWEIR_ZAPIKEY",
        hide_env_values = true
    )]
    zapikey: Option<String>,

    /// Send what can be made of the request without its secret, and say what was refused
    #[arg(long)]
    attack: bool,

    /// The folder of functions
    #[arg(
        long,
        value_name = "DIR",
        env = "HOOKWEIR_SPECS",
        default_value = "specs"
    )]
    specs: PathBuf,

    /// How third parties reach the gateway, such as `https://hooks.example.com`
    #[arg(long, value_name = "URL", env = "HOOKWEIR_PUBLIC_URL")]
    public_url: Option<String>,
}

/// Runs `hookweir send`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| args.run(console))
}

impl Args {
    fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let (generation, settings, preset) = self.load()?;
        let admission = super::admission(&generation, &self.function)?;
        let base = self.base(&settings)?;
        let request = self.request(&admission, &base, preset, console)?;
        let at = console.clock.now();
        if self.attack {
            return attack(&admission, &request, &base, console);
        }
        let signed = match sign(&admission, &request, at, With::Own) {
            Ok(signed) => signed.request,
            Err(why) => return Err(Failure::failed(why.to_string())),
        };
        let (status, body) = exchange(&signed, &base)?;
        writeln!(console.out, "{status}")?;
        console.out.write_all(&body)?;
        if !body.is_empty() && !body.ends_with(b"\n") {
            writeln!(console.out)?;
        }
        Ok(if (200..300).contains(&status) {
            Exit::Done
        } else {
            Exit::Problems
        })
    }

    /// The functions, the settings and what is known of the provider.
    fn load(&self) -> Result<(Arc<Generation>, Settings, Option<&'static PresetSpec>), Failure> {
        let mut loaded = spec::load(&self.specs)
            .map_err(|error| super::no_functions(&self.specs, &error, "--specs DIR"))?;
        let mut named = self.preset.clone();
        for document in &mut loaded.documents {
            let Spec::Function(function) = &mut document.spec else {
                continue;
            };
            if function.function != self.function {
                continue;
            }
            if let Some(AuthSpec::Callers {
                signature: Some(signature),
                ..
            }) = &mut function.auth
            {
                match &self.preset {
                    Some(preset) => **signature = signing_as(preset, signature),
                    None => named.clone_from(&signature.preset),
                }
            }
        }
        let outside = Outside {
            public_url: self.public_url.as_deref().filter(|url| !url.is_empty()),
            ..Outside::variables(&super::variable)
        };
        let compiled = route::compile_with(loaded, outside);
        let first = compiled
            .diagnostics
            .iter()
            .find(|problem| problem.severity == Severity::Error);
        if let Some(problem) = first {
            let failure =
                Failure::failed(format!("the functions have errors: {}", problem.message));
            let help = format!("`hookweir check {}` shows them", self.specs.display());
            return Err(failure.help(help));
        }
        let generation = compiled
            .generation
            .ok_or_else(|| Failure::failed("there are no functions"))?;
        let preset = named.as_deref().and_then(spec::built_in);
        Ok((Arc::new(generation), compiled.settings, preset))
    }

    /// Scheme and host to send to; a path in it is the function's address.
    fn base(&self, settings: &Settings) -> Result<Uri, Failure> {
        if let Some(to) = &self.to {
            if to.scheme_str() != Some("http") || to.authority().is_none() {
                let failure = Failure::usage(format!("`{to}` cannot be sent to"));
                return Err(
                    failure.help("write it as in `http://127.0.0.1:8080`: this speaks plain HTTP")
                );
            }
            return Ok(to.clone());
        }
        match &settings.ingress.address {
            Address::Tcp(address) if settings.ingress.tls.is_none() => format!("http://{address}")
                .parse()
                .map_err(|_| Failure::failed("the gateway's address is no URL")),
            _ => {
                let failure = Failure::usage("where does the gateway listen?");
                Err(failure.help("`--to http://127.0.0.1:8080`"))
            }
        }
    }

    /// The request without its proof.
    fn request(
        &self,
        admission: &Admission,
        base: &Uri,
        preset: Option<&PresetSpec>,
        console: &mut Console<'_>,
    ) -> Result<InboundRequest, Failure> {
        let mut headers = HeaderMap::new();
        let body = match &self.body {
            None => sample(preset, self.event.as_deref(), &mut headers),
            Some(file) if file == Path::new("-") => {
                let mut body = Vec::new();
                console.input.read_to_end(&mut body)?;
                body
            }
            Some(file) => std::fs::read(file).map_err(|error| {
                Failure::failed(format!("cannot read `{}`: {error}", file.display()))
            })?,
        };
        if self.body.is_some() {
            // Only what stands beside the body.
            sample(preset, self.event.as_deref(), &mut headers);
        }
        let kind = preset.and_then(|preset| preset.webhook.content_type.as_deref());
        if let Ok(kind) = HeaderValue::from_str(kind.unwrap_or("application/json")) {
            headers.insert(header::CONTENT_TYPE, kind);
        }
        if let Some(host) = base
            .authority()
            .and_then(|host| HeaderValue::from_str(host.as_str()).ok())
        {
            headers.insert(header::HOST, host);
        }
        if let Some(key) = &self.zapikey {
            let mut key = HeaderValue::from_str(key)
                .map_err(|_| Failure::usage("the key cannot stand in a header"))?;
            key.set_sensitive(true);
            headers.insert(HeaderName::from_static("x-zapi-key"), key);
        }
        for line in &self.header {
            let parsed = line.split_once(':').and_then(|(name, value)| {
                let name: HeaderName = name.trim().parse().ok()?;
                Some((name, HeaderValue::from_str(value.trim()).ok()?))
            });
            let (name, value) = parsed.ok_or_else(|| {
                Failure::usage(format!("`{line}` is no header line"))
                    .help("`--header 'Name: value'`")
            })?;
            headers.append(name, value);
        }
        Ok(InboundRequest {
            head: Head {
                method: self.method.clone(),
                target: target(admission, base)?,
                headers,
                peer: None,
                client: None,
                received_at: console.clock.now(),
                request_id: "send".into(),
            },
            body: body.into(),
        })
    }
}

/// Sends the genuine request and every forgery, and says what came of each.
fn attack(
    admission: &Admission,
    request: &InboundRequest,
    base: &Uri,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let at = console.clock.now();
    let cannot = |why: crate::gateway::signature::CannotSign| Failure::failed(why.to_string());
    let genuine = sign(admission, request, at, With::Own).map_err(cannot)?;
    let (status, _) = exchange(&genuine.request, base)?;
    writeln!(console.out, "{status}  the genuine request")?;
    let is_taken = (200..300).contains(&status);
    let mut passed = 0;
    for attack in attacks(admission, request, at).map_err(cannot)? {
        let (status, _) = exchange(&attack.request, base)?;
        let is_refused = (400..500).contains(&status);
        passed += usize::from(!is_refused);
        let mark = if is_refused { "" } else { "   NOT REFUSED" };
        writeln!(console.out, "{status}  {}{mark}", attack.name)?;
    }
    if !is_taken {
        writeln!(
            console.out,
            "the genuine request was not taken, so the rest says nothing: `hookweir explain request` may know why"
        )?;
        return Ok(Exit::Problems);
    }
    if passed > 0 {
        writeln!(console.out, "{passed} not refused")?;
        return Ok(Exit::Problems);
    }
    writeln!(console.out, "all refused")?;
    Ok(Exit::Done)
}

/// The path to call.
fn target(admission: &Admission, base: &Uri) -> Result<PathAndQuery, Failure> {
    if let Some(target) = base
        .path_and_query()
        .filter(|target| target.as_str() != "/")
    {
        return Ok(target.clone());
    }
    let route = &admission.route;
    let has_parameters = route.pattern.iter().flat_map(Pattern::parameters).next();
    let path = match &route.path {
        Some(path) if has_parameters.is_none() => path.clone(),
        Some(path) => {
            let failure = Failure::usage(format!("the address `{path}` has parameters"));
            return Err(failure.help("give the whole URL: `--to http://127.0.0.1:8080/…`"));
        }
        None => format!("/crm/v7/functions/{}/actions/execute", route.name),
    };
    path.parse()
        .map_err(|_| Failure::usage(format!("`{path}` is no path of a URL")))
}

/// Sends a request; gives the answer's status and body.
fn exchange(request: &InboundRequest, base: &Uri) -> Result<(u16, Bytes), Failure> {
    let authority = base.authority().map_or("", http::uri::Authority::as_str);
    let url = format!("http://{authority}{}", request.head.target);
    let mut builder = ureq::http::Request::builder()
        .method(request.head.method.clone())
        .uri(&url);
    if let Some(headers) = builder.headers_mut() {
        for (name, value) in &request.head.headers {
            if name != header::HOST {
                headers.append(name.clone(), value.clone());
            }
        }
    }
    let request = builder
        .body(&request.body[..])
        .map_err(|error| Failure::failed(error.to_string()))?;
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .allow_non_standard_methods(true)
        .proxy(None)
        .build();
    let unreachable = |error: ureq::Error| {
        Failure::failed(format!("{url} does not answer: {error}"))
            .help("is `hookweir serve` running there?")
    };
    let mut response = ureq::Agent::new_with_config(config)
        .run(request)
        .map_err(unreachable)?;
    let body = response.body_mut().read_to_vec().map_err(unreachable)?;
    Ok((response.status().as_u16(), body.into()))
}

/// The function's secrets with another provider's scheme.
fn signing_as(preset: &str, own: &SignatureSpec) -> SignatureSpec {
    SignatureSpec {
        preset: Some(preset.to_owned()),
        secrets: own.secrets.clone(),
        keys: own.keys.clone(),
        params: own.params.clone(),
        public_url: own.public_url.clone(),
        ..SignatureSpec::default()
    }
}
