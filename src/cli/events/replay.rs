//! `hookweir events replay`: once more, past `dedupe`.

use std::time::Duration;

use super::{Args, Which};
use crate::cli::console::{Console, Exit, Failure};
use crate::cli::log::Log;
use crate::store::events::{NotReplayed, Page, deliver_again};

/// Which events, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Chosen {
    /// These; without any, those that the filters find
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    which: Which,
    /// With filters: how many at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    max: Option<u32>,
    /// Only the deliveries of this name
    #[arg(long, value_name = "NAME", conflicts_with = "reevaluate")]
    delivery: Option<String>,
    /// Take them through their function as it is now
    #[arg(long)]
    reevaluate: bool,
}

impl Args {
    pub(super) fn replay(
        &self,
        chosen: &Chosen,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        let filter = chosen.which.filter(console)?;
        let is_everything = filter.is_everything();
        if chosen.ids.is_empty() && (is_everything || chosen.max.is_none()) {
            return Err(Failure::usage("say which events").help(
                "name their ids, or filter them and say how many at most: `--since 2h --max 100`",
            ));
        }
        if !chosen.ids.is_empty() && !is_everything {
            return Err(Failure::usage("ids and filters do not go together"));
        }
        let log = Log::open(self.target.data_dir())?;
        let ids = match chosen.max.filter(|_| chosen.ids.is_empty()) {
            None => chosen.ids.clone(),
            Some(most) => {
                let mut found = Vec::new();
                let mut page = Page {
                    limit: 500,
                    ..Page::default()
                };
                loop {
                    let listed = log.wait(log.store.events(filter.clone(), page))?;
                    found.extend(listed.rows.into_iter().map(|row| row.id));
                    page.before = listed.next;
                    if found.len() > usize::try_from(most).unwrap_or(usize::MAX) {
                        return Err(Failure::failed(format!(
                            "more than {most} events fit: none is delivered"
                        ))
                        .help("filter more, or raise `--max`"));
                    }
                    if page.before.is_none() {
                        break;
                    }
                }
                // In the order of arrival.
                found.reverse();
                found
            }
        };
        if ids.is_empty() {
            return Err(Failure::failed("no event fits")
                .help("`hookweir events list` with the same filters shows what there is"));
        }
        let mut failures = 0_usize;
        let mut only = None;
        for id in &ids {
            if let Err(failure) = self.replay_one(&log, id, chosen, console) {
                if ids.len() == 1 {
                    only = Some(failure);
                } else {
                    failure.report(console);
                }
                failures += 1;
            }
        }
        if let Some(failure) = only {
            return Err(failure);
        }
        if failures > 0 {
            let all = ids.len();
            return Err(Failure::failed(format!(
                "{failures} of {all} are not delivered"
            )));
        }
        Ok(Exit::Done)
    }

    fn replay_one(
        &self,
        log: &Log,
        id: &str,
        chosen: &Chosen,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let detail = Self::detail(log, id)?;
        if chosen.reevaluate || detail.row.failure.is_some() {
            return self.take_again(id, console);
        }
        let name = chosen.delivery.as_deref();
        let again = log
            .runtime
            .block_on(deliver_again(&*log.store, &detail, name));
        let count = again.map_err(|why| match why {
            NotReplayed::NoDelivery => Failure::failed(format!("`{id}` has no delivery that fits"))
                .help("`hookweir events show` says what it has"),
            NotReplayed::Forgotten => Failure::failed(format!("what `{id}` held is forgotten"))
                .help("`retention` of the document `gateway:` says how long it is kept"),
            NotReplayed::Store(error) => error.into(),
        })?;
        writeln!(console.err, "{id}: {count} will be delivered again")?;
        Ok(())
    }

    /// By the running gateway, which has the function.
    fn take_again(&self, id: &str, console: &mut Console<'_>) -> Result<(), Failure> {
        let path = format!("/admin/v1/events/{id}/replay?reevaluate=true");
        let answer = self.target.post(&path, Duration::from_mins(1))?;
        let text = |key: &str| answer.body.get(key).and_then(serde_json::Value::as_str);
        if answer.status != 200 {
            let why = text("message").unwrap_or("the gateway did not say why");
            return Err(Failure::failed(format!("`{id}` is not delivered: {why}"))
                .help("mend the function, `hookweir reload`, and replay it then"));
        }
        let event = text("event").unwrap_or_default();
        let count = answer
            .body
            .get("deliveries")
            .and_then(serde_json::Value::as_u64);
        let count = count.unwrap_or_default();
        writeln!(
            console.err,
            "{id}: taken again as {event}; {count} will be delivered"
        )?;
        Ok(())
    }
}
