//! Lines on their way out.
//!
//! Whoever logs puts whole lines into a buffer and goes on; a thread of its own writes what has
//! gathered. Under load that is one write for many lines, and a slow terminal or pipe slows nobody
//! down. What was put in before the end is written before the end. A reader that does not keep up
//! at all costs lines, never memory without bound; how many is said in the log itself.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// The most that waits to be written.
const MOST_WAITING: usize = 8 << 20;
/// How long lines gather after a write.
const PAUSE: Duration = Duration::from_millis(20);

/// Takes lines. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogWriter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    lines: Vec<u8>,
    /// The thread waits to be told that there is something.
    is_asleep: bool,
    is_closed: bool,
    /// Lines that found no place.
    lost: u64,
}

/// Ends the writing when it is dropped, after everything has been written.
#[derive(Debug)]
pub struct LogGuard {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl LogWriter {
    /// Starts writing to `out`.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<(Self, LogGuard)> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            changed: Condvar::new(),
        });
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.write_all(out)
        })?;
        let guard = LogGuard {
            shared: Arc::clone(&shared),
            thread: Some(thread),
        };
        Ok((Self(shared), guard))
    }

    /// Puts whole lines in, with their ends.
    pub fn put(&self, lines: &[u8]) {
        let mut queue = self.0.lock();
        if queue.lines.len() + lines.len() > MOST_WAITING {
            queue.lost += 1;
            return;
        }
        queue.lines.extend_from_slice(lines);
        let wakes = std::mem::take(&mut queue.is_asleep);
        drop(queue);
        if wakes {
            self.0.changed.notify_one();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        loop {
            let mut queue = self.lock();
            while queue.lines.is_empty() && !queue.is_closed {
                queue.is_asleep = true;
                queue = self
                    .changed
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if queue.lines.is_empty() {
                return;
            }
            std::mem::swap(&mut queue.lines, &mut batch);
            let lost = std::mem::take(&mut queue.lost);
            drop(queue);
            // There is nowhere to complain about the log but the log.
            let _ = out.write_all(&batch);
            if lost > 0 {
                let _ = writeln!(
                    out,
                    "{{\"level\":\"WARN\",\"message\":\"log lines lost\",\"count\":{lost}}}"
                );
            }
            let _ = out.flush();
            batch.clear();
            batch.shrink_to(MOST_WAITING / 8);
            self.pause();
        }
    }

    /// Lets lines gather, unless it is the end.
    fn pause(&self) {
        let queue = self.lock();
        let is_open = |queue: &mut Queue| !queue.is_closed;
        let _ = self.changed.wait_timeout_while(queue, PAUSE, is_open);
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Write for LogWriter {
    /// `tracing` writes each line whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_line_is_lost_at_the_end() {
        let kept = Kept::default();
        let (writer, guard) = LogWriter::start(kept.clone()).unwrap();
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let writer = writer.clone();
                std::thread::spawn(move || {
                    for line in 0..500 {
                        writer.put(format!("{thread} {line}\n").as_bytes());
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        drop(guard);
        let kept = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        for thread in 0..4 {
            let own = format!("{thread} ");
            let lines: Vec<&str> = kept
                .lines()
                .filter_map(|line| line.strip_prefix(&own))
                .collect();
            let expected: Vec<String> = (0..500).map(|line: u32| line.to_string()).collect();
            assert_eq!(lines, expected);
        }
    }
}
