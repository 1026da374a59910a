//! Says to other gateways that there may be something to deliver, and hears it from them.
//!
//! A message is sent apart from what it is about, and not more often than twenty times a second:
//! within the transaction it would be sent under a lock that all transactions of the database take
//! one after the other. It may be lost with a connection; so everybody looks from time to time.
//!
//! The connection that hears also holds a lock with this gateway's number. When a gateway is gone,
//! so is its connection, and the others give back what it had leased without waiting for the end of
//! its leases.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Shared;
use crate::store::fields::Fields as _;
use crate::store::postgres::link::{Link, LinkError, Sessions};

/// What the channel is called, with the schema behind it.
const CHANNEL: &str = "hookweir_work_";
/// Between two messages.
const PAUSE: Duration = Duration::from_millis(50);
/// After a connection was lost.
const LOST: Duration = Duration::from_secs(1);

/// Starts both, for as long as there are connections.
pub(super) fn start(link: &Link, shared: &Arc<Shared>) {
    let channel = format!("{CHANNEL}{}", link.url().schema());
    let (sessions, of, named) = (link.handle(), Arc::clone(shared), channel.clone());
    link.start(async move {
        loop {
            // Who does not hear anything looks; there is nothing to be done about it here.
            let _ = hear(&sessions, &of, &named).await;
            tokio::time::sleep(LOST).await;
        }
    });
    let (sessions, of) = (link.handle(), Arc::clone(shared));
    link.start(async move {
        loop {
            of.told.notified().await;
            let _ = sessions.within_limit(say(&sessions, &channel)).await;
            tokio::time::sleep(PAUSE).await;
        }
    });
}

/// A number that no other gateway has.
async fn number(sessions: &Sessions) -> Result<i64, LinkError> {
    let work = sessions.writer().await?;
    let row = work.first("SELECT nextval('holders')", &[]).await?;
    work.done();
    Ok(row.map_or(Ok(0), |row| row.int(0))?)
}

async fn say(sessions: &Sessions, channel: &str) -> Result<(), LinkError> {
    let work = sessions.writer().await?;
    work.query("SELECT pg_notify($1, '')", &[&channel]).await?;
    work.done();
    Ok(())
}

/// Until the connection is lost. While it is there, it holds the lock that says that this gateway
/// lives.
async fn hear(sessions: &Sessions, shared: &Shared, channel: &str) -> Result<(), LinkError> {
    let mine = match shared.holder() {
        Some(mine) => mine,
        None => sessions.within_limit(number(sessions)).await?,
    };
    let alive = format!(
        "SELECT pg_advisory_lock_shared(hashtext('hookweir ' || current_schema()), {mine})"
    );
    let mut messages = sessions
        .within_limit(sessions.listen(channel, &alive))
        .await?;
    shared.holder.store(mine, Ordering::Relaxed);
    while messages.next().await.is_some() {
        shared.woken.notify_one();
    }
    Ok(())
}
