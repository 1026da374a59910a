//! Events that are kept, taken through their functions once more: for a delivery that is made when it
//! is sent, and after a function was mended.
//!
//! The caller was known when the event came, and is not asked again.

use std::sync::Arc;

use jiff::Timestamp;

use super::evaluation::Answered;
use super::view::Credentials;
use super::{
    Admission, Gateway, InboundRequest, Kept, Refusal, Surroundings, evaluate, evaluating, event,
    view,
};
use crate::auth::Caller;
use crate::route::{AddressKind, Generation};
use crate::store::events::{DeliveryRequest, EventDetail};
use crate::value::Arena;

impl Gateway {
    /// The request of an event that is kept, at its function as it is now, and its caller.
    fn of_event(
        &self,
        generation: &Arc<Generation>,
        event: &EventDetail,
    ) -> Result<(Admission, InboundRequest, Caller), String> {
        let row = &event.row;
        let (headers, body) = event
            .payload
            .as_ref()
            .ok_or("what the event held is forgotten")?;
        let route = generation
            .route(&row.function)
            .ok_or("the function is not there any more")?;
        let request = event::request(row, headers, body)?;
        let parameters = route.pattern.as_ref().and_then(|pattern| {
            let (_, found) = generation
                .find(&request.head.method, request.head.path())
                .ok()?;
            let names = pattern.parameters().map(str::to_owned);
            Some(names.zip(found.parameters).collect())
        });
        let admission = Admission {
            generation: Arc::clone(generation),
            max_body: route.max_body,
            address: AddressKind::Zoho,
            path: parameters.unwrap_or_default(),
            route: Arc::clone(route),
        };
        let key = row.caller.as_deref().and_then(|id| {
            let keyring = self.keyring.load();
            keyring.record(id)
        });
        let caller = Caller {
            key,
            environment: row.environment,
        };
        Ok((admission, request, caller))
    }

    /// Takes the request of an event that is kept through its function as it is now, past `dedupe`
    /// and without asking the caller again: a new event, with what is owed. `Err` says why it
    /// cannot.
    pub fn take_again(&self, event: &EventDetail, now: Timestamp) -> Result<Kept, String> {
        let generation = self.generation();
        let (admission, request, caller) = self.of_event(&generation, event)?;
        let id = view::event_id(now);
        let surroundings = Surroundings {
            event_id: Some(&id),
            ..Surroundings::of_nobody(&generation.env)
        };
        let credentials = Credentials::of(&request, generation.limits.parts);
        let arena = Arena::new();
        let Answered { result, owed, note } = evaluate(
            &admission,
            &request,
            &credentials,
            &caller,
            surroundings,
            &arena,
        );
        if let Err(refusal) = &result {
            return Err(refusal_text(refusal));
        }
        let kept = event::kept(&admission, &request, &caller, &result, owed, surroundings);
        let mut kept = kept.ok_or_else(|| {
            note.unwrap_or_else(|| "its function keeps no events any more".to_owned())
        })?;
        kept.event.dedupe = None;
        Ok(kept)
    }

    /// What a delivery of an event that is kept sends, as its function makes it now. `Err` says why
    /// it cannot.
    pub fn request_of(
        &self,
        generation: &Arc<Generation>,
        event: &EventDetail,
        name: &str,
        item: u32,
    ) -> Result<DeliveryRequest, String> {
        let row = &event.row;
        let (admission, request, caller) = self.of_event(generation, event)?;
        let surroundings = Surroundings {
            event_id: Some(&row.id),
            ..Surroundings::of_nobody(&generation.env)
        };
        let credentials = Credentials::of(&request, generation.limits.parts);
        let arena = Arena::new();
        evaluating(
            &admission,
            &request,
            &credentials,
            &caller,
            surroundings,
            &arena,
            |evaluation, scope| {
                evaluation
                    .again(name, item, scope, generation.limits.response)
                    .map_err(|refusal| refusal_text(&refusal))
            },
        )
    }
}

fn refusal_text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Failed { message, site } => format!("{message} ({site})"),
        Refusal::MissingField { field, site } => format!("`{field}` is missing ({site})"),
        other => format!("{other:?}"),
    }
}
