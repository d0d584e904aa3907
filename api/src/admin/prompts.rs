//! `/api/v1/tenants/{tenant}/prompts`: what callers hear.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tandem_core::{TenantId, Timestamp};
use tandem_media::audio::import;
use utoipa::ToSchema;

use super::bodies::List;
use super::parse;
use crate::http::extract::{Json, Path};
use crate::http::{AppState, Problem};
use crate::limits;

/// A prompt.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PromptBody {
    /// Its name.
    pub name: String,
    /// How long it plays, in milliseconds.
    pub duration_ms: u64,
    /// When it was uploaded.
    #[schema(value_type = String, format = DateTime)]
    pub uploaded: Timestamp,
}

/// Bytes of a second of 8 kHz mono 16-bit sound, as uploads are kept.
const SECOND: u64 = 16_000;
/// Bytes of the header of such a file.
const HEADER: u64 = 44;

fn folder(state: &AppState, tenant: &TenantId) -> Result<PathBuf, Problem> {
    state.tenant(tenant, |_| ())?;
    Ok(state.parts.config.prompts_dir().join(tenant.as_str()))
}

/// A name becomes a file's: nothing that could leave the folder.
fn check(name: &str) -> Result<(), Problem> {
    let fits = (1..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if fits {
        return Ok(());
    }
    let shown: String = name.chars().take(60).collect();
    Err(Problem::invalid("name", shown, "expected 1 to 128 characters of A-Z, a-z, 0-9 and `-_`"))
}

fn show(name: String, file: &std::fs::Metadata) -> PromptBody {
    let micros = file.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_micros());
    PromptBody {
        name,
        duration_ms: file.len().saturating_sub(HEADER) * 1000 / SECOND,
        uploaded: Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX)),
    }
}

/// Lists prompts.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/prompts", operation_id = "listPrompts", tag = "prompts",
    params(("tenant" = String, Path)), responses((status = 200, body = List<PromptBody>), (status = "default", body = Problem)))]
pub async fn list(State(state): State<AppState>, Path(tenant): Path<String>) -> Result<Json<List<PromptBody>>, Problem> {
    let folder = folder(&state, &parse("tenant", &tenant)?)?;
    let mut items = Vec::new();
    let mut files = match tokio::fs::read_dir(&folder).await {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Json(List { items, next: None })),
        Err(error) => return Err(Problem::internal("reading the prompt folder", &error)),
    };
    let failed = |error: std::io::Error| Problem::internal("reading the prompt folder", &error);
    while let Some(file) = files.next_entry().await.map_err(failed)? {
        let name = file.file_name().to_string_lossy().into_owned();
        if let (Some(name), Ok(meta)) = (name.strip_suffix(".wav"), file.metadata().await)
            && meta.is_file()
        {
            items.push(show(name.to_owned(), &meta));
        }
        if items.len() >= limits::PROMPTS_LISTED {
            break;
        }
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Json(List { items, next: None }))
}

/// Uploads a prompt, new or in place of one: a WAV (PCM or G.711) or Ogg Opus file. It is checked and converted once; callers
/// hear it within half a minute.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/prompts/{name}", operation_id = "putPrompt", tag = "prompts",
    params(("tenant" = String, Path), ("name" = String, Path)), request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = PromptBody), (status = "default", body = Problem)))]
pub async fn put(
    State(state): State<AppState>,
    Path((tenant, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<PromptBody>, Problem> {
    let folder = folder(&state, &parse("tenant", &tenant)?)?;
    check(&name)?;
    let converted = tokio::task::spawn_blocking(move || import::import(&body))
        .await
        .map_err(|error| Problem::internal("converting the upload", &error))?
        .map_err(|error| Problem::malformed(error.to_string()).field("body"))?;
    let failed = |error: std::io::Error| Problem::internal("writing the prompt", &error);
    let (file, part) = (folder.join(format!("{name}.wav")), folder.join(format!("{name}.wav.part")));
    tokio::fs::create_dir_all(&folder).await.map_err(failed)?;
    // Whoever reads it meanwhile reads the old one or the new one, whole.
    tokio::fs::write(&part, converted).await.map_err(failed)?;
    tokio::fs::rename(&part, &file).await.map_err(failed)?;
    let meta = tokio::fs::metadata(&file).await.map_err(failed)?;
    Ok(Json(show(name, &meta)))
}

/// Removes a prompt.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/prompts/{name}", operation_id = "removePrompt", tag = "prompts",
    params(("tenant" = String, Path), ("name" = String, Path)), responses((status = 204), (status = "default", body = Problem)))]
pub async fn remove(State(state): State<AppState>, Path((tenant, name)): Path<(String, String)>) -> Result<StatusCode, Problem> {
    let tenant: TenantId = parse("tenant", &tenant)?;
    let folder = folder(&state, &tenant)?;
    check(&name)?;
    match tokio::fs::remove_file(folder.join(format!("{name}.wav"))).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Problem::not_found(format!("there is no prompt `{name}` in tenant `{tenant}`")))
        }
        Err(error) => Err(Problem::internal("removing the prompt", &error)),
    }
}
