//! What the operating system says of this process, under the names that Prometheus's own clients
//! use. Read from `/proc` when asked; what cannot be read is left out.

use std::fs;

use super::text::Text;

/// The kernel shows times to programs in hundredths of a second on every Linux architecture.
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) fn render(text: &mut Text) {
    let mut gauge = |name, kind, help, value: Option<f64>| {
        if let Some(value) = value {
            text.family(name, kind, help);
            text.sample(&[], value);
        }
    };
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    gauge(
        "process_cpu_seconds_total",
        "counter",
        "User and system time.",
        cpu_seconds(&stat),
    );
    gauge(
        "process_resident_memory_bytes",
        "gauge",
        "Resident memory.",
        kilobytes(&status, "VmRSS:"),
    );
    gauge(
        "process_virtual_memory_bytes",
        "gauge",
        "Virtual memory.",
        kilobytes(&status, "VmSize:"),
    );
    gauge(
        "process_threads",
        "gauge",
        "Threads.",
        field(&status, "Threads:"),
    );
    gauge(
        "process_open_fds",
        "gauge",
        "Open file descriptors.",
        open_descriptors(),
    );
    gauge(
        "process_max_fds",
        "gauge",
        "Most file descriptors that may be open.",
        most_descriptors(),
    );
    gauge(
        "process_start_time_seconds",
        "gauge",
        "When the process began, since the epoch.",
        start_time(&stat),
    );
}

/// The fields of `/proc/self/stat` after the command, which may hold anything.
fn after_command(stat: &str) -> Option<impl Iterator<Item = &str>> {
    Some(stat.rsplit_once(')')?.1.split_ascii_whitespace())
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = after_command(stat)?.skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn start_time(stat: &str) -> Option<f64> {
    let since_boot: f64 = after_command(stat)?.nth(19)?.parse().ok()?;
    let machine = fs::read_to_string("/proc/stat").ok()?;
    Some(field(&machine, "btime ")? + since_boot / TICKS_PER_SECOND)
}

fn kilobytes(status: &str, name: &str) -> Option<f64> {
    Some(field(status, name)? * 1024.0)
}

fn field(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

fn open_descriptors() -> Option<f64> {
    let count = u32::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?;
    // One of them is the folder being read.
    Some(f64::from(count.saturating_sub(1)))
}

fn most_descriptors() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    field(&limits, "Max open files")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself() {
        let mut text = Text::default();
        render(&mut text);
        let page = text.finish();
        for name in [
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_virtual_memory_bytes",
            "process_threads",
            "process_open_fds",
            "process_max_fds",
            "process_start_time_seconds",
        ] {
            assert!(page.contains(&format!("\n{name} ")), "{name} in {page}");
        }
    }
}
