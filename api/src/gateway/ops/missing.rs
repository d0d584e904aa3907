//! Operations that can't work yet: text and multimedia sessions, multimedia conferences, video, screen recording, special lists. They
//! answer the documented code for "not available", after the guid was checked. Their issues bring them.

use crate::gateway::answer::{Failure, Outcome};
use crate::gateway::codes::Code;
use crate::gateway::serve::Call;

/// Text sessions and what belongs to them: the multimedia switch is not on.
pub(in crate::gateway) async fn multimedia(call: Call) -> Outcome {
    call.session()?;
    Err(Code::MultimediaOff.into())
}

/// `POST mediacall/{agentid}/sendmessage`: an empty message has a code of its own.
pub(in crate::gateway) async fn send_message(call: Call) -> Outcome {
    call.params.needed("callid", 40)?;
    if call.params.text("data", 64 * 1024)?.is_none() {
        return Err(Code::MessageEmpty.into());
    }
    Err(Code::MultimediaOff.into())
}

/// `POST mediacall/{agentid}/setcallnums`: too many sessions have a code of their own.
pub(in crate::gateway) async fn set_numbers(call: Call) -> Outcome {
    call.params.needed_int("mediaType")?;
    if !(1..=60).contains(&call.params.needed_int("callnums")?) {
        return Err(Code::TooManySessions.into());
    }
    Err(Code::MultimediaOff.into())
}

/// Applying for a multimedia conference: there is no media server for it.
pub(in crate::gateway) async fn multimedia_conference(call: Call) -> Outcome {
    if call.params.text("addressinfo", 64 * 1024)?.is_none() {
        return Err(Code::MultimediaMembersEmpty.into());
    }
    Err(Code::MultimediaServer.into())
}

/// Inviting into one: nobody is in one.
pub(in crate::gateway) async fn multimedia_inviter(call: Call) -> Outcome {
    call.session()?;
    Err(Code::MultimediaInviter.into())
}

/// Ending one: there is none.
pub(in crate::gateway) async fn multimedia_stop(call: Call) -> Outcome {
    call.session()?;
    Err(Code::MultimediaStop.into())
}

/// Its state: there is none.
pub(in crate::gateway) async fn multimedia_status(call: Call) -> Outcome {
    call.session()?;
    Err(Code::MultimediaStatusEmpty.into())
}

/// `POST voicecall/{agentid}/mediaswitch`.
pub(in crate::gateway) async fn media_switch(call: Call) -> Outcome {
    match call.params.needed_int("mediaType")? {
        1 | 3 => Err(Failure::new(Code::OperationFailed, "video is not built in yet")),
        other => Err(Failure::new(Code::BadParameter, format_args!("mediaType `{other}` is not 1 or 3"))),
    }
}

/// `POST voicecall/{agentid}/adjustvideomode`: which of its codes says what is not known; the first.
pub(in crate::gateway) async fn video_mode(call: Call) -> Outcome {
    match call.params.needed_int("mode")? {
        0..=3 => Err(Code::VideoMode031.into()),
        other => Err(Failure::new(Code::BadParameter, format_args!("mode `{other}` is not 0 to 3"))),
    }
}

/// Anything else.
pub(in crate::gateway) async fn operation(call: Call) -> Outcome {
    call.session()?;
    Err(Failure::new(Code::OperationFailed, "not built in yet"))
}
