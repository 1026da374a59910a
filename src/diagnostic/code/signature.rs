//! E06xx and W06xx: signatures of providers, and their handshakes.

codes! {
    /// A preset that nobody knows.
    UNKNOWN_PRESET = "E0601";
    /// A scheme that is none, or is not whole.
    BAD_SCHEME = "E0602";
    /// Nothing to check signatures with.
    NO_SECRET = "E0603";
    /// A secret that is not set, or empty.
    UNSET_SECRET = "E0604";
    /// A secret that is written into the spec.
    INLINE_SECRET = "E0605";
    /// A secret or key in another form than its scheme's.
    BAD_KEY = "E0606";
    /// The URL is signed, and is not known.
    NO_PUBLIC_URL = "E0607";
    /// A place in a request that is none, or several.
    BAD_SOURCE = "E0608";
    /// The form of an item that cannot be read.
    BAD_ITEM = "E0609";
    /// A key of an alternative that holds for all.
    MISPLACED = "E0610";
    /// Two presets of one name.
    BAD_PRESET = "E0611";

    /// A name that hides another.
    BAD_NAME = "E0612";
    /// A handshake by which anybody could give a secret.
    OPEN_HANDSHAKE = "E0613";

    /// `mode: observe`.
    OBSERVE = "W0601";
    /// A scheme that signs nothing.
    TOKEN = "W0602";
    /// A handshake that needs a parameter.
    LACKING_PARAM = "W0603";
}
