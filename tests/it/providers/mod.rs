//! Genuine signed requests of providers, their handshakes, and what must not pass, through the real
//! server with the clock at the time of each case.
//!
//! The corpora are no part of this repository: `HOOKWEIR_PROVIDER_CORPUS` and
//! `HOOKWEIR_HANDSHAKE_CORPUS` say where they are. A `presets.yaml` beside the cases adds presets
//! that the binary lacks, as `preset:` documents or in the vocabulary's own form.

mod attacks;
mod case;
mod pages;
mod translate;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use hookweir::spec::{self, SignatureSpec};

use crate::harness::{Answer, TestGateway};
use case::{Case, Group};

fn folder(variable: &str, name: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(
        || {
            PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                .join("../shared/corpus")
                .join(name)
        },
        PathBuf::from,
    )
}

/// The cases of a folder, and the presets beside them.
fn read(folder: &std::path::Path) -> (Vec<Case>, String) {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    files.sort();
    let cases = files.iter().flat_map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        cases.into_iter().map(Case::of)
    });
    let presets = std::fs::read_to_string(folder.join("presets.yaml"))
        .map(|text| translate::documents(&text))
        .unwrap_or_default();
    (cases.collect(), presets)
}

/// Runs all cases, each on a function with its secrets; `judge` says what is wrong with an answer.
/// Functions whose addresses collide stand in different gateways.
fn run(
    cases: Vec<Case>,
    presets: &str,
    mut judge: impl FnMut(&Case, &dyn Fn(&Case) -> Answer, Answer),
) {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases {
        let index = *known.entry(case.identity()).or_insert_with(|| {
            groups.push(Group::of(&case));
            groups.len() - 1
        });
        groups[index].cases.push(case);
    }
    while !groups.is_empty() {
        let mut taken = HashSet::new();
        let origin = groups[0].origin.clone();
        let (now, later): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|group| group.origin == origin && taken.insert(group.path.clone()));
        groups = later;
        let mut builder = TestGateway::new().file(
            "gateway.yaml",
            &format!(
                "gateway: test\npublic_url: {origin}\nlimits: {{ body: 40MiB, headers: 100 }}\n"
            ),
        );
        if !presets.is_empty() {
            builder = builder.file("presets.yaml", presets);
        }
        for (number, group) in now.iter().enumerate() {
            for (name, text) in group.files(number) {
                builder = builder.file(&name, &text);
            }
        }
        let gateway = builder.start();
        for group in &now {
            for case in &group.cases {
                let ask = |case: &Case| {
                    gateway
                        .clock
                        .set(jiff::Timestamp::from_second(case.now).unwrap());
                    let headers: Vec<(&str, &str)> = case
                        .headers
                        .iter()
                        .map(|(name, value)| (name.as_str(), value.as_str()))
                        .collect();
                    gateway.request(&case.method, &case.target, &headers, &case.body)
                };
                let answer = ask(case);
                judge(case, &ask, answer);
            }
        }
    }
}

/// What a preset says, by its name, the built-in ones included.
fn presets_by_name(own: &str) -> BTreeMap<String, SignatureSpec> {
    let built_in = hookweir::spec::preset_names().map(|name| {
        (
            name.to_owned(),
            spec::built_in(name).unwrap().signature.clone(),
        )
    });
    let loaded = spec::load_text("presets.yaml", own);
    let own = loaded.documents.into_iter().filter_map(|document| {
        let spec::Spec::Preset(preset) = document.spec else {
            return None;
        };
        Some((preset.preset, preset.signature))
    });
    built_in.chain(own).collect()
}

