//! Many phones at once. Idempotent: what is there and equal stays untouched, password included.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tandem_core::{Command, Phone, Rejection, TenantId, UserName};
use tokio::sync::oneshot;
use utoipa::ToSchema;

use super::bodies::NewPhone;
use crate::auth::CredentialStore;
use crate::http::{AppState, Problem};
use crate::limits;

/// Commands on the way at once: enough to fill a group commit, far fewer than a mailbox holds.
const IN_FLIGHT: usize = 48;

/// Phones to import.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportBody {
    /// At most `limits.import_rows`.
    pub phones: Vec<ImportRow>,
}

/// One row. Names are checked row by row, so that one bad row doesn't refuse the rest.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRow {
    /// User name.
    pub user: String,
    /// Name shown to the called party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Password; generated if absent and the phone has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl std::fmt::Debug for ImportRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ImportRow({})", self.user)
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The phone is new.
    Created,
    /// The phone was there, with other settings or another password.
    Changed,
    /// The phone was there as it is.
    Unchanged,
    /// The row can't be used.
    Refused,
}

/// A row's result, in the order of the rows.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ImportResult {
    /// User name as given.
    pub user: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The generated password, shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The result of an import.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Digest realm of the passwords.
    pub realm: String,
    /// Row by row.
    pub results: Vec<ImportResult>,
}

/// Makes the command that a row needs.
type Need = fn(Phone) -> Command;

enum Row {
    Refused(String),
    /// `command` makes the command that the row needs, if it needs one.
    Phone {
        phone: Phone,
        given: Option<String>,
        command: Option<fn(Phone) -> Command>,
        outcome: Outcome,
    },
}

pub(super) async fn run(state: &AppState, tenant: &TenantId, body: ImportBody) -> Result<ImportReport, Problem> {
    let most = state.parts.config.limits.import_rows as usize;
    if body.phones.len() > most {
        return Err(Problem::invalid("phones", format!("({} rows)", body.phones.len()), format!("expected at most {most} rows"))
            .fix("send several smaller imports"));
    }
    state.tenant(tenant, |_| ())?;
    let users: Vec<String> = body.phones.iter().map(|row| row.user.clone()).collect();
    let mut rows = plan(state, tenant, body)?;
    carry_out(state, tenant, &mut rows).await?;
    let generated = passwords(state, tenant, &mut rows).await?;
    state.settle().await;
    let results = rows
        .into_iter()
        .zip(generated)
        .zip(users)
        .map(|((row, password), user)| match row {
            Row::Refused(error) => ImportResult { user, outcome: Outcome::Refused, password: None, error: Some(error) },
            Row::Phone { outcome, .. } => ImportResult { user, outcome, password, error: None },
        })
        .collect();
    Ok(ImportReport { realm: state.parts.credentials.realm().to_owned(), results })
}

/// Checks every row and decides what it needs.
fn plan(state: &AppState, tenant: &TenantId, body: ImportBody) -> Result<Vec<Row>, Problem> {
    let mut seen = HashSet::new();
    state.tenant(tenant, |known| {
        body.phones
            .into_iter()
            .map(|row| {
                let user = match UserName::new(&row.user) {
                    Ok(user) => user,
                    Err(error) => return Row::Refused(error.to_string()),
                };
                if !seen.insert(user.clone()) {
                    return Row::Refused(format!("user `{user}` is in this import twice"));
                }
                let old = known.phones.get(&user);
                let new = NewPhone {
                    user,
                    // An absent column keeps what is there.
                    display_name: row.display_name.or_else(|| old.and_then(|phone| phone.display_name.as_ref().map(ToString::to_string))),
                    max_contacts: old.map(|phone| phone.max_contacts),
                    srtp: old.map(|phone| phone.srtp).unwrap_or_default(),
                    password: row.password,
                };
                let phone = match new.phone() {
                    Ok(phone) => phone,
                    Err(problem) => return Row::Refused(problem.detail),
                };
                let (command, outcome): (Option<Need>, _) = match old {
                    None => (Some(Command::AddPhone), Outcome::Created),
                    Some(old) if *old != phone => (Some(Command::ChangePhone), Outcome::Changed),
                    Some(_) => (None, Outcome::Unchanged),
                };
                Row::Phone { phone, given: new.password, command, outcome }
            })
            .collect()
    })
}

/// Sends the commands, a bounded number at a time, and takes refusals back into their rows.
async fn carry_out(state: &AppState, tenant: &TenantId, rows: &mut [Row]) -> Result<(), Problem> {
    let deadline = Instant::now() + limits::COMMAND_WAIT * 4;
    let mut waiting: Vec<(usize, oneshot::Receiver<Result<(), Rejection>>)> = Vec::with_capacity(IN_FLIGHT);
    for place in 0..rows.len() {
        let Some(Row::Phone { phone, command: Some(command), .. }) = rows.get(place) else { continue };
        let command = command(phone.clone());
        loop {
            let (answer, answered) = oneshot::channel();
            let reply = Box::new(move |result: Result<_, Rejection>| {
                let _ = answer.send(result.map(|_| ()));
            });
            if state.parts.commands.request(tenant, command.clone(), reply).is_ok() {
                waiting.push((place, answered));
                break;
            }
            if Instant::now() >= deadline {
                return Err(Problem::unavailable(format!("the mailbox of tenant `{tenant}` is full; repeat the import")));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if waiting.len() >= IN_FLIGHT {
            collect(rows, &mut waiting).await?;
        }
    }
    collect(rows, &mut waiting).await
}

async fn collect(rows: &mut [Row], waiting: &mut Vec<(usize, oneshot::Receiver<Result<(), Rejection>>)>) -> Result<(), Problem> {
    for (place, answered) in waiting.drain(..) {
        match tokio::time::timeout(limits::COMMAND_WAIT, answered).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(rejection))) => {
                if let Some(row) = rows.get_mut(place) {
                    *row = Row::Refused(rejection.to_string());
                }
            }
            Ok(Err(_)) | Err(_) => return Err(Problem::late("the engine did not answer; repeat the import, it changes nothing twice")),
        }
    }
    Ok(())
}

/// Stores given passwords that differ and makes those that are missing, in one transaction. Returns the generated ones, row by row.
async fn passwords(state: &AppState, tenant: &TenantId, rows: &mut [Row]) -> Result<Vec<Option<String>>, Problem> {
    let credentials = &state.parts.credentials;
    let mut generated = Vec::with_capacity(rows.len());
    let mut store = Vec::new();
    for row in rows.iter_mut() {
        let Row::Phone { phone, given, outcome, .. } = row else {
            generated.push(None);
            continue;
        };
        let known = credentials.phone(tenant, &phone.user);
        let (password, fresh) = match given.take() {
            Some(given) => {
                let wanted = crate::auth::PhoneCredential::new(phone.user.as_str(), credentials.realm(), &given);
                (known.is_none_or(|known| known != wanted).then_some(given), false)
            }
            None if known.is_none() => {
                (Some(CredentialStore::generate().map_err(|error| Problem::internal("making a password", &error))?), true)
            }
            None => (None, false),
        };
        if password.is_some() && *outcome == Outcome::Unchanged {
            *outcome = Outcome::Changed;
        }
        generated.push(password.clone().filter(|_| fresh));
        store.extend(password.map(|password| (phone.user.clone(), password)));
    }
    credentials.set_phones(tenant, &store).await?;
    Ok(generated)
}
