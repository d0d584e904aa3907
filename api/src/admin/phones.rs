//! `/api/v1/tenants/{tenant}/phones`.

use axum::extract::State;
use axum::http::StatusCode;
use smol_str::SmolStr;
use tandem_core::{Command, Phone, TenantId, UserName};

use super::bodies::{
    List, ListQuery, NewPassword, NewPhone, PasswordBody, PhoneBody, PhoneSettingsBody, check_display_name, check_password,
};
use super::import::{ImportBody, ImportReport, run};
use super::{page, page_size, parse};
use crate::auth::CredentialStore;
use crate::http::extract::{Json, Path, Query};
use crate::http::{AppState, Problem};
use crate::view::TenantLive;

fn show(state: &AppState, tenant: &TenantId, known: &TenantLive, phone: &Phone) -> PhoneBody {
    PhoneBody {
        user: phone.user.to_string(),
        display_name: phone.display_name.as_ref().map(ToString::to_string),
        max_contacts: phone.max_contacts,
        srtp: phone.srtp,
        registrations: known.registrations.get(&phone.user).map_or(0, Vec::len),
        has_password: state.parts.credentials.phone(tenant, &phone.user).is_some(),
    }
}

fn known(state: &AppState, tenant: &TenantId, user: &UserName) -> Result<PhoneBody, Problem> {
    state
        .tenant(tenant, |known| known.phones.get(user).map(|phone| show(state, tenant, known, phone)))?
        .ok_or_else(|| Problem::not_found(format!("there is no phone `{user}` in tenant `{tenant}`")))
}

/// Lists phones.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/phones", operation_id = "listPhones", tag = "phones",
    params(("tenant" = String, Path), ListQuery), responses((status = 200, body = List<PhoneBody>), (status = "default", body = Problem)))]
pub async fn list(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<PhoneBody>>, Problem> {
    let tenant = parse("tenant", &tenant)?;
    let after: Option<UserName> = query.after.as_deref().map(|text| parse("after", text)).transpose()?;
    let limit = page_size(&state, query.limit)?;
    let (items, next) =
        state.tenant(&tenant, |known| page(&known.phones, after.as_ref(), limit, |_, phone| show(&state, &tenant, known, phone)))?;
    Ok(Json(List { items, next }))
}

/// Sets up a phone. The answer is the only place where its password is shown.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/phones", operation_id = "createPhone", tag = "phones",
    params(("tenant" = String, Path)), request_body = NewPhone,
    responses((status = 201, body = PasswordBody), (status = "default", body = Problem)))]
pub async fn create(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Json(body): Json<NewPhone>,
) -> Result<(StatusCode, Json<PasswordBody>), Problem> {
    let tenant = parse("tenant", &tenant)?;
    let phone = body.phone()?;
    let user = phone.user.clone();
    state.command(&tenant, Command::AddPhone(phone)).await?;
    let password = set_password(&state, &tenant, &user, body.password).await?;
    Ok((StatusCode::CREATED, Json(password)))
}

/// Stores a password, the given one or a fresh one.
async fn set_password(state: &AppState, tenant: &TenantId, user: &UserName, given: Option<String>) -> Result<PasswordBody, Problem> {
    let password = match given {
        Some(password) => password,
        None => CredentialStore::generate().map_err(|error| Problem::internal("making a password", &error))?,
    };
    state.parts.credentials.set_phone(tenant, user, &password).await?;
    Ok(PasswordBody { user: user.to_string(), realm: state.parts.credentials.realm().to_owned(), password })
}

/// Sets up or changes many phones at once. Repeating it changes nothing. Generated passwords are in the answer, once.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/phones:import", operation_id = "importPhones", tag = "phones",
    params(("tenant" = String, Path)), request_body = ImportBody,
    responses((status = 200, body = ImportReport), (status = "default", body = Problem)))]
pub async fn import(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    Json(body): Json<ImportBody>,
) -> Result<Json<ImportReport>, Problem> {
    let tenant = parse("tenant", &tenant)?;
    run(&state, &tenant, body).await.map(Json)
}

/// Shows a phone.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/phones/{user}", operation_id = "getPhone", tag = "phones",
    params(("tenant" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = PhoneBody), (status = "default", body = Problem)))]
pub async fn read(State(state): State<AppState>, Path((tenant, user)): Path<(String, String)>) -> Result<Json<PhoneBody>, Problem> {
    known(&state, &parse("tenant", &tenant)?, &parse("user", &user)?).map(Json)
}

/// Changes a phone's settings.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/phones/{user}", operation_id = "replacePhone", tag = "phones",
    params(("tenant" = String, Path), ("user" = String, Path)), request_body = PhoneSettingsBody,
    responses((status = 200, body = PhoneBody), (status = "default", body = Problem)))]
pub async fn replace(
    State(state): State<AppState>,
    Path((tenant, user)): Path<(String, String)>,
    Json(body): Json<PhoneSettingsBody>,
) -> Result<Json<PhoneBody>, Problem> {
    let (tenant, user): (TenantId, UserName) = (parse("tenant", &tenant)?, parse("user", &user)?);
    check_display_name(body.display_name.as_deref())?;
    let phone = Phone {
        user: user.clone(),
        display_name: body.display_name.filter(|name| !name.is_empty()).map(SmolStr::new),
        max_contacts: body.max_contacts.unwrap_or(Phone::DEFAULT_MAX_CONTACTS),
        srtp: body.srtp,
    };
    state.command(&tenant, Command::ChangePhone(phone)).await?;
    known(&state, &tenant, &user).map(Json)
}

/// Removes a phone, its registrations and its password; its calls go on.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/phones/{user}", operation_id = "removePhone", tag = "phones",
    params(("tenant" = String, Path), ("user" = String, Path)), responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(State(state): State<AppState>, Path((tenant, user)): Path<(String, String)>) -> Result<StatusCode, Problem> {
    let (tenant, user): (TenantId, UserName) = (parse("tenant", &tenant)?, parse("user", &user)?);
    state.command(&tenant, Command::RemovePhone(user.clone())).await?;
    state.parts.credentials.remove_phone(&tenant, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a phone a new password, the given one or a generated one; the answer is the only place where it is shown.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/phones/{user}/password", operation_id = "resetPassword", tag = "phones",
    params(("tenant" = String, Path), ("user" = String, Path)), request_body = NewPassword,
    responses((status = 200, body = PasswordBody), (status = "default", body = Problem)))]
pub async fn password(
    State(state): State<AppState>,
    Path((tenant, user)): Path<(String, String)>,
    Json(body): Json<NewPassword>,
) -> Result<Json<PasswordBody>, Problem> {
    let (tenant, user): (TenantId, UserName) = (parse("tenant", &tenant)?, parse("user", &user)?);
    known(&state, &tenant, &user)?;
    if let Some(password) = &body.password {
        check_password(password)?;
    }
    set_password(&state, &tenant, &user, body.password).await.map(Json)
}