#[test]
fn every_genuine_request_is_told_from_every_other() {
    let folder = folder("HOOKWEIR_PROVIDER_CORPUS", "providers");
    if !folder.is_dir() {
        println!("skipped: corpus absent at {}", folder.display());
        return;
    }
    let (cases, presets) = read(&folder);
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    run(cases, &presets, |case, _, answer| {
        let expected = if case.is_accepted() { 200 } else { 401 };
        // An address that no function can have is refused before anything is verified.
        let is_no_address = case.target.ends_with('/') && answer.status == 404;
        if answer.status == expected || (!case.is_accepted() && is_no_address) {
            *(if case.is_accepted() {
                &mut accepted
            } else {
                &mut refused
            }) += 1;
        } else {
            wrong.push(format!("{}: {} ({})", case.id(), answer.status, case.why()));
        }
    });
    println!(
        "{accepted} accepted, {refused} refused, {} wrong",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(accepted > 0 && refused > 0);
}

/// The same requests with presets that are written in the vocabulary's own form: what a binary
/// lacks can be said beside the cases.
#[test]
fn presets_of_the_vocabulary_do_the_same_as_ours() {
    let folder = folder("HOOKWEIR_PROVIDER_CORPUS", "providers");
    let presets = std::env::var_os("HOOKWEIR_PROVIDER_PRESETS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/providers-presets.yaml"),
        PathBuf::from,
    );
    let (true, Ok(text)) = (folder.is_dir(), std::fs::read_to_string(&presets)) else {
        println!("skipped: corpus absent at {}", presets.display());
        return;
    };
    let (cases, _) = read(&folder);
    let mut wrong = Vec::new();
    run(cases, &translate::documents(&text), |case, _, answer| {
        if case.is_accepted() != (answer.status == 200) {
            wrong.push(format!("{}: {} ({})", case.id(), answer.status, case.why()));
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_made_of_a_genuine_request_passes() {
    let folder = folder("HOOKWEIR_PROVIDER_CORPUS", "providers");
    if !folder.is_dir() {
        println!("skipped: corpus absent at {}", folder.display());
        return;
    }
    let (cases, presets) = read(&folder);
    let genuine: Vec<Case> = cases.into_iter().filter(Case::is_accepted).collect();
    let (mut tried, mut wrong) = (0, Vec::new());
    let known = presets_by_name(&presets);
    run(genuine, &presets, |case, ask, _| {
        for (name, attack) in attacks::of(case, &known[case.preset()]) {
            tried += 1;
            let answer = ask(&attack);
            if answer.status != 401 {
                wrong.push(format!("{}: {name}: {}", case.id(), answer.status));
            }
        }
    });
    println!("{tried} attacks, {} passed", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 0);
}

#[test]
fn no_other_secret_opens_a_function() {
    let folder = folder("HOOKWEIR_PROVIDER_CORPUS", "providers");
    if !folder.is_dir() {
        println!("skipped: corpus absent at {}", folder.display());
        return;
    }
    let (cases, presets) = read(&folder);
    let genuine: Vec<Case> = cases.into_iter().filter(Case::is_accepted).collect();
    let swapped: Vec<Case> = genuine
        .iter()
        .filter_map(|case| case.with_secrets_of_another(&genuine))
        .collect();
    let (mut tried, mut wrong) = (0, Vec::new());
    run(swapped, &presets, |case, _, answer| {
        tried += 1;
        if answer.status != 401 {
            wrong.push(format!("{}: {}", case.id(), answer.status));
        }
    });
    println!("{tried} tried, {} passed", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 0);
}

#[test]
fn every_handshake_is_answered_as_its_provider_wants() {
    let folder = folder("HOOKWEIR_HANDSHAKE_CORPUS", "handshakes");
    if !folder.is_dir() {
        println!("skipped: corpus absent at {}", folder.display());
        return;
    }
    let (cases, presets) = read(&folder);
    let (mut right, mut wrong) = (0, Vec::new());
    run(cases, &presets, |case, _, answer| {
        match case.judge_handshake(&answer) {
            Ok(()) => right += 1,
            Err(why) => wrong.push(format!("{}: {why}: {answer:?}", case.id())),
        }
    });
    println!("{right} right, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(right > 0);
}
