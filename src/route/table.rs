//! Finds the route for a method and a path.
//!
//! Two kinds of address lead to a function. Zoho's, with any version,
//!
//! ```text
//! /crm/v7/functions/NAME/actions/execute
//! /crm/v2/settings/custom_functions/NAME/execute      (its older form)
//! ```
//!
//! are a look-up by name. A function's own `accept.path` is found in a tree of segments. A
//! literal beats a parameter, decided at the leftmost segment where two patterns differ; a
//! pattern that does not accept the method stands aside for the next best. The path is split
//! before it is percent-decoded, once, segment by segment, so `%2F` is a character of a segment
//! and never a border. Empty segments, `.`, `..` and segments that are not UTF-8 match nothing.
//!
//! Finding takes time in proportion to the path, whatever the number of functions, and allocates
//! nothing but the parameters.

use std::borrow::Cow;
use std::collections::HashMap;

use http::Method;
use percent_encoding::percent_decode_str;

use super::methods::Methods;
use super::pattern::{Pattern, Segment};

/// What a stranger sends is only looked up here, never put in, so that a hash need not withstand
/// strangers.
type ByText<T> = HashMap<Box<str>, T, foldhash::fast::RandomState>;

/// The addresses of one generation.
#[derive(Debug, Default)]
pub struct RouteTable {
    names: ByText<Entry>,
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    route: usize,
    methods: Methods,
}

#[derive(Debug, Default)]
struct Node {
    literals: ByText<usize>,
    parameter: Option<usize>,
    ends: Vec<Entry>,
}

/// A route that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its index in the generation.
    pub route: usize,
    /// By which kind of address it was found.
    pub address: AddressKind,
    /// The values of the pattern's parameters, decoded, in order.
    pub parameters: Vec<String>,
}

/// The kinds of address that lead to a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// `/crm/v7/functions/NAME/actions/execute`
    Zoho,
    /// `/crm/v2/settings/custom_functions/NAME/execute`
    ZohoOld,
    /// `accept.path`
    Own,
}

/// Why no route answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// There is no such address.
    Address,
    /// The address exists; these methods are accepted there.
    Method(Methods),
}

impl RouteTable {
    /// Adds a function. The caller has made sure that no two answer the same request.
    pub fn add(&mut self, route: usize, name: &str, methods: Methods, path: Option<&Pattern>) {
        let entry = Entry { route, methods };
        self.names.insert(name.into(), entry);
        let Some(pattern) = path else { return };
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        for segment in &pattern.segments {
            at = self.child(at, segment);
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.ends.push(entry);
        }
    }

    /// The route that answers.
    pub fn find(&self, method: &Method, path: &str) -> Result<Found, Missed> {
        if let Some(rest) = path.strip_prefix("/crm/") {
            let (address, name) = zoho_address(rest).ok_or(Missed::Address)?;
            let entry = self.names.get(&*name).ok_or(Missed::Address)?;
            return if entry.methods.accept(method) {
                Ok(Found {
                    route: entry.route,
                    address,
                    parameters: Vec::new(),
                })
            } else {
                Err(Missed::Method(entry.methods))
            };
        }
        let mut search = Search {
            table: self,
            method,
            parameters: Vec::new(),
            seen: Methods::default(),
        };
        let found = path
            .strip_prefix('/')
            .and_then(|rest| search.descend(0, Some(rest)));
        match found {
            Some(route) => Ok(Found {
                route,
                address: AddressKind::Own,
                parameters: search.parameters,
            }),
            None if search.seen.is_empty() => Err(Missed::Address),
            None => Err(Missed::Method(search.seen)),
        }
    }

    /// The methods that an address accepts; empty when nothing answers there.
    pub fn methods(&self, path: &str) -> Methods {
        // No function can accept TRACE, so everything that would answer is seen.
        match self.find(&Method::TRACE, path) {
            Err(Missed::Method(methods)) => methods,
            _ => Methods::default(),
        }
    }

