//! The types that the checker knows: CEL's, without messages.

use std::fmt;
use std::sync::Arc;

/// A type. `Dyn` is compatible with everything and checked when it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Not known at load.
    Dyn,
    /// `null`.
    Null,
    /// `bool`.
    Bool,
    /// `int`.
    Int,
    /// `uint`.
    UInt,
    /// `double`.
    Double,
    /// `string`.
    String,
    /// `bytes`.
    Bytes,
    /// `timestamp`.
    Timestamp,
    /// `duration`.
    Duration,
    /// `list(T)`.
    List(Arc<Type>),
    /// `map(K, V)`.
    Map(Arc<Type>, Arc<Type>),
    /// `optional_type(T)`.
    Optional(Arc<Type>),
    /// `type(T)`.
    Type(Arc<Type>),
    /// A map whose fields are known, each with its type: the request's own objects, and later a
    /// body that a schema describes. The flag says that no other field can exist.
    Record(Arc<Record>),
    /// A type that only its functions can look into: `net.IP`.
    Opaque(Arc<str>, Arc<[Type]>),
    /// A type parameter of a signature, by its letter: 0 is `A`.
    Parameter(u32),
}

/// The fields of a [`Type::Record`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is called in messages: `event`, `user_info`.
    pub name: String,
    /// Field names and types, in the order to show them.
    pub fields: Vec<(String, Type)>,
    /// Selecting any other field is an error at load.
    pub closed: bool,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn => f.write_str("dyn"),
            Self::Null => f.write_str("null_type"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::UInt => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::List(of) => write!(f, "list({of})"),
            Self::Map(key, value) => write!(f, "map({key}, {value})"),
            Self::Optional(of) => write!(f, "optional_type({of})"),
            Self::Type(of) => write!(f, "type({of})"),
            Self::Record(record) => f.write_str(&record.name),
            Self::Opaque(name, of) => {
                f.write_str(name)?;
                for (index, of) in of.iter().enumerate() {
                    write!(f, "{}{of}", if index == 0 { "(" } else { ", " })?;
                }
                if of.is_empty() {
                    Ok(())
                } else {
                    f.write_str(")")
                }
            }
            Self::Parameter(letter) => {
                let letter = u8::try_from(*letter)
                    .ok()
                    .and_then(|at| b'A'.checked_add(at));
                write!(f, "{}", char::from(letter.unwrap_or(b'?')))
            }
        }
    }
}
