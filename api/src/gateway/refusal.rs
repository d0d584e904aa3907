//! Why the core refused, as return codes: one table for all operations.

use tandem_core::{AgentRefusal, Rejection};

use super::answer::Failure;
use super::codes::Code;

/// What was wished: the same refusal has another code for another operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wished {
    SignIn,
    SignOut,
    State,
    Skills,
    Note,
    CallOut,
    CallInside,
    Answer,
    Reject,
    Mute,
    Unmute,
    Hold,
    Retrieve,
    Connect,
    Help,
    Join,
    Transfer,
    Digits,
    Release,
    Drop,
    Disconnect,
    Phone,
    PickUp,
    TakeWaiting,
    Data,
    Inspect,
    Play,
    PausePlay,
    ResumePlay,
    Forward,
    Rewind,
    StopPlay,
    Conference,
    Expel,
    HandChair,
    LeaveConference,
}

/// A rejection as the operation's failure, with what the core said as text.
pub(super) fn failure(wished: Wished, rejection: &Rejection) -> Failure {
    let code = match rejection {
        Rejection::Agent(refusal) => code(wished, refusal),
        Rejection::NoSuchTenant(_) => Code::NotSignedIn,
        Rejection::NoSuchCall(_) | Rejection::NoSuchLeg(_) => no_such_call(wished),
        Rejection::NotFound { .. } | Rejection::AlreadyExists { .. } | Rejection::Invalid { .. } => Code::BadParameter,
        Rejection::WrongState { .. } | Rejection::LimitReached { .. } => Code::OperationFailed,
    };
    if code == Code::NotSignedIn { code.into() } else { Failure::new(code, rejection) }
}

fn code(wished: Wished, refusal: &AgentRefusal) -> Code {
    use Wished as W;
    match (refusal, wished) {
        (AgentRefusal::NoSuchAgent(_), W::SignIn) => Code::WrongPassword,
        (AgentRefusal::NoSuchAgent(_) | AgentRefusal::NotSignedIn(_), W::Inspect) => Code::InspectUnknown,
        (AgentRefusal::NoSuchAgent(_), _) => Code::AgentNotFound,
        (AgentRefusal::NotSignedIn(_), W::CallInside | W::Help | W::Transfer | W::PickUp | W::Conference) => Code::OperationFailed,
        (AgentRefusal::NotSignedIn(_), W::SignOut) => Code::AlreadySignedOut,
        (AgentRefusal::NotSignedIn(_), _) => Code::NotSignedIn,
        (AgentRefusal::AlreadySignedIn(_), _) => Code::AlreadySignedIn,
        (AgentRefusal::PhoneTaken { .. } | AgentRefusal::NoSuchPhone(_), _) => Code::PhoneInvalid,
        (AgentRefusal::TooManyAgents(_), _) => Code::SignInUnavailable,
        (AgentRefusal::WrongMode(_), W::Inspect) => Code::InspectState,
        (AgentRefusal::WrongMode(_), W::SignOut) => Code::SignOutState,
        (AgentRefusal::WrongMode(_), W::Play) => Code::StartPlayState,
        (AgentRefusal::WrongMode(_), _) => Code::StateRefused,
        (AgentRefusal::NothingToAnswer, _) => Code::NothingToAnswer,
        (AgentRefusal::NoCall(_), _) => no_call(wished),
        (AgentRefusal::NoHeldCall, W::Join) => Code::NoHeldForThree,
        (AgentRefusal::NoHeldCall, W::Retrieve) => Code::NothingToRetrieve,
        (AgentRefusal::NoHeldCall, _) => Code::NoHeldCall,
        (AgentRefusal::WrongCallState { .. }, W::Mute) => Code::MuteState,
        (AgentRefusal::WrongCallState { .. }, W::Unmute) => Code::UnmuteState,
        (AgentRefusal::WrongCallState { .. }, W::Hold) => Code::HoldState,
        (AgentRefusal::WrongCallState { .. }, W::Retrieve) => Code::RetrieveState,
        (AgentRefusal::WrongCallState { .. }, W::Inspect) => Code::InspectState,
        (AgentRefusal::WrongCallState { .. }, _) => Code::OperationFailed,
        (AgentRefusal::NotYourCall(_), _) => no_such_call(wished),
        (AgentRefusal::NoSuchParty(_), _) => Code::NumberNotInCall,
        (AgentRefusal::Unreachable { .. }, W::CallOut) => Code::WrongNumber,
        (AgentRefusal::Unreachable { .. }, W::SignIn) => Code::PhoneInvalid,
        (AgentRefusal::Unreachable { .. }, W::Inspect) => Code::InspectUnavailable,
        (AgentRefusal::Unreachable { .. }, _) => Code::OperationFailed,
        (AgentRefusal::NoSuchQueue(_), W::Skills) => Code::SkillQueryInvalid,
        (AgentRefusal::NoSuchQueue(_), _) => Code::BadParameter,
        (AgentRefusal::NotAllowed(_), W::Inspect) => Code::InspectRight,
        (AgentRefusal::NotAllowed(_), W::Play) => Code::DownloadRight,
        (AgentRefusal::NotAllowed(_), _) => Code::StateRefused,
        (AgentRefusal::OwnSelf, _) => Code::OwnInspection,
        (AgentRefusal::WrongTargetState(_), W::Inspect) => Code::InspectState,
        (AgentRefusal::WrongTargetState(_), _) => Code::OperationFailed,
        (AgentRefusal::NoConference, _) => Code::NoConference,
        (AgentRefusal::InConference, _) => Code::InConference,
        (AgentRefusal::NotChair, _) => Code::NotChair,
        (AgentRefusal::IsChair(_), W::HandChair) => Code::ChairToItself,
        (AgentRefusal::IsChair(_), W::LeaveConference) => Code::ChairLeaves,
        (AgentRefusal::IsChair(_), _) => Code::ChairDeletesItself,
        (AgentRefusal::WrongPlayState(_), _) => play_state(wished),
        (AgentRefusal::WrongRecordingState(_), _) => Code::OperationFailed,
        (AgentRefusal::Invalid { .. }, W::SignIn) => Code::SignInParameter,
        (AgentRefusal::Invalid { .. }, W::CallOut) => Code::WrongNumber,
        (AgentRefusal::Invalid { .. }, _) => Code::BadParameter,
    }
}

