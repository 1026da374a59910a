//! E07xx and W07xx: connections, deliveries, and what is kept of events.

codes! {
    /// A connection that there is not.
    UNKNOWN_CONNECTION = "E0701";
    /// A connection that cannot be one.
    BAD_CONNECTION = "E0702";
    /// A delivery that cannot be one.
    BAD_DELIVERY = "E0703";
    /// What a delivery cannot send.
    BAD_DELIVERY_REQUEST = "E0704";
    /// What `redact` cannot take out.
    BAD_REDACTION = "E0705";

    /// What is sent can be read on its way.
    PLAIN_CONNECTION = "W0701";
    /// Events are sent again later than they are known.
    SHORT_WINDOW = "W0702";
}
