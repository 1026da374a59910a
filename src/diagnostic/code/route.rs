//! E04xx and W04xx: functions and their addresses.

codes! {
    /// A name under `request.arguments` that cannot be given.
    BAD_ARGUMENT_NAME = "E0401";
    /// A method that functions cannot accept.
    BAD_METHOD = "E0402";
    /// `accept.max_body` above the gateway's limit.
    BODY_LIMIT = "E0403";
    /// `accept.path` cannot be an address.
    BAD_PATH = "E0404";
    /// `accept.path` lies where the gateway's own addresses are.
    RESERVED_PATH = "E0405";
    /// No `auth`.
    MISSING_AUTH = "E0406";
    /// `auth` names nothing that verifies a caller.
    NO_VERIFIER = "E0407";
    /// Values under `let` that need each other.
    LET_CYCLE = "E0408";
    /// Values under `let` that need each other too deep.
    DEEP_LET = "E0409";
    /// A condition that is not a Boolean.
    NOT_BOOLEAN = "E0410";
    /// `respond` may find no case.
    NO_LAST_CASE = "E0411";
    /// A case that is never reached.
    UNREACHABLE_CASE = "E0412";
    /// `output` beside keys of the other form of answer.
    MIXED_ANSWER = "E0413";
    /// A status outside its range.
    BAD_STATUS = "E0414";
    /// A header that an answer cannot carry.
    BAD_HEADER = "E0415";
    /// A content type that is none.
    BAD_CONTENT_TYPE = "E0416";
    /// `$template` that is not a text or a readable file.
    BAD_TEMPLATE = "E0417";
    /// Two functions of one name.
    DUPLICATE_FUNCTION = "E0418";
    /// Two functions that could answer one request.
    CONFLICT = "E0419";
    /// A test that cannot be run.
    BAD_TEST = "E0420";
    /// A value that an answer cannot hold.
    BAD_ANSWER_VALUE = "E0421";
    /// A schema or sample of the body that cannot be read.
    BAD_SHAPE = "E0422";
    /// A certificate is asked for that nobody can show.
    NO_CLIENT_CERTIFICATES = "E0423";

    /// A value under `let` that nothing reads.
    UNUSED_LET = "W0401";
    /// A function without a test.
    NO_TEST = "W0402";
    /// `auth: none`.
    OPEN_FUNCTION = "W0403";
}
