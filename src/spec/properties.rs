//! Properties over generated and broken YAML. Seeded: each run sees the same cases.

use super::layout::{Layout, Shape, Style};
use super::{aligner, load_bytes, load_text, read, structure};
use crate::diagnostic::{Format, SourceId, arrange, render};

/// splitmix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % limit as u64).unwrap()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const PIECES: [&str; 24] = [
    "a", "body", ".", "é", "ß", "😀", "𝄞", "日本", "\"", "'", "\\", "==", "&&", "+", "(", ")",
    "#x", "x:y", "${b}", "1", "-", "ü", "\u{a0}", "z",
];

fn word(dice: &mut Dice) -> String {
    (0..=dice.below(3)).map(|_| dice.one(&PIECES)).collect()
}

/// Lines of words; some empty, some indented further when `deeper`.
fn lines(dice: &mut Dice, deeper: bool) -> Vec<String> {
    (0..=dice.below(5))
        .map(|_| {
            if dice.chance(20) {
                return String::new();
            }
            let mut line = String::new();
            if deeper && dice.chance(25) {
                line.push_str(dice.one(&[" ", "  ", "\t"]));
            }
            for position in 0..=dice.below(4) {
                if position > 0 {
                    line.push_str(dice.one(&[" ", " ", "  "]));
                }
                line.push_str(&word(dice));
            }
            line
        })
        .collect()
}

fn block(dice: &mut Dice, mark: char) -> String {
    let indent = 2 + dice.below(4);
    let lines = lines(dice, true);
    let explicit = lines
        .first()
        .is_some_and(|line| line.starts_with([' ', '\t']) || line.is_empty());
    let mut text = String::from(mark);
    if explicit || dice.chance(20) {
        text.push_str(&indent.to_string());
    }
    text.push_str(dice.one(&["", "-", "+"]));
    text.push_str(dice.one(&["", "", " # é"]));
    for line in lines {
        text.push('\n');
        if !line.is_empty() {
            text.push_str(&" ".repeat(indent));
            text.push_str(&line);
        } else if dice.chance(30) {
            text.push_str(&" ".repeat(indent.saturating_sub(1)));
        }
    }
    text
}

fn flow(dice: &mut Dice, quote: &str) -> String {
    let mut text = String::from(quote);
    for (position, line) in lines(dice, false).into_iter().enumerate() {
        if position > 0 {
            text.push_str(dice.one(&["\n   ", "\n\n   ", " \n  ", "\n \n\n      "]));
        }
        for c in line.chars() {
            match (quote, c) {
                ("'", '\'') => text.push_str("''"),
                ("\"", '"' | '\\') => {
                    text.push('\\');
                    text.push(c);
                }
                ("\"", c) if dice.chance(8) => {
                    let escaped = match dice.below(4) {
                        0 => format!("\\U{:08x}", u32::from(c)),
                        1 => format!("\\n{c}"),
                        2 => format!("\\\n    {c}"),
                        _ => format!("\\t\\x41\\u00e9{c}"),
                    };
                    text.push_str(&escaped);
                }
                _ => text.push(c),
            }
        }
    }
    text.push_str(quote);
    text
}

fn scalar(dice: &mut Dice, kind: usize) -> String {
    match kind {
        0 => block(dice, '|'),
        1 => block(dice, '>'),
        2 => flow(dice, ""),
        3 => flow(dice, "'"),
        4 => flow(dice, "\""),
        _ => {
            // Whatever serde_yaml makes of it.
            let text = lines(dice, true).join("\n");
            serde_yaml::to_string(&text)
                .unwrap()
                .trim_end_matches('\n')
                .to_owned()
        }
    }
}

/// Aligns every scalar of a text. Gives how many there were and how many could be aligned.
fn align_all(text: &str) -> Option<(usize, usize)> {
    let mut problems = Vec::new();
    let layouts = read::read(SourceId(0), text, &mut problems);
    if layouts.is_empty()
        || problems
            .iter()
            .any(|problem| problem.severity == crate::diagnostic::Severity::Error)
    {
        return None;
    }
    let mut all = 0;
    let mut aligned = 0;
    for layout in &layouts {
        for id in scalars(layout) {
            let Some(Shape::Scalar(scalar)) = layout.shape(id) else {
                continue;
            };
            all += 1;
            let Some(map) = aligner::align(text, layout.bytes(id), scalar.style, &scalar.text)
            else {
                continue;
            };
            aligned += 1;
            let mut last = 0;
            for (offset, c) in scalar.text.char_indices() {
                let source = map.map(offset..offset + c.len_utf8()).unwrap();
                assert!(
                    source.start >= last,
                    "{text:?}: backwards in {:?}",
                    scalar.text
                );
                last = source.start;
                let written = text.get(source.clone()).unwrap();
                let same = written.starts_with(c)
                    || c.is_whitespace()
                    || (scalar.style == Style::DoubleQuoted && written.starts_with('\\'));
                assert!(same, "{text:?}: {c:?} is at {written:?}");
            }
            let end = map.map(scalar.text.len()..scalar.text.len()).unwrap();
            assert!(end.start >= last && end.start <= text.len(), "{text:?}");
        }
    }
    Some((all, aligned))
}

fn scalars(layout: &Layout) -> Vec<super::layout::NodeId> {
    (0..u32::MAX)
        .map(super::layout::NodeId)
        .take_while(|id| layout.node(*id).is_some())
        .collect()
}

