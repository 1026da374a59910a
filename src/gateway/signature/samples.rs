//! The last requests that were not signed, for admins: those that were refused, and those that
//! `mode: observe` let in.
//!
//! Kept in memory, a fixed number of them, the oldest going first. Only the way of a request that
//! is refused comes by here; it is short, and waits for nothing but its like.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;

use super::doctor::{Diagnosis, copy, diagnose};
use super::unproven::Unproven;
use crate::gateway::{Admission, Gateway, InboundRequest};

/// How many are kept.
const KEPT: usize = 64;
/// Of a longer body the request is kept, and the body is not: nothing can be found out about it.
const LONGEST: usize = 64 << 10;

/// The last requests that were not signed.
#[derive(Debug, Default)]
pub struct Samples(Mutex<VecDeque<Arc<Sample>>>);

/// A request that was not signed.
#[derive(Debug)]
pub struct Sample {
    /// Why not.
    pub why: Unproven,
    /// It was let in all the same.
    pub observed: bool,
    /// Its body was too long to be kept.
    pub without_body: bool,
    admission: Admission,
    request: InboundRequest,
}

impl Samples {
    /// Keeps one.
    pub(in crate::gateway) fn keep(
        &self,
        admission: &Admission,
        request: &InboundRequest,
        why: Unproven,
        observed: bool,
    ) {
        let without_body = request.body.len() > LONGEST;
        // What is kept must not keep the buffer that it came in.
        let body = if without_body {
            Bytes::new()
        } else {
            Bytes::copy_from_slice(&request.body)
        };
        let sample = Arc::new(Sample {
            why,
            observed,
            without_body,
            admission: Admission {
                generation: Arc::clone(&admission.generation),
                route: Arc::clone(&admission.route),
                max_body: admission.max_body,
                address: admission.address,
                path: admission.path.clone(),
            },
            request: copy(request, body),
        });
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(sample);
    }

    /// All, the newest first.
    pub fn all(&self) -> Vec<Arc<Sample>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().cloned().collect()
    }

    /// The one with this request id.
    pub fn find(&self, request_id: &str) -> Option<Arc<Sample>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .rev()
            .find(|sample| *sample.request.head.request_id == *request_id)
            .cloned()
    }
}

impl Sample {
    /// The request's id.
    pub fn request_id(&self) -> &str {
        &self.request.head.request_id
    }

    /// When it arrived.
    pub fn received_at(&self) -> Timestamp {
        self.request.head.received_at
    }

    /// Which function refused it.
    pub fn function(&self) -> &str {
        &self.admission.route.name
    }

    /// Its method.
    pub fn method(&self) -> &http::Method {
        &self.request.head.method
    }

    /// Its path, without the query.
    pub fn path(&self) -> &str {
        self.request.head.path()
    }

    /// What the doctor finds; takes a while. `None` where the body was not kept.
    pub fn diagnose(&self, gateway: &Gateway) -> Option<Diagnosis> {
        if self.without_body {
            return None;
        }
        diagnose(&self.admission, &self.request, Some(gateway))
    }
}
