//! Zoho's words: the request object, the answer's two forms, the error bodies.
//!
//! What stands here was said by Zoho or observed at Zoho's; each item names which. Nothing here
//! knows of routes or of HTTP connections.

mod error;
mod reply;
mod request;

pub use error::{ErrorBody, RAISED, ZohoError};
pub use reply::{Answer, JSON, ReplyError, Response, envelope, function_id, returned};
pub use request::{
    ARGUMENTS, BODY_ENCODING, HIDDEN_PARAMETERS, RequestBody, RequestObject, arguments, params,
};
