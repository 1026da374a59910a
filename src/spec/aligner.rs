//! From a place in a scalar's text to the bytes of the file.
//!
//! Each style is decoded again, and every character carries the bytes it comes from. What comes
//! out must be the text that the reader gave, character for character: if it is not, there is no
//! alignment, and the caller falls back to the whole scalar. So a mistake here can make a place
//! less exact, but never wrong.

use std::ops::Range;

use super::layout::Style;

/// Where each character of one scalar's text comes from.
#[derive(Debug)]
pub(super) struct Alignment {
    /// For each byte of the text the bytes of the file that its character comes from.
    sources: Vec<Range<usize>>,
    /// One past the last byte that the text comes from.
    end: usize,
}

impl Alignment {
    /// The bytes of the file behind a range of the text. `None` if it is not one.
    pub(super) fn map(&self, range: Range<usize>) -> Option<Range<usize>> {
        let start = match self.sources.get(range.start) {
            Some(source) => source.start,
            None if range.start == self.sources.len() => self.end,
            None => return None,
        };
        let end = match range.end.checked_sub(1) {
            Some(last) if range.end > range.start => self.sources.get(last)?.end,
            _ => start,
        };
        Some(start..end.max(start))
    }
}

/// Aligns `text` with the scalar at `span` of `file`, anchor and tag included.
pub(super) fn align(file: &str, span: Range<usize>, style: Style, text: &str) -> Option<Alignment> {
    let mut walk = Walk {
        file,
        expected: text.chars(),
        sources: Vec::with_capacity(text.len()),
        end: span.start,
    };
    match style {
        Style::Plain => {
            let start = skip_properties(file, span.start)?;
            walk.flow(start, span.end, Style::Plain)?;
        }
        Style::SingleQuoted | Style::DoubleQuoted => {
            let start = skip_properties(file, span.start)?;
            let inside = file.get(start..span.end)?.trim_end();
            let quote = if style == Style::SingleQuoted {
                '\''
            } else {
                '"'
            };
            let inside = inside.strip_prefix(quote)?.strip_suffix(quote)?;
            walk.flow(start + 1, start + 1 + inside.len(), style)?;
        }
        Style::Literal | Style::Folded => return align_block(file, span, style, text),
    }
    walk.finish()
}

/// The indentation of a block is known from where its first character stands, except behind an
/// anchor: there the likely ones are tried, and only the right one gives the text.
fn align_block(file: &str, span: Range<usize>, style: Style, text: &str) -> Option<Alignment> {
    if text.bytes().all(|byte| byte == b'\n') {
        // The span of nothing but empty lines is where they end.
        return Some(Alignment {
            sources: vec![span.end..span.end; text.len()],
            end: span.end,
        });
    }
    let line = file.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
    let indent = span.start - line;
    if let Some(alignment) = block(file, line..span.end, indent, style, text) {
        return Some(alignment);
    }
    let content = skip_properties(file, span.start)?;
    let line = content + file.get(content..span.end)?.find('\n')? + 1;
    let first = file
        .get(line..span.end)?
        .lines()
        .find(|line| !line.trim_start_matches(' ').is_empty())?;
    let deepest = first.len() - first.trim_start_matches(' ').len();
    (0..=deepest)
        .rev()
        .find_map(|indent| block(file, line..span.end, indent, style, text))
}

fn block(
    file: &str,
    lines: Range<usize>,
    indent: usize,
    style: Style,
    text: &str,
) -> Option<Alignment> {
    let mut walk = Walk {
        file,
        expected: text.chars(),
        sources: Vec::with_capacity(text.len()),
        end: lines.start,
    };
    // Empty lines before the first character are part of the text, but not of the span.
    let leading = text.len() - text.trim_start_matches('\n').len();
    let first_is_empty = file
        .get(lines.clone())?
        .lines()
        .next()
        .is_none_or(|line| line.trim_matches(' ').is_empty());
    if leading > 0 && !first_is_empty {
        let above = file.get(..lines.start)?;
        let mut breaks: Vec<usize> = above
            .rmatch_indices('\n')
            .take(leading)
            .map(|(at, _)| at)
            .collect();
        breaks.reverse();
        for at in breaks {
            walk.emit('\n', at..at + 1)?;
        }
    }
    walk.block(lines, indent, style)?;
    walk.finish()
}

/// Past `&anchor` and `!tag`.
fn skip_properties(file: &str, start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let rest = file.get(at..)?;
        if !rest.starts_with(['&', '!']) {
            return Some(at);
        }
        let word = rest.find(char::is_whitespace)?;
        let blanks = rest.get(word..)?;
        at += word + blanks.len() - blanks.trim_start().len();
    }
}

struct Walk<'a> {
    file: &'a str,
    expected: std::str::Chars<'a>,
    sources: Vec<Range<usize>>,
    end: usize,
}

