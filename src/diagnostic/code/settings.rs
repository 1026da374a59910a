//! E05xx and W05xx: the gateway's settings and secrets.

codes! {
    /// More than one `gateway:` document.
    TWO_GATEWAYS = "E0501";
    /// Where to listen cannot be understood.
    BAD_ADDRESS = "E0502";
    /// A certificate or key file that cannot be read.
    UNREADABLE_FILE = "E0503";
    /// A limit that is zero, or contradicts another.
    BAD_LIMIT = "E0504";
    /// An environment variable that is not set.
    UNSET_VARIABLE = "E0505";
    /// The admin listener would be reachable from elsewhere without TLS.
    OPEN_ADMIN = "E0506";
    /// A network of `trusted_proxies` that is none.
    BAD_NETWORK = "E0507";
    /// An unknown log format or level.
    BAD_LOG = "E0508";
    /// `public_url` is not an address that third parties could call.
    BAD_PUBLIC_URL = "E0509";
    /// A name under `env` that no environment variable can have.
    BAD_VARIABLE_NAME = "E0510";
    /// Both listeners at one address.
    SAME_ADDRESS = "E0511";

    /// `outbound.proxy` is not the address of a proxy.
    BAD_PROXY = "E0512";
    /// The PROXY protocol, and no proxy that may speak it.
    NO_PROXY = "E0513";
    /// `store` names no store, or holds a password.
    BAD_STORE = "E0514";

    /// A public address without `https`.
    PLAIN_PUBLIC_URL = "W0501";
}