    fn child(&mut self, parent: usize, segment: &Segment) -> usize {
        let next = self.nodes.len();
        let Some(node) = self.nodes.get_mut(parent) else {
            return parent;
        };
        let child = match segment {
            Segment::Literal(text) => *node.literals.entry(text.as_str().into()).or_insert(next),
            Segment::Parameter(_) => *node.parameter.get_or_insert(next),
        };
        if child == next {
            self.nodes.push(Node::default());
        }
        child
    }
}

struct Search<'t> {
    table: &'t RouteTable,
    method: &'t Method,
    parameters: Vec<String>,
    seen: Methods,
}

impl Search<'_> {
    /// Goes on at `node` with what is left of the path; `None` is left after the last segment.
    fn descend(&mut self, node: usize, rest: Option<&str>) -> Option<usize> {
        let node = self.table.nodes.get(node)?;
        let Some(rest) = rest else {
            let found = node.ends.iter().find(|end| end.methods.accept(self.method));
            if found.is_none() {
                self.seen = node
                    .ends
                    .iter()
                    .fold(self.seen, |seen, end| seen.union(end.methods));
            }
            return found.map(|end| end.route);
        };
        let (segment, rest) = match rest.split_once('/') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (rest, None),
        };
        let segment = decode(segment)?;
        if let Some(&child) = node.literals.get(&*segment)
            && let Some(route) = self.descend(child, rest)
        {
            return Some(route);
        }
        let child = node.parameter?;
        self.parameters.push(segment.into_owned());
        let route = self.descend(child, rest);
        if route.is_none() {
            self.parameters.pop();
        }
        route
    }
}

/// A segment, percent-decoded once; `None` for one that no address may have.
fn decode(segment: &str) -> Option<Cow<'_, str>> {
    let decoded = if segment.contains('%') {
        percent_decode_str(segment).decode_utf8().ok()?
    } else {
        Cow::Borrowed(segment)
    };
    (!matches!(&*decoded, "" | "." | "..")).then_some(decoded)
}

/// Which function an address of Zoho's names; `rest` follows `/crm/`.
fn zoho_address(rest: &str) -> Option<(AddressKind, Cow<'_, str>)> {
    let (version, rest) = rest.split_once('/')?;
    if !is_version(version) {
        return None;
    }
    let (kind, name) = if let Some(rest) = rest.strip_prefix("functions/") {
        (AddressKind::Zoho, rest.strip_suffix("/actions/execute")?)
    } else {
        let rest = rest.strip_prefix("settings/custom_functions/")?;
        (AddressKind::ZohoOld, rest.strip_suffix("/execute")?)
    };
    Some((kind, decode(name)?))
}

