//! Delivering an event once more: what was sent the first time, past `dedupe`.

use super::{Action, DeliveryFilter, EventDetail, EventStore, EventsError};

/// Why an event is not delivered once more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReplayed {
    /// It has none, or none of that name.
    #[error("it has no delivery that fits")]
    NoDelivery,
    /// Retention took it.
    #[error("what it held is forgotten; `retention` of `gateway:` says how long it is kept")]
    Forgotten,
    /// The store.
    #[error(transparent)]
    Store(#[from] EventsError),
}

/// Delivers an event's deliveries anew, or those of one name: each with the request of the first
/// time and with the same id for its receiver. How many there are.
pub async fn deliver_again(
    store: &dyn EventStore,
    event: &EventDetail,
    name: Option<&str>,
) -> Result<u64, NotReplayed> {
    let ids: Vec<_> = event
        .deliveries
        .iter()
        .map(|(row, _)| row)
        .filter(|row| row.replay_of.is_none())
        .filter(|row| name.is_none_or(|name| name == row.name))
        .map(|row| row.id)
        .collect();
    if ids.is_empty() {
        return Err(NotReplayed::NoDelivery);
    }
    if event.payload.is_none() {
        return Err(NotReplayed::Forgotten);
    }
    let most = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let filter = DeliveryFilter {
        ids: Some(ids),
        ..DeliveryFilter::default()
    };
    Ok(store.act(Action::Replay, filter, most).await?)
}
