//! E03xx and W03xx: templates.

codes! {
    /// Not a template.
    SYNTAX = "E0301";
    /// A name that no variable has.
    UNKNOWN_NAME = "E0302";
    /// A field that the value cannot have.
    UNKNOWN_FIELD = "E0303";
    /// A helper that does not exist.
    UNKNOWN_HELPER = "E0304";
    /// A helper with the wrong values, or in the wrong form.
    WRONG_USE = "E0305";
    /// A map or list where text is printed.
    NOT_PRINTABLE = "E0306";
    /// Partials and decorators.
    UNSUPPORTED = "E0307";
    /// Too long, or nested too deep.
    TOO_LARGE = "E0308";
    /// `../`, `this` or `@index` where there is no such place.
    WRONG_SCOPE = "E0309";
}
