//! What is known of calls, and data attached to them (cc-gateway.md §2.4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use smol_str::SmolStr;
use tandem_core::queue::QueueId;
use tandem_core::tenant::contact::Stage;
use tandem_core::tenant::{Call as Talk, Tenant};
use tandem_core::{AgentWish, CallId, WorkNumber};

use crate::gateway::answer::{Answer, Failure, Outcome};
use crate::gateway::codes::Code;
use crate::gateway::refusal::Wished;
use crate::gateway::serve::Call;
use crate::gateway::{callid, limits, render};

/// Calls listed at most: a queue holds up to 10,000, a desktop shows a page.
const WAITING_SHOWN: usize = 1000;

/// A call as lists and queries show it. Times in milliseconds since 1970, as texts; empty where there is none.
#[derive(Debug, Default, Serialize)]
pub(super) struct CallInfo {
    callfeature: u8,
    callid: String,
    caller: SmolStr,
    called: SmolStr,
    callskill: SmolStr,
    #[serde(skip_serializing_if = "Option::is_none")]
    callskillid: Option<u16>,
    orgicallednum: SmolStr,
    calldata: SmolStr,
    begintime: String,
    endtime: String,
}

/// The short form of a held call (§4.1).
#[derive(Debug, Serialize)]
struct Held {
    callfeature: u8,
    callid: String,
    caller: SmolStr,
    called: SmolStr,
    callskill: SmolStr,
}

fn skill(tenant: &Tenant, queue: Option<QueueId>) -> SmolStr {
    queue.and_then(|queue| tenant.queue(queue)).map_or_else(SmolStr::default, |entry| entry.queue.name.clone())
}

fn info(tenant: &Tenant, id: CallId, call: &Talk, queue: Option<QueueId>) -> CallInfo {
    let (caller, called) = render::parties(tenant, call);
    let queue = queue.or(call.last_queue);
    CallInfo {
        callfeature: render::feature(call),
        callid: callid::text(id),
        caller,
        called,
        callskill: skill(tenant, queue),
        callskillid: Some(queue.map_or(0, QueueId::get)),
        orgicallednum: SmolStr::default(),
        calldata: call.data.clone(),
        begintime: (call.began.as_micros() / 1000).to_string(),
        endtime: String::new(),
    }
}

fn of_agent(tenant: &Tenant, agent: WorkNumber, id: CallId) -> Option<CallInfo> {
    let call = tenant.call(id)?;
    Some(info(tenant, id, call, call.part(agent).and_then(|part| part.queue)))
}

/// The call that an agent's questions are about: the talking one, else the one that came last.
fn current(tenant: &Tenant, agent: WorkNumber) -> Option<CallId> {
    let session = tenant.session(agent)?;
    let stage = |call: &&CallId| tenant.call(**call).and_then(|it| it.part(agent)).map(|part| part.stage);
    let talking = session.calls.iter().find(|call| stage(call) == Some(Stage::Talking));
    talking.or(session.calls.last()).copied()
}

/// `GET …/callinfo`. Without a call, the last one if it is asked for and still known.
pub(in crate::gateway) async fn call_info(call: Call) -> Outcome {
    let agent = call.agent()?;
    let last = call.params.flag("isNoContainLastCall", false)?;
    let found = call.read(|tenant| {
        let id = current(tenant, agent).or_else(|| tenant.session(agent)?.last_call.filter(|_| last));
        id.and_then(|id| of_agent(tenant, agent, id))
    })?;
    Ok(Answer::result(&found.ok_or(Code::NoCall)?))
}

/// `GET …/callinfobeforeanswer`.
pub(in crate::gateway) async fn call_info_before_answer(call: Call) -> Outcome {
    #[derive(Serialize)]
    struct Before {
        #[serde(flatten)]
        info: CallInfo,
        #[serde(rename = "userPriority")]
        priority: u8,
        #[serde(rename = "trunkNo")]
        trunk: SmolStr,
        logontimes: u32,
    }
    let agent = call.agent()?;
    let found = call.read(|tenant| {
        let session = tenant.session(agent)?;
        let id = session
            .calls
            .iter()
            .copied()
            .find(|id| tenant.call(*id).and_then(|it| it.part(agent)).is_some_and(|part| part.stage < Stage::Talking))?;
        let talk = tenant.call(id)?;
        let trunk = match &talk.from {
            tandem_core::Endpoint::Trunk(name) => SmolStr::new(name.as_str()),
            tandem_core::Endpoint::Phone(_) => SmolStr::default(),
        };
        let priority = talk.waiting.as_ref().map_or(0, |waiting| waiting.priority);
        Some(Before { info: of_agent(tenant, agent, id)?, priority, trunk, logontimes: 0 })
    })?;
    Ok(Answer::result(&found.ok_or(Code::NothingToAnswer)?))
}

