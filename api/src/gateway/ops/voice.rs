//! Call control (cc-gateway.md §2.3).

use smol_str::SmolStr;
use tandem_core::agent::{HandoverMode, Reach};
use tandem_core::command::Accepted;
use tandem_core::{AgentWish, CallId, Number};

use crate::gateway::answer::{Answer, Failure, Outcome};
use crate::gateway::codes::Code;
use crate::gateway::refusal::Wished;
use crate::gateway::serve::Call;
use crate::gateway::{callid, limits};

async fn done(call: Call, wished: Wished, wish: AgentWish) -> Outcome {
    call.wish(wished, wish).await?;
    Ok(Answer::Done)
}

/// Answers with the id of the call that began.
async fn begun(call: Call, wished: Wished, wish: AgentWish) -> Outcome {
    let Accepted { call: id } = call.wish(wished, wish).await?;
    Ok(id.map_or(Answer::Done, |id| Answer::result(&callid::text(id))))
}

fn data(call: &Call) -> Result<Option<SmolStr>, Failure> {
    Ok(call.params.text("callappdata", limits::CALL_DATA_BYTES)?.map(SmolStr::new))
}

fn caller(call: &Call) -> Result<Option<Number>, Failure> {
    let Some(text) = call.params.text("caller", 24)? else { return Ok(None) };
    super::dialled("caller", &text)?;
    Number::new(&text).map(Some).map_err(|error| Failure::new(Code::BadParameter, error))
}

/// The call that an optional parameter names; `code` if it is none that is known.
fn named(call: &Call, text: Option<String>, code: Code) -> Result<Option<CallId>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let agent = call.agent()?;
    let known = call.read(|tenant| super::known_call(tenant, agent, &text))?;
    known.map(Some).ok_or_else(|| Failure::new(code, format_args!("callid `{}`", text.chars().take(40).collect::<String>())))
}

/// `PUT …/callout` and `…/previewcallout`.
pub(in crate::gateway) async fn call_out(call: Call) -> Outcome {
    let to = super::dialled("called", &call.params.needed("called", 24)?)?;
    let queue = call.params.int("skillid")?.filter(|number| *number > 0).map(|number| super::queue("skillid", number)).transpose()?;
    // Video comes with its own issue: 2 takes what there is, and that is audio.
    match call.params.int("mediaability")?.unwrap_or(0) {
        0 | 2 => {}
        1 => return Err(Failure::new(Code::OperationFailed, "video calls are not built in yet")),
        other => return Err(Failure::new(Code::BadParameter, format_args!("mediaability `{other}` is not 0, 1 or 2"))),
    }
    let (caller, data) = (caller(&call)?, data(&call)?.unwrap_or_default());
    begun(call, Wished::CallOut, AgentWish::CallOut { to, caller, queue, data }).await
}

/// `PUT …/callinner`.
pub(in crate::gateway) async fn call_inside(call: Call) -> Outcome {
    let to = Reach::Agent(super::agent("called", &call.params.needed("called", 24)?)?);
    let data = data(&call)?.unwrap_or_default();
    begun(call, Wished::CallInside, AgentWish::CallInside { to, data }).await
}

/// `PUT …/callinnerskill`.
pub(in crate::gateway) async fn call_queue(call: Call) -> Outcome {
    let to = Reach::Queue(super::queue("skillId", call.params.needed_int("skillId")?)?);
    begun(call, Wished::CallInside, AgentWish::CallInside { to, data: SmolStr::default() }).await
}

/// `PUT …/answer`.
pub(in crate::gateway) async fn answer(call: Call) -> Outcome {
    let which = named(&call, call.params.text("callid", 40)?, Code::NothingToAnswer)?;
    done(call, Wished::Answer, AgentWish::Answer { call: which }).await
}

/// `POST …/reject`.
pub(in crate::gateway) async fn reject(call: Call) -> Outcome {
    let requeue = match call.params.needed_int("mode")? {
        1 => true,
        2 => false,
        other => return Err(Failure::new(Code::BadParameter, format_args!("mode `{other}` is not 1 or 2"))),
    };
    let which = named(&call, call.params.text("callid", 40)?, Code::NothingToAnswer)?;
    call.wish(Wished::Reject, AgentWish::Reject { call: which, requeue }).await?;
    Ok(Answer::reserved())
}

/// `POST …/innerhelp`.
pub(in crate::gateway) async fn help(call: Call) -> Outcome {
    let address = call.params.needed("dstaddress", 24)?;
    let kind = call.params.int("devicetype")?.unwrap_or(2);
    if !(1..=2).contains(&kind) {
        return Err(Failure::new(Code::BadParameter, format_args!("devicetype `{kind}` is not 1 or 2")));
    }
    let three_party = match call.params.int("mode")?.unwrap_or(1) {
        1 => false,
        2 => true,
        other => return Err(Failure::new(Code::BadParameter, format_args!("mode `{other}` is not 1 or 2"))),
    };
    let (to, data) = (super::reach(kind, &address)?, data(&call)?.unwrap_or_default());
    begun(call, Wished::Help, AgentWish::Consult { to, three_party, data }).await
}

/// `POST …/beginmute`.
pub(in crate::gateway) async fn mute(call: Call) -> Outcome {
    done(call, Wished::Mute, AgentWish::Mute).await
}

/// `POST …/endmute`.
pub(in crate::gateway) async fn unmute(call: Call) -> Outcome {
    done(call, Wished::Unmute, AgentWish::Unmute).await
}

