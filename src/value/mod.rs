//! The data that expressions work on.
//!
//! A [`Value`] is `Copy` and 24 bytes long. What it points to lies in the request's bytes or in
//! the request's [`Arena`], so nothing is counted, cloned or dropped one by one: when the request
//! ends its arena is reset, and that is all. This, not the evaluator, decides how fast a function
//! runs.
//!
//! Always true here: a JSON integer that fits 64 bits is never rounded; any other JSON number
//! keeps the text it came in ([`Value::Number`]) until somebody calculates with it; a map keeps
//! the order of its source, and of two equal keys the last one holds.
//!
//! This module knows nothing of expressions, requests or YAML.

pub mod arithmetic;
pub mod convert;
pub mod json;
pub mod network;
pub mod time;
pub mod xml;
pub mod yaml;

mod arena;
mod compare;
mod map;
mod number;

pub use arena::Arena;
pub use map::{Hint, Key, Map};
pub use number::Numeric;
pub use time::Instant;

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::SignedDuration;

/// One value. Borrows for `'a` from the request's body, from its arena, or from a program's
/// constants.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// JSON's `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A signed integer of 64 bits; every JSON integer that fits is one.
    Int(i64),
    /// An unsigned integer of 64 bits; a JSON integer above [`i64::MAX`] that fits is one.
    UInt(u64),
    /// A number that was calculated, or written as a literal.
    Double(f64),
    /// A JSON number outside the two integer types, still in the text it came in (`1.10`, `1e3`,
    /// twenty-five digits). It behaves as the double it stands for and is written back unchanged.
    Number(&'a str),
    /// Unicode text.
    String(&'a str),
    /// Bytes, of any content.
    Bytes(&'a [u8]),
    /// A list.
    List(&'a [Value<'a>]),
    /// A map; see [`Map`].
    Map(&'a Map<'a>),
    /// An instant, in nanoseconds.
    Timestamp(Instant),
    /// A span of time, in nanoseconds.
    Duration(SignedDuration),
    /// A value that may be missing (CEL's `optional_type`).
    Optional(Option<&'a Value<'a>>),
    /// An IP address.
    Ip(IpAddr),
    /// A network: an address and how many of its bits name the network.
    Cidr(IpNet),
    /// A type, by its CEL name: `int`, `list`, `google.protobuf.Timestamp`.
    Type(&'a str),
}

/// What a value is; several representations can be of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null_type`
    Null,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `uint`
    UInt,
    /// `double`, with numbers that are still text
    Double,
    /// `string`
    String,
    /// `bytes`
    Bytes,
    /// `list`
    List,
    /// `map`
    Map,
    /// `google.protobuf.Timestamp`
    Timestamp,
    /// `google.protobuf.Duration`
    Duration,
    /// `optional_type`
    Optional,
    /// `net.IP`
    Ip,
    /// `net.CIDR`
    Cidr,
    /// `type`
    Type,
}

impl Kind {
    /// CEL's name: what `type(x)` gives.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::UInt => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::List => "list",
            Self::Map => "map",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::Duration => "google.protobuf.Duration",
            Self::Optional => "optional_type",
            Self::Ip => "net.IP",
            Self::Cidr => "net.CIDR",
            Self::Type => "type",
        }
    }
}

impl<'a> Value<'a> {
    /// What it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::UInt(_) => Kind::UInt,
            Self::Double(_) | Self::Number(_) => Kind::Double,
            Self::String(_) => Kind::String,
            Self::Bytes(_) => Kind::Bytes,
            Self::List(_) => Kind::List,
            Self::Map(_) => Kind::Map,
            Self::Timestamp(_) => Kind::Timestamp,
            Self::Duration(_) => Kind::Duration,
            Self::Optional(_) => Kind::Optional,
            Self::Ip(_) => Kind::Ip,
            Self::Cidr(_) => Kind::Cidr,
            Self::Type(_) => Kind::Type,
        }
    }

    /// CEL's name of its type: `int`, `null_type`, `google.protobuf.Timestamp`.
    pub const fn type_name(&self) -> &'static str {
        self.kind().name()
    }

    /// The text of a string.
    pub const fn as_str(self) -> Option<&'a str> {
        if let Self::String(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The flag of a Boolean.
    pub const fn as_bool(self) -> Option<bool> {
        if let Self::Bool(flag) = self {
            Some(flag)
        } else {
            None
        }
    }

    /// The items of a list.
    pub const fn as_list(self) -> Option<&'a [Value<'a>]> {
        if let Self::List(items) = self {
            Some(items)
        } else {
            None
        }
    }

    /// The map.
    pub const fn as_map(self) -> Option<&'a Map<'a>> {
        if let Self::Map(map) = self {
            Some(map)
        } else {
            None
        }
    }
}

const _: () = assert!(size_of::<Value<'static>>() == 24, "a value is three words");
