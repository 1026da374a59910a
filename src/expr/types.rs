//! The types that the checker knows: CEL's without messages, and those that describe a body.
//!
//! A body's type comes from a JSON Schema or from samples. What such a description cannot say
//! precisely is [`Type::Dyn`], never a guess: a type may only refuse what cannot be.

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
    /// A number of JSON: an int or a double, as the sender's serializer likes.
    Number,
    /// A string that is one of these.
    Word(Arc<[String]>),
    /// A value of one of these types: some senders write an id as a number, others as a text.
    /// Each is of another kind, and none is `dyn`, `null` or again several.
    Several(Arc<[Type]>),
    /// A value of this type, or `null`. Never of another `Nullable`.
    Nullable(Arc<Type>),
    /// A map whose fields are known, each with its type: the request's own objects, and a body
    /// that a schema or a sample describes.
    Record(Arc<Record>),
    /// A type that only its functions can look into: `net.IP`.
    Opaque(Arc<str>, Arc<[Type]>),
    /// A type parameter of a signature, by its letter: 0 is `A`.
    Parameter(u32),
}

/// The fields of a [`Type::Record`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is called in messages: `event`, `user_info`. Without a name it is what the
    /// expression calls it.
    pub name: Option<String>,
    /// The fields, in the order to show them.
    pub fields: Vec<Field>,
    /// What other fields there are.
    pub others: Others,
    /// The file that describes it: `schemas/push.json`.
    pub source: Option<Arc<str>>,
    /// How to get a field that it does not have: `{}` stands for its name.
    pub hint: Option<&'static str>,
}

/// A field of a [`Record`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub of: Type,
    /// A request may come without it.
    pub optional: bool,
    /// It is a list of at least so many elements.
    pub least: u64,
}

/// The fields of a [`Record`] that are not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Others {
    /// There are none: selecting one is an error.
    Wrong,
    /// There may be some that no sample shows: selecting one is a warning, and an error when its
    /// name is near a known one.
    Doubtful,
    /// There are, of this type.
    Of(Type),
}

impl Record {
    /// One of the gateway's own objects, with all of its fields.
    pub fn closed<'n>(name: &str, fields: impl IntoIterator<Item = (&'n str, Type)>) -> Type {
        let fields = fields
            .into_iter()
            .map(|(name, of)| Field::required(name, of));
        Type::Record(Arc::new(Self {
            name: Some(name.to_owned()),
            fields: fields.collect(),
            others: Others::Wrong,
            source: None,
            hint: None,
        }))
    }

    /// The field of a name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The names of the fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }

    fn union(&self, other: &Self) -> Self {
        let mut fields: Vec<Field> = self
            .fields
            .iter()
            .map(|field| match other.field(&field.name) {
                Some(twin) => field.union(twin),
                None => field.clone().maybe_absent(),
            })
            .collect();
        let more = other.fields.iter();
        let more = more.filter(|field| self.field(&field.name).is_none());
        fields.extend(more.map(|field| field.clone().maybe_absent()));
        let others = match (&self.others, &other.others) {
            (Others::Of(a), Others::Of(b)) => Others::Of(a.union(b)),
            (Others::Of(of), _) | (_, Others::Of(of)) => Others::Of(of.clone()),
            (Others::Doubtful, _) | (_, Others::Doubtful) => Others::Doubtful,
            (Others::Wrong, Others::Wrong) => Others::Wrong,
        };
        Self {
            name: self.name.clone().filter(|_| self.name == other.name),
            fields,
            others,
            source: self.source.clone().or_else(|| other.source.clone()),
            hint: self.hint.or(other.hint),
        }
    }
}

impl Field {
    /// A field that is always there.
    pub fn required(name: impl Into<String>, of: Type) -> Self {
        Self {
            name: name.into(),
            of,
            optional: false,
            least: 0,
        }
    }

    fn maybe_absent(mut self) -> Self {
        self.optional = true;
        self
    }

    fn union(&self, other: &Self) -> Self {
        Self {
            name: self.name.clone(),
            of: self.of.union(&other.of),
            optional: self.optional || other.optional,
            least: self.least.min(other.least),
        }
    }
}

