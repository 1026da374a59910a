//! The machine's clock is set while deliveries are under way.
//!
//! libfaketime stands between the gateway and the system's clock, and reads from a file by how much
//! it is off. The clock that only counts on, by which the program waits, is left alone, as it is
//! when an administrator sets the time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::orders::{Orders, Seen};
use super::project::Project;
use crate::harness::destination::{Destination, Does};

const LIBRARIES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
];

/// Where it is; `None`, and said, where it is not installed.
#[expect(
    clippy::print_stdout,
    reason = "a test that does nothing says why; `tests/run` shows it"
)]
fn faketime() -> Option<&'static str> {
    let found = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
    if found.is_none() {
        println!("skipped: the clock cannot be set without libfaketime");
    }
    found
}

#[test]
fn a_clock_that_is_set_by_an_hour_delays_nothing_and_repeats_nothing() {
    let Some(library) = faketime() else { return };
    let seen = Seen::default();
    let fails = Arc::new(AtomicBool::new(true));
    let (notes, is_failing) = (seen.clone(), Arc::clone(&fails));
    let destination = Destination::new(move |came| {
        if is_failing.load(Ordering::Relaxed) {
            return Does::Answers(500, "", "");
        }
        notes.note(came.text());
        Does::Answers(200, "", "{}")
    });
    let project = Project::delivering(&destination, 50, "");
    let specs = project.path("specs/all.yaml");
    let text = std::fs::read_to_string(&specs).unwrap();
    let often = "    connection: crm\n    retry: { first: 1s, limit: 1s, attempts: 100 }\n";
    project.write(
        "specs/all.yaml",
        &text.replace("    connection: crm\n", often),
    );
    project.replace("offset", "+0");
    let mut serving = project.serve_as(&[], |command| {
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", project.path("offset"))
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    });
    let orders = Orders::post(serving.ingress, 2, "order");
    orders.wait_for_taken(50);
    // What waits for its second attempt is due in an hour, by the clock.
    project.replace("offset", "-3600");
    orders.wait_for_taken(50);
    fails.store(false, Ordering::Relaxed);
    seen.wait_for(&orders.taken());
    project.replace("offset", "+3600");
    orders.wait_for_taken(50);
    seen.wait_for(&orders.end());
    assert_eq!(seen.repeats(), 0, "nothing is leased twice");
    serving.stop();
}
