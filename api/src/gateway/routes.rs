//! Every operation of the interface, one line each, in the order of the reference (cc-gateway.tsv; a test compares).
//!
//! Where the reference does not know an operation's method, those that clients use or that fit are taken; where older clients use
//! another method, both (cc-gateway.md §5.3, 14). Operations whose path nobody knows are in the table, but can't be reached.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;

use super::answer::Outcome;
use super::ops::{conference, config, data, download, groups, inspect, missing, playback, poll, queues, sign, state, voice};
use super::params::decode;
use super::serve::Call;

/// Runs an operation.
pub(super) type Handler = fn(Call) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Auth {
    /// Anybody.
    Open,
    /// Who shows the agent's guid.
    Agent,
    /// Or who comes from the address that the agent signed in from, and shows none.
    AgentOrSource,
    /// Who shows a guid of the configuration sign-in (C5).
    Configuration,
}

/// What is run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Run {
    /// This.
    Handler(Handler),
    /// The WebSocket.
    Stream,
    /// A request that we make, not one that we answer.
    Outgoing,
    /// Nobody knows its path.
    NoPath,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) group: &'static str,
    pub(super) methods: &'static [&'static str],
    /// Below `/agentgateway/resource`.
    pub(super) path: &'static str,
    /// Its name in the logs of the reference. Compared by a test.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(super) name: &'static str,
    pub(super) auth: Auth,
    pub(super) run: Run,
}