impl Type {
    /// The type of a place that holds values of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self == other {
            return self.clone();
        }
        match (self, other) {
            (Self::Null, of) | (of, Self::Null) => of.or_null(),
            (Self::Nullable(of), other) | (other, Self::Nullable(of)) => {
                of.union(other.unless_null()).or_null()
            }
            (a, b) if a.is_number() && b.is_number() => Self::Number,
            (Self::Word(a), Self::Word(b)) => {
                let new = b.iter().filter(|word| !a.contains(word));
                Self::Word(a.iter().chain(new).cloned().collect())
            }
            (Self::Word(_), Self::String) | (Self::String, Self::Word(_)) => Self::String,
            (Self::List(a), Self::List(b)) => Self::List(Arc::new(a.union(b))),
            (Self::Optional(a), Self::Optional(b)) => Self::Optional(Arc::new(a.union(b))),
            (Self::Map(k1, v1), Self::Map(k2, v2)) => {
                Self::Map(Arc::new(k1.union(k2)), Arc::new(v1.union(v2)))
            }
            (Self::Record(a), Self::Record(b)) => Self::Record(Arc::new(a.union(b))),
            (Self::Record(_), Self::Map(key, _)) | (Self::Map(key, _), Self::Record(_)) => {
                Self::Map(Arc::clone(key), Arc::new(Self::Dyn))
            }
            (a, b) if a.is_plain() && b.is_plain() => {
                let mut parts: Vec<Self> = a.parts().to_vec();
                for part in b.parts() {
                    match parts.iter_mut().find(|known| known.is_of_kind(part)) {
                        Some(known) => *known = known.union(part),
                        None => parts.push(part.clone()),
                    }
                }
                Self::Several(parts.into())
            }
            _ => Self::Dyn,
        }
    }

    /// What it may be.
    pub(super) fn parts(&self) -> &[Self] {
        match self {
            Self::Several(parts) => parts,
            of => std::slice::from_ref(of),
        }
    }

    /// Whether it is, or several are, of the kinds that JSON has.
    fn is_plain(&self) -> bool {
        self.parts().iter().all(|part| {
            part.is_number()
                || matches!(
                    part,
                    Self::Bool
                        | Self::String
                        | Self::Word(_)
                        | Self::List(_)
                        | Self::Map(..)
                        | Self::Record(_)
                )
        })
    }

    /// Whether both are of one of JSON's kinds.
    fn is_of_kind(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::String | Self::Word(_), Self::String | Self::Word(_))
            | (Self::List(_), Self::List(_))
            | (Self::Map(..) | Self::Record(_), Self::Map(..) | Self::Record(_)) => true,
            (a, b) => a == b || (a.is_number() && b.is_number()),
        }
    }

    /// This type, or null.
    #[must_use]
    pub fn or_null(&self) -> Self {
        match self {
            Self::Null | Self::Nullable(_) => self.clone(),
            of => Self::Nullable(Arc::new(of.clone())),
        }
    }

    /// This type without null.
    pub fn unless_null(&self) -> &Self {
        match self {
            Self::Nullable(of) => of,
            of => of,
        }
    }

    /// What CEL calls it, where values of it are used: without null, without the choice of words,
    /// and `dyn` where it may be several.
    pub fn bare(&self) -> &Self {
        match self.unless_null() {
            Self::Word(_) => &Self::String,
            Self::Several(_) => &Self::Dyn,
            of => of,
        }
    }

    /// Whether it is a number, of whatever kind.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::UInt | Self::Double | Self::Number)
    }
}

/// How many fields, or words, a type shows.
const SHOWN: usize = 8;

fn show_some<T>(
    f: &mut fmt::Formatter<'_>,
    all: &[T],
    separator: &str,
    mut show: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, one) in all.iter().take(SHOWN).enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        show(f, one)?;
    }
    if all.len() > SHOWN {
        write!(f, "{separator}…")?;
    }
    Ok(())
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
            Self::Number => f.write_str("number"),
            Self::Word(words) => show_some(f, words, " | ", |f, word| write!(f, "{word:?}")),
            Self::Nullable(of) => write!(f, "{of} or null"),
            Self::Several(parts) => show_some(f, parts, " or ", |f, of| write!(f, "{}", Short(of))),
            Self::Record(record) => {
                if let Some(name) = &record.name {
                    return f.write_str(name);
                }
                f.write_str("{")?;
                show_some(f, &record.fields, ", ", |f, field| {
                    // One level: what lies deeper is asked for by name.
                    let mark = if field.optional { "?" } else { "" };
                    write!(f, "{}{mark}: {}", field.name, Short(&field.of))
                })?;
                f.write_str("}")
            }
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

/// A type inside another: a described map is only a map.
struct Short<'t>(&'t Type);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Type::Record(record) if record.name.is_none() => f.write_str("map"),
            Type::List(of) => write!(f, "list({})", Short(of)),
            Type::Map(key, of) => write!(f, "map({}, {})", Short(key), Short(of)),
            Type::Nullable(of) => write!(f, "{} or null", Short(of)),
            Type::Word(_) => f.write_str("string"),
            of => write!(f, "{of}"),
        }
    }
}
