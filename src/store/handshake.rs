//! What handshakes leave behind: secrets that providers gave in them, and addresses that are to be
//! visited to confirm a subscription.
//!
//! Both are sealed, the addresses too: who knows one can confirm in our place.

use jiff::Timestamp;
use rusqlite::{Connection, named_params, params};
use secrecy::{ExposeSecret as _, SecretString};

use super::StoreError;
use super::fields::Fields;
use super::seal::MasterKey;
use super::sqlite::SqliteStore;
use crate::auth::new_id;

/// More secrets of one function are not kept: providers give one for each webhook.
pub(super) const MOST_SECRETS: usize = 32;
/// More visits that were not made are not kept.
pub(super) const MOST_VISITS: usize = 1000;
/// For so long it is known what became of a visit.
pub(super) const REMEMBERED: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

/// What is known of a secret that a provider gave in its handshake; not the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeSecret {
    /// `hs_` and an id that sorts by time.
    pub id: String,
    /// The function whose requests are signed with it.
    pub function: String,
    /// When it came.
    pub created: Timestamp,
}

/// What became of a secret that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is new, and kept.
    Added,
    /// It was there.
    Known,
    /// There are too many.
    Full,
}

/// An address that is to be visited.
#[derive(Debug, Clone)]
pub struct Visit {
    /// `visit_` and an id that sorts by time.
    pub id: String,
    /// The function whose handshake asked for it.
    pub function: String,
    /// The address.
    pub url: SecretString,
    /// When it was asked for.
    pub recorded: Timestamp,
    /// How far it is.
    pub state: VisitState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub due: Timestamp,
    /// What the last try came to.
    pub outcome: Option<String>,
}

/// How far a visit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisitState {
    /// An administrator must let it go.
    Held,
    /// It will be made.
    Pending,
    /// It was made.
    Done,
    /// It was tried, and is given up.
    Failed,
}

impl VisitState {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Held, Self::Pending, Self::Done, Self::Failed];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

impl Visit {
    /// One that is to be recorded.
    pub fn new(
        function: &str,
        url: SecretString,
        state: VisitState,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            id: new_id("visit", now)?,
            function: function.to_owned(),
            url,
            recorded: now,
            state,
            attempts: 0,
            due: now,
            outcome: None,
        })
    }
}

pub(super) fn secret_place(id: &str) -> String {
    format!("handshake:{id}")
}

pub(super) fn visit_place(id: &str) -> String {
    format!("visit:{id}")
}

fn damaged(id: &str, what: &'static str) -> StoreError {
    let id = id.to_owned();
    StoreError::Damaged { id, what }
}

pub(super) fn open(
    master: &MasterKey,
    place: &str,
    id: &str,
    sealed: &[u8],
) -> Result<String, StoreError> {
    let text = master.unseal(place, sealed);
    let text = text.map_err(|_| damaged(id, "its sealed text does not open"))?;
    Ok(text.as_str().to_owned())
}

pub(super) fn time(id: &str, milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| damaged(id, "a time that does not exist"))
}

