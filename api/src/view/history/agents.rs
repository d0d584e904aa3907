//! What agents do: sessions, modes with their lengths, and acts. Being in a call is not a row here: that is its part.

use std::collections::HashMap;

use tandem_core::agent::{AgentPhone, Mode, ModeBy, SignOutReason, WorkNumber};
use tandem_core::{AgentEvent, CallId, TenantId};

use super::counters::Scope;
use super::db::{Database, Dialect, Statement};
use super::fold::{At, Folder, put};
use super::rows::OperationRow;
use super::shelf::Shelf;
use super::{open_rows, tables};

/// Rows that are what an agent is doing between calls; one of them is open during a session.
const MODES: [&str; 4] = ["ready", "not_ready", "rest", "wrap_up"];
/// The `cause` of a session: the direction of its last call.
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

type Key = (TenantId, u64, String);

/// Operations that are not over.
#[derive(Debug, Default)]
pub(super) struct Agents {
    operations: Shelf<Key, OperationRow>,
    /// What is open of each agent, the oldest first.
    open: HashMap<(TenantId, u32), Vec<Key>>,
}

impl Agents {
    pub(super) async fn load(database: &Database) -> Result<Agents, sqlx::Error> {
        let mut agents = Agents::default();
        let mut rows = open_rows::<OperationRow>(database, &tables::OPERATION).await?;
        rows.sort_by_key(|row| row.seq);
        for row in rows {
            let Ok(tenant) = TenantId::new(&row.tenant) else { continue };
            let key = (tenant.clone(), row.seq, row.operation.clone());
            agents.open.entry((tenant, row.agent)).or_default().push(key.clone());
            agents.operations.restore(key, row);
        }
        Ok(agents)
    }

    pub(super) fn changes(&self, list: &mut Vec<Statement>, dialect: Dialect) {
        put(list, dialect, &tables::OPERATION, &self.operations.changed());
    }

    pub(super) fn stored(&mut self) {
        self.operations.stored();
    }

    /// An operation begins.
    pub(super) fn begin(&mut self, at: At<'_>, agent: WorkNumber, operation: &str, fill: impl FnOnce(&mut OperationRow)) {
        let session = self.session(at.tenant, agent).map(|key| key.1);
        let mut row = OperationRow {
            tenant: at.tenant.to_string(),
            seq: at.seq,
            operation: operation.to_owned(),
            agent: agent.get(),
            started: at.now(),
            ended: None,
            cause: None,
            other: None,
            call: None,
            queue: None,
            phone: None,
            session,
        };
        fill(&mut row);
        let key = (at.tenant.clone(), at.seq, operation.to_owned());
        if row.ended.is_none() {
            self.open.entry((at.tenant.clone(), agent.get())).or_default().push(key.clone());
        }
        self.operations.begin(key, row);
    }

    fn session(&self, tenant: &TenantId, agent: WorkNumber) -> Option<&Key> {
        self.open.get(&(tenant.clone(), agent.get()))?.iter().find(|key| key.2 == "session")
    }

    /// An agent has to do with a call of this direction: its session remembers, because the call may be over when wrap-up begins.
    pub(super) fn note_call(&mut self, tenant: &TenantId, agent: WorkNumber, call: CallId, direction: Option<&str>) {
        let Some(key) = self.session(tenant, agent).cloned() else { return };
        let direction = match direction {
            Some("in") => Some(INBOUND),
            Some("out") => Some(OUTBOUND),
            _ => None,
        };
        self.operations.change(&key, |row| (row.call, row.cause) = (Some(call), direction));
    }

    /// The direction of the call that an agent had to do with last, if it is this one.
    fn direction(&self, tenant: &TenantId, agent: WorkNumber, call: CallId) -> Option<u32> {
        let session = self.operations.get(self.session(tenant, agent)?)?;
        session.cause.filter(|_| session.call == Some(call))
    }

    /// Something is done at once.
    pub(super) fn act(&mut self, at: At<'_>, agent: WorkNumber, operation: &str, fill: impl FnOnce(&mut OperationRow)) {
        self.begin(at, agent, operation, |row| {
            row.ended = Some(row.started);
            fill(row);
        });
    }

