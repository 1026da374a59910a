//! Expressions one after the other, as somebody types them or as they are piped in.
//!
//! A line is an expression, or a command that begins with `:`. Where brackets are open, the next
//! line belongs to it; an empty line ends it all the same. A terminal gets a line editor, anything
//! else neither prompt nor greeting, so that a pipe sees values only.

use std::path::Path;
use std::rc::Rc;

use super::subject::Subject;
use super::terminal::{Editor, Read};
use super::{Hints, draw, evaluate, hint};
use crate::cli::console::{Console, Exit, Failure};
use crate::diagnostic::suggest;
use crate::expr::function::{self, Function};
use crate::expr::{MACROS, Type, compile};

/// A command, as it is written and what it does.
pub(super) struct Command {
    pub(super) name: &'static str,
    argument: &'static str,
    summary: &'static str,
}

const fn command(name: &'static str, argument: &'static str, summary: &'static str) -> Command {
    Command {
        name,
        argument,
        summary,
    }
}

/// All commands, in the order to show them.
pub(super) const COMMANDS: [Command; 6] = [
    command(":type", "EXPR", "the type that the checker finds"),
    command(":names", "", "the names that an expression can use here"),
    command(":help", "[FUNCTION]", "this, or what a function does"),
    command(":request", "FILE [PICK]", "take a captured request"),
    command(":body", "FILE", "take a body"),
    command(":quit", "", "end; so does Ctrl-D"),
];

const HINTS: Hints = Hints {
    body: "`:body FILE` takes a body",
    request: "`:request FILE` takes a captured request",
};

/// Whether a session goes on after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It does, and whether the line was good.
    Line(bool),
    Quit,
}

/// Reads and answers to the end.
pub(super) fn run(
    subject: Subject,
    show_type: bool,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let mut session = Session {
        subject: Rc::new(subject),
        show_type,
    };
    if console.input_is_terminal {
        session.with_editor(console)?;
        return Ok(Exit::Done);
    }
    session.piped(console)
}

struct Session {
    subject: Rc<Subject>,
    show_type: bool,
}

impl Session {
    /// Without prompts; 1 at the end where a line was wrong.
    fn piped(&mut self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let mut exit = Exit::Done;
        let mut text = String::new();
        loop {
            let before = text.len();
            let is_end = console.input.read_line(&mut text)? == 0;
            let is_blank = text
                .get(before..)
                .is_some_and(|line| line.trim().is_empty());
            if !is_end && !is_blank && is_open(&text) {
                continue;
            }
            let next = self.answer(&text, console)?;
            text.clear();
            match next {
                Next::Line(true) => {}
                Next::Line(false) => exit = Exit::Problems,
                Next::Quit => return Ok(exit),
            }
            if is_end {
                return Ok(exit);
            }
        }
    }

    fn with_editor(&mut self, console: &mut Console<'_>) -> Result<(), Failure> {
        let version = env!("CARGO_PKG_VERSION");
        let summary = self.subject.summary();
        writeln!(
            console.out,
            "hookweir {version}, {summary}; `:help` tells more, Ctrl-D ends"
        )?;
        let mut editor = Editor::open(Rc::clone(&self.subject))?;
        if let Some(why) = editor.history_problem() {
            writeln!(console.err, "note: what is typed is not remembered: {why}")?;
        }
        loop {
            console.out.flush()?;
            console.err.flush()?;
            match editor.read()? {
                Read::Text(text) => {
                    if self.answer(&text, console)? == Next::Quit {
                        return Ok(());
                    }
                    editor.take(Rc::clone(&self.subject));
                }
                Read::Cleared => {}
                Read::End => return Ok(()),
            }
        }
    }