/// The agent's own call of this id; an inspector may ask for any.
fn own(call: &Call, text: &str) -> Result<CallId, Failure> {
    let agent = call.agent()?;
    let found = call.read(|tenant| {
        let id = super::known_call(tenant, agent, text)?;
        let part = tenant.call(id)?.part(agent).is_some();
        let last = tenant.session(agent).is_some_and(|session| session.last_call == Some(id));
        (part || last || super::groups::supervises(tenant, agent)).then_some(id)
    })?;
    found.ok_or_else(|| Code::NoCall.into())
}

/// `GET …/callinfobycallid/{callid}`.
pub(in crate::gateway) async fn call_info_by_id(call: Call) -> Outcome {
    let agent = call.agent()?;
    let id = own(&call, call.params.path("callid"))?;
    let found = call.read(|tenant| of_agent(tenant, agent, id))?;
    Ok(Answer::result(&found.ok_or(Code::NoCall)?))
}

/// `GET …/allcallid`.
pub(in crate::gateway) async fn all_calls(call: Call) -> Outcome {
    let agent = call.agent()?;
    let calls = call.read(|tenant| {
        let calls = tenant.session(agent).map(|session| session.calls.clone()).unwrap_or_default();
        calls.into_iter().map(callid::text).collect::<Vec<_>>()
    })?;
    Ok(Answer::result(&calls))
}

/// `GET …/appdata`.
pub(in crate::gateway) async fn app_data(call: Call) -> Outcome {
    let agent = call.agent()?;
    let id = match call.params.text("callId", 40)? {
        Some(text) => Some(own(&call, &text)?),
        None => call.read(|tenant| current(tenant, agent).or_else(|| tenant.session(agent)?.last_call))?,
    };
    let data = call.read(|tenant| id.and_then(|id| tenant.call(id)).map(|it| it.data.clone()))?;
    let data = data.unwrap_or_default();
    let encoded = call.params.flag("isEncodeResult", false)?;
    Ok(Answer::result(&if encoded { STANDARD.encode(data.as_bytes()) } else { data.to_string() }))
}

/// `PUT …/setcalldataex`, and the older `PUT calldata/{agentid}?calldata=…&callid=…`.
pub(in crate::gateway) async fn set_data(call: Call) -> Outcome {
    let most = limits::CALL_DATA_BYTES * 4 / 3 + 4;
    let text = call.params.text("calldata", most)?.unwrap_or_default();
    let data = if call.params.flag("isDataEncoded", false)? {
        let wrong = || Failure::new(Code::BadParameter, "calldata is not base64 of a UTF-8 text");
        String::from_utf8(STANDARD.decode(text).map_err(|_| wrong())?).map_err(|_| wrong())?
    } else {
        text
    };
    if data.len() > limits::CALL_DATA_BYTES {
        return Err(Failure::new(Code::BadParameter, "calldata is longer than 16 KiB"));
    }
    let which = match call.params.text("callid", 40)? {
        None => None,
        Some(text) => Some(own(&call, &text).map_err(|_| Failure::from(Code::NoCallForData))?),
    };
    call.wish(Wished::Data, AgentWish::SetData { call: which, data: SmolStr::new(data) }).await?;
    Ok(Answer::reserved())
}

fn held(tenant: &Tenant, agent: WorkNumber) -> Vec<Held> {
    let calls = tenant.session(agent).map(|session| session.calls.as_slice()).unwrap_or_default();
    let held = calls.iter().filter_map(|id| {
        let call = tenant.call(*id)?;
        let part = call.part(agent).filter(|part| part.stage == Stage::Held)?;
        let (caller, called) = render::parties(tenant, call);
        let (callfeature, callskill) = (render::feature(call), skill(tenant, part.queue));
        Some(Held { callfeature, callid: callid::text(*id), caller, called, callskill })
    });
    held.collect()
}

/// `GET …/holdlist`.
pub(in crate::gateway) async fn hold_list(call: Call) -> Outcome {
    let agent = call.agent()?;
    Ok(Answer::result(&call.read(|tenant| held(tenant, agent))?))
}

/// `GET …/holdlistex/{workno}`: an inspector's question.
pub(in crate::gateway) async fn hold_list_of(call: Call) -> Outcome {
    let of = super::agent("workno", call.params.path("workno"))?;
    let agent = call.agent()?;
    let found = call.read(|tenant| {
        if of != agent && !super::groups::supervises(tenant, agent) {
            return Err(Failure::from(Code::AgentQueryRight));
        }
        tenant.session(of).map(|_| held(tenant, of)).ok_or_else(|| Code::AgentNotFound.into())
    })??;
    Ok(Answer::result(&found))
}

/// `GET …/waitcallinfo/{skillid}`.
pub(in crate::gateway) async fn waiting(call: Call) -> Outcome {
    let queue = super::queue("skillid", call.params.path_int("skillid")?)?;
    let found = call.read(|tenant| {
        let entry = tenant.queue(queue)?;
        let shown = entry.waiting.values().take(WAITING_SHOWN);
        Some(shown.filter_map(|id| Some(info(tenant, *id, tenant.call(*id)?, Some(queue)))).collect::<Vec<_>>())
    })?;
    Ok(Answer::result(&found.ok_or_else(|| Failure::new(Code::BadParameter, format_args!("there is no skill queue {queue}")))?))
}
