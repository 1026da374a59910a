//! From one YAML text to the layouts of its documents, read twice and compared.
//!
//! Everything that YAML allows and that would surprise somebody is refused here: tags, tabs,
//! merge keys, keys that are not texts, keys that stand twice, aliases that unfold to too much.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use super::agree::agree;
use super::keys::check_keys;
use super::layout::{DEPTH, Layout, NODES, Node, NodeId, Scalar, Shape, Style, Value};
use super::syntax;
use crate::diagnostic::code::yaml as code;
use crate::diagnostic::{Code, Diagnostic, SourceId, Span};

/// Reads all documents of a text; those with an error are left out. Behind an error of syntax
/// reading goes on with the next document.
pub(super) fn read(source: SourceId, text: &str, problems: &mut Vec<Diagnostic>) -> Vec<Layout> {
    let mut sound = Vec::new();
    let mut base = 0;
    loop {
        let mut builder = Builder {
            source,
            text,
            base,
            offsets: Offsets::new(text, base),
            problems,
            layout: Layout::default(),
            stack: Vec::new(),
            anchors: HashMap::new(),
            weight: 0,
            sound: true,
        };
        let (mut layouts, end) = builder.layouts();
        agree(source, text, base, &mut layouts, end, problems);
        for (layout, is_sound) in layouts {
            if check_keys(source, &layout, problems) && is_sound {
                sound.push(layout);
            }
        }
        match end {
            End::Broken(at) => match next_document(text, base, at) {
                Some(next) => base = next,
                None => return sound,
            },
            End::Complete | End::Limit => return sound,
        }
    }
}

/// How reading the events of a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// All was read.
    Complete,
    /// An error of syntax at this byte.
    Broken(usize),
    /// There is more of something than is allowed.
    Limit,
}

/// The next line from `at` on that starts a document other than the one at `base`. Such a line cannot
/// be part of any value; where a bracket is not closed, it is where the error is seen.
fn next_document(text: &str, base: usize, at: usize) -> Option<usize> {
    let from = text.floor_char_boundary(at.saturating_sub(1));
    let rest = text.get(from..)?;
    rest.match_indices("\n---")
        .map(|(offset, _)| from + offset + 1)
        .filter(|start| *start > base)
        .find(|start| {
            text.get(start + 3..)
                .is_some_and(|behind| behind.is_empty() || behind.starts_with(char::is_whitespace))
        })
}

/// An error with its place.
pub(super) fn error(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic {
        code,
        severity: crate::diagnostic::Severity::Error,
        message: message.into(),
        span: Some(span),
        label: None,
        related: Vec::new(),
        help: Vec::new(),
    }
}

/// The parser counts characters; everybody else counts bytes.
enum Offsets {
    Same,
    Table(Vec<u32>),
}

impl Offsets {
    /// For a parser that starts at the byte `base`.
    fn new(text: &str, base: usize) -> Self {
        let part = text.get(base..).unwrap_or_default();
        if part.is_ascii() {
            return Self::Same;
        }
        Self::Table(
            part.char_indices()
                .map(|(at, _)| base + at)
                .chain([text.len()])
                .filter_map(|at| u32::try_from(at).ok())
                .collect(),
        )
    }

    fn byte(&self, index: usize, text: &str, base: usize) -> u32 {
        match self {
            Self::Same => u32::try_from((base + index).min(text.len())).unwrap_or(u32::MAX),
            Self::Table(table) => table
                .get(index)
                .or(table.last())
                .copied()
                .unwrap_or_default(),
        }
    }
}

/// A list or map that is not finished yet.
struct Open {
    node: NodeId,
    is_map: bool,
    children: Vec<NodeId>,
    anchor: usize,
    /// Nodes in it so far, aliases unfolded.
    weight: usize,
    /// Levels below it so far.
    height: usize,
}

/// What an alias refers to.
#[derive(Clone, Copy)]
struct Anchored {
    node: NodeId,
    weight: usize,
    height: usize,
}

struct Builder<'a> {
    source: SourceId,
    text: &'a str,
    /// Where in the text the parser started.
    base: usize,
    offsets: Offsets,
    problems: &'a mut Vec<Diagnostic>,
    layout: Layout,
    stack: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    weight: usize,
    /// Nothing wrong in this document so far.
    sound: bool,
}