    fn answer(&mut self, text: &str, console: &mut Console<'_>) -> Result<Next, Failure> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Next::Line(true));
        }
        if !text.starts_with(':') {
            let shown = evaluate(text, &self.subject, self.show_type, HINTS, console)?;
            return Ok(Next::Line(shown));
        }
        let (name, argument) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let argument = argument.trim();
        let done = match named(name).map(|command| command.name) {
            Some(":quit") => return Ok(Next::Quit),
            Some(":help") => help(argument, console),
            Some(":names") => self.names(console),
            Some(":type") => self.tell_type(argument, console),
            Some(":request") => self.load(argument, console, |subject, console| {
                let (file, pick) = match argument.split_once(char::is_whitespace) {
                    Some((file, pick)) if !Path::new(argument).exists() => {
                        (file, Some(pick.trim()))
                    }
                    _ => (argument, None),
                };
                subject.load_request(Path::new(file), pick, console)
            }),
            Some(":body") => self.load(argument, console, |subject, console| {
                subject.load_body(Path::new(argument), console)
            }),
            _ => {
                let near = suggest::did_you_mean(name, COMMANDS.iter().map(|known| known.name));
                let help = near.unwrap_or_else(|| "`:help` lists the commands".to_owned());
                Err(Failure::usage(format!("there is no command `{name}`")).help(help))
            }
        };
        match done {
            Ok(worked) => Ok(Next::Line(worked)),
            // A session outlives a file that is not there.
            Err(failure) => {
                failure.report(console);
                Ok(Next::Line(false))
            }
        }
    }

    fn load(
        &mut self,
        argument: &str,
        console: &mut Console<'_>,
        load: impl FnOnce(&mut Subject, &mut Console<'_>) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        if argument.is_empty() || argument == "-" {
            return Err(Failure::usage("a file's name is missing"));
        }
        let mut subject = Subject::default();
        load(&mut subject, console)?;
        subject.report_notes(console)?;
        writeln!(console.out, "{}", subject.summary())?;
        self.subject = Rc::new(subject);
        Ok(true)
    }

    fn names(&self, console: &mut Console<'_>) -> Result<bool, Failure> {
        let environment = self.subject.environment();
        let width = environment.variables().map(|(name, _)| name.len()).max();
        let Some(width) = width else {
            let failure = Failure::usage(format!("there is {}", self.subject.summary()));
            return Err(failure.help(HINTS.request).help(HINTS.body));
        };
        for (name, of) in environment.variables() {
            writeln!(console.out, "{name:width$}  {of}")?;
        }
        Ok(true)
    }

    fn tell_type(&self, expression: &str, console: &mut Console<'_>) -> Result<bool, Failure> {
        if expression.is_empty() {
            return Err(Failure::usage("an expression is missing").help("write `:type body.id`"));
        }
        let compiled = match compile(expression, &self.subject.environment()) {
            Ok(compiled) => compiled,
            Err(mut problems) => {
                hint(expression, &mut problems, &self.subject, HINTS);
                draw(expression, problems, console)?;
                return Ok(false);
            }
        };
        draw(expression, compiled.warnings, console)?;
        let now = console.clock.now();
        let found = self.subject.evaluate(&compiled.program, now, |outcome| {
            outcome.ok().map(|value| value.type_name())
        });
        match found {
            // Only the value says more than that anything may stand there.
            Some(found) if compiled.result == Type::Dyn => {
                writeln!(console.out, "{} (here it is {found})", compiled.result)?;
            }
            _ => writeln!(console.out, "{}", compiled.result)?,
        }
        Ok(true)
    }
}

/// The command of a name, or the one that begins with it.
fn named(name: &str) -> Option<&'static Command> {
    let mut starts = COMMANDS
        .iter()
        .filter(|known| name.len() > 1 && known.name.starts_with(name));
    let first = starts.next()?;
    starts.next().is_none().then_some(first)
}

