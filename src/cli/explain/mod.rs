//! `hookweir explain`: what a code means, what a key of a spec is for, what is known of a provider,
//! and why a request was refused.

mod preset;
mod request;

use std::path::Path;

use super::console::{Console, Exit, Failure, finish};
use crate::diagnostic::{code, suggest};
use crate::spec;

/// Explain a code, a key of a spec, a preset, or a refused request
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookweir explain E0112                          a problem that `check` reported
  hookweir explain function                       the keys of a function
  hookweir explain function.accept.max_body       one of them
  hookweir explain gateway.limits
  hookweir explain preset                         all providers that have a preset
  hookweir explain preset stripe                  one of them, as YAML
  hookweir explain request push.http --function github_push
                                                  why a request is refused
  hookweir explain                                all codes

A request is a file as `nc -l` or `curl -v` writes it, HAR, or JSON with `method`, `url`, `headers`
and a body. What would have made it fit is tried and told; secrets and expected values are not.")]
pub struct Args {
    /// A code such as `E0112`, or a key such as `function.accept.max_body`; without it, all codes
    /// are listed.
    #[arg(value_name = "CODE|KEY")]
    what: Option<String>,

    /// After `preset`: which; after `request`: the file with it, `-` for standard input.
    #[arg(value_name = "NAME|FILE")]
    name: Option<String>,

    #[command(flatten)]
    request: request::Options,
}

/// Runs `hookweir explain`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| {
        let page = match (args.what.as_deref(), &args.name) {
            (None, _) => list(),
            (Some("preset"), Some(name)) => preset::page(name)?,
            (Some("preset"), None) => page("preset")? + &preset::list(),
            (Some("request"), file) => {
                let options = &args.request;
                let (Some(file), Some(function)) = (file, &options.function) else {
                    let failure = Failure::usage("which request, at which function?");
                    return Err(failure.help("`hookweir explain request FILE --function NAME`"));
                };
                let question = request::Question {
                    file: Path::new(file),
                    function,
                    specs: &options.specs,
                    pick: options.pick.as_deref(),
                    at: options.at,
                    public_url: options.public_url.as_deref().filter(|url| !url.is_empty()),
                    as_json: options.format == "json",
                };
                return request::run(&question, console);
            }
            (Some(what), None) => page(what)?,
            (Some(what), Some(_)) => {
                let message = format!("`{what}` takes no name");
                return Err(Failure::usage(message).help("`hookweir explain preset NAME`"));
            }
        };
        console.out.write_all(page.as_bytes())?;
        Ok(Exit::Done)
    })
}

/// All codes, a line each.
fn list() -> String {
    let mut codes: Vec<(&str, &str)> = code::all()
        .map(|(code, page)| (code.0, title(page)))
        .collect();
    codes.sort_unstable();
    let lines: Vec<String> = codes
        .into_iter()
        .map(|(code, title)| format!("{code}  {title}"))
        .collect();
    lines.join("\n") + "\n"
}

fn title(page: &str) -> &str {
    let line = page.lines().next().unwrap_or_default();
    line.trim_start_matches(['#', ' '])
}

fn page(what: &str) -> Result<String, Failure> {
    if let Some(page) = code::explain(what) {
        return Ok(format!(
            "{}: {}",
            what.to_ascii_uppercase(),
            page.trim_start_matches(['#', ' '])
        ));
    }
    if let Some(page) = spec::explain_key(what) {
        return Ok(page);
    }
    let digits = what.get(1..).unwrap_or_default();
    if what.starts_with(['E', 'W', 'e', 'w']) && digits.parse::<u32>().is_ok() {
        let message = format!("there is no code `{what}`");
        return Err(Failure::usage(message).help("`hookweir explain` lists them all"));
    }
    // As far as the keys exist; then what there is, and what is nearest.
    let mut known = String::new();
    let mut unknown = what;
    for step in what.split('.') {
        let path = if known.is_empty() {
            step.to_owned()
        } else {
            format!("{known}.{step}")
        };
        unknown = step;
        if spec::explain_key(&path).is_none() {
            break;
        }
        known = path;
    }
    let keys = spec::keys_under(&known);
    let place = if known.is_empty() {
        "a spec".to_owned()
    } else {
        format!("`{known}`")
    };
    if keys.is_empty() {
        return Err(Failure::usage(format!("{place} has no keys below it")));
    }
    let help = match suggest::nearest(unknown, keys.iter().map(String::as_str)) {
        Some(key) => format!("did you mean `{key}`?"),
        None => format!("there are `{}`", keys.join("`, `")),
    };
    let message = format!("there is no key `{unknown}` in {place}");
    Err(Failure::usage(message).help(help))
}

