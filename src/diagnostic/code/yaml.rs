//! E01xx and W01xx: YAML, and the structure of documents.

codes! {
    /// The text is not YAML.
    SYNTAX = "E0101";
    /// YAML takes an expression or text for something else, because it lacks quotes.
    UNQUOTED = "E0102";
    /// A tab indents a line.
    TAB = "E0103";
    /// A YAML tag, such as `!x`.
    TAG = "E0104";
    /// A key stands twice in a map.
    DUPLICATE_KEY = "E0105";
    /// Too large, too deep, too many.
    LIMIT = "E0106";
    /// Not UTF-8, or a NUL byte.
    ENCODING = "E0107";
    /// Two YAML readers do not read the same.
    READ_DIFFERENTLY = "E0108";
    /// A key that is not a text.
    KEY = "E0109";
    /// `<<`
    MERGE = "E0110";
    /// A document that starts with none of the known kinds.
    KIND = "E0111";
    /// A key that the place does not know.
    UNKNOWN_KEY = "E0112";
    /// A key that must be there is not.
    MISSING_KEY = "E0113";
    /// A value of another type than the place takes.
    WRONG_TYPE = "E0114";
    /// A value of the right type that the place does not take.
    BAD_VALUE = "E0115";
    /// A size, period or rate without its unit, or with a wrong one.
    UNIT = "E0116";
    /// A name that cannot be given.
    NAME = "E0117";
    /// A list, a map or nothing where an expression belongs.
    NOT_AN_EXPRESSION = "E0118";
    /// A file that cannot be read.
    UNREADABLE = "E0119";
    /// More errors in one file than are shown.
    MORE = "E0120";
    /// An anchor or alias.
    ANCHOR = "W0101";
}
