//! Every return code of the interface (cc-gateway.md §1.7), typed, with the text that goes into `message`.
//!
//! The texts are our own words. Where the reference knows a code but not its text (200-031 to 200-039, 106-008, 106-012, the single
//! codes of 107-010 to 107-067) the text says only what the operation was.

macro_rules! codes {
    ($($name:ident $code:literal $text:literal)*) => {
        /// A return code. [`Code::Ok`] is success, all others are failures.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, dead_code, clippy::enum_variant_names)] // Each is said by its text. Many belong to parts of the platform that are not built in yet.
        pub(super) enum Code { $($name),* }

        impl Code {
            /// All of them.
            #[cfg(test)]
            pub(super) const ALL: &'static [Code] = &[$(Code::$name),*];

            /// As it is written in `retcode`.
            pub(super) fn code(self) -> &'static str {
                match self { $(Code::$name => $code),* }
            }

            /// What goes into `message` on failure.
            pub(super) fn text(self) -> &'static str {
                match self { $(Code::$name => $text),* }
            }
        }
    };
}

codes! {
    Ok "0" ""
    Unknown "000-000" "unknown error"
    WrongMethod "000-001" "wrong method used to fetch agent events"
    BadParameter "000-002" "a parameter of the address or the body does not match its definition"
    NoPermission "000-003" "no right to invite resource"
    SwitchingOver "000-004" "the agent is being switched over"
    OwnInspection "000-005" "the inspected agent is the inspector itself"
    BadMessage "000-006" "message parameter error"
    Repeated "000-007" "the interface is called repeatedly"
    SignInInvalid "100-001" "a sign-in parameter is empty or invalid"
    AlreadySignedIn "100-002" "the agent has already signed in"
    SignInUnavailable "100-003" "the resource is not available for sign-in"
    WrongPassword "100-004" "wrong user name or password"
    SignOutInvalid "100-005" "the sign-out parameter is invalid"
    NotSignedIn "100-006" "the agent has not signed in"
    OperationFailed "100-007" "exception during the agent operation"
    AlreadySignedOut "100-008" "the agent has already signed out"
    StateRefused "100-009" "setting the agent state failed"
    SignOutState "100-010" "state error at sign-out"
    SignInParameter "100-011" "invalid parameter at sign-in"
    WrongAgentType "100-012" "wrong agent type at sign-in"
    PhoneInvalid "100-013" "the phone to be bound is invalid"
    PhoneOutOfRange "100-014" "the phone number is not in the configured range"
    MayNotForce "100-015" "the agent has signed in and may not be forced out"
    BadAddress "100-016" "invalid IP address at sign-in"
    PortalFailed "100-017" "uPortal authentication failed"
    VdnDiffers "100-018" "the VDN at sign-in differs from the VDN of playback"
    SkillQueryInvalid "100-019" "invalid parameter when querying skill queues"
    PasswordExpired "100-020" "the agent password has expired"
    SignInUnderWay "100-021" "a sign-in is in progress"
    AccountOther "100-060" "account sign-in failed"
    AccountLocked "100-061" "the account is locked"
    AccountWrong "100-062" "wrong account or password"
    NoConference "101-001" "the agent has no conference"
    NotChair "101-002" "the agent is not the chair of the conference"
    InConference "101-003" "the agent is already in a conference"
    ConferenceQueryRefused "101-004" "only an inspector may query the conferences of the VDN"
    ChairToItself "101-005" "the chair can't transfer its right to itself"
    ChairDeletesItself "101-006" "the chair can't delete itself"
    ChairLeaves "101-007" "the chair can't leave the conference"
    DownloadOff "104-001" "the recording download is not enabled"
    DownloadRight "104-002" "no right to inspect or play recordings"
    DownloadName "104-003" "illegal recording file name"
    DownloadMapping "104-004" "no drive mapping configured"
    DownloadMissing "104-005" "the recording file does not exist"
    DownloadSpace "104-006" "not enough free space"
    DownloadFormat "104-007" "the recording file format is not supported"
    DownloadFormatUnset "104-008" "the recording format parameter is not configured"
    DownloadConversion "104-009" "the recording conversion failed"
    DownloadLocation "104-010" "the locationId is not configured"
    DownloadDeletion "104-011" "the recording file deletion failed"
    DownloadStorage "104-012" "downloading the recording from object storage failed"
    AgentNotCached "105-001" "the agent information is not cached"
    AgentRecovering "105-002" "the agent is in recovery"
    RecoveryComplete "105-003" "the recovery is already complete"
    RecoveryQueue "105-004" "adding the agent to the recovery queue failed"
    RecoveryTimeout "105-005" "waiting for the recovery timed out, sign in again"
    RecoveryGuid "105-006" "the Guid does not match at recovery, sign in again"
    RecoveryOff "105-007" "the recovery switch is off, sign in again"
    MultimediaOff "106-001" "the multimedia switch is not on"
    MessageEmpty "106-002" "the message to send is empty"
    TooManySessions "106-003" "the session count exceeds the maximum (60)"
    TransferDevice "106-004" "invalid device type of a session transfer"
    MediaNumbers008 "106-008" "the session count can't be set"
    MediaNumbers012 "106-012" "the session count can't be set"
    ConfigLoginInvalid "107-000" "the login is invalid, authenticate again"
    ConfigException "107-001" "the interface threw an exception"
    ConfigParameter "107-002" "a parameter is invalid or missing"
    ConfigPassword "107-003" "wrong user or password"
    ConfigFailed "107-004" "the configuration failed"
    ConfigCommunication "107-005" "the communication failed"
    ConfigUnauthenticated "107-007" "authentication before the configuration failed"
    ConfigAgent010 "107-010" "an operation on the agent configuration failed"
    ConfigAgent011 "107-011" "an operation on the agent configuration failed"
    ConfigAgent012 "107-012" "an operation on the agent configuration failed"
    ConfigAgent013 "107-013" "an operation on the agent configuration failed"
    ConfigRole014 "107-014" "an operation on the role configuration failed"
    ConfigRole015 "107-015" "an operation on the role configuration failed"
    ConfigRole016 "107-016" "an operation on the role configuration failed"
    ConfigRole017 "107-017" "an operation on the role configuration failed"
    ConfigCalled018 "107-018" "an operation on the called number configuration failed"
    ConfigCalled019 "107-019" "an operation on the called number configuration failed"
    ConfigCalled020 "107-020" "an operation on the called number configuration failed"
    ConfigCalled021 "107-021" "an operation on the called number configuration failed"
    ConfigVdn022 "107-022" "an operation on the VDN configuration failed"
    ConfigVdn023 "107-023" "an operation on the VDN configuration failed"
    ConfigFlow024 "107-024" "an operation on the IVR flow configuration failed"
    ConfigFlow025 "107-025" "an operation on the IVR flow configuration failed"
    ConfigAccessCode033 "107-033" "an operation on the access code configuration failed"
    ConfigAccessCode034 "107-034" "an operation on the access code configuration failed"
    ConfigAccessCode035 "107-035" "an operation on the access code configuration failed"
    ConfigAccessCode036 "107-036" "an operation on the access code configuration failed"
    ConfigIvrProcess037 "107-037" "an operation on the IVR process configuration failed"
    ConfigIvrProcess038 "107-038" "an operation on the IVR process configuration failed"
    ConfigIvrProcess039 "107-039" "an operation on the IVR process configuration failed"
    ConfigIvrProcess040 "107-040" "an operation on the IVR process configuration failed"
    ConfigSystemVdn041 "107-041" "an operation on the system VDN configuration failed"
    ConfigSystemVdn042 "107-042" "an operation on the system VDN configuration failed"
    ConfigSystemVdn043 "107-043" "an operation on the system VDN configuration failed"
    ConfigSystemVdn044 "107-044" "an operation on the system VDN configuration failed"
    ConfigSystemVdn045 "107-045" "an operation on the system VDN configuration failed"
    ConfigMediaUser064 "107-064" "an operation on the media user configuration failed"
    ConfigMediaUser065 "107-065" "an operation on the media user configuration failed"
    ConfigMediaUser066 "107-066" "an operation on the media user configuration failed"
    ConfigMediaUser067 "107-067" "an operation on the media user configuration failed"
    IpLocked "110-016" "the account is locked"
    WrongNumber "200-001" "the dialled number is wrong"
    NothingToAnswer "200-002" "no call to answer"
    NothingToMute "200-003" "no call to mute"
    MuteState "200-004" "wrong call state for mute"
    NothingToHoldOlder "200-005" "no call to hold"
    NoHeldCall "200-006" "no held call"
    NothingToUnmute "200-007" "no call to unmute"
    UnmuteState "200-008" "wrong call state for unmute"
    NothingToPlayTo "200-009" "no call for playing an announcement"
    NothingForThree "200-010" "no call for a three-party conversation"
    NoHeldForThree "200-011" "no held call for a three-party conversation"
    NothingToTransfer "200-012" "no call to transfer"
    NothingToHold "200-013" "no call to hold"
    HoldState "200-014" "wrong call state for hold"
    NothingToRetrieve "200-015" "no call to retrieve"
    RetrieveState "200-016" "wrong call state for retrieving"
    NothingToRelease "200-017" "no call to release"
    NothingToHelp "200-018" "no call for internal help"
    NothingToFreeze "200-019" "no call to freeze the picture of"
    FreezeState "200-020" "wrong state for freezing the picture"
    NothingToUnfreeze "200-021" "no call to unfreeze"
    UnfreezeState "200-022" "wrong state for unfreezing"
    NothingToDisconnect "200-023" "no call to release a number from"
    NumberNotInCall "200-024" "the number is not in the call"
    NoSuchCallToDrop "200-025" "no such call to drop"
    NoCall "200-026" "no call"
    VideoMode031 "200-031" "the picture layout can't be set"
    VideoMode032 "200-032" "the picture layout can't be set"
    VideoMode033 "200-033" "the picture layout can't be set"
    VideoMode034 "200-034" "the picture layout can't be set"
    VideoMode035 "200-035" "the picture layout can't be set"
    Reject037 "200-037" "the call can't be rejected"
    Reject038 "200-038" "the call can't be rejected"
    Reject039 "200-039" "the call can't be rejected"
    NoUrl "210-001" "no URL information found"
    AgentQueryRight "300-001" "no right to query agent information"
    AgentNotFound "300-002" "agent not found"
    GroupAgentNotFound "300-003" "agent not found when querying groups"
    GroupNotFound "300-004" "group not found"
    NoCallForData "400-001" "no call when setting call data"
    NoHoldInformation "400-003" "no call information when querying held calls"
    RewindState "500-001" "wrong state for rewind"
    ForwardState "500-002" "wrong state for fast forward"
    PausePlayState "500-003" "wrong state for pausing playback"
    PauseRecordState "500-004" "wrong state for pausing recording"
    ResumePlayState "500-005" "wrong state for resuming playback"
    ResumeRecordState "500-006" "wrong state for resuming recording"
    StartPlayState "500-007" "wrong state for starting playback"
    StartRecordState "500-008" "wrong state for starting recording"
    StopPlayState "500-009" "wrong state for stopping playback"
    StopRecordState "500-010" "wrong state for stopping recording"
    NoSkillQueue "600-001" "the agent is unknown or has no skill queue"
    VdnWithoutQueues "600-002" "the VDN has no skill queue information"
    NoAccessCode "600-003" "no access code configured in the VDN"
    NoIvr "600-004" "no IVR configured in the VDN"
    OwnVdnWithoutQueues "600-005" "no skill queue in the own VDN"
    MembersEmpty "700-001" "the conference member parameter is empty"
    ConferenceStatusEmpty "700-002" "the conference status query returned nothing"
    SendFailed "700-003" "sending a message failed"
    MultimediaMembersEmpty "701-001" "multimedia conference: the member parameter is empty"
    MultimediaStatusEmpty "701-002" "multimedia conference: the status query returned nothing"
    MultimediaBusy "701-003" "the applicant or participant is already in a conference"
    MultimediaInviter "701-004" "the inviting agent is not in the conference"
    MultimediaStop "701-005" "conference unknown or no right to stop it"
    MultimediaServer "701-006" "the media server address is not configured"
    NoProxy "800-001" "the proxy service is missing"
    ConfigurationUnreadable "800-002" "exception while reading the configuration"
    NoMediaGateway "800-003" "no default media gateway"
    InspectNoProvider "900-001" "inspection: no provider"
    InspectRight "900-002" "inspection: the right is not granted"
    InspectUnavailable "900-003" "inspection: the resource is not available"
    InspectUnknown "900-004" "inspection: no information about the inspected agent"
    InspectState "900-005" "inspection: wrong state"
    VideoRecordingTime "900-006" "inspection: invalid video-recording time"
    VideoRecordingLicence "900-007" "inspection: no video-recording licence"
    VideoRecordingUnknown "900-008" "inspection: unknown video-recording exception"
    InspectTask "900-009" "inspection: the task to delete is not found"
    PlatformUrl "999-001" "the platform URL in the server configuration is wrong"
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code(), self.text())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Code;

    #[test]
    fn every_code_is_there_once_and_has_its_form() {
        let mut seen = HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.code()), "{code} twice");
            if *code == Code::Ok {
                continue;
            }
            let (a, b) = code.code().split_once('-').unwrap();
            assert!(a.len() == 3 && b.len() == 3 && (a.to_owned() + b).bytes().all(|byte| byte.is_ascii_digit()), "{code}");
            assert!(!code.text().is_empty());
        }
        for known in
            ["000-003", "100-021", "105-007", "106-012", "107-067", "110-016", "200-039", "400-003", "701-006", "900-009", "999-001"]
        {
            assert!(seen.contains(known), "{known}");
        }
    }
}