fn no_call(wished: Wished) -> Code {
    match wished {
        Wished::Mute => Code::NothingToMute,
        Wished::Unmute => Code::NothingToUnmute,
        Wished::Hold => Code::NothingToHold,
        Wished::Retrieve => Code::NothingToRetrieve,
        Wished::Help => Code::NothingToHelp,
        Wished::Join => Code::NothingForThree,
        Wished::Transfer => Code::NothingToTransfer,
        Wished::Release | Wished::Phone => Code::NothingToRelease,
        Wished::Disconnect => Code::NothingToDisconnect,
        Wished::Data => Code::NoCallForData,
        Wished::Answer | Wished::Reject => Code::NothingToAnswer,
        Wished::Drop => Code::NoSuchCallToDrop,
        Wished::Inspect => Code::InspectState,
        _ => Code::NoCall,
    }
}

fn no_such_call(wished: Wished) -> Code {
    match wished {
        Wished::Join => Code::NoHeldForThree,
        Wished::Connect => Code::NoHeldCall,
        wished => no_call(wished),
    }
}

fn play_state(wished: Wished) -> Code {
    match wished {
        Wished::PausePlay => Code::PausePlayState,
        Wished::ResumePlay => Code::ResumePlayState,
        Wished::Forward => Code::ForwardState,
        Wished::Rewind => Code::RewindState,
        Wished::StopPlay => Code::StopPlayState,
        _ => Code::StartPlayState,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_refusal_has_the_code_of_its_operation() {
        let refused = |wished| failure(wished, &AgentRefusal::NoCall("hold").into()).code;
        assert_eq!(refused(Wished::Hold), Code::NothingToHold);
        assert_eq!(refused(Wished::Release), Code::NothingToRelease);
        assert_eq!(refused(Wished::Transfer), Code::NothingToTransfer);
        assert_eq!(failure(Wished::Retrieve, &AgentRefusal::NoHeldCall.into()).code, Code::NothingToRetrieve);
        assert_eq!(failure(Wished::Inspect, &AgentRefusal::OwnSelf.into()).code, Code::OwnInspection);
    }
}
