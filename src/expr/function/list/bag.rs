//! Values to be asked whether one is among them.
//!
//! Equality is CEL's: `1`, `1u` and `1.0` are one value. Scalars are hashed; lists and maps, which
//! are rare here, are compared one by one, and each comparison is paid for.

use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::expr::Fault;
use crate::expr::function::Call;
use crate::value::{Numeric, Value};

/// Some values, each once.
pub(super) struct Bag<'c, 's, 'a> {
    call: &'c Call<'s, 'a>,
    scalars: HashSet<Scalar<'a>>,
    others: Vec<Value<'a>>,
}

#[derive(PartialEq, Eq, Hash)]
enum Scalar<'a> {
    Null,
    Bool(bool),
    /// Any number that an integer can be.
    Integer(i128),
    /// The bits of a double that no integer can be.
    Double(u64),
    String(&'a str),
    Bytes(&'a [u8]),
    Timestamp(jiff::SignedDuration),
    Duration(jiff::SignedDuration),
    Ip(IpAddr),
    Cidr(IpNet),
    Type(&'a str),
}

impl<'a> Scalar<'a> {
    /// `None` for what is not hashed; NaN is among it, for it equals nothing.
    fn of(value: Value<'a>) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(flag),
            Value::String(text) => Self::String(text),
            Value::Bytes(bytes) => Self::Bytes(bytes),
            Value::Timestamp(at) => Self::Timestamp(at.since_epoch()),
            Value::Duration(span) => Self::Duration(span),
            Value::Ip(address) => Self::Ip(address),
            Value::Cidr(network) => Self::Cidr(network),
            Value::Type(name) => Self::Type(name),
            Value::Int(_) | Value::UInt(_) | Value::Double(_) | Value::Number(_) => {
                let number = value.number()?;
                match (number.as_int(), number.as_uint(), number) {
                    (Some(int), ..) => Self::Integer(int.into()),
                    (_, Some(uint), _) => Self::Integer(uint.into()),
                    (.., Numeric::Double(double)) if !double.is_nan() => {
                        Self::Double(double.to_bits())
                    }
                    _ => return None,
                }
            }
            Value::List(_) | Value::Map(_) | Value::Optional(_) => return None,
        })
    }
}

impl<'c, 's, 'a> Bag<'c, 's, 'a> {
    /// An empty bag.
    pub(super) fn new(call: &'c Call<'s, 'a>) -> Self {
        Self {
            call,
            scalars: HashSet::new(),
            others: Vec::new(),
        }
    }

    /// A bag of these.
    fn of(call: &'c Call<'s, 'a>, items: &[Value<'a>]) -> Result<Self, Fault<'a>> {
        let mut bag = Self::new(call);
        for item in items {
            bag.insert(*item)?;
        }
        Ok(bag)
    }

    /// Puts a value in; `false` if it was there.
    pub(super) fn insert(&mut self, value: Value<'a>) -> Result<bool, Fault<'a>> {
        self.call.makes_list(1)?;
        self.call.reads_whole(value)?;
        if let Some(scalar) = Scalar::of(value) {
            return Ok(self.scalars.insert(scalar));
        }
        let is_new = !self.is_among_others(value)?;
        if is_new {
            self.others.push(value);
        }
        Ok(is_new)
    }

    /// Whether a value is there.
    fn contains(&self, value: Value<'a>) -> Result<bool, Fault<'a>> {
        self.call.reads_whole(value)?;
        match Scalar::of(value) {
            Some(scalar) => Ok(self.scalars.contains(&scalar)),
            None => self.is_among_others(value),
        }
    }

    fn is_among_others(&self, value: Value<'a>) -> Result<bool, Fault<'a>> {
        for other in &self.others {
            self.call.reads_whole(value)?;
            if other.equals(value) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether `items` has each of `wanted`.
pub(super) fn has_each<'a>(
    call: &Call<'_, 'a>,
    items: &[Value<'a>],
    wanted: &[Value<'a>],
) -> Result<bool, Fault<'a>> {
    let bag = Bag::of(call, items)?;
    for item in wanted {
        if !bag.contains(*item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether `items` has any of `wanted`.
pub(super) fn has_any<'a>(
    call: &Call<'_, 'a>,
    items: &[Value<'a>],
    wanted: &[Value<'a>],
) -> Result<bool, Fault<'a>> {
    let bag = Bag::of(call, items)?;
    for item in wanted {
        if bag.contains(*item)? {
            return Ok(true);
        }
    }
    Ok(false)
}