impl Builder<'_> {
    /// All documents, each with whether it is sound; and how it ended.
    fn layouts(&mut self) -> (Vec<(Layout, bool)>, End) {
        let mut layouts = Vec::new();
        let mut parser = Parser::new_from_str(self.text.get(self.base..).unwrap_or_default());
        while let Some(next) = parser.next_event() {
            let (event, at) = match next {
                Ok(next) => next,
                Err(problem) => {
                    let at = self.syntax(&problem);
                    return (layouts, End::Broken(at));
                }
            };
            let start = self.offsets.byte(at.start.index(), self.text, self.base);
            let end = self
                .offsets
                .byte(at.end.index(), self.text, self.base)
                .max(start);
            match event {
                Event::DocumentStart(_) => {
                    self.layout = Layout::default();
                    self.anchors.clear();
                    self.weight = 0;
                    self.sound = true;
                }
                Event::DocumentEnd => {
                    layouts.push((std::mem::take(&mut self.layout), self.sound));
                }
                event => {
                    if self.node(event, start, end).is_none() {
                        return (layouts, End::Limit);
                    }
                }
            }
        }
        (layouts, End::Complete)
    }

    /// `None` when it makes no sense to read on.
    fn node(&mut self, event: Event<'_>, start: u32, end: u32) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.anchor_or_tag(anchor, tag.is_some(), start, end);
                let node = self.layout.push(Node {
                    start,
                    end,
                    shape: Shape::Scalar(Scalar {
                        style: Style::from(style),
                        text: text.into(),
                        value: Value::Text,
                    }),
                });
                self.finished(anchor, node, 1, 0, start, end)
            }
            Event::SequenceStart(anchor, tag) => {
                self.anchor_or_tag(anchor, tag.is_some(), start, end);
                self.open(Shape::List(Vec::new()), anchor, start, end)
            }
            Event::MappingStart(anchor, tag) => {
                self.anchor_or_tag(anchor, tag.is_some(), start, end);
                self.open(Shape::Map(Vec::new()), anchor, start, end)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(end),
            Event::Alias(anchor) => {
                let Some(target) = self.anchors.get(&anchor).copied() else {
                    let is_inside = self.stack.iter().any(|open| open.anchor == anchor);
                    let (code, message) = if is_inside {
                        (
                            code::LIMIT,
                            "this alias stands inside the value that it repeats",
                        )
                    } else {
                        (
                            code::SYNTAX,
                            "this alias repeats an anchor of another document",
                        )
                    };
                    self.problem(code, start, end, message);
                    return None;
                };
                let node = self.layout.push(Node {
                    start,
                    end,
                    shape: Shape::Alias(target.node),
                });
                self.finished(0, node, target.weight, target.height, start, end)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Some(()),
        }
    }

    fn open(&mut self, shape: Shape, anchor: usize, start: u32, end: u32) -> Option<()> {
        let is_map = matches!(shape, Shape::Map(_));
        let node = self.layout.push(Node { start, end, shape });
        self.stack.push(Open {
            node,
            is_map,
            children: Vec::new(),
            anchor,
            weight: 1,
            height: 0,
        });
        self.within_depth(0, start, end)
    }

    fn close(&mut self, end: u32) -> Option<()> {
        let open = self.stack.pop()?;
        // The end of a block is reported where the next thing begins: its last child knows better.
        let last = open
            .children
            .last()
            .and_then(|&child| self.layout.node(child))
            .map(|child| child.end);
        let is_flow = self
            .layout
            .node(open.node)
            .and_then(|node| self.text.get(node.start as usize..node.end as usize))
            .is_some_and(|start| start.trim_end().ends_with(['[', '{']));
        let node = self.layout.node_mut(open.node)?;
        let start = node.start;
        node.end = match last {
            Some(last) if !is_flow => last,
            _ => end,
        }
        .max(start);
        let end = node.end;
        match &mut node.shape {
            Shape::List(items) => *items = open.children,
            Shape::Map(pairs) if open.is_map => {
                let mut children = open.children.into_iter();
                while let (Some(key), Some(value)) = (children.next(), children.next()) {
                    pairs.push((key, value));
                }
            }
            Shape::Map(_) | Shape::Scalar(_) | Shape::Alias(_) => {}
        }
        let (anchor, node, weight, height) = (open.anchor, open.node, open.weight, open.height);
        self.finished(anchor, node, weight, height + 1, start, end)
    }

    /// A node is complete: its parent and its anchor learn of it.
    fn finished(
        &mut self,
        anchor: usize,
        node: NodeId,
        weight: usize,
        height: usize,
        start: u32,
        end: u32,
    ) -> Option<()> {
        if anchor != 0 {
            self.anchors.insert(
                anchor,
                Anchored {
                    node,
                    weight,
                    height,
                },
            );
        }
        let total = match self.stack.last_mut() {
            Some(parent) => {
                parent.children.push(node);
                parent.weight = parent.weight.saturating_add(weight);
                parent.height = parent.height.max(height);
                parent.weight
            }
            None => weight,
        };
        self.weight = self.weight.max(total);
        if self.weight > NODES {
            self.problem(
                code::LIMIT,
                start,
                end,
                "this document holds more than 100,000 values",
            );
            return None;
        }
        self.within_depth(height, start, end)
    }

    fn within_depth(&mut self, height: usize, start: u32, end: u32) -> Option<()> {
        if self.stack.len() + height <= DEPTH {
            return Some(());
        }
        self.problem(
            code::LIMIT,
            start,
            end,
            format!("this is nested more than {DEPTH} levels deep"),
        );
        None
    }

    fn anchor_or_tag(&mut self, anchor: usize, has_tag: bool, start: u32, end: u32) {
        if anchor != 0 && !has_tag {
            let (start, end) = self.word(start, end, '&');
            let mut warning = error(
                code::ANCHOR,
                self.span(start, end),
                "anchors and aliases make a document hard to read",
            );
            warning.severity = crate::diagnostic::Severity::Warning;
            warning
                .help
                .push("write the value out, or give it a name under `let`".to_owned());
            self.problems.push(warning);
        }
        if has_tag {
            let (start, end) = self.word(start, end, '!');
            let span = self.span(start, end);
            self.problems.push(syntax::tag(self.text, span));
            self.sound = false;
        }
    }

    /// The word that starts with `mark` in a range.
    fn word(&self, start: u32, end: u32, mark: char) -> (u32, u32) {
        let rest = self.text.get(start as usize..).unwrap_or_default();
        let within = (end - start) as usize + 1;
        let from = rest.find(mark).filter(|at| *at < within).unwrap_or(0);
        let word = rest.get(from..).unwrap_or_default();
        let length = word.find(char::is_whitespace).unwrap_or(word.len());
        let start = start + u32::try_from(from).unwrap_or_default();
        (start, start + u32::try_from(length).unwrap_or_default())
    }

    fn problem(&mut self, code: Code, start: u32, end: u32, message: impl Into<String>) {
        let problem = error(code, self.span(start, end), message);
        self.problems.push(problem);
        self.sound = false;
    }

    fn syntax(&mut self, problem: &ScanError) -> usize {
        let at = self
            .offsets
            .byte(problem.marker().index(), self.text, self.base) as usize;
        self.problems
            .push(syntax::explain(self.source, self.text, at, problem.info()));
        at
    }

    fn span(&self, start: u32, end: u32) -> Span {
        let text = self
            .text
            .get(start as usize..end as usize)
            .unwrap_or_default();
        Span {
            source: self.source,
            start: start as usize,
            end: start as usize + text.trim_end().len(),
        }
    }
}

impl From<ScalarStyle> for Style {
    fn from(style: ScalarStyle) -> Self {
        match style {
            ScalarStyle::Plain => Self::Plain,
            ScalarStyle::SingleQuoted => Self::SingleQuoted,
            ScalarStyle::DoubleQuoted => Self::DoubleQuoted,
            ScalarStyle::Literal => Self::Literal,
            ScalarStyle::Folded => Self::Folded,
        }
    }
}
