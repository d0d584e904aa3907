//! Agent conferences (cc-gateway.md §2.12). The members are those of the agent's own conference: there is one at a time.

use serde_json::Value;
use smol_str::SmolStr;
use tandem_core::AgentWish;
use tandem_core::agent::Reach;

use crate::gateway::answer::{Answer, Failure, Outcome};
use crate::gateway::codes::Code;
use crate::gateway::refusal::Wished;
use crate::gateway::serve::Call;

/// Members of one request (batchaddparticipant, batchremoveparticipant).
const ADDED: usize = 120;
const REMOVED: usize = 30;

async fn done(call: Call, wished: Wished, wish: AgentWish) -> Outcome {
    call.wish(wished, wish).await?;
    Ok(Answer::reserved())
}

fn within(name: &str, value: i64, first: i64, last: i64) -> Result<u32, Failure> {
    let wrong = || Failure::new(Code::BadParameter, format_args!("{name} `{value}` is not {first} to {last}"));
    u32::try_from(value).ok().filter(|_| (first..=last).contains(&value)).ok_or_else(wrong)
}

/// `POST …/requestagentconf`. Bounds of the reference where it has some: 2 to 118 parties more, up to a day.
pub(in crate::gateway) async fn begin(call: Call) -> Outcome {
    let members = within("memberNum", call.params.needed_int("memberNum")?, 1, 120)?;
    let minutes = within("time", call.params.int("time")?.unwrap_or(60), 1, 1440)?;
    let members = u16::try_from(members).unwrap_or(u16::MAX);
    done(call, Wished::Conference, AgentWish::BeginConference { members, minutes }).await
}

/// `POST …/answeragentconf`.
pub(in crate::gateway) async fn answer(call: Call) -> Outcome {
    done(call, Wished::Answer, AgentWish::Answer { call: None }).await
}

/// `DELETE …/rejectagentconf`.
pub(in crate::gateway) async fn reject(call: Call) -> Outcome {
    done(call, Wished::Reject, AgentWish::Reject { call: None, requeue: false }).await
}

/// `DELETE …/requestleaveagentconf`.
pub(in crate::gateway) async fn leave(call: Call) -> Outcome {
    done(call, Wished::LeaveConference, AgentWish::LeaveConference).await
}

/// `DELETE …/releaseagentconf`.
pub(in crate::gateway) async fn end(call: Call) -> Outcome {
    done(call, Wished::Conference, AgentWish::EndConference).await
}

/// `…/prolongtime`.
pub(in crate::gateway) async fn prolong(call: Call) -> Outcome {
    let minutes = within("prolongTime", call.params.int("prolongTime")?.unwrap_or(60), 1, 1440)?;
    done(call, Wished::Conference, AgentWish::Prolong(minutes)).await
}

/// `…/applytoshiftpresident`: `destAgentNo` in the body, or `destWorkNo` in the query of older clients.
pub(in crate::gateway) async fn hand_chair(call: Call) -> Outcome {
    let number = match call.params.text("destAgentNo", 10)? {
        Some(number) => number,
        None => call.params.needed("destWorkNo", 10)?,
    };
    let agent = super::agent("destAgentNo", &number)?;
    done(call, Wished::HandChair, AgentWish::HandChair(agent)).await
}

/// `addresses` of a body: phones (6) and agents (9).
fn addresses(call: &Call, most: usize) -> Result<Vec<Reach>, Failure> {
    let items = call.params.list("addresses", most)?.unwrap_or_default();
    if items.is_empty() {
        return Err(Code::MembersEmpty.into());
    }
    items.iter().map(address).collect()
}

fn address(item: &Value) -> Result<Reach, Failure> {
    let field = |name: &str| match item.get(name) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(value @ Value::Number(_)) => value.to_string(),
        _ => String::new(),
    };
    of_type(&field("addressType"), &field("address"))
}

