//! YAML as it is written: plain serde types, and where each field stood.
//!
//! ```text
//! folder ─load─▶ Loaded { sources, documents, diagnostics }
//! Document { source, spec: FunctionSpec | GatewaySpec | …, places }
//! places: field path ─▶ spans of key and value, and how each scalar's text lies in the file
//! ```
//!
//! Each file is read twice, by `serde_yaml` for the values and by `saphyr-parser` for the
//! positions; a file that the two read differently is refused. Structural mistakes are found all
//! at once by the JSON Schema that is made from these very types. Nothing here looks inside an
//! expression or a template, and nothing at run time sees a type of this module.

mod agree;
mod aligner;
mod challenge;
mod connection;
mod deliver;
mod either;
mod function;
mod gateway;
mod keys;
mod layout;
mod load;
mod mask;
mod names;
mod path;
mod places;
mod preset;
#[cfg(test)]
mod properties;
mod read;
mod salvage;
mod scalar;
mod schema;
mod secret;
mod signature;
mod structure;
mod syntax;
#[cfg(test)]
mod tests;
mod tree;
mod typed;

pub use challenge::*;
pub use connection::*;
pub use deliver::*;
pub use function::*;
pub use gateway::*;
pub use layout::Style;
pub use load::{FILE_LIMIT, load, load_bytes, load_files, load_text};
pub use names::{CEL_WORDS, ROOTS};
pub use path::{FieldPath, Step};
pub use places::Places;
pub use preset::{PresetSpec, SetupSpec, WebhookSpec, built_in, built_in_text, preset_names};
pub use salvage::Incomplete;
pub use scalar::{Expression, Period, Rate, Size};
pub use schema::{Draft, explain_key, keys_under, schema};
pub use secret::ValueSpec;
pub use signature::*;
pub use tree::Tree;

use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, SourceId, Sources};

/// Everything that one load found, good and bad.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The folder that relative paths are relative to (templates, fixtures).
    pub root: PathBuf,
    /// All files that were read.
    pub sources: Sources,
    /// The documents that could be read, in the order of file name and place.
    pub documents: Vec<Document>,
    /// What could be read of documents with structural mistakes, each reported already. They only
    /// serve to look for the other mistakes.
    pub incomplete: Vec<Incomplete>,
    /// What is wrong so far.
    pub diagnostics: Vec<Diagnostic>,
}

/// One YAML document.
#[derive(Debug)]
pub struct Document {
    /// Which file it stands in.
    pub source: SourceId,
    /// What it says.
    pub spec: Spec,
    /// Where it says it.
    pub places: Places,
}

/// What a document describes; its first key tells which.
#[derive(Debug)]
pub enum Spec {
    /// `function: NAME`
    Function(Box<FunctionSpec>),
    /// `gateway: NAME`
    Gateway(Box<GatewaySpec>),
    /// `preset: NAME`
    Preset(Box<PresetSpec>),
    /// `connection: NAME`
    Connection(Box<ConnectionSpec>),
}
