//! `outbound` of the `gateway:` document.

use std::path::Path;

use super::compile::{networks, pem_file};
use crate::diagnostic::code;
use crate::outbound::Options;
use crate::route::report::{Complete, Report};
use crate::spec::{FieldPath, OutboundSpec};

pub(super) fn compile(spec: &OutboundSpec, root: &Path, report: &mut Report<'_>) -> Options {
    let at = FieldPath::root().key("outbound");
    Options {
        proxy: spec
            .proxy
            .as_deref()
            .and_then(|url| proxy(url, &at.key("proxy"), report)),
        authorities: spec.authorities.as_deref().map(|path| {
            let begins = "-----BEGIN CERTIFICATE";
            pem_file(path, begins, root, &at.key("authorities"), report)
        }),
        allow: networks(&spec.allow, &at.key("allow"), report),
    }
}

fn proxy(url: &str, at: &FieldPath, report: &mut Report<'_>) -> Option<String> {
    let is_proxy = url.parse::<http::Uri>().is_ok_and(|parsed| {
        let authority = parsed.authority().map(http::uri::Authority::as_str);
        matches!(parsed.scheme_str(), Some("http" | "https"))
            && authority.is_some_and(|authority| !authority.contains('@'))
            && parsed
                .path_and_query()
                .is_none_or(|rest| rest.as_str() == "/")
    });
    if is_proxy {
        return Some(url.to_owned());
    }
    report
        .error(
            code::settings::BAD_PROXY,
            at,
            "this cannot be the address of a proxy",
        )
        .help("write it as in `http://proxy.internal:3128`, without a user and without a path");
    None
}