/// `POST …/hold`.
pub(in crate::gateway) async fn hold(call: Call) -> Outcome {
    done(call, Wished::Hold, AgentWish::Hold).await
}

/// `POST …/gethold`.
pub(in crate::gateway) async fn retrieve(call: Call) -> Outcome {
    let which = named(&call, call.params.text("callid", 40)?, Code::NothingToRetrieve)?;
    done(call, Wished::Retrieve, AgentWish::Retrieve { call: which }).await
}

/// `POST …/connecthold/{callid}`.
pub(in crate::gateway) async fn connect(call: Call) -> Outcome {
    let text = call.params.path("callid").to_owned();
    let Some(held) = named(&call, Some(text), Code::NoHeldCall)? else { return Err(Code::NoHeldCall.into()) };
    done(call, Wished::Connect, AgentWish::Connect { call: held }).await
}

/// `POST …/transfer`.
pub(in crate::gateway) async fn transfer(call: Call) -> Outcome {
    let kind = call.params.needed_int("devicetype")?;
    let mode = call.params.needed_int("mode")?;
    let address = call.params.needed("address", 24)?;
    let to = super::reach(kind, &address)?;
    let mode = match (kind, mode) {
        (1 | 2 | 4, 0) | (3, 0) | (5, 1) => HandoverMode::Blind,
        (1 | 2 | 4 | 5, 2) => HandoverMode::Success,
        (2, 3) => HandoverMode::Private,
        (3, 1) => HandoverMode::Suspend,
        (5, 3) => HandoverMode::Talk,
        (5, 4) => HandoverMode::ThreeParty,
        (kind, mode) => {
            return Err(Failure::new(Code::BadParameter, format_args!("mode `{mode}` is not one of devicetype `{kind}`")));
        }
    };
    let (caller, data) = (caller(&call)?, data(&call)?);
    call.wish(Wished::Transfer, AgentWish::HandOver { to, mode, caller, data }).await?;
    Ok(Answer::reserved())
}

/// `POST …/canceltransfer`.
pub(in crate::gateway) async fn cancel_transfer(call: Call) -> Outcome {
    done(call, Wished::Transfer, AgentWish::CancelHandOver).await
}

/// `POST …/seconddialex` and `…/seconddial/{number}`.
pub(in crate::gateway) async fn digits(call: Call) -> Outcome {
    let in_path = call.params.path("number").to_owned();
    let digits = if in_path.is_empty() { call.params.needed("number", 64)? } else { in_path };
    if digits.len() > 64 || !digits.bytes().all(|byte| byte.is_ascii_digit() || b"*#ABCDabcd".contains(&byte)) {
        return Err(Failure::new(Code::BadParameter, "number: digits, * and # are expected"));
    }
    done(call, Wished::Digits, AgentWish::SendDigits(SmolStr::new(digits.to_ascii_uppercase()))).await
}

/// `POST …/confjoin`.
pub(in crate::gateway) async fn join(call: Call) -> Outcome {
    let text = call.params.needed("callid", 40)?;
    let Some(held) = named(&call, Some(text), Code::NoHeldForThree)? else { return Err(Code::NoHeldForThree.into()) };
    let data = data(&call)?;
    begun(call, Wished::Join, AgentWish::Join { call: held, data }).await
}

/// `POST …/dropcall/{callid}`. The path counts: one client repeats the id in the body.
pub(in crate::gateway) async fn drop_call(call: Call) -> Outcome {
    let text = call.params.path("callid").to_owned();
    let Some(which) = named(&call, Some(text), Code::NoSuchCallToDrop)? else { return Err(Code::NoSuchCallToDrop.into()) };
    done(call, Wished::Drop, AgentWish::Drop { call: which }).await
}

/// `DELETE …/release`.
pub(in crate::gateway) async fn release(call: Call) -> Outcome {
    done(call, Wished::Release, AgentWish::Release).await
}

/// `POST …/disconnect/{number}`.
pub(in crate::gateway) async fn disconnect(call: Call) -> Outcome {
    let party = super::dialled("number", call.params.path("number"))?;
    done(call, Wished::Disconnect, AgentWish::Disconnect { party }).await
}

/// `PUT …/snatchpickup`.
pub(in crate::gateway) async fn pick_up(call: Call) -> Outcome {
    let agent = super::agent("destWorkNo", &call.params.needed("destWorkNo", 10)?)?;
    done(call, Wished::PickUp, AgentWish::PickUp { agent }).await
}

/// `PUT …/phonepickup`: lifting the phone is taking the call that waits for the answer.
pub(in crate::gateway) async fn phone_pick_up(call: Call) -> Outcome {
    done(call, Wished::Answer, AgentWish::Answer { call: None }).await
}

/// `POST …/phonehangup` and `DELETE …/releasephone`.
pub(in crate::gateway) async fn phone_hang_up(call: Call) -> Outcome {
    call.wish(Wished::Phone, AgentWish::HangUpPhone).await?;
    Ok(Answer::reserved())
}

/// `…/requestcall/{callid}/{skilltype}`.
pub(in crate::gateway) async fn request_call(call: Call) -> Outcome {
    if call.params.path_int("skilltype")? != 0 {
        return Err(Failure::new(Code::BadParameter, "skilltype: only 0 is taken"));
    }
    super::queue("skillId", call.params.needed_int("skillId")?)?;
    let text = call.params.path("callid").to_owned();
    let Some(which) = named(&call, Some(text), Code::NoCall)? else { return Err(Code::NoCall.into()) };
    done(call, Wished::TakeWaiting, AgentWish::TakeWaiting { call: which }).await
}