const fn row(group: &'static str, methods: &'static [&'static str], path: &'static str, name: &'static str, auth: Auth, run: Run) -> Row {
    Row { group, methods, path, name, auth, run }
}

macro_rules! run {
    ($handler:path) => {
        Run::Handler(|call| Box::pin($handler(call)))
    };
}

/// All of them.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    // ---- onlineagent
    row("onlineagent", &["PUT"], "/onlineagent/{agentid}", "login", Auth::Open, run!(sign::sign_in)),
    row("onlineagent", &["PUT"], "/onlineagent/{agentid}/forcelogin", "forceLogin", Auth::Open, run!(sign::force_sign_in)),
    row("onlineagent", &["PUT"], "/onlineagent/{agentid}/loginex", "loginEx", Auth::Open, run!(sign::sign_in_ex)),
    row("onlineagent", &["PUT"], "/onlineagent/loginbyaccount", "unknown", Auth::Open, run!(sign::sign_in_by_account)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/handshake", "handShake", Auth::Agent, run!(sign::handshake)),
    row("onlineagent", &["PUT"], "/onlineagent/{agentid}/heartbeat", "unknown", Auth::Agent, run!(sign::heartbeat)),
    row("onlineagent", &["DELETE"], "/onlineagent/{agentid}/logout", "logout", Auth::Agent, run!(sign::sign_out)),
    row("onlineagent", &["DELETE"], "/onlineagent/{agentid}/forcelogout", "unknown", Auth::Agent, run!(sign::sign_out)),
    row("onlineagent", &["DELETE"], "/onlineagent/{agentid}/forcelogoutwithreason/{reason}", "unknown", Auth::Agent, run!(sign::sign_out_with_reason)),
    row("onlineagent", &["GET"], "/onlineagent/{agentid}/agentskills", "queryAgentSkills", Auth::AgentOrSource, run!(queues::own_skills)),
    row("onlineagent", &["GET"], "/onlineagent/{agentid}/agentskillsbyworkno/{workno}", "unknown", Auth::Agent, run!(queues::skills_of)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/resetskill/{autoflag}", "unknown", Auth::Agent, run!(state::reset_skills)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/autoanswer/{isautoanswer}", "unknown", Auth::Agent, run!(state::auto_answer)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/autoenteridle/{flag}", "unknown", Auth::Agent, run!(state::auto_idle)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/sayfree", "unknown", Auth::Agent, run!(state::ready)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/saybusy", "unknown", Auth::Agent, run!(state::busy)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/cancelbusy", "cancelBusy", Auth::Agent, run!(state::cancel_busy)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/rest/{time}/{restcause}", "unknown", Auth::Agent, run!(state::rest)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/cancelrest", "unknown", Auth::Agent, run!(state::cancel_rest)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/work", "sayWork", Auth::Agent, run!(state::work)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/cancelwork", "cancelWork", Auth::Agent, run!(state::cancel_work)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/notifybulletin", "unknown", Auth::Agent, run!(state::bulletin)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/sendnoteletex", "sendNoteletEx", Auth::Agent, run!(state::note)),
    row("onlineagent", &["GET"], "/onlineagent/{agentid}/agentstatus", "getAgentStatus", Auth::Agent, run!(state::status)),
    row("onlineagent", &["GET"], "/onlineagent/{agentid}/querycustomstate", "queryCustomState", Auth::Agent, run!(state::custom_state)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/settalkright", "unknown", Auth::Agent, run!(missing::operation)),
    row("onlineagent", &["POST"], "/onlineagent/{agentid}/modifyaccountpwdex", "unknown", Auth::Agent, run!(sign::change_password)),
    // ---- agentevent
    row("agentevent", &["GET"], "/agentevent/{agentid}", "getAgentEvent", Auth::Agent, run!(poll::poll)),
    row("agentevent", &["POST"], "(callBackUri of the sign-in)", "pushEvent", Auth::Open, Run::Outgoing),
    // ---- voicecall
    row("voicecall", &["PUT"], "/voicecall/{agentid}/callout", "callout", Auth::Agent, run!(voice::call_out)),
    row("voicecall", &["PUT", "POST"], "/voicecall/{agentid}/previewcallout", "unknown", Auth::Agent, run!(voice::call_out)),
    row("voicecall", &["PUT"], "/voicecall/{agentid}/answer", "answer", Auth::Agent, run!(voice::answer)),
    row("voicecall", &["PUT"], "/voicecall/{agentid}/callinner", "unknown", Auth::Agent, run!(voice::call_inside)),
    row("voicecall", &["PUT"], "/voicecall/{agentid}/callinnerskill", "callInnerSkill", Auth::Agent, run!(voice::call_queue)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/innerhelp", "innerHelp", Auth::Agent, run!(voice::help)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/beginmute", "unknown", Auth::Agent, run!(voice::mute)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/endmute", "unknown", Auth::Agent, run!(voice::unmute)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/hold", "unknown", Auth::Agent, run!(voice::hold)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/gethold", "unknown", Auth::Agent, run!(voice::retrieve)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/connecthold/{callid}", "unknown", Auth::Agent, run!(voice::connect)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/transfer", "transfer", Auth::Agent, run!(voice::transfer)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/canceltransfer", "unknown", Auth::Agent, run!(voice::cancel_transfer)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/seconddialex", "unknown", Auth::Agent, run!(voice::digits)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/seconddial/{number}", "unknown", Auth::Agent, run!(voice::digits)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/confjoin", "confJoin", Auth::Agent, run!(voice::join)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/dropcall/{callid}", "unknown", Auth::Agent, run!(voice::drop_call)),
    row("voicecall", &["DELETE"], "/voicecall/{agentid}/release", "unknown", Auth::Agent, run!(voice::release)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/disconnect/{number}", "unknown", Auth::Agent, run!(voice::disconnect)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/mediaswitch", "unknown", Auth::Agent, run!(missing::media_switch)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/adjustvideomode", "adjustVideoMode", Auth::Agent, run!(missing::video_mode)),
    row("voicecall", &["PUT"], "/voicecall/{agentid}/snatchpickup", "unknown", Auth::Agent, run!(voice::pick_up)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/reject", "reject", Auth::Agent, run!(voice::reject)),
    row("voicecall", &["PUT", "POST"], "/voicecall/{agentid}/phonepickup", "unknown", Auth::Agent, run!(voice::phone_pick_up)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/phonehangup", "phonehangup", Auth::Agent, run!(voice::phone_hang_up)),
    row("voicecall", &[], "/voicecall/{agentid}/(unknown)", "unknown", Auth::Agent, Run::NoPath),
    row("voicecall", &[], "/voicecall/{agentid}/(unknown)", "unknown", Auth::Agent, Run::NoPath),
    row("voicecall", &["POST", "PUT", "GET"], "/voicecall/{agentid}/requestcall/{callid}/{skilltype}", "unknown", Auth::Agent, run!(voice::request_call)),
    // ---- calldata
    row("calldata", &["GET"], "/calldata/{agentid}/callinfo", "queryCallInfo", Auth::Agent, run!(data::call_info)),
    row("calldata", &["GET"], "/calldata/{agentid}/callinfobeforeanswer", "unknown", Auth::Agent, run!(data::call_info_before_answer)),
    row("calldata", &["GET"], "/calldata/{agentid}/callinfobycallid/{callid}", "queryCallInfoByCallId", Auth::Agent, run!(data::call_info_by_id)),
    row("calldata", &["GET"], "/calldata/{agentid}/allcallid", "unknown", Auth::Agent, run!(data::all_calls)),
    row("calldata", &["GET"], "/calldata/{agentid}/appdata", "queryCallAppData", Auth::Agent, run!(data::app_data)),
    row("calldata", &["PUT"], "/calldata/{agentid}/setcalldataex", "setCallAppDataEx", Auth::Agent, run!(data::set_data)),
    row("calldata", &["PUT"], "/calldata/{agentid}", "unknown", Auth::Agent, run!(data::set_data)),
    row("calldata", &["GET"], "/calldata/{agentid}/holdlist", "unknown", Auth::Agent, run!(data::hold_list)),
    row("calldata", &["GET"], "/calldata/{agentid}/holdlistex/{workno}", "queryHoldListInfoEx", Auth::Agent, run!(data::hold_list_of)),
    row("calldata", &["GET"], "/calldata/{agentid}/waitcallinfo/{skillid}", "queryWaitCallInfoBySkillId", Auth::Agent, run!(data::waiting)),
    // ---- queuedevice
    row("queuedevice", &["GET"], "/queuedevice/{agentid}/waitnum", "queryQueueLengthOnAgent", Auth::Agent, run!(queues::waiting_count)),
    row("queuedevice", &["POST"], "/queuedevice/{agentid}/queryacdstat", "queryStatInfoOfAcd", Auth::Agent, run!(queues::statistics)),
    row("queuedevice", &["GET"], "/queuedevice/{agentid}/agentskill/{workno}", "unknown", Auth::Agent, run!(queues::served_by)),
    row("queuedevice", &["GET"], "/queuedevice/{agentid}/agentvdnskill", "unknown", Auth::Agent, run!(queues::of_tenant)),
    row("queuedevice", &["GET"], "/queuedevice/{agentid}/vdnskill/{vdnid}", "unknown", Auth::Agent, run!(queues::of_vdn)),
    row("queuedevice", &["GET"], "/queuedevice/{agentid}/innoinfo", "unknown", Auth::Agent, run!(queues::access_codes)),
    row("queuedevice", &["GET"], "/queuedevice/{agentid}/ivrinfo", "unknown", Auth::Agent, run!(queues::flows)),
    // ---- agentgroup
    row("agentgroup", &["GET"], "/agentgroup/{agentid}/agentbyskill/{skillid}", "queryAgentInfoBySkillId", Auth::Agent, run!(groups::by_skill)),
    row("agentgroup", &["GET"], "/agentgroup/{agentid}/allonlineagents", "queryAllOnlineAgents", Auth::Agent, run!(groups::online_by_skill)),
    row("agentgroup", &["GET"], "/agentgroup/{agentid}/allagentstatus", "unknown", Auth::Agent, run!(groups::all_status)),
    row("agentgroup", &["GET"], "/agentgroup/{agentid}/idleagent", "unknown", Auth::Agent, run!(groups::idle)),
    row("agentgroup", &["GET"], "/agentgroup/{agentid}/onlineagentonvdn", "unknown", Auth::Agent, run!(groups::online)),
    row("agentgroup", &["GET"], "/agentgroup/{agentid}/groupbyagent/{workno}", "unknown", Auth::Agent, run!(groups::group_of)),
    row("agentgroup", &["GET"], "/agentgroup/{agentid}/grouponvdn", "unknown", Auth::Agent, run!(groups::all_groups)),
    row("agentgroup", &["GET"], "/agentgroup/{agentid}/agentongroupex", "unknown", Auth::Agent, run!(groups::of_group)),
    row("agentgroup", &["GET"], "/agentgroup/{agentid}/restreason", "unknown", Auth::Agent, run!(groups::rest_reasons)),
    row("agentgroup", &["GET"], "/agentgroup/{agentid}/iscensor", "unknown", Auth::Agent, run!(groups::is_supervisor)),
    row("agentgroup", &["GET"], "/agentgroup/{agentid}/ispickup", "unknown", Auth::Agent, run!(groups::may_pick_up)),
    // ---- qualitycontrol
    row("qualitycontrol", &["PUT"], "/qualitycontrol/{agentid}/addsupervise/{workNo}", "addSupervise", Auth::Agent, run!(inspect::listen)),
    row("qualitycontrol", &["PUT"], "/qualitycontrol/{agentid}/addinsert/{workNo}", "unknown", Auth::Agent, run!(inspect::join)),
    row("qualitycontrol", &["PUT"], "/qualitycontrol/{agentid}/intercept/{workNo}", "intercept", Auth::Agent, run!(inspect::intercept)),
    row("qualitycontrol", &[], "/qualitycontrol/{agentid}/(unknown)", "unknown", Auth::Agent, Run::NoPath),
    row("qualitycontrol", &["DELETE"], "/qualitycontrol/{agentid}/{workNo}", "stopSuperviseOrInsert", Auth::Agent, run!(inspect::stop)),
    row("qualitycontrol", &["POST"], "/qualitycontrol/{agentid}/requestwhisperagent", "unknown", Auth::Agent, run!(inspect::whisper)),
    row("qualitycontrol", &["POST"], "/qualitycontrol/{agentid}/requeststopwhisperagent", "unknown", Auth::Agent, run!(inspect::stop_whisper)),
    row("qualitycontrol", &["POST"], "/qualitycontrol/{agentid}/requestswitchinsertwhisperagent", "requestSwitchInsertWhisperAgent", Auth::Agent, run!(inspect::switch_to)),
    row("qualitycontrol", &["POST"], "/qualitycontrol/{agentid}/switch/{workNo}", "switchSuperviseOrInsert", Auth::Agent, run!(inspect::toggle)),
    row("qualitycontrol", &["POST"], "/qualitycontrol/{agentid}/forcebusy/{workNo}", "forceBusy", Auth::Agent, run!(inspect::force_busy)),
    row("qualitycontrol", &["POST"], "/qualitycontrol/{agentid}/forceidle/{workNo}", "forceIdle", Auth::Agent, run!(inspect::force_idle)),
    row("qualitycontrol", &["POST"], "/qualitycontrol/{agentid}/forcelogout/{workNo}", "unknown", Auth::Agent, run!(inspect::force_sign_out)),
    row("qualitycontrol", &["POST"], "/qualitycontrol/{agentid}/forcedropcall/{callid}", "forceDropCall", Auth::Agent, run!(inspect::force_release)),
    row("qualitycontrol", &["POST"], "/qualitycontrol/{agentid}/forcerest/{workNo}/{time}/{reason}", "forceRest", Auth::Agent, run!(inspect::force_rest)),
    row("qualitycontrol", &["POST"], "/qualitycontrol/{agentid}/adjustskill", "adjustSkill", Auth::Agent, run!(inspect::adjust_skills)),
    row("qualitycontrol", &["GET"], "/qualitycontrol/{agentid}/allagent", "unknown", Auth::Agent, run!(inspect::all_agents)),
    // ---- recordplay
    row("recordplay", &["PUT"], "/recordplay/{agentid}/play", "beginPlay", Auth::Agent, run!(playback::play)),
    row("recordplay", &["POST"], "/recordplay/{agentid}/netplay", "beginNetPlay", Auth::Agent, run!(playback::play)),
    row("recordplay", &["POST"], "/recordplay/{agentid}/pauseplay", "pausePlay", Auth::Agent, run!(playback::pause)),
    row("recordplay", &["POST"], "/recordplay/{agentid}/resumeplay", "unknown", Auth::Agent, run!(playback::resume)),
    row("recordplay", &["POST"], "/recordplay/{agentid}/forefast/{time}", "unknown", Auth::Agent, run!(playback::forward)),
    row("recordplay", &["POST"], "/recordplay/{agentid}/backfast/{time}", "unknown", Auth::Agent, run!(playback::back)),
    row("recordplay", &["DELETE"], "/recordplay/{agentid}/stopplay", "stopPlay", Auth::Agent, run!(playback::stop)),
    row("recordplay", &["PUT"], "/recordplay/{agentid}/startrecordscreen", "unknown", Auth::Agent, run!(missing::operation)),
    row("recordplay", &["DELETE"], "/recordplay/{agentid}/stoprecordscreen", "unknown", Auth::Agent, run!(missing::operation)),
    row("recordplay", &["GET"], "/recordplay/{agentid}/getconnecttoken", "unknown", Auth::Agent, run!(missing::operation)),
    // ---- mediacall
    row("mediacall", &["POST"], "/mediacall/{agentid}/sendmessage", "sendMessage", Auth::Agent, run!(missing::send_message)),
    row("mediacall", &["POST"], "/mediacall/{agentid}/setcallnums", "setCallNums", Auth::Agent, run!(missing::set_numbers)),
    row("mediacall", &["POST"], "/mediacall/{agentid}/setcallnumsbymediatype", "setCallNumsByMediaType", Auth::Agent, run!(missing::multimedia)),
    row("mediacall", &["POST"], "/mediacall/{agentid}/transfer", "transfer", Auth::Agent, run!(missing::multimedia)),
    row("mediacall", &["GET", "POST"], "/mediacall/{agentid}/getconnectinfo", "unknown", Auth::Agent, run!(missing::multimedia)),
    row("mediacall", &["POST"], "/mediacall/{agentid}/imagecapture", "imageCapture", Auth::Agent, run!(missing::multimedia)),
    // ---- textchat
    row("textchat", &["PUT"], "/textchat/{agentid}/answer/{callid}", "unknown", Auth::Agent, run!(missing::multimedia)),
    row("textchat", &["DELETE"], "/textchat/{agentid}/reject/{callid}", "unknown", Auth::Agent, run!(missing::multimedia)),
    row("textchat", &["DELETE"], "/textchat/{agentid}/drop/{callid}", "unknown", Auth::Agent, run!(missing::multimedia)),
    row("textchat", &["PUT"], "/textchat/{agentid}/chatmessage", "unknown", Auth::Agent, run!(missing::multimedia)),
    row("textchat", &["PUT"], "/textchat/{agentid}/internalcall/{destno}", "unknown", Auth::Agent, run!(missing::multimedia)),
    row("textchat", &["POST"], "/textchat/{agentid}/transfer", "unknown", Auth::Agent, run!(missing::multimedia)),
    row("textchat", &["PUT"], "/textchat/{agentid}/confirmmessage", "unknown", Auth::Agent, run!(missing::multimedia)),
    row("textchat", &["POST"], "/textchat/{agentid}/mediafile", "unknown", Auth::Agent, run!(missing::multimedia)),
    row("textchat", &["GET"], "/textchat/{agentid}/mediafile", "unknown", Auth::Agent, run!(missing::multimedia)),
    row("textchat", &["POST"], "/textchat/{agentid}/sendmessagewithoutcall", "unknown", Auth::Agent, run!(missing::multimedia)),
    row("textchat", &["GET"], "/textchat/{agentid}/callcontent", "unknown", Auth::Agent, run!(missing::multimedia)),
    row("textchat", &["POST"], "/textchat/{agentid}/callsession", "unknown", Auth::Agent, run!(missing::multimedia)),
    // ---- agentconf
    row("agentconf", &["POST"], "/agentconf/{agentid}/requestagentconf", "requestAgentConf", Auth::Agent, run!(conference::begin)),
    row("agentconf", &["POST", "PUT"], "/agentconf/{agentid}/answeragentconf", "answerAgentConf", Auth::Agent, run!(conference::answer)),
    row("agentconf", &["DELETE", "POST"], "/agentconf/{agentid}/rejectagentconf", "unknown", Auth::Agent, run!(conference::reject)),
    row("agentconf", &["DELETE", "POST"], "/agentconf/{agentid}/requestleaveagentconf", "unknown", Auth::Agent, run!(conference::leave)),
    row("agentconf", &["DELETE", "POST"], "/agentconf/{agentid}/releaseagentconf", "unknown", Auth::Agent, run!(conference::end)),
    row("agentconf", &["POST", "PUT"], "/agentconf/{agentid}/prolongtime", "unknown", Auth::Agent, run!(conference::prolong)),
    row("agentconf", &["POST", "PUT"], "/agentconf/{agentid}/applytoshiftpresident", "unknown", Auth::Agent, run!(conference::hand_chair)),
    row("agentconf", &["POST"], "/agentconf/{agentid}/batchaddparticipant", "batchAddParticipant", Auth::Agent, run!(conference::invite)),
    row("agentconf", &["POST"], "/agentconf/{agentid}/batchremoveparticipant", "batchRemoveParticipant", Auth::Agent, run!(conference::expel)),
    row("agentconf", &["POST", "PUT"], "/agentconf/{agentid}/holdparticipant", "unknown", Auth::Agent, run!(conference::hold)),
    row("agentconf", &[], "/agentconf/{agentid}/(play to participant)", "unknown", Auth::Agent, Run::NoPath),
    row("agentconf", &["POST", "PUT"], "/agentconf/{agentid}/playvoicetoconf", "unknown", Auth::Agent, run!(conference::play)),
    row("agentconf", &["POST", "PUT", "DELETE"], "/agentconf/{agentid}/stopvoicetoconf", "unknown", Auth::Agent, run!(conference::stop_playing)),
    row("agentconf", &["POST"], "/agentconf/{agentid}/modifyconfresource", "modifyConfResource", Auth::Agent, run!(conference::resize)),
    row("agentconf", &[], "/agentconf/{agentid}/(unknown)", "unknown", Auth::Agent, Run::NoPath),
    // ---- multimediaconf
    row("multimediaconf", &["PUT"], "/multimediaconf/{agentid}/requestconf", "unknown", Auth::Agent, run!(missing::multimedia_conference)),
    row("multimediaconf", &["PUT"], "/multimediaconf/{agentid}/inviteconf", "unknown", Auth::Agent, run!(missing::multimedia_inviter)),
    row("multimediaconf", &["POST"], "/multimediaconf/{agentid}/joinconfresult", "unknown", Auth::Agent, run!(missing::multimedia_status)),
    row("multimediaconf", &["DELETE"], "/multimediaconf/{agentid}/stopconf", "unknown", Auth::Agent, run!(missing::multimedia_stop)),
    row("multimediaconf", &["POST"], "/multimediaconf/{agentid}/getconfstate", "unknown", Auth::Agent, run!(missing::multimedia_status)),
    // ---- recordfile
    row("recordfile", &["GET"], "/recordfile/{agentid}", "unknown", Auth::Agent, run!(download::recording)),
    row("recordfile", &["GET"], "/recordfile/{agentid}/recordfiledownloadEx", "unknown", Auth::Agent, run!(download::by_call)),
    row("recordfile", &["GET"], "/recordfile/{agentid}/videofiledownload", "unknown", Auth::Agent, run!(download::video)),
    row("recordfile", &["GET"], "/recordfile/{agentid}/videofiledownloadEx", "unknown", Auth::Agent, run!(download::video)),
    // ---- config
    row("config", &["POST"], "/config/subscribe/register", "register", Auth::Configuration, run!(config::subscribe)),
    row("config", &["GET"], "/config/subscribe/handshake/{serverid}", "handshake", Auth::Configuration, run!(config::keep_subscription)),
    row("config", &["POST"], "/config/subscribe/handshake/{serverid}", "handshakeEx", Auth::Configuration, run!(config::keep_subscription_with_token)),
    row("config", &["PUT"], "/config/subscribe/unregister", "unregister", Auth::Configuration, run!(config::unsubscribe)),
    row("config", &["POST"], "({serviceCallBackUri}/v100/subscribe/asrevent/asrresult)", "unknown", Auth::Open, Run::Outgoing),
    // ---- voicecall
    row("voicecall", &["DELETE"], "/voicecall/{agentid}/releasephone", "unknown", Auth::Agent, run!(voice::phone_hang_up)),
    // ---- eccconfig
    row("eccconfig", &["POST"], "/eccconfig/{agentid}/blacklist", "unknown", Auth::Agent, run!(missing::operation)),
    row("eccconfig", &["DELETE"], "/eccconfig/{agentid}/blacklist", "unknown", Auth::Agent, run!(missing::operation)),
    row("eccconfig", &["GET"], "/eccconfig/{agentid}/allblacklist", "unknown", Auth::Agent, run!(missing::operation)),
    row("eccconfig", &["POST"], "/eccconfig/{agentid}/redlist", "unknown", Auth::Agent, run!(missing::operation)),
    row("eccconfig", &["DELETE"], "/eccconfig/{agentid}/redlist", "unknown", Auth::Agent, run!(missing::operation)),
    row("eccconfig", &["GET"], "/eccconfig/{agentid}/allredlist", "unknown", Auth::Agent, run!(missing::operation)),
    // ---- config
    row("config", &["PUT"], "/config/vdn/skill", "modifySkillQueue", Auth::Configuration, run!(config::change_queue)),
    // ---- not in the list of the reference: C5 sign-in (auth.md), configuration (tenant-admin.md §5), recognition (oiap.md §8), our stream
    row("config", &["POST"], "/config/login", "unknown", Auth::Open, run!(config::sign_in)),
    row("config", &["POST"], "/config/subscribe/modify", "unknown", Auth::Configuration, run!(config::change_subscription)),
    row("config", &["PUT"], "/config/vdn/vdn", "unknown", Auth::Configuration, run!(config::change_tenant)),
    row("config", &["POST"], "/config/vdn/skill", "unknown", Auth::Configuration, run!(config::add_queue)),
    row("config", &["GET"], "/config/vdn/skill", "unknown", Auth::Configuration, run!(config::read_queue)),
    row("config", &["DELETE"], "/config/vdn/skill", "unknown", Auth::Configuration, run!(config::remove_queue)),
    row("config", &["POST"], "/config/vdn/agents", "unknown", Auth::Configuration, run!(config::add_agent)),
    row("config", &["POST"], "/config/vdn/calledroute", "unknown", Auth::Configuration, run!(config::add_route)),
    row("config", &["GET"], "/config/vdn/calledroute", "unknown", Auth::Configuration, run!(config::read_routes)),
    row("config", &["POST"], "/config/vdn/skillGroup", "unknown", Auth::Configuration, run!(config::refused)),
    row("config", &["POST"], "/config/sys/agentstatus/register", "unknown", Auth::Configuration, run!(config::refused)),
    row("config", &["POST"], "/config/sys/agentstatus/modify", "unknown", Auth::Configuration, run!(config::refused)),
    row("config", &["POST"], "/config/sys/agentstatus/unregister", "unknown", Auth::Configuration, run!(config::refused)),
    row("voicecall", &["POST"], "/voicecall/{agentid}/startasrbycallid", "unknown", Auth::Agent, run!(missing::operation)),
    row("agentevent", &["GET"], "/agentevent/{agentid}/stream", "unknown", Auth::Agent, Run::Stream),
];

/// Rows of the reference; those after them are ours.
#[cfg(test)]
pub(super) const REFERENCE: usize = 166;

const BASE: [&str; 2] = ["agentgateway", "resource"];

/// What a path and a method lead to.
#[derive(Debug)]
pub(super) enum Found {
    /// Outside of the interface.
    Elsewhere,
    /// No operation has such a path.
    Nothing,
    /// The operation has another method.
    OtherMethod(&'static Row),
    /// An operation, with the values of its path.
    Operation(&'static Row, Vec<(&'static str, String)>),
}

/// Rows with the segments of their paths, by number of segments and first segment.
type Index = HashMap<(usize, &'static str), Vec<(&'static Row, Vec<&'static str>)>>;

/// Those with more fixed segments come first.
static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index::new();
    for row in ROWS.iter().filter(|row| matches!(row.run, Run::Handler(_) | Run::Stream)) {
        let segments: Vec<&'static str> = row.path.split('/').filter(|segment| !segment.is_empty()).collect();
        index.entry((segments.len(), segments.first().copied().unwrap_or_default())).or_default().push((row, segments));
    }
    for rows in index.values_mut() {
        rows.sort_by_key(|(_, segments)| segments.iter().filter(|segment| segment.starts_with('{')).count());
    }
    index
});

/// Looks an operation up. Empty segments don't count: clients send double and trailing slashes (§5.3, 12).
pub(super) fn find(path: &str, method: &str) -> Found {
    let segments: Vec<String> = path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect();
    let segments = match segments.get(..2) {
        Some(base) if base == BASE => segments.get(2..).unwrap_or_default(),
        _ => return Found::Elsewhere,
    };
    let group = segments.first().map(|group| group.to_ascii_lowercase()).unwrap_or_default();
    let mut other = None;
    for (row, template) in INDEX.get(&(segments.len(), group.as_str())).into_iter().flatten() {
        let Some(values) = fit(template, segments) else { continue };
        if row.methods.contains(&method) {
            return Found::Operation(row, values);
        }
        other.get_or_insert(*row);
    }
    other.map_or(Found::Nothing, Found::OtherMethod)
}

fn fit(template: &[&'static str], segments: &[String]) -> Option<Vec<(&'static str, String)>> {
    let mut values = Vec::new();
    for (expected, segment) in template.iter().zip(segments) {
        match expected.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => values.push((name, segment.clone())),
            None if expected.eq_ignore_ascii_case(segment) => {}
            None => return None,
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_reference_is_in_the_table_in_its_place() {
        let reference = include_str!("tests/cc-gateway.tsv");
        let lines: Vec<&str> = reference.lines().skip(1).collect();
        assert_eq!(lines.len(), REFERENCE);
        for (row, line) in ROWS.iter().zip(lines) {
            let fields: Vec<&str> = line.split('\t').collect();
            let path = fields[2].strip_prefix("/agentgateway/resource").unwrap_or(fields[2]);
            assert_eq!((row.group, row.path, row.name), (fields[0], path, fields[3]), "{line}");
            assert!(fields[1] == "?" || row.methods.contains(&fields[1]), "{line}");
            assert_eq!(matches!(row.run, Run::NoPath), path.contains("(unknown)") || path.contains("(play to"), "{line}");
        }
    }

    #[test]
    fn every_reachable_row_is_found_by_each_of_its_methods() {
        for row in ROWS.iter().filter(|row| matches!(row.run, Run::Handler(_) | Run::Stream)) {
            let path = format!("/agentgateway/resource{}", row.path.replace(['{', '}'], ""));
            for method in row.methods {
                match find(&path, method) {
                    Found::Operation(found, _) => assert_eq!(found.path, row.path),
                    other => panic!("{method} {path}: {other:?}"),
                }
            }
            assert!(matches!(find(&path, "PATCH"), Found::OtherMethod(_)), "{path}");
        }
    }

    #[test]
    fn slashes_and_case_do_not_matter_and_fixed_segments_come_first() {
        let found = |path: &str, method| match find(path, method) {
            Found::Operation(row, values) => (row.path, values),
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(found("/agentgateway/resource//agentgroup/101/iscensor/", "GET").0, "/agentgroup/{agentid}/iscensor");
        assert_eq!(found("/agentgateway/resource/onlineagent/loginbyaccount", "PUT").0, "/onlineagent/loginbyaccount");
        assert_eq!(
            found("/agentgateway/resource/recordfile/1/recordfiledownloadex", "GET").0,
            "/recordfile/{agentid}/recordfiledownloadEx"
        );
        let (path, values) = found("/agentgateway/resource/voicecall/101/seconddial/%231", "POST");
        assert_eq!(path, "/voicecall/{agentid}/seconddial/{number}");
        assert_eq!(values, [("agentid", "101".to_owned()), ("number", "#1".to_owned())]);
        assert!(matches!(find("/api/v1/tenants", "GET"), Found::Elsewhere));
        assert!(matches!(find("/agentgateway/resource/tea/101", "GET"), Found::Nothing));
    }
}
