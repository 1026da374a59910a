//! `hookweir schema`: the JSON Schema of specs, for editors.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::console::{Console, Exit, Failure, finish};
use crate::spec::{self, schema};

/// Print the JSON Schema of specs, for editors
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hookweir schema > schema.json
  hookweir schema --write                 into .hookweir/schema.json
  hookweir schema --draft 2020-12

With `--write`, a spec that begins with this line is completed and checked by editors that
know YAML schemas:

  # yaml-language-server: $schema=../.hookweir/schema.json")]
pub struct Args {
    /// Which version of JSON Schema.
    #[arg(long, value_enum, default_value = "07")]
    draft: Draft,
    /// Write it into `.hookweir/schema.json` instead, or into this file.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = ".hookweir/schema.json")]
    write: Option<PathBuf>,
}

/// `--draft`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Draft {
    /// Draft-07, which every editor knows.
    #[value(name = "07", aliases = ["7", "draft-07"])]
    Seven,
    /// 2020-12.
    #[value(name = "2020-12", aliases = ["latest"])]
    Latest,
}

/// Runs `hookweir schema`.
pub fn run(args: &Args, console: &mut Console<'_>) -> Exit {
    finish(console, |console| {
        let draft = match args.draft {
            Draft::Seven => spec::Draft::Seven,
            Draft::Latest => spec::Draft::Latest,
        };
        let text = format!("{:#}\n", schema(draft));
        let Some(path) = &args.write else {
            console.out.write_all(text.as_bytes())?;
            return Ok(Exit::Done);
        };
        write(path, &text).map_err(|problem| {
            Failure::failed(format!("cannot write `{}`: {problem}", path.display()))
        })?;
        writeln!(console.out, "{}", path.display())?;
        Ok(Exit::Done)
    })
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::{Args, Draft};
    use crate::cli::console::{Console, Exit};
    use crate::clock::SystemClock;

    fn run(args: &Args, out: &mut Vec<u8>, err: &mut Vec<u8>) -> Exit {
        super::run(
            args,
            &mut Console {
                input: &mut std::io::empty(),
                input_is_terminal: false,
                out,
                err,
                clock: &SystemClock,
            },
        )
    }

    #[test]
    fn prints_or_writes_the_same_schema() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".hookweir/schema.json");
        let (mut printed, mut said, mut err) = (Vec::new(), Vec::new(), Vec::new());
        let draft = Draft::Seven;
        assert_eq!(
            run(&Args { draft, write: None }, &mut printed, &mut err),
            Exit::Done
        );
        let write = Some(path.clone());
        assert_eq!(run(&Args { draft, write }, &mut said, &mut err), Exit::Done);
        assert_eq!(std::fs::read(&path).unwrap(), printed);
        assert_eq!(
            String::from_utf8(said).unwrap().trim_end(),
            path.to_string_lossy()
        );
        let schema: serde_json::Value = serde_json::from_slice(&printed).unwrap();
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    }

    #[test]
    fn says_what_could_not_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = Args {
            draft: Draft::Latest,
            write: Some(folder.path().to_owned()),
        };
        assert_eq!(run(&args, &mut out, &mut err), Exit::Failed);
        assert!(
            String::from_utf8(err)
                .unwrap()
                .starts_with("error: cannot write `")
        );
        assert_eq!(out, b"");
    }
}
