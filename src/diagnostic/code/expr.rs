//! E02xx and W02xx: expressions.

codes! {
    /// The text is not an expression.
    SYNTAX = "E0201";
    /// Too long, or nested too deep.
    TOO_LARGE = "E0202";
    /// The object is known and has no such field.
    UNKNOWN_FIELD = "E0203";
    /// A name that nothing declares.
    UNKNOWN_NAME = "E0204";
    /// A function that does not exist.
    UNKNOWN_FUNCTION = "E0205";
    /// A function with too few or too many arguments.
    WRONG_ARITY = "E0206";
    /// A function or an operator that does not exist for these types.
    WRONG_TYPE = "E0207";
    /// Two types of which no values are ever equal.
    NEVER_EQUAL = "E0208";
    /// A literal number, text, regex, JSONPath, duration or time that is none.
    BAD_LITERAL = "E0209";
    /// `${` where an expression stands already.
    NESTED_HOLE = "E0210";
    /// A protobuf message.
    MESSAGE = "E0211";
    /// A macro whose arguments have the wrong shape.
    BAD_MACRO = "E0212";
    /// `${` without its `}`, or with nothing inside.
    BROKEN_HOLE = "E0213";
    /// A list or a map in the middle of a text.
    NOT_TEXT = "E0214";
    /// A condition that is always the same.
    CONSTANT_CONDITION = "W0201";
    /// What a request may come without, and nothing handles.
    UNHANDLED = "W0202";
    /// A field that no sample shows.
    DOUBTFUL_FIELD = "W0203";
    /// A regex that matches anywhere in a text.
    UNANCHORED = "W0204";
    /// A secret compared with `==`.
    COMPARED_SECRET = "W0205";
    /// Money divided as a whole number.
    WHOLE_DIVISION = "W0206";
    /// Work that grows faster than the body.
    GROWTH = "W0207";
}