fn of_type(kind: &str, address: &str) -> Result<Reach, Failure> {
    match kind {
        "6" => Ok(Reach::Number(super::dialled("address", address)?)),
        "9" => Ok(Reach::Agent(super::agent("address", address)?)),
        other => {
            let other: String = other.chars().take(20).collect();
            Err(Failure::new(Code::BadParameter, format_args!("addressType `{other}` is not 6 or 9")))
        }
    }
}

/// `POST …/batchaddparticipant`.
pub(in crate::gateway) async fn invite(call: Call) -> Outcome {
    let members = addresses(&call, ADDED)?;
    done(call, Wished::Conference, AgentWish::Invite(members)).await
}

/// `POST …/batchremoveparticipant`: those that are not in it are named in the answer.
pub(in crate::gateway) async fn expel(call: Call) -> Outcome {
    let members = addresses(&call, REMOVED)?;
    let agent = call.agent()?;
    let known: Vec<Reach> = call.read(|tenant| {
        let calls = tenant.session(agent).map(|session| session.calls.clone()).unwrap_or_default();
        let conference = calls.into_iter().find_map(|id| tenant.call(id)?.conference.clone());
        conference.map(|it| it.members.into_iter().map(|member| member.who).collect()).unwrap_or_default()
    })?;
    let (there, absent): (Vec<Reach>, Vec<Reach>) = members.into_iter().partition(|who| known.contains(who) || *who == Reach::Agent(agent));
    if !there.is_empty() || absent.is_empty() {
        call.wish(Wished::Expel, AgentWish::Expel(there)).await?;
    } else {
        // Nobody to put out, but the right counts all the same.
        call.wish(Wished::Expel, AgentWish::Expel(Vec::new())).await?;
    }
    let absent: Vec<Value> = absent
        .iter()
        .map(|who| {
            let kind = if matches!(who, Reach::Agent(_)) { "9" } else { "6" };
            serde_json::json!({"addressType": kind, "address": crate::gateway::render::reach(who)})
        })
        .collect();
    Ok(Answer::result(&serde_json::json!({ "noExistParticipants": absent })))
}

/// A member named by `address` and `addressType` (6 unless said otherwise).
fn member(call: &Call) -> Result<Reach, Failure> {
    let kind = call.params.text("addressType", 2)?.unwrap_or_else(|| "6".to_owned());
    of_type(&kind, &call.params.needed("address", 24)?)
}

/// `…/holdparticipant`. Its parameters are not known; ours are `address`, `addressType` and `holdflag` (true unless said otherwise).
pub(in crate::gateway) async fn hold(call: Call) -> Outcome {
    let (member, held) = (member(&call)?, call.params.flag("holdflag", true)?);
    done(call, Wished::Conference, AgentWish::HoldMember { member, held }).await
}

/// `…/playvoicetoconf`.
pub(in crate::gateway) async fn play(call: Call) -> Outcome {
    let prompt = SmolStr::new(call.params.needed("voicePath", 127)?);
    done(call, Wished::Conference, AgentWish::PlayToConference { member: None, prompt, stop: false }).await
}

/// `…/stopvoicetoconf`.
pub(in crate::gateway) async fn stop_playing(call: Call) -> Outcome {
    done(call, Wished::Conference, AgentWish::PlayToConference { member: None, prompt: SmolStr::default(), stop: true }).await
}

/// `POST …/modifyconfresource`.
pub(in crate::gateway) async fn resize(call: Call) -> Outcome {
    let number = i32::try_from(within("modifyNum", call.params.needed_int("modifyNum")?, 2, 118)?).unwrap_or_default();
    let by = match call.params.needed_int("modifyType")? {
        0 => number,
        1 => -number,
        other => return Err(Failure::new(Code::BadParameter, format_args!("modifyType `{other}` is not 0 or 1"))),
    };
    done(call, Wished::Conference, AgentWish::Resize(by)).await
}