fn help(about: &str, console: &mut Console<'_>) -> Result<bool, Failure> {
    if about.is_empty() {
        writeln!(console.out, "An expression is evaluated. The commands:")?;
        for known in &COMMANDS {
            let usage = format!("{} {}", known.name, known.argument);
            writeln!(console.out, "  {usage:21} {}", known.summary)?;
        }
        writeln!(
            console.out,
            "TAB completes names, fields and functions; Ctrl-C clears the line.\n\
             Open brackets go on in the next line."
        )?;
        return Ok(true);
    }
    let about = about.trim_matches(['.', '(', ')']);
    if let Some(function) = function::find(about) {
        return tell(function, console);
    }
    if let Some((_, usage)) = MACROS.iter().find(|(name, _)| *name == about) {
        writeln!(console.out, "write {usage}")?;
        return Ok(true);
    }
    if let Some(usage) = special(about) {
        writeln!(console.out, "{usage}")?;
        return Ok(true);
    }
    let near = suggest::did_you_mean(about, names());
    let parts = names().filter(|name| name.contains(about));
    let similar: Vec<_> = parts.take(8).map(|name| format!("`{name}`")).collect();
    let failure = Failure::usage(format!("there is no function `{about}`"));
    Err(match near {
        Some(near) => failure.help(near),
        None if similar.is_empty() => failure.help("TAB after `:help ` lists them"),
        None => failure.help(format!("there are {}", similar.join(", "))),
    })
}

/// All names that `:help` knows.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let functions = function::all().iter().map(|function| function.name);
    functions
        .chain(MACROS.iter().map(|(name, _)| *name))
        .chain(["has", "default", "coalesce"])
}

/// What looks like a function and evaluates only what it needs.
fn special(name: &str) -> Option<&'static str> {
    Some(match name {
        "has" => "`has(body.name)`: whether there is such a field",
        "default" => "`default(a, b)`: `a`, or `b` where `a` is missing or null, as `a ?? b`",
        "coalesce" => "`coalesce(a, b, …)`: the first that is neither missing nor null",
        _ => return None,
    })
}

fn tell(function: &Function, console: &mut Console<'_>) -> Result<bool, Failure> {
    writeln!(console.out, "{}", function.summary)?;
    for signature in function.signatures {
        writeln!(console.out, "  {signature}")?;
    }
    if let Some(fails) = function.fails {
        writeln!(console.out, "fails: {fails}")?;
    }
    for (expression, value) in function.examples {
        writeln!(console.out, "> {expression}\n{value}")?;
    }
    Ok(true)
}

/// Whether a bracket or a text of several lines is still open.
pub(super) fn is_open(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        at += match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                1
            }
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                1
            }
            b'/' if rest.starts_with(b"//") => memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
            b'"' | b'\'' => {
                let is_raw = at
                    .checked_sub(1)
                    .and_then(|before| bytes.get(before))
                    .is_some_and(|before| matches!(before, b'r' | b'R'));
                match string(rest, byte, is_raw) {
                    Some(length) => length,
                    // Three quotes may go on in the next line, one cannot.
                    None => return rest.starts_with(&[byte; 3]),
                }
            }
            _ => 1,
        };
    }
    depth > 0
}

/// How long the text literal at the beginning is; `None` where it does not end.
fn string(text: &[u8], quote: u8, is_raw: bool) -> Option<usize> {
    let three = [quote; 3];
    let end = if text.starts_with(&three) {
        &three[..]
    } else {
        &[quote]
    };
    let mut at = end.len();
    loop {
        let rest = text.get(at..)?;
        match *rest.first()? {
            b'\\' if !is_raw => at += 2,
            b'\n' if end.len() == 1 => return None,
            _ if rest.starts_with(end) => return Some(at + end.len()),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_brackets_and_texts_of_several_lines_go_on() {
        for text in [
            "f(",
            "[1,\n2",
            "{\"a\": (",
            "'''a",
            "\"\"\"\"",
            "f(// )",
            "('(')[",
            "r'\\'[",
        ] {
            assert!(is_open(text), "{text}");
        }
        for text in [
            "",
            "f()",
            "'('",
            "\"[",
            ")",
            "1 // (",
            "'\\'(' + 1",
            "r'''(\\'''",
            "r'(\\'",
            "{}]",
        ] {
            assert!(!is_open(text), "{text}");
        }
    }

    #[test]
    fn a_command_may_be_cut_short() {
        for (typed, found) in [
            (":q", Some(":quit")),
            (":type", Some(":type")),
            (":h", Some(":help")),
            (":", None),
            (":x", None),
            (":quitt", None),
        ] {
            assert_eq!(named(typed).map(|command| command.name), found);
        }
    }
}