impl SqliteStore {
    pub(super) fn all_handshake_secrets(
        &self,
    ) -> Result<Vec<(HandshakeSecret, SecretString)>, StoreError> {
        let rows = self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, function, sealed, created FROM handshake_secrets
                 ORDER BY created, id",
            )?;
            statement
                .query_map([], |row| RawSecret::read(row))?
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        rows.into_iter()
            .map(|raw| raw.into_secret(self.master()))
            .collect()
    }

    pub(super) fn keep_secret(
        &self,
        function: &str,
        secret: &SecretString,
        now: Timestamp,
    ) -> Result<Kept, StoreError> {
        let id = new_id("hs", now)?;
        self.write(|transaction| {
            let mut statement = transaction
                .prepare_cached("SELECT id, sealed FROM handshake_secrets WHERE function = ?1")?;
            let known = statement
                .query_map([function], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            for (id, sealed) in &known {
                let text = open(self.master(), &secret_place(id), id, sealed)?;
                if text == secret.expose_secret() {
                    return Ok(Kept::Known);
                }
            }
            if known.len() >= MOST_SECRETS {
                return Ok(Kept::Full);
            }
            let sealed = self
                .master()
                .seal(&secret_place(&id), secret.expose_secret())
                .map_err(StoreError::from)?;
            transaction.execute(
                "INSERT INTO handshake_secrets (id, function, sealed, created)
                 VALUES (?1, ?2, ?3, ?4)",
                params![id, function, sealed, now.as_millisecond()],
            )?;
            Ok(Kept::Added)
        })
    }

    pub(super) fn forget_secret(&self, id: &str) -> Result<bool, StoreError> {
        self.write(|transaction| {
            let sql = "DELETE FROM handshake_secrets WHERE id = ?1";
            Ok(transaction.execute(sql, [id])? == 1)
        })
    }

    pub(super) fn add_visit(&self, visit: &Visit) -> Result<bool, StoreError> {
        self.write(|transaction| {
            transaction.execute(
                "DELETE FROM visits WHERE state IN ('done', 'failed') AND recorded < ?1",
                [(visit.recorded - REMEMBERED).as_millisecond()],
            )?;
            let open = RawVisit::all(transaction, "WHERE state IN ('held', 'pending')")?
                .into_iter()
                .map(|raw| raw.into_visit(self.master()))
                .collect::<Result<Vec<_>, _>>()?;
            let is_known = open.iter().any(|known| {
                known.function == visit.function
                    && known.url.expose_secret() == visit.url.expose_secret()
            });
            if is_known || open.len() >= MOST_VISITS {
                return Ok(is_known);
            }
            let sealed = self
                .master()
                .seal(&visit_place(&visit.id), visit.url.expose_secret())
                .map_err(StoreError::from)?;
            transaction.execute(
                "INSERT INTO visits (id, function, sealed, recorded, state, attempts, due)
                 VALUES (:id, :function, :sealed, :recorded, :state, :attempts, :due)",
                named_params! {
                    ":id": visit.id,
                    ":function": visit.function,
                    ":sealed": sealed,
                    ":recorded": visit.recorded.as_millisecond(),
                    ":state": visit.state.as_str(),
                    ":attempts": visit.attempts,
                    ":due": visit.due.as_millisecond(),
                },
            )?;
            Ok(true)
        })
    }

    pub(super) fn all_visits(&self) -> Result<Vec<Visit>, StoreError> {
        let rows = self.read(|connection| RawVisit::all(connection, ""))?;
        rows.into_iter()
            .map(|raw| raw.into_visit(self.master()))
            .collect()
    }

    pub(super) fn put_visit(&self, visit: &Visit) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE visits SET state = :state, attempts = :attempts, due = :due,
                     outcome = :outcome
                 WHERE id = :id",
                named_params! {
                    ":id": visit.id,
                    ":state": visit.state.as_str(),
                    ":attempts": visit.attempts,
                    ":due": visit.due.as_millisecond(),
                    ":outcome": visit.outcome,
                },
            )?;
            Ok(())
        })
    }
}

/// A secret as a row: id, function, sealed, created.
pub(super) struct RawSecret {
    id: String,
    function: String,
    sealed: Vec<u8>,
    created: i64,
}

impl RawSecret {
    pub(super) fn read<R: Fields>(row: &R) -> Result<Self, R::Error> {
        Ok(Self {
            id: row.text(0)?,
            function: row.text(1)?,
            sealed: row.bytes(2)?,
            created: row.int(3)?,
        })
    }

    pub(super) fn into_secret(
        self,
        master: &MasterKey,
    ) -> Result<(HandshakeSecret, SecretString), StoreError> {
        let text = open(master, &secret_place(&self.id), &self.id, &self.sealed)?;
        let created = time(&self.id, self.created)?;
        let secret = HandshakeSecret {
            id: self.id,
            function: self.function,
            created,
        };
        Ok((secret, text.into()))
    }
}

/// The columns of a [`RawVisit`], in its order.
pub(super) const VISIT: &str = "id, function, sealed, recorded, state, attempts, due, outcome";

/// A visit as a row.
pub(super) struct RawVisit {
    id: String,
    function: String,
    sealed: Vec<u8>,
    recorded: i64,
    state: String,
    attempts: u32,
    due: i64,
    outcome: Option<String>,
}

impl RawVisit {
    fn all(connection: &Connection, which: &str) -> rusqlite::Result<Vec<Self>> {
        let sql = format!("SELECT {VISIT} FROM visits {which} ORDER BY recorded, id");
        let mut statement = connection.prepare_cached(&sql)?;
        statement.query_map([], |row| Self::read(row))?.collect()
    }

    pub(super) fn read<R: Fields>(row: &R) -> Result<Self, R::Error> {
        Ok(Self {
            id: row.text(0)?,
            function: row.text(1)?,
            sealed: row.bytes(2)?,
            recorded: row.int(3)?,
            state: row.text(4)?,
            attempts: row.count(5)?,
            due: row.int(6)?,
            outcome: row.maybe_text(7)?,
        })
    }

    pub(super) fn into_visit(self, master: &MasterKey) -> Result<Visit, StoreError> {
        let url = open(master, &visit_place(&self.id), &self.id, &self.sealed)?;
        Ok(Visit {
            url: url.into(),
            recorded: time(&self.id, self.recorded)?,
            state: VisitState::parse(&self.state)
                .ok_or_else(|| damaged(&self.id, "its state is none"))?,
            attempts: self.attempts,
            due: time(&self.id, self.due)?,
            outcome: self.outcome,
            function: self.function,
            id: self.id,
        })
    }
}
