//! Connections that need an access token: a third party with a token endpoint, as Zoho's and as
//! RFC 6749's are.

use std::collections::HashSet;
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use super::orders::Orders;
use super::postgres;
use super::project::{Project, eventually, files};
use crate::harness::Raw;
use crate::harness::destination::{Destination, Does};

const SECRET: &str = "client-secret-canary";
const REFRESH: &str = "1000.refresh-canary";

/// A third party: `POST /token` gives tokens, everything else wants the newest one.
struct ThirdParty {
    destination: Destination,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// How many tokens were given.
    given: AtomicU32,
    /// Forms that tokens were asked for with.
    forms: Mutex<Vec<String>>,
    /// Bodies that came with a good token.
    taken: Mutex<HashSet<String>>,
    /// How many requests had none.
    refused: AtomicU32,
    /// Tokens are not given.
    says_no: AtomicBool,
    /// Whoever is refused is to be given a new one.
    ended: AtomicU32,
}

fn text(text: String) -> &'static str {
    text.leak()
}

impl ThirdParty {
    fn new() -> Self {
        let state = Arc::new(State::default());
        let acts = Arc::clone(&state);
        let destination = Destination::new(move |came| {
            if came.target == "/token" {
                acts.forms.lock().unwrap().push(came.text().to_owned());
                // Zoho's refusals have status 200.
                if acts.says_no.load(Ordering::Relaxed) {
                    return Does::Answers(200, "", r#"{"error":"invalid_code"}"#);
                }
                let number = acts.given.fetch_add(1, Ordering::Relaxed) + 1;
                return Does::Answers(
                    200,
                    "content-type: application/json\r\n",
                    text(format!(
                        r#"{{"access_token":"1000.token{number}","api_domain":"https://www.zohoapis.com","token_type":"Bearer","expires_in":3600}}"#
                    )),
                );
            }
            let newest = acts.given.load(Ordering::Relaxed);
            let is_ended = acts.ended.load(Ordering::Relaxed) >= newest;
            let wanted = format!("Zoho-oauthtoken 1000.token{newest}");
            if came.header("authorization") == Some(&*wanted) && !is_ended {
                acts.taken.lock().unwrap().insert(came.text().to_owned());
                return Does::Answers(201, "", "{}");
            }
            acts.refused.fetch_add(1, Ordering::Relaxed);
            Does::Answers(401, "", r#"{"code":"INVALID_TOKEN"}"#)
        });
        Self { destination, state }
    }

    fn project(&self, grant: &str) -> Project {
        let project = Project::delivering(&self.destination, 10, "")
            .with("CLIENT_SECRET", SECRET)
            .with("REFRESH_TOKEN", REFRESH);
        let specs = std::fs::read_to_string(project.path("specs/all.yaml")).unwrap();
        let address = self.destination.address;
        let auth = format!(
            "auth:
  oauth2:
    {grant}
    token_url: http://{address}/token
    client_id: 1000.CLIENT
    client_secret: {{ env: CLIENT_SECRET }}
    header: Zoho-oauthtoken {{token}}
"
        );
        project.write("specs/all.yaml", &(specs + &auth));
        project
    }

    fn given(&self) -> u32 {
        self.state.given.load(Ordering::Relaxed)
    }

    fn forms(&self) -> Vec<String> {
        self.state.forms.lock().unwrap().clone()
    }

    #[track_caller]
    fn wait_for(&self, bodies: &HashSet<String>) {
        eventually("all that was acknowledged", || {
            let taken = self.state.taken.lock().unwrap();
            bodies.is_subset(&taken).then_some(())
        });
    }
}

const BY_REFRESH: &str = "grant: refresh_token
    refresh_token: { env: REFRESH_TOKEN }";

#[test]
fn one_token_is_asked_for_kept_sealed_and_replaced_when_it_is_refused() {
    let third_party = ThirdParty::new();
    let project = third_party.project(BY_REFRESH);
    let mut serving = project.serve(&[]);
    let orders = Orders::post(serving.ingress, 6, "order");
    orders.wait_for_taken(60);
    third_party.wait_for(&orders.end());
    assert_eq!(third_party.given(), 1, "all waited for one");
    let form = &third_party.forms()[0];
    for part in [
        "grant_type=refresh_token",
        "client_id=1000.CLIENT",
        "client_secret=client-secret-canary",
        "refresh_token=1000.refresh-canary",
    ] {
        assert!(form.contains(part), "{part} in {form}");
    }
    serving.stop();
    drop(serving);
    for file in files(&project.path("data")) {
        let bytes = std::fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for secret in ["1000.token", "canary"] {
            assert!(!text.contains(secret), "{secret} in {}", file.display());
        }
    }
    // The next start has it, until the third party does not take it any more.
    let mut serving = project.serve(&[]);
    let orders = Orders::post(serving.ingress, 6, "later");
    orders.wait_for_taken(20);
    third_party.wait_for(&orders.taken());
    assert_eq!(third_party.given(), 1);
    third_party.state.ended.store(1, Ordering::Relaxed);
    orders.wait_for_taken(40);
    third_party.wait_for(&orders.end());
    assert_eq!(third_party.given(), 2);
    let said = serving.err();
    assert!(
        !said.contains("canary") && !said.contains("1000.token"),
        "{said}"
    );
    serving.stop();
}

#[test]
fn a_token_endpoint_that_says_no_is_left_alone_and_nothing_is_lost() {
    let third_party = ThirdParty::new();
    third_party.state.says_no.store(true, Ordering::Relaxed);
    let project = third_party.project("grant: client_credentials");
    let mut serving = project.serve(&[]);
    let orders = Orders::post(serving.ingress, 4, "order");
    orders.wait_for_taken(30);
    let taken = orders.end();
    let reason = "no access token: the token endpoint refuses: invalid_code";
    eventually("attempts that say why", || {
        let page = project.run(&["deliveries", "list", "--format", "json"]);
        page.out.contains(reason).then_some(())
    });
    assert_eq!(
        third_party.forms().len(),
        1,
        "it is not asked again at once"
    );
    assert!(third_party.forms()[0].contains("grant_type=client_credentials"));
    let said = project.run(&["connections", "test", "crm"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.err
            .contains("the token endpoint refuses: invalid_code"),
        "{said:?}"
    );
    third_party.state.says_no.store(false, Ordering::Relaxed);
    serving.stop();
    drop(serving);
    let mut serving = project.serve(&[]);
    let retried = project.run(&[
        "deliveries",
        "retry",
        "--connection",
        "crm",
        "--max",
        "1000",
    ]);
    assert_eq!(retried.code, 0, "{retried:?}");
    third_party.wait_for(&taken);
    serving.stop();
}

#[test]
fn gateways_on_one_database_ask_for_one_token() {
    let Some(url) = postgres::schema() else {
        return;
    };
    let third_party = ThirdParty::new();
    let project = || third_party.project(BY_REFRESH).stored_at(&url);
    let (here, there) = (project(), project());
    let mut first = here.serve(&[]);
    let mut second = there.serve(&[]);
    let to_first = Orders::post(first.ingress, 4, "first");
    let to_second = Orders::post(second.ingress, 4, "second");
    to_first.wait_for_taken(60);
    to_second.wait_for_taken(60);
    third_party.wait_for(&to_first.end());
    third_party.wait_for(&to_second.end());
    assert_eq!(third_party.given(), 1);
    first.stop();
    second.stop();
}

#[test]
fn somebody_allows_it_in_a_browser() {
    let third_party = ThirdParty::new();
    let address = third_party.destination.address;
    let project = third_party.project(&format!(
        "grant: authorization_code
    authorize_url: http://{address}/authorize
    authorize_params: {{ access_type: offline }}
    scopes: [ZohoCRM.modules.ALL]"
    ));
    let mut serving = project.serve(&[]);
    let listed = project.run(&["connections", "list"]);
    assert!(
        listed.out.contains("authorization_code, no token yet"),
        "{listed:?}"
    );
    let orders = Orders::post(serving.ingress, 1, "order");
    orders.wait_for_taken(3);
    let taken = orders.end();
    eventually("attempts that say what to do", || {
        let page = project.run(&["deliveries", "list", "--format", "json"]);
        page.out
            .contains("hookweir connections authorize crm")
            .then_some(())
    });

    let mut command = project.command(&["connections", "authorize", "crm", "--port", "0"]);
    let asking = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut asking = Killed(asking);
    let mut out = std::io::BufReader::new(asking.0.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let (url, query) = line.trim().split_once('?').unwrap();
    assert_eq!(url, format!("http://{address}/authorize"));
    let find = |sought: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let found = pairs.find(|(name, _)| name == sought);
        found
            .unwrap_or_else(|| panic!("no {sought} in {query}"))
            .1
            .into_owned()
    };
    assert_eq!(find("access_type"), "offline");
    assert_eq!(find("scope"), "ZohoCRM.modules.ALL");
    assert_eq!(find("code_challenge_method"), "S256");
    let redirect = find("redirect_uri");
    let back = redirect
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/callback")
        .unwrap();
    let visit = |target: &str| {
        let stream = TcpStream::connect(back).unwrap();
        Raw::new(stream).request("GET", target, &[], b"").status
    };
    // Who guesses is not let in, and does not end the wait.
    assert_eq!(visit("/callback?code=stolen&state=guessed"), 400);
    assert_eq!(visit("/favicon.ico"), 404);
    assert_eq!(
        visit(&format!("/callback?code=c0de&state={}", find("state"))),
        200
    );
    assert!(asking.0.wait().unwrap().success());
    let form = &third_party.forms()[0];
    for part in [
        "grant_type=authorization_code",
        "code=c0de",
        "code_verifier=",
    ] {
        assert!(form.contains(part), "{part} in {form}");
    }
    let listed = project.run(&["connections", "list"]);
    assert!(listed.out.contains("token kept until"), "{listed:?}");
    project.run(&[
        "deliveries",
        "retry",
        "--connection",
        "crm",
        "--max",
        "1000",
    ]);
    third_party.wait_for(&taken);

    let revoked = project.run(&["connections", "revoke", "crm"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    let again = project.run(&["connections", "revoke", "crm"]);
    assert_eq!(again.code, 3, "{again:?}");
    let before = third_party.state.taken.lock().unwrap().len();
    eventually("the end of the token in the gateway", || {
        let page = serving.admin_without_token("/readyz");
        assert_eq!(page.status, 200);
        let orders = Orders::post(serving.ingress, 1, &uuid::Uuid::now_v7().to_string());
        orders.wait_for_taken(1);
        orders.end();
        let page = project.run(&["deliveries", "list", "--format", "json", "--limit", "1"]);
        page.out.contains("connections authorize").then_some(())
    });
    assert!(third_party.state.taken.lock().unwrap().len() >= before);
    serving.stop();
}

/// Ends with the test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
