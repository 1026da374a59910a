//! Presets in the vocabulary's own form, `{holes}` and all, as `preset:` documents.

pub(super) fn documents(text: &str) -> String {
    text.to_owned()
}