impl Walk<'_> {
    /// The next character of the text must be `c`; it comes from `source`.
    fn emit(&mut self, c: char, source: Range<usize>) -> Option<()> {
        if self.expected.next()? != c {
            return None;
        }
        self.end = source.end;
        for _ in 0..c.len_utf8() {
            self.sources.push(source.clone());
        }
        Some(())
    }

    fn finish(self) -> Option<Alignment> {
        self.expected.as_str().is_empty().then_some(Alignment {
            sources: self.sources,
            end: self.end,
        })
    }

    /// Plain and quoted scalars: line breaks fold, quotes and escapes are resolved.
    fn flow(&mut self, start: usize, end: usize, style: Style) -> Option<()> {
        let mut at = start;
        while at < end {
            let rest = self.file.get(at..end)?;
            let c = rest.chars().next()?;
            if is_white(c) {
                at = self.fold(at, end, true)?;
            } else if style == Style::DoubleQuoted && c == '\\' {
                at = self.escape(at, end)?;
            } else if style == Style::SingleQuoted && rest.starts_with("''") {
                self.emit('\'', at..at + 2)?;
                at += 2;
            } else {
                self.emit(c, at..at + c.len_utf8())?;
                at += c.len_utf8();
            }
        }
        Some(())
    }

    /// A run of white space: itself if it stays on its line; one break is a blank, more are one
    /// break less. The first break is nothing when it was escaped.
    fn fold(&mut self, start: usize, end: usize, first_counts: bool) -> Option<usize> {
        let run = self.file.get(start..end)?;
        let run = run.get(..run.len() - run.trim_start_matches(is_white).len())?;
        let breaks = breaks(run, start);
        match (breaks.as_slice(), first_counts) {
            ([], _) => {
                for (offset, c) in run.char_indices() {
                    self.emit(c, start + offset..start + offset + 1)?;
                }
            }
            ([only], true) => self.emit(' ', only.clone())?,
            ([_, rest @ ..], _) => {
                for at in rest {
                    self.emit('\n', at.clone())?;
                }
            }
        }
        Some(start + run.len())
    }

    fn escape(&mut self, at: usize, end: usize) -> Option<usize> {
        let escaped = self.file.get(at + 1..end)?;
        let letter = escaped.chars().next()?;
        if matches!(letter, '\n' | '\r') {
            return self.fold(at + 1, end, false);
        }
        let digits = match letter {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let c = match letter {
            'x' | 'u' | 'U' => {
                let code = u32::from_str_radix(escaped.get(1..=digits)?, 16).ok()?;
                char::from_u32(code)?
            }
            '0' => '\0',
            'a' => '\u{7}',
            'b' => '\u{8}',
            't' | '\t' => '\t',
            'n' => '\n',
            'v' => '\u{b}',
            'f' => '\u{c}',
            'r' => '\r',
            'e' => '\u{1b}',
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            ' ' | '"' | '/' | '\\' => letter,
            _ => return None,
        };
        let after = at + 1 + letter.len_utf8() + digits;
        self.emit(c, at..after)?;
        Some(after)
    }

    fn block(&mut self, lines: Range<usize>, indent: usize, style: Style) -> Option<()> {
        let mut at = lines.start;
        // The breaks since the last line that has text.
        let mut pending: Vec<Range<usize>> = Vec::new();
        // Whether the last line that has text is indented further; `None` before there is one.
        let mut last: Option<bool> = None;
        while at < lines.end && !self.expected.as_str().is_empty() {
            let rest = self.file.get(at..lines.end)?;
            let length = rest.find('\n').unwrap_or(rest.len());
            let line = rest.get(..length)?;
            let ending = usize::from(line.ends_with('\r'));
            let line = line.get(..length - ending)?;
            let blanks = line.len() - line.trim_start_matches(' ').len();
            let content = line.get(blanks.min(indent)..)?;
            let begins = at + line.len() - content.len();
            if !content.is_empty() {
                if blanks < indent {
                    // Not a line of this block: the text must have ended before it.
                    return self.trailing(&pending);
                }
                let further = content.starts_with([' ', '\t']);
                let folds = style == Style::Folded && !further && last == Some(false);
                match (folds, pending.as_slice()) {
                    (true, [only]) => self.emit(' ', only.clone())?,
                    (true, [_, more @ ..]) => {
                        for line_break in more {
                            self.emit('\n', line_break.clone())?;
                        }
                    }
                    _ => {
                        for line_break in &pending {
                            self.emit('\n', line_break.clone())?;
                        }
                    }
                }
                pending.clear();
                for (offset, c) in content.char_indices() {
                    let from = begins + offset;
                    self.emit(c, from..from + c.len_utf8())?;
                }
                last = Some(further);
            }
            if length < rest.len() {
                pending.push(at + line.len()..at + length + 1);
            }
            at += length + 1;
        }
        self.trailing(&pending)
    }

    /// How many of the last breaks stay is the block's choice (`-`, `+`); the text says.
    fn trailing(&mut self, breaks: &[Range<usize>]) -> Option<()> {
        for line_break in breaks {
            if self.expected.as_str().is_empty() {
                break;
            }
            self.emit('\n', line_break.clone())?;
        }
        // At the end of the file a break may be missing that the reader adds.
        if self.expected.as_str() == "\n" {
            let end = self.end;
            self.emit('\n', end..end)?;
        }
        Some(())
    }
}

fn is_white(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The line breaks of a run of white space: `\n`, `\r\n` or `\r`.
fn breaks(run: &str, start: usize) -> Vec<Range<usize>> {
    let mut breaks = Vec::new();
    let mut previous = ' ';
    for (offset, c) in run.char_indices() {
        let at = start + offset;
        match c {
            '\n' if previous == '\r' => {
                if let Some(last) = breaks.last_mut() {
                    *last = at - 1..at + 1;
                }
            }
            '\n' | '\r' => breaks.push(at..at + 1),
            _ => {}
        }
        previous = c;
    }
    breaks
}
