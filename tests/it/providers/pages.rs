//! One page a provider, made of its preset: `HOOKWEIR_UPDATE=1 cargo test --test it pages` writes
//! them. The function on each is compiled and its tests run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use hookweir::spec::{self, PresetSpec};

fn hookweir(args: &[&str]) -> (bool, String) {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_hookweir"))
        .args(args)
        .env_remove("HOOKWEIR_SPECS")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    (output.status.success(), text + &errors)
}

/// The function that `explain preset` shows.
fn function(name: &str) -> String {
    let (is_shown, page) = hookweir(&["explain", "preset", name]);
    assert!(is_shown, "{page}");
    let (_, rest) = page.split_once("# A function:\n#\n").unwrap();
    let (lines, _) = rest.split_once("#\n# Put into").unwrap();
    lines
        .lines()
        .map(|line| line.strip_prefix("#   ").unwrap_or_default().to_owned() + "\n")
        .collect()
}

fn page(preset: &PresetSpec, function: &str) -> String {
    let name = &preset.preset;
    let mut page = format!("# {}\n\n", preset.title.as_deref().unwrap());
    let mut point = |label: &str, text: Option<&str>| {
        if let Some(text) = text {
            let _ = writeln!(page, "- {label}: {text}");
        }
    };
    point("The URL goes to", preset.setup.url.as_deref());
    point("The secret", preset.setup.secret.as_deref());
    point("Note", preset.setup.note.as_deref());
    point(
        "It sends from the addresses, for `auth.allow_ips`, that it lists at",
        preset.webhook.addresses_at.as_deref(),
    );
    let webhook = &preset.webhook;
    let code = |text: &spec::Expression| format!("`{}`", text.0);
    let time = |period: spec::Period| {
        let seconds = period.0.as_secs();
        match seconds {
            seconds if seconds % 86400 == 0 => format!("{} d", seconds / 86400),
            seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
            seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
            seconds => format!("{seconds} s"),
        }
    };
    let handshakes = preset.signature.challenge.as_ref().map(|challenges| {
        let answered = challenges.iter().map(|challenge| {
            let method = challenge.method.as_deref().unwrap_or("POST");
            if challenge.verify.as_deref() == Some("first") {
                format!("{method}, if it is signed")
            } else {
                method.to_owned()
            }
        });
        answered.collect::<Vec<_>>().join("; ")
    });
    let rows = [
        ("the event's name", webhook.event.as_ref().map(code)),
        ("its id", webhook.id.as_ref().map(code)),
        ("content type", webhook.content_type.clone()),
        ("success is", webhook.success.clone()),
        ("waits for an answer", webhook.answer_within.map(time)),
        ("tries again for", webhook.retried_for.map(time)),
        ("handshakes that are answered", handshakes),
    ];
    let known: Vec<_> = rows
        .into_iter()
        .filter_map(|(label, value)| Some((label, value?)))
        .collect();
    if !known.is_empty() {
        page += "\n| | |\n|---|---|\n";
        for (label, value) in known {
            let _ = writeln!(page, "| {label} | {} |", value.replace('|', "\\|"));
        }
    }
    let _ = write!(
        page,
        "\nTimes and retries are as the provider gave them once; they change.\n\n```yaml\n{function}```\n\n`hookweir explain preset {name}` shows how it signs.\n"
    );
    page
}

#[test]
fn every_provider_has_a_page_whose_function_works() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/providers/pages");
    let update = std::env::var_os("HOOKWEIR_UPDATE").is_some();
    let specs = tempfile::tempdir().unwrap();
    let mut behind = Vec::new();
    for name in spec::preset_names() {
        let preset = spec::built_in(name).unwrap();
        let function = function(name);
        std::fs::write(specs.path().join(format!("{name}.yaml")), &function).unwrap();
        let made = page(preset, &function);
        let path: PathBuf = folder.join(format!("{name}.md"));
        if update {
            std::fs::write(&path, &made).unwrap();
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != made {
            behind.push(name);
        }
    }
    assert!(
        behind.is_empty(),
        "behind their presets, HOOKWEIR_UPDATE=1 writes them: {behind:?}"
    );
    let pages = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(pages, spec::preset_names().count(), "a page has no preset");
    let (passed, said) = hookweir(&["test", specs.path().to_str().unwrap()]);
    assert!(passed, "{said}");
}
