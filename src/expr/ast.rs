//! The tree of an expression as it was written, every node with its place.
//!
//! The parser makes it, the macros rewrite a part of it, the checker and the compiler read it.
//! No tree is higher than [`HIGHEST`], whatever the text: who walks it may recurse.

/// Bytes of the text, start and end.
pub(super) type Span = (u32, u32);

/// The highest tree that is made.
pub(super) const HIGHEST: u16 = 250;

/// An expression.
#[derive(Debug, Clone)]
pub(super) struct Ast {
    pub(super) span: Span,
    /// One more than the highest part.
    pub(super) height: u16,
    pub(super) node: Node,
}

/// The kinds of expression. From [`Node::Has`] on they come from macros.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Literal(Literal),
    /// `name`, or `.name` from the root of all names.
    Name {
        name: String,
        absolute: bool,
    },
    Select {
        object: Box<Ast>,
        field: String,
        field_span: Span,
        optional: bool,
    },
    Index {
        object: Box<Ast>,
        index: Box<Ast>,
        optional: bool,
    },
    Call(Box<Call>),
    Not(Box<Ast>),
    Negate(Box<Ast>),
    Binary(Binary, Box<Ast>, Box<Ast>),
    /// `a && b && …`; flat, because chains get long.
    And(Vec<Ast>),
    /// `a || b || …`
    Or(Vec<Ast>),
    Conditional(Box<[Ast; 3]>),
    List(Vec<Element>),
    Map(Vec<Entry>),
    /// `Name{field: …}`
    Message(String),
    /// `$.body.id`
    Query(String),
    /// `has(a.b)`: the object, the field, its place.
    Has(Box<Ast>, String, Span),
    Fold(Box<Fold>),
    /// `cel.bind(name, value, body)`
    Bind(String, Box<Ast>, Box<Ast>),
    /// `cel.block([slots], body)`
    Block(Vec<Ast>, Box<Ast>),
    /// `optional.optMap(name, body)`; `flat` when the body is an optional already.
    OptionalMap {
        object: Box<Ast>,
        name: String,
        body: Box<Ast>,
        flat: bool,
    },
}

/// A call of a function, of a method, or of a name that looks like a method's: `math.abs(x)`.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) target: Option<Ast>,
    pub(super) name: String,
    pub(super) name_span: Span,
    pub(super) absolute: bool,
    pub(super) args: Vec<Ast>,
}

/// A literal's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    String(String),
    Bytes(Vec<u8>),
}

/// Operators with two operands, but for `&&` and `||`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    Coalesce,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

impl Binary {
    /// As it is written.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Coalesce => "??",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Rem => "%",
        }
    }
}

/// An element of a list; an optional one is left out when it has no value.
#[derive(Debug, Clone)]
pub(super) struct Element {
    pub(super) value: Ast,
    pub(super) optional: bool,
}

/// An entry of a map; an optional one is left out when its value has none.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Ast,
    pub(super) value: Ast,
    pub(super) optional: bool,
}

/// A macro that goes over a list or a map.
#[derive(Debug, Clone)]
pub(super) struct Fold {
    pub(super) kind: FoldKind,
    pub(super) range: Ast,
    pub(super) first: String,
    /// The name of the value, where there are two names.
    pub(super) second: Option<String>,
    pub(super) filter: Option<Ast>,
    pub(super) body: Ast,
}

/// What a [`Fold`] makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoldKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    /// `map` and `transformList`.
    Map,
    TransformMap,
    TransformMapEntry,
    SortBy,
    /// `group_by`
    GroupBy,
    /// `key_by` and `index_by`
    KeyBy,
}

impl Ast {
    /// A node without parts.
    pub(super) fn leaf(span: Span, node: Node) -> Self {
        Self {
            span,
            height: 1,
            node,
        }
    }

    /// `a.b.c` with nothing but plain names, outermost last, and whether it starts with a dot.
    pub(super) fn qualified(&self) -> Option<(String, bool)> {
        match &self.node {
            Node::Name { name, absolute } => Some((name.clone(), *absolute)),
            Node::Select {
                object,
                field,
                optional: false,
                ..
            } => {
                let (mut name, absolute) = object.qualified()?;
                name.push('.');
                name.push_str(field);
                Some((name, absolute))
            }
            _ => None,
        }
    }
}

impl Ast {
    /// A node that is one higher than its highest part.
    pub(super) fn new(span: Span, node: Node) -> Self {
        let mut height = 0;
        node.each_part(&mut |part| height = height.max(part.height));
        Self {
            span,
            height: height.saturating_add(1),
            node,
        }
    }
}

impl Node {
    /// Shows each direct part once, in the order of evaluation.
    pub(super) fn each_part<'t>(&'t self, visit: &mut impl FnMut(&'t Ast)) {
        match self {
            Self::Literal(_) | Self::Name { .. } | Self::Message(_) | Self::Query(_) => {}
            Self::Select { object: part, .. }
            | Self::Not(part)
            | Self::Negate(part)
            | Self::Has(part, ..) => visit(part),
            Self::Index {
                object: a,
                index: b,
                ..
            }
            | Self::Binary(_, a, b)
            | Self::Bind(_, a, b)
            | Self::OptionalMap {
                object: a, body: b, ..
            } => {
                visit(a);
                visit(b);
            }
            Self::Call(call) => call.target.iter().chain(&call.args).for_each(visit),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(visit),
            Self::Conditional(parts) => parts.iter().for_each(visit),
            Self::List(elements) => elements.iter().for_each(|element| visit(&element.value)),
            Self::Map(entries) => {
                for entry in entries {
                    visit(&entry.key);
                    visit(&entry.value);
                }
            }
            Self::Fold(fold) => {
                visit(&fold.range);
                fold.filter.iter().for_each(&mut *visit);
                visit(&fold.body);
            }
            Self::Block(slots, body) => {
                slots.iter().for_each(&mut *visit);
                visit(body);
            }
        }
    }
}
