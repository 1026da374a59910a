//! One compiled set of functions.

use std::sync::Arc;

use jiff::Timestamp;

use super::commit::Commit;
use super::connection::Connection;
use super::function::Route;
use super::methods::Methods;
use super::settings::Limits;
use super::signature::Mark;
use super::table::{Found, Missed, RouteTable};

/// One compiled set of functions.
#[derive(Debug)]
pub struct Generation {
    /// Counts up from 1 with each set that was swapped in; 0 until then.
    pub number: u64,
    /// SHA-256 of all files, in hex.
    pub hash: String,
    /// When it was swapped in; the start of 1970 until then.
    pub loaded_at: Timestamp,
    /// The commit, in a git checkout.
    pub commit: Option<Commit>,
    /// In the order of their names.
    pub routes: Vec<Arc<Route>>,
    /// What one request may use.
    pub limits: Limits,
    /// `env.NAME` values.
    pub env: Vec<(String, String)>,
    /// In the order of their names.
    pub connections: Vec<Arc<Connection>>,
    table: RouteTable,
    /// What was taken from outside the files.
    outside: Mark,
}

impl Generation {
    /// With what was taken from outside the files.
    pub(super) fn marked(mut self, outside: Mark) -> Self {
        self.outside = outside;
        self
    }

    /// With the connections of the folder, in the order of their names.
    pub(super) fn reaching(mut self, connections: Vec<Arc<Connection>>) -> Self {
        self.connections = connections;
        self
    }

    /// The connection of a name.
    pub fn connection(&self, name: &str) -> Option<&Arc<Connection>> {
        let index = self
            .connections
            .binary_search_by(|connection| (*connection.name).cmp(name))
            .ok()?;
        self.connections.get(index)
    }

    /// Whether it is the same set of functions, with the same secrets.
    pub fn is_same(&self, other: &Self) -> bool {
        self.hash == other.hash && self.commit == other.commit && self.outside == other.outside
    }

    /// Of these functions, which must not be able to answer each other's requests.
    pub(super) fn new(
        mut routes: Vec<Arc<Route>>,
        hash: String,
        commit: Option<Commit>,
        limits: Limits,
        env: Vec<(String, String)>,
    ) -> Self {
        routes.sort_by(|a, b| a.name.cmp(&b.name));
        let mut table = RouteTable::default();
        for (index, route) in routes.iter().enumerate() {
            let methods = route.reached_by();
            table.add(index, &route.name, methods, route.pattern.as_ref());
        }
        Self {
            number: 0,
            loaded_at: Timestamp::UNIX_EPOCH,
            hash,
            commit,
            routes,
            limits,
            env,
            connections: Vec::new(),
            table,
            outside: Mark::default(),
        }
    }

    /// The function of a name.
    pub fn route(&self, name: &str) -> Option<&Arc<Route>> {
        let index = self
            .routes
            .binary_search_by(|route| (*route.name).cmp(name))
            .ok()?;
        self.routes.get(index)
    }

    /// The function that answers a request, and by which address.
    pub fn find(&self, method: &http::Method, path: &str) -> Result<(&Arc<Route>, Found), Missed> {
        let found = self.table.find(method, path)?;
        let route = self.routes.get(found.route).ok_or(Missed::Address)?;
        Ok((route, found))
    }

    /// The methods that an address accepts; empty when nothing answers there.
    pub fn methods(&self, path: &str) -> Methods {
        self.table.methods(path)
    }
}
