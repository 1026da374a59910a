//! Prometheus's text format.

use std::fmt::{Display, Write};

use super::histogram::Histogram;

/// A page of metrics being written, family after family.
#[derive(Debug, Default)]
pub(super) struct Text {
    page: String,
    family: &'static str,
}

impl Text {
    /// Begins a family; the samples that follow are its.
    pub(super) fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.family = name;
        let _ = writeln!(self.page, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.line("", labels, None, value);
    }

    /// `unit`: how many of the counted units make one of the base unit.
    pub(super) fn histogram<const N: usize>(
        &mut self,
        labels: &[(&str, &str)],
        bounds: &[u64; N],
        histogram: &Histogram<N>,
        unit: f64,
    ) {
        let (counts, total) = histogram.cumulative();
        for (bound, count) in bounds.iter().zip(counts) {
            let bound = base(*bound, unit).to_string();
            self.line("_bucket", labels, Some(&bound), count);
        }
        self.line("_bucket", labels, Some("+Inf"), total);
        self.line("_sum", labels, None, base(histogram.sum(), unit));
        self.line("_count", labels, None, total);
    }

    /// One bucket of a histogram, with those below it.
    pub(super) fn bucket(&mut self, bound: &str, count: u64) {
        self.line("_bucket", &[], Some(bound), count);
    }

    /// The end of a histogram.
    pub(super) fn sum_and_count(&mut self, sum: f64, count: u64) {
        self.line("_sum", &[], None, sum);
        self.line("_count", &[], None, count);
    }

    pub(super) fn finish(self) -> String {
        self.page
    }

    fn line(
        &mut self,
        suffix: &str,
        labels: &[(&str, &str)],
        bound: Option<&str>,
        value: impl Display,
    ) {
        let _ = write!(self.page, "{}{suffix}", self.family);
        let bound = bound.map(|bound| ("le", bound));
        let mut separator = '{';
        for (name, value) in labels.iter().copied().chain(bound) {
            let _ = write!(self.page, "{separator}{name}=\"");
            for character in value.chars() {
                match character {
                    '\\' => self.page.push_str("\\\\"),
                    '"' => self.page.push_str("\\\""),
                    '\n' => self.page.push_str("\\n"),
                    _ => self.page.push(character),
                }
            }
            self.page.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.page.push('}');
        }
        let _ = writeln!(self.page, " {value}");
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a page of metrics has floating-point numbers"
)]
fn base(value: u64, unit: f64) -> f64 {
    value as f64 / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_prometheus_reads() {
        let mut text = Text::default();
        text.family("a_total", "counter", "All of a.");
        text.sample(&[], 3);
        text.sample(&[("x", "say \"\\\n\"")], 4);
        text.family("d_seconds", "histogram", "How long.");
        let histogram = Histogram::<2>::default();
        histogram.record(1_000_000, &[5_000_000, 100_000_000]);
        histogram.record(7_000_000, &[5_000_000, 100_000_000]);
        histogram.record(2_000_000_000, &[5_000_000, 100_000_000]);
        text.histogram(&[("f", "g")], &[5_000_000, 100_000_000], &histogram, 1e9);
        assert_eq!(
            text.finish(),
            "# HELP a_total All of a.\n\
             # TYPE a_total counter\n\
             a_total 3\n\
             a_total{x=\"say \\\"\\\\\\n\\\"\"} 4\n\
             # HELP d_seconds How long.\n\
             # TYPE d_seconds histogram\n\
             d_seconds_bucket{f=\"g\",le=\"0.005\"} 1\n\
             d_seconds_bucket{f=\"g\",le=\"0.1\"} 2\n\
             d_seconds_bucket{f=\"g\",le=\"+Inf\"} 3\n\
             d_seconds_sum{f=\"g\"} 2.008\n\
             d_seconds_count{f=\"g\"} 3\n"
        );
    }
}