/// `v2`, `v7`, `v2.1`
fn is_version(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let Some(number) = text.strip_prefix('v') else {
        return false;
    };
    match number.split_once('.') {
        Some((major, minor)) => digits(major) && digits(minor),
        None => digits(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(functions: &[(&str, &[&str], Option<&str>)]) -> RouteTable {
        let mut table = RouteTable::default();
        for (index, (name, methods, path)) in functions.iter().enumerate() {
            let methods = methods.iter().fold(Methods::default(), |all, name| {
                all.union(Methods::named(name).unwrap())
            });
            let pattern = path.map(|path| Pattern::parse(path).unwrap());
            table.add(index, name, methods, pattern.as_ref());
        }
        table
    }

    #[track_caller]
    fn check(table: &RouteTable, request: &str, expected: Result<(usize, &[&str]), &[&str]>) {
        let (method, path) = request.split_once(' ').unwrap();
        let found = table.find(&method.parse().unwrap(), path);
        match (found, expected) {
            (Ok(found), Ok((route, parameters))) => {
                assert_eq!(
                    (found.route, found.parameters),
                    (route, parameters.iter().map(|&p| p.to_owned()).collect()),
                    "{request}"
                );
            }
            (Err(Missed::Address), Err([])) => {}
            (Err(Missed::Method(methods)), Err(allowed)) if !allowed.is_empty() => {
                let methods: Vec<_> = methods.iter().map(Method::as_str).collect();
                assert_eq!(methods, allowed, "{request}");
            }
            (found, expected) => panic!("{request}: {found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn zohos_addresses_lead_to_the_function_in_every_version() {
        let table = table(&[("lead", &["POST"], None), ("acme__lead", &["GET"], None)]);
        for version in ["v2", "v8", "v2.1", "v123"] {
            check(
                &table,
                &format!("POST /crm/{version}/functions/lead/actions/execute"),
                Ok((0, &[])),
            );
        }
        check(
            &table,
            "GET /crm/v2/functions/acme__lead/actions/execute",
            Ok((1, &[])),
        );
        check(
            &table,
            "HEAD /crm/v2/functions/acme__lead/actions/execute",
            Ok((1, &[])),
        );
        check(
            &table,
            "POST /crm/v2/settings/custom_functions/lead/execute",
            Ok((0, &[])),
        );
        check(
            &table,
            "POST /crm/v2/functions/le%61d/actions/execute",
            Ok((0, &[])),
        );
        check(
            &table,
            "GET /crm/v2/functions/lead/actions/execute",
            Err(&["POST"]),
        );
        for wrong in [
            "/crm/v2/functions/other/actions/execute",
            "/crm/v2/functions/Lead/actions/execute",
            "/crm/v2/functions/lead/actions/execute/",
            "/crm/v2/functions/lead/actions",
            "/crm/v2/functions//actions/execute",
            "/crm/v2//functions/lead/actions/execute",
            "/crm/2/functions/lead/actions/execute",
            "/crm/v/functions/lead/actions/execute",
            "/crm/v2./functions/lead/actions/execute",
            "/crm/v2/functions/x/lead/actions/execute",
            "/crm/v2/functions/lead%2F/actions/execute",
            "/crm/v2/settings/custom_functions/lead/actions/execute",
            "/crm/",
            "/crm",
            "/",
            "",
            "*",
        ] {
            check(&table, &format!("POST {wrong}"), Err(&[]));
        }
    }

    #[test]
    fn a_literal_beats_a_parameter_from_the_left() {
        let table = table(&[
            ("a", &["GET"], Some("/h/{x}")),
            ("b", &["GET"], Some("/h/new")),
            ("c", &["GET"], Some("/h/{x}/edit")),
            ("d", &["GET"], Some("/h/new/{y}")),
        ]);
        check(&table, "GET /h/old", Ok((0, &["old"])));
        check(&table, "GET /h/new", Ok((1, &[])));
        check(&table, "GET /h/old/edit", Ok((2, &["old"])));
        check(&table, "GET /h/new/edit", Ok((3, &["edit"])));
        check(&table, "GET /h/old/new", Err(&[]));
    }

    #[test]
    fn a_pattern_without_the_method_stands_aside() {
        let table = table(&[
            ("a", &["POST"], Some("/h/{x}")),
            ("b", &["GET"], Some("/h/new")),
            ("c", &["DELETE"], Some("/h/{y}")),
        ]);
        check(&table, "POST /h/new", Ok((0, &["new"])));
        check(&table, "GET /h/old", Err(&["POST", "DELETE"]));
        check(&table, "PUT /h/new", Err(&["GET", "POST", "DELETE"]));
        assert_eq!(table.methods("/h/new").iter().count(), 3);
        assert!(table.methods("/g").is_empty());
    }

    #[test]
    fn segments_are_split_first_and_decoded_once() {
        let table = table(&[("a", &["GET"], Some("/h/{x}/é"))]);
        check(&table, "GET /h/a%2Fb/%C3%A9", Ok((0, &["a/b"])));
        check(&table, "GET /h/%2561/é", Ok((0, &["%61"])));
        check(&table, "GET /h/a+b/%c3%a9", Ok((0, &["a+b"])));
        check(&table, "GET /%68/1/%c3%a9", Ok((0, &["1"])));
        for wrong in [
            "/h//é",
            "/h/./é",
            "/h/%2e%2E/é",
            "/h/%ff/é",
            "/h/a/é/",
            "/H/a/é",
            "h/a/é",
        ] {
            check(&table, &format!("GET {wrong}"), Err(&[]));
        }
    }
}
