//! `hookweir events tail`: events as they come.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Args, Which, line};
use crate::cli::console::{Console, Exit, Failure};
use crate::cli::keys::Format;
use crate::cli::log::Log;
use crate::store::events::{EventFilter, EventRow, EventView, Page};

/// How often it is looked for new ones.
const INTERVAL: Duration = Duration::from_millis(300);

/// Of several gateways on one database, one may write an event after another has written a later
/// one: so far back it is looked for such.
const OVERLAP: i64 = 200;

/// How many are read at once.
const PAGE: u32 = 500;

/// How much is shown.
#[derive(Debug, clap::Args)]
pub(super) struct How {
    /// First so many that have come already
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=500))]
    last: u32,
    /// End after so many that come
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

impl Args {
    pub(super) fn tail(
        &self,
        which: &Which,
        how: &How,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        let filter = which.filter(console)?;
        let log = Log::open(self.target.data_dir())?;
        let mut seen = Seen::begin(&log)?;
        let before = Page {
            before: Some(seen.start.saturating_add(1)),
            limit: how.last.max(1),
            ..Page::default()
        };
        if how.last > 0 {
            let last = log.wait(log.store.events(filter.clone(), before))?;
            for row in last.rows.iter().rev() {
                self.tell(row, console)?;
            }
        }
        let mut left = how.count;
        while left != Some(0) {
            for row in seen.new_ones(&log, &filter)? {
                self.tell(&row, console)?;
                left = left.map(|left| left - 1);
                if left == Some(0) {
                    break;
                }
            }
            console.out.flush()?;
            if left != Some(0) {
                log.wait(async {
                    tokio::time::sleep(INTERVAL).await;
                    Ok(())
                })?;
            }
        }
        Ok(Exit::Done)
    }

    fn tell(&self, row: &EventRow, console: &mut Console<'_>) -> Result<(), Failure> {
        match self.format {
            Format::Json => {
                serde_json::to_writer(&mut *console.out, &EventView::from(row))?;
                writeln!(console.out)?;
            }
            Format::Human => writeln!(console.out, "{}", line(row))?,
        }
        Ok(())
    }
}

/// What was shown already.
struct Seen {
    /// The newest event when this began.
    start: i64,
    /// Of the last [`OVERLAP`].
    shown: BTreeSet<i64>,
    newest: i64,
}

impl Seen {
    fn begin(log: &Log) -> Result<Self, Failure> {
        let one = Page {
            limit: 1,
            ..Page::default()
        };
        let newest = log.wait(log.store.events(EventFilter::default(), one))?;
        let start = newest.rows.first().map_or(0, |row| row.seq);
        Ok(Self {
            start,
            shown: BTreeSet::new(),
            newest: start,
        })
    }

    /// What has come and fits, in the order of arrival.
    fn new_ones(&mut self, log: &Log, filter: &EventFilter) -> Result<Vec<EventRow>, Failure> {
        let mut page = Page {
            before: None,
            after: Some(self.start.max(self.newest.saturating_sub(OVERLAP))),
            limit: PAGE,
        };
        let mut new = Vec::new();
        loop {
            let found = log.wait(log.store.events(filter.clone(), page))?;
            let unseen = found.rows.into_iter();
            new.extend(unseen.filter(|row| !self.shown.contains(&row.seq)));
            page.before = found.next;
            if page.before.is_none() {
                break;
            }
        }
        new.reverse();
        self.shown.extend(new.iter().map(|row| row.seq));
        if let Some(last) = self.shown.last() {
            self.newest = self.newest.max(*last);
            self.shown = self.shown.split_off(&(self.newest - OVERLAP));
        }
        Ok(new)
    }
}
