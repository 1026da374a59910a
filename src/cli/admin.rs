//! Talking to a running gateway through its admin API.

use std::time::Duration;

use serde_json::Value;

use super::data_dir::DataDir;

/// Which gateway.
#[derive(Debug, Clone, clap::Args)]
pub struct Target {
    /// The running gateway's admin address.
    #[arg(
        long,
        value_name = "URL",
        env = "HOOKWEIR_ADMIN",
        global = true,
        default_value = "http://127.0.0.1:8081"
    )]
    pub admin: String,

    #[command(flatten)]
    data_dir: DataDir,
}

/// The admin API's answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body; null when it is not JSON.
    pub body: Value,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The token's file.
    #[error("cannot read the admin token `{path}`; is `--data-dir` the running gateway's?")]
    Token {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The connection.
    #[error("cannot reach the gateway at `{url}`; is it running, and is `--admin` its address?")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        #[source]
        source: Box<ureq::Error>,
    },
}

impl Target {
    /// Asks for a path that needs no token.
    pub fn get(&self, path: &str, patience: Duration) -> Result<Answer, AdminError> {
        let url = self.url(path);
        let response = agent(patience).get(&url).call();
        answer(url, response)
    }

    /// Sends a request without a body, with the admin token.
    pub fn post(&self, path: &str, patience: Duration) -> Result<Answer, AdminError> {
        let token = self.token()?;
        let url = self.url(path);
        let response = agent(patience)
            .post(&url)
            .header("authorization", &format!("Bearer {token}"))
            .send_empty();
        answer(url, response)
    }

    /// The running gateway's data directory.
    pub(super) const fn data_dir(&self) -> &DataDir {
        &self.data_dir
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.admin.trim_end_matches('/'))
    }

    /// From `HOOKWEIR_ADMIN_TOKEN`, else from the data folder.
    fn token(&self) -> Result<String, AdminError> {
        if let Some(token) = super::variable("HOOKWEIR_ADMIN_TOKEN") {
            return Ok(token);
        }
        let path = self.data_dir.admin_token_file();
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(source) => Err(AdminError::Token {
                path: path.display().to_string(),
                source,
            }),
        }
    }
}

fn agent(patience: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(patience));
    config.build().new_agent()
}

fn answer(
    url: String,
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Answer, AdminError> {
    let fail = |source| AdminError::Unreachable {
        url,
        source: Box::new(source),
    };
    let mut response = match response {
        Ok(response) => response,
        Err(error) => return Err(fail(error)),
    };
    let status = response.status().as_u16();
    match response.body_mut().read_to_string() {
        Ok(text) => Ok(Answer {
            status,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
        }),
        Err(error) => Err(fail(error)),
    }
}
