//! A command at a terminal: what a person would type, and what would be on the screen.
//!
//! Keys are pressed only after the prompt has been seen, as a line editor may throw away what was
//! typed before it was ready.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::pty::{Winsize, openpty};

use super::project::Project;

/// The longest that anything is waited for. Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the editor writes when it waits for keys.
const PROMPT: &str = "> ";

/// A command whose three streams are a terminal.
pub(super) struct Terminal {
    child: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
    /// What was shown and not looked at yet, without what moves the cursor.
    screen: String,
    rest: Vec<u8>,
}

impl Terminal {
    pub(super) fn start(project: &Project, args: &[&str]) -> Self {
        Self::open(project.command(args))
    }

    pub(super) fn open(mut command: Command) -> Self {
        let size = Winsize {
            ws_row: 40,
            ws_col: 120,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(Some(&size), None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = command
            .env("TERM", "xterm")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let mut screen = File::from(pty.master.try_clone().unwrap());
        let (send, shown) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The last process that has the terminal open is gone: that is an error here.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if send.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keys: File::from(pty.master),
            shown,
            screen: String::new(),
            rest: Vec::new(),
        }
    }

    /// Waits until a text is on the screen, and forgets all up to it.
    #[track_caller]
    pub(super) fn wait(&mut self, text: &str) {
        loop {
            if let Some(at) = self.screen.find(text) {
                self.screen.drain(..at + text.len());
                return;
            }
            let Ok(bytes) = self.shown.recv_timeout(PATIENCE) else {
                panic!("no `{text}` on the screen: {:?}", self.screen);
            };
            self.rest.extend(bytes);
            let cut = self.rest.iter().rposition(|byte| *byte == 0x1b);
            let cut = cut
                .filter(|&cut| !ends(&self.rest[cut..]))
                .unwrap_or(self.rest.len());
            let whole: Vec<u8> = self.rest.drain(..cut).collect();
            self.screen
                .push_str(&plain(&String::from_utf8_lossy(&whole)));
        }
    }

    /// Presses keys at the prompt and waits for an answer.
    #[track_caller]
    pub(super) fn say(&mut self, keys: &str, answer: &str) {
        self.wait(PROMPT);
        self.keys.write_all(keys.as_bytes()).unwrap();
        // After a line break: the editor shows the keys themselves, too.
        self.wait("\n");
        self.wait(answer);
    }

    /// Presses the last keys and gives the exit code.
    #[track_caller]
    pub(super) fn end(mut self, keys: &str) -> i32 {
        self.wait(PROMPT);
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether an escape sequence is whole.
fn ends(sequence: &[u8]) -> bool {
    sequence
        .get(2..)
        .is_some_and(|rest| rest.iter().any(u8::is_ascii_alphabetic))
}

/// Without escape sequences and carriage returns.
fn plain(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part
            .find(|c: char| c.is_ascii_alphabetic())
            .map_or(part.len(), |at| at + 1);
        plain.push_str(&part[end..]);
    }
    plain.replace('\r', "")
}
