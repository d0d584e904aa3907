//! The long poll (cc-gateway.md §1.4): one event per answer, held about ten seconds, on no thread.

use crate::gateway::answer::{Answer, Outcome};
use crate::gateway::codes::Code;
use crate::gateway::limits;
use crate::gateway::mailbox::Polled;
use crate::gateway::serve::Call;

/// `GET agentevent/{agentid}`.
pub(in crate::gateway) async fn poll(call: Call) -> Outcome {
    let session = call.session()?.clone();
    let gateway = call.gateway.clone();
    let fresh = gateway.sessions.touch(&session, gateway.now());
    let polled = tokio::select! {
        polled = session.mailbox.poll(limits::POLL_WAIT) => polled,
        () = gateway.stopped() => Polled::Nothing,
    };
    let answer = match polled {
        Polled::Event(event) => Answer::Event(event.to_string()),
        Polled::Nothing => Answer::Done,
        Polled::Ended => return Err(Code::NotSignedIn.into()),
    };
    // A poll of ten seconds is a sign of life at its end, too.
    let fresh = fresh.or_else(|| gateway.sessions.touch(&session, gateway.now()));
    Ok(match fresh {
        Some(guid) => answer.with_guid(guid),
        None => answer,
    })
}