#[test]
fn every_text_that_is_read_is_aligned_exactly() {
    const ROUNDS: usize = 1_000;
    for kind in 0..6 {
        let mut dice = Dice(kind as u64 + 1);
        let (mut read, mut all, mut aligned) = (0, 0, 0);
        for _ in 0..ROUNDS {
            let value = scalar(&mut dice, kind);
            let anchor = if kind < 5 && dice.chance(15) {
                "&é1 "
            } else {
                ""
            };
            let mut text = format!(
                "# é 😀\nfunction: f{}\nwhen: {anchor}{value}\nlet:\n  a: [é, {{b: \"ü\"}}]\n",
                dice.one(&["", " # ö"])
            );
            if dice.chance(30) {
                text = text.replace('\n', "\r\n");
            }
            if dice.chance(10) {
                text.truncate(text.trim_end().len());
            }
            if let Some((scalars, exact)) = align_all(&text) {
                read += 1;
                all += scalars;
                aligned += exact;
            }
        }
        // Not all that is generated is YAML, but a good part of each kind must be.
        assert!(read > ROUNDS / 4, "kind {kind}: only {read} were read");
        assert_eq!(aligned, all, "kind {kind}");
    }
}

const SEEDS: [&str; 4] = [
    "function: lead\nsummary: é lead\naccept: { methods: [POST], path: /a/{b}, max_body: 1MiB, rate: 60/min }\nauth: { zapikey: optional }\nrequest: { arguments: [email] }\nwhen: body.é == \"ü\"\nlet:\n  email: |\n    body.email ?\n      1 : 2\n  n: 0x1F\ncheck:\n  - that: email != \"\"\n    else: { status_code: 422, message: no }\nrespond:\n  - when: >-\n      email\n      == \"a\"\n    status_code: 201\n    headers: { X-Id: \"${id}\" }\n    body: { id: 1, list: [null, 1.5] }\n  - output: ok\ntests:\n  - name: works\n    at: 2026-01-01T00:00:00Z\n    environment: sandbox\n    request: { zapikey: { sent_in: header }, form: { email: a } }\n    expect: { status_code: 201, skipped: false }\n    assert: [response.status_code == 201]\n",
    "gateway: main\nlisten: { address: 0.0.0.0:80, tls: { certificate: a, private_key: b } }\nlimits: { body: 20MiB, header_timeout: 5s, headers: 10 }\nlog: { format: json, level: info }\nenv: [A]\nzoho_failures: true\n",
    "function: a\nauth: none\n---\nfunction: b\nauth: none\nrespond: &r { body: [*r] }\n...\n---\n# end\n",
    "function: f\nlet: &l {a: 'x''y', b: \"\\u00e9\\\n  z\"}\nrespond: { body: *l }\n",
];

const NOISE: [&str; 34] = [
    ":",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\t",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    "|",
    ">-",
    "&a ",
    "*a",
    "!x ",
    "#",
    "%",
    "@",
    "`",
    "---\n",
    "...\n",
    "? ",
    "<<: ",
    "é",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\r",
    "~",
    "null",
    "-1",
    "99999999999999999999",
];

fn mutated(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = dice.one(&SEEDS).as_bytes().to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(5) {
            0 => bytes.truncate(at),
            1 => {
                let end = (at + dice.below(9)).min(bytes.len());
                bytes.drain(at..end);
            }
            2 => {
                let byte = u8::try_from(dice.below(256)).unwrap();
                bytes.insert(at, byte);
            }
            3 => {
                let end = (at + dice.below(40)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = dice.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            _ => {
                let noise = dice.one(&NOISE).bytes();
                bytes.splice(at..at, noise);
            }
        }
    }
    bytes
}

#[test]
fn no_file_makes_loading_panic_and_all_places_lie_in_it() {
    let mut dice = Dice(7);
    let mut good = 0;
    for _ in 0..4_000 {
        let bytes = mutated(&mut dice);
        let loaded = load_bytes("a.yaml", bytes);
        let text = loaded.sources.get(SourceId(0)).unwrap().text.clone();
        for found in &loaded.diagnostics {
            for span in found
                .span
                .iter()
                .chain(found.related.iter().map(|(span, _)| span))
            {
                assert!(
                    text.get(span.start..span.end).is_some(),
                    "{text:?}: {found:?}"
                );
            }
        }
        good += usize::from(loaded.diagnostics.is_empty());
        let arranged = arrange(loaded.diagnostics);
        render(&arranged, &loaded.sources, Format::Human { colored: false });
        render(&arranged, &loaded.sources, Format::Json);
    }
    assert!(good > 50, "{good}");
}

/// The types must be as strict as the schema: a document that they take is not validated again.
#[test]
fn what_the_types_take_the_schema_takes() {
    const VALUES: [&str; 22] = [
        "none",
        "required",
        "~",
        "\"\"",
        "[]",
        "{}",
        "[a]",
        "1",
        "-1",
        "99",
        "404",
        "700",
        "1.5",
        "true",
        "off",
        "1MiB",
        "5s",
        "60/min",
        "\"${x}\"",
        "text",
        "{ body: 1 }",
        "0x10",
    ];
    let mut dice = Dice(11);
    let mut compared = 0;
    for _ in 0..3_000 {
        // A key loses its value to another, or a value is replaced inside a one-line map.
        let seed = dice.one(&SEEDS[..2]);
        let colons: Vec<usize> = seed.match_indices(": ").map(|(at, _)| at + 2).collect();
        let at = colons[dice.below(colons.len())];
        let (head, rest) = seed.split_at(at);
        let end = rest.find([',', '}', '\n']).unwrap_or(rest.len());
        let tail = rest.split_at(end).1;
        let text = format!("{head}{}{tail}", dice.one(&VALUES));
        for document in load_text("a.yaml", &text).documents {
            assert_eq!(structure::problems(&document.places), [], "{text}");
            compared += 1;
        }
    }
    assert!(compared > 200, "{compared}");
}