    /// An operation ends; `None` whatever the call.
    pub(super) fn end(&mut self, at: At<'_>, agent: WorkNumber, operation: &str, call: Option<CallId>) {
        self.end_all(at, agent, |row| row.operation == operation && (call.is_none() || row.call == call));
    }

    /// Everything ends that an agent does in a call.
    pub(super) fn end_in(&mut self, at: At<'_>, agent: WorkNumber, call: CallId) {
        self.end_all(at, agent, |row| row.call == Some(call) && row.operation != "session" && !MODES.contains(&row.operation.as_str()));
    }

    fn end_all(&mut self, at: At<'_>, agent: WorkNumber, which: impl Fn(&OperationRow) -> bool) {
        let owner = (at.tenant.clone(), agent.get());
        let Some(open) = self.open.get_mut(&owner) else { return };
        let operations = &mut self.operations;
        open.retain(|key| {
            let ends = operations.get(key).is_some_and(&which);
            if ends {
                operations.change(key, |row| row.ended = Some(at.now()));
            }
            !ends
        });
        if open.is_empty() {
            self.open.remove(&owner);
        }
    }
}

impl Folder {
    /// Facts about an agent's session.
    pub(super) fn agent(&mut self, at: At<'_>, agent: WorkNumber, event: &AgentEvent) {
        match event {
            AgentEvent::SignedIn(it) => {
                self.agents.end_all(at, agent, |_| true);
                self.counters.count(at.tenant, Scope::Agent(agent), at.time, "sign_in");
                let phone = match &it.session.phone {
                    AgentPhone::Softphone(user) => user.to_string(),
                    AgentPhone::Outside(number) => number.to_string(),
                };
                self.agents.begin(at, agent, "session", |row| row.phone = Some(phone));
                self.mode(at, agent, it.session.mode, None);
            }
            AgentEvent::SignedOut(it) => {
                // The causes of cc-fs.md 6.1, operation 0: the only numbers there are for this.
                let (cause, by) = match it.reason {
                    SignOutReason::Asked | SignOutReason::Removed => (258, None),
                    SignOutReason::Coded(code) => (u32::from(code), None),
                    SignOutReason::Forced(by) => (257, Some(by)),
                    SignOutReason::Replaced => (264, None),
                    SignOutReason::Silent => (256, None),
                };
                self.agents.act(at, agent, "sign_out", |row| (row.cause, row.other) = (Some(cause), by.map(WorkNumber::get)));
                if let Some(by) = by {
                    self.agents.act(at, by, "force_sign_out", |row| row.other = Some(agent.get()));
                }
                self.agents.end_all(at, agent, |_| true);
            }
            AgentEvent::ModeChanged(it) => {
                if let ModeBy::Supervisor(by) = it.by {
                    let operation = match it.mode {
                        Mode::Ready => "force_ready",
                        Mode::NotReady { .. } => "force_not_ready",
                        Mode::Rest { .. } => "force_rest",
                        Mode::WrapUp { .. } => "force_wrap_up",
                    };
                    self.agents.act(at, by, operation, |row| row.other = Some(agent.get()));
                }
                self.mode(at, agent, it.mode, it.call);
            }
            _ => {}
        }
    }

    fn mode(&mut self, at: At<'_>, agent: WorkNumber, mode: Mode, call: Option<CallId>) {
        self.agents.end_all(at, agent, |row| MODES.contains(&row.operation.as_str()));
        let (operation, cause) = match mode {
            Mode::Ready => ("ready", None),
            Mode::NotReady { reason } => ("not_ready", Some(u32::from(reason))),
            Mode::Rest { cause, .. } => ("rest", Some(u32::from(cause))),
            Mode::WrapUp { .. } => ("wrap_up", None),
        };
        self.agents.begin(at, agent, operation, |row| (row.cause, row.call) = (cause, call));
        let mut count = |name| self.counters.count(at.tenant, Scope::Agent(agent), at.time, name);
        match mode {
            Mode::Ready => {}
            Mode::NotReady { .. } => count("not_ready"),
            Mode::Rest { .. } => count("rest"),
            Mode::WrapUp { .. } => {
                count("wrap_up");
                match call.and_then(|call| self.agents.direction(at.tenant, agent, call)) {
                    Some(INBOUND) => count("wrap_up_in"),
                    Some(OUTBOUND) => count("wrap_up_out"),
                    _ => {}
                }
            }
        }
    }
}
