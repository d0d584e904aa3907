//! What several operations and events show of a call, an agent or a queue.

use smol_str::SmolStr;
use tandem_core::agent::{Mode, PartRole, Reach};
use tandem_core::event::CallKind;
use tandem_core::queue::{Medium, Queue};
use tandem_core::tenant::contact::{Session, Stage};
use tandem_core::tenant::{Call, Tenant};
use tandem_core::{CallId, WorkNumber};

/// Caller and called number of a call, as shown.
pub(super) fn parties(tenant: &Tenant, call: &Call) -> (SmolStr, SmolStr) {
    let caller = call.legs.iter().filter_map(|leg| tenant.leg(*leg)).find(|leg| leg.is_caller()).map(|leg| leg.number.clone());
    let caller = caller.or_else(|| {
        let first = call.parts.iter().find(|part| part.role == PartRole::Caller)?;
        Some(SmolStr::new(first.agent.to_string()))
    });
    (caller.unwrap_or_default(), call.called.clone())
}

/// Call type (cc-gateway.md §1.6).
pub(super) fn feature(call: &Call) -> u8 {
    match call.kind {
        CallKind::Ordinary | CallKind::Playback | CallKind::Line => 0,
        CallKind::Outbound => 7,
        CallKind::Inside => 6,
        CallKind::Consultation if call.consultation.as_ref().is_some_and(|it| it.three_party) => 52,
        CallKind::Consultation => 51,
        CallKind::Conference => 53,
    }
}

/// `main`, or `assistant` for a call that asks about another.
pub(super) fn role(call: &Call) -> &'static str {
    if call.kind == CallKind::Consultation { "assistant" } else { "main" }
}

/// Media type of a queue (§1.6).
pub(super) fn media_type(queue: &Queue) -> u8 {
    match queue.medium {
        Medium::Voice | Medium::Video => 5,
        Medium::Chat => 53,
    }
}

/// State of an agent: the gateway's number and the CTI platform's (§1.5).
pub(super) fn states(tenant: &Tenant, agent: WorkNumber, session: Option<&Session>) -> (u8, u8) {
    let Some(session) = session else { return (2, 0) };
    let stage = session.calls.iter().filter_map(|call| tenant.call(*call)?.part(agent)).map(|part| part.stage).max();
    match stage {
        Some(_) if matches!(session.deferred, Some(Mode::Rest { .. })) => (9, cti(stage)),
        Some(_) => (7, cti(stage)),
        None => match session.mode {
            Mode::Ready => (4, 1),
            Mode::NotReady { .. } => (3, 7),
            Mode::Rest { .. } => (8, 8),
            Mode::WrapUp { .. } => (5, 6),
        },
    }
}

fn cti(stage: Option<Stage>) -> u8 {
    match stage {
        None | Some(Stage::Reserved) => 3,
        Some(Stage::Alerting) => 4,
        Some(Stage::Talking | Stage::Held) => 5,
    }
}

/// Somebody that is called, as text.
pub(super) fn reach(reach: &Reach) -> String {
    match reach {
        Reach::Agent(agent) => agent.to_string(),
        Reach::Queue(queue) => queue.to_string(),
        Reach::Number(number) => number.to_string(),
    }
}

/// A conference's number: the number of its call's id.
pub(super) fn conference(call: CallId) -> u64 {
    super::callid::text(call).rsplit_once('-').and_then(|(_, number)| number.parse().ok()).unwrap_or_default()
}

/// The VDN number that a tenant shows; 0 if it has none.
pub(super) fn vdn(tenant: &Tenant) -> u16 {
    tenant.settings().and_then(|settings| settings.vdn).unwrap_or_default()
}

/// The tenant's name in file names of recordings: its VDN number, or its id.
fn drawer(tenant: &Tenant) -> String {
    match vdn(tenant) {
        0 => tenant.id().to_string(),
        vdn => vdn.to_string(),
    }
}

/// A recording's path as clients see it (`Y:/{vdn}/0/….V3`).
pub(super) fn file_name(tenant: &Tenant, path: &str) -> String {
    format!("Y:/{}/0/{path}.V3", drawer(tenant))
}

/// The path of a recording below its tenant's folder, from what clients send back: any spelling of the separators and of the drive,
/// without the extension. `None` for a foreign tenant's, and for what could climb out of the folder.
pub(super) fn path_of_file(tenant: &Tenant, name: &str) -> Option<String> {
    let name = name.trim().replace('\\', "/");
    let (drive, rest) = name.split_once(":/")?;
    if !drive.eq_ignore_ascii_case("y") {
        return None;
    }
    let rest = rest.strip_prefix(&drawer(tenant))?.strip_prefix("/0/")?;
    let stem = rest.rsplit_once('.').map_or(rest, |(stem, _)| stem);
    let plain = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    (stem.len() <= 200 && stem.split('/').all(plain)).then(|| stem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_core::TenantId;

    #[test]
    fn a_recordings_name_leads_back_to_its_path_and_nowhere_else() {
        let tenant = Tenant::new(TenantId::new("shop").unwrap());
        let name = file_name(&tenant, "20261122/101/0123");
        assert_eq!(name, "Y:/shop/0/20261122/101/0123.V3");
        assert_eq!(path_of_file(&tenant, &name).as_deref(), Some("20261122/101/0123"));
        assert_eq!(path_of_file(&tenant, r"y:\shop\0\20261122\101\0123.V3").as_deref(), Some("20261122/101/0123"));
        for bad in ["Y:/other/0/a.V3", "Y:/shop/0/../x.V3", "Y:/shop/0//x", "/etc/passwd", "Y:/shop/0/", "Z:/shop/0/a"] {
            assert_eq!(path_of_file(&tenant, bad), None, "{bad}");
        }
    }
}