#[cfg(test)]
mod tests {
    use super::{Args, run};
    use crate::cli::console::{Console, Exit};
    use crate::clock::SystemClock;

    fn explained(what: Option<&str>) -> (Exit, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = Args {
            what: what.map(str::to_owned),
            name: None,
            request: super::request::Options {
                function: None,
                specs: "specs".into(),
                pick: None,
                at: None,
                public_url: None,
                format: "text".to_owned(),
            },
        };
        let exit = run(
            &args,
            &mut Console {
                input: &mut std::io::empty(),
                input_is_terminal: false,
                out: &mut out,
                err: &mut err,
                clock: &SystemClock,
            },
        );
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (exit, text(out), text(err))
    }

    #[test]
    fn tells_codes_and_keys() {
        for (what, words) in [
            (None, "E0112  Unknown key\n"),
            (Some("E0112"), "E0112: Unknown key\n"),
            (Some("e0112"), "Wrong:"),
            (Some("function"), "  accept    Which requests are taken."),
            (Some("function.accept.max_body"), "max_body: 1MiB"),
            (Some("function.respond[0].status_code"), "200 to 599"),
            (Some("function.tests.request.zapikey.expired"), "expired"),
            (
                Some("function.auth.zapikey"),
                "One of `required`, `optional`, `none`.",
            ),
            (Some("gateway.limits.body"), "Largest body"),
        ] {
            let (code, out, err) = explained(what);
            assert_eq!((code, err.as_str()), (Exit::Done, ""), "{what:?}");
            assert!(out.contains(words), "{what:?}: {out}");
        }
    }

    #[test]
    fn says_a_sentence_once() {
        let (_, out, _) = explained(Some("function.accept"));
        assert_eq!(out.matches("Which requests are taken.").count(), 1, "{out}");
        assert!(out.contains("path: /hooks/github"), "{out}");
        for key in crate::spec::keys_under("function") {
            let (_, out, _) = explained(Some(&format!("function.{key}")));
            let mut lines: Vec<&str> = out.lines().filter(|line| line.len() > 20).collect();
            let all = lines.len();
            lines.sort_unstable();
            lines.dedup();
            assert_eq!(lines.len(), all, "{out}");
        }
    }

    #[test]
    fn names_the_nearest_of_what_there_is_not() {
        for (what, words) in [
            (
                "E9999",
                "error: there is no code `E9999`\n  help: `hookweir explain` lists them all\n",
            ),
            (
                "functoin",
                "error: there is no key `functoin` in a spec\n  help: did you mean `function`?\n",
            ),
            (
                "function.accept.maxbody",
                "error: there is no key `maxbody` in `function.accept`\n  help: did you mean `max_body`?\n",
            ),
            (
                "function.summary.x",
                "error: `function.summary` has no keys below it\n",
            ),
            (
                "",
                "error: there is no key `` in a spec\n  help: there are `function`, `gateway`, `preset`, `connection`\n",
            ),
        ] {
            assert_eq!(
                explained(Some(what)),
                (Exit::Usage, String::new(), words.to_owned()),
                "{what}"
            );
        }
    }
}
