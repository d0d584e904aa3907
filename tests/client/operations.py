"""Operations of the CC-Gateway interface, as its reference lists them: method, path, query and body fields."""

# name: (method, path below /agentgateway/resource, query fields, body fields). {me} is the agent.
_SIGN_IN = (
    "password phonenum autoanswer autoenteridle releasephone agenttype status ip entryIp phonelinkage checkInWebm checkInMailm "
    "vcPhoneNumber listenStatus callBackUri serviceToken pushUrl"
)

_TABLE = [
    # 2.1 Online agent
    ("sign_in", "PUT", "onlineagent/{me}", "", _SIGN_IN),
    ("force_sign_in", "PUT", "onlineagent/{me}/forcelogin", "", _SIGN_IN),
    ("handshake", "POST", "onlineagent/{me}/handshake", "", ""),
    ("heartbeat", "PUT", "onlineagent/{me}/heartbeat", "", ""),
    ("logout", "DELETE", "onlineagent/{me}/logout", "", ""),
    ("forcelogout_self", "DELETE", "onlineagent/{me}/forcelogout", "", ""),
    ("agentskills", "GET", "onlineagent/{me}/agentskills", "", ""),
    ("resetskill", "POST", "onlineagent/{me}/resetskill/{autoflag}", "skillid phonelinkage", ""),
    ("autoanswer", "POST", "onlineagent/{me}/autoanswer/{flag}", "", ""),
    ("autoenteridle", "POST", "onlineagent/{me}/autoenteridle/{flag}", "", ""),
    ("sayfree", "POST", "onlineagent/{me}/sayfree", "", ""),
    ("saybusy", "POST", "onlineagent/{me}/saybusy", "reason", ""),
    ("cancelbusy", "POST", "onlineagent/{me}/cancelbusy", "", ""),
    ("rest", "POST", "onlineagent/{me}/rest/{time}/{restcause}", "", ""),
    ("cancelrest", "POST", "onlineagent/{me}/cancelrest", "", ""),
    ("work", "POST", "onlineagent/{me}/work", "", ""),
    ("cancelwork", "POST", "onlineagent/{me}/cancelwork", "", ""),
    ("sendnoteletex", "POST", "onlineagent/{me}/sendnoteletex", "", "agentIds content"),
    ("agentstatus", "GET", "onlineagent/{me}/agentstatus", "", ""),
    # 2.3 Voice
    ("callout", "PUT", "voicecall/{me}/callout", "", "called caller skillid callappdata mediaability callcontrolid"),
    ("answer", "PUT", "voicecall/{me}/answer", "callid", ""),
    ("callinner", "PUT", "voicecall/{me}/callinner", "", "called caller skillid callappdata mediaability"),
    ("callinnerskill", "PUT", "voicecall/{me}/callinnerskill", "", "skillId"),
    ("innerhelp", "POST", "voicecall/{me}/innerhelp", "", "dstaddress devicetype mode callappdata holdflag"),
    ("beginmute", "POST", "voicecall/{me}/beginmute", "", ""),
    ("endmute", "POST", "voicecall/{me}/endmute", "", ""),
    ("hold", "POST", "voicecall/{me}/hold", "", ""),
    ("gethold", "POST", "voicecall/{me}/gethold", "callid", ""),
    ("connecthold", "POST", "voicecall/{me}/connecthold/{callid}", "", ""),
    ("transfer", "POST", "voicecall/{me}/transfer", "", "devicetype address mode callappdata caller mediaability holdflag skillId"),
    ("canceltransfer", "POST", "voicecall/{me}/canceltransfer", "", ""),
    ("seconddialex", "POST", "voicecall/{me}/seconddialex", "number", ""),
    ("seconddial", "POST", "voicecall/{me}/seconddial/{number}", "", ""),
    ("confjoin", "POST", "voicecall/{me}/confjoin", "", "callid callappdata"),
    ("dropcall", "POST", "voicecall/{me}/dropcall/{callid}", "", "callid"),
    ("release", "DELETE", "voicecall/{me}/release", "", ""),
    ("disconnect", "POST", "voicecall/{me}/disconnect/{number}", "", ""),
    ("snatchpickup", "PUT", "voicecall/{me}/snatchpickup", "destWorkNo", ""),
    ("reject", "POST", "voicecall/{me}/reject", "", "callid mode"),
    ("releasephone", "DELETE", "voicecall/{me}/releasephone", "", ""),
    # 2.4 Call data
    ("callinfo", "GET", "calldata/{me}/callinfo", "isNoContainLastCall", ""),
    ("callinfobeforeanswer", "GET", "calldata/{me}/callinfobeforeanswer", "", ""),
    ("callinfobycallid", "GET", "calldata/{me}/callinfobycallid/{callid}", "", ""),
    ("allcallid", "GET", "calldata/{me}/allcallid", "", ""),
    ("appdata", "GET", "calldata/{me}/appdata", "isEncodeResult callId", ""),
    ("setcalldataex", "PUT", "calldata/{me}/setcalldataex", "", "callid calldata isDataEncoded"),
    ("setcalldata", "PUT", "calldata/{me}", "calldata callid", ""),
    ("holdlist", "GET", "calldata/{me}/holdlist", "", ""),
    ("holdlistex", "GET", "calldata/{me}/holdlistex/{workno}", "", ""),
    ("waitcallinfo", "GET", "calldata/{me}/waitcallinfo/{skillid}", "", ""),
    # 2.5 Queue devices, 2.6 agent groups
    ("waitnum", "GET", "queuedevice/{me}/waitnum", "", ""),
    ("queryacdstat", "POST", "queuedevice/{me}/queryacdstat", "", "skills"),
    ("agentskill", "GET", "queuedevice/{me}/agentskill/{workno}", "", ""),
    ("agentvdnskill", "GET", "queuedevice/{me}/agentvdnskill", "", ""),
    ("vdnskill", "GET", "queuedevice/{me}/vdnskill/{vdnid}", "", ""),
    ("innoinfo", "GET", "queuedevice/{me}/innoinfo", "", ""),
    ("ivrinfo", "GET", "queuedevice/{me}/ivrinfo", "", ""),
    ("allagentstatus", "GET", "agentgroup/{me}/allagentstatus", "", ""),
    ("idleagent", "GET", "agentgroup/{me}/idleagent", "", ""),
    # Clients call it with a slash at its end.
    ("iscensor", "GET", "agentgroup/{me}/iscensor/", "", ""),
    ("ispickup", "GET", "agentgroup/{me}/ispickup", "", ""),
    # 2.7 Inspection
    ("addsupervise", "PUT", "qualitycontrol/{me}/addsupervise/{workNo}", "mediaType", ""),
    ("addinsert", "PUT", "qualitycontrol/{me}/addinsert/{workNo}", "mediaType", ""),
    ("intercept", "PUT", "qualitycontrol/{me}/intercept/{workNo}", "mediaType callId", ""),
    ("stopsupervise", "DELETE", "qualitycontrol/{me}/{workNo}", "mediaType", ""),
    ("whisper", "POST", "qualitycontrol/{me}/requestwhisperagent", "whisperagentid", ""),
    ("stopwhisper", "POST", "qualitycontrol/{me}/requeststopwhisperagent", "whisperagentid", ""),
    ("switchinspect", "POST", "qualitycontrol/{me}/requestswitchinsertwhisperagent", "whisperagentid switchtype", ""),
    ("toggleinspect", "POST", "qualitycontrol/{me}/switch/{workNo}", "", ""),
    ("forcebusy", "POST", "qualitycontrol/{me}/forcebusy/{workNo}", "", ""),
    ("forceidle", "POST", "qualitycontrol/{me}/forceidle/{workNo}", "", ""),
    ("forcelogout", "POST", "qualitycontrol/{me}/forcelogout/{workNo}", "", ""),
    ("forcedropcall", "POST", "qualitycontrol/{me}/forcedropcall/{callid}", "", ""),
    ("forcerest", "POST", "qualitycontrol/{me}/forcerest/{workNo}/{time}/{reason}", "", ""),
    ("adjustskill", "POST", "qualitycontrol/{me}/adjustskill", "", "workNo skills"),
    ("allagent", "GET", "qualitycontrol/{me}/allagent", "", ""),
    # 2.8 Playback
    ("play", "PUT", "recordplay/{me}/play", "", "voicepath startpostion times codeformat locationId volumechange speedchange"),
    ("pauseplay", "POST", "recordplay/{me}/pauseplay", "", ""),
    ("resumeplay", "POST", "recordplay/{me}/resumeplay", "", ""),
    ("forefast", "POST", "recordplay/{me}/forefast/{time}", "", ""),
    ("backfast", "POST", "recordplay/{me}/backfast/{time}", "", ""),
    ("stopplay", "DELETE", "recordplay/{me}/stopplay", "", ""),
]

OPERATIONS = {name: (method, path, query.split(), body.split()) for name, method, path, query, body in _TABLE}


def request(name, me, values):
    """Method, path with its query, and body (a dict, or None if the operation has none) of an operation.

    Queries are not percent-encoded, as with most clients; only blanks are, which HTTP itself forbids.
    """
    method, path, query, body = OPERATIONS[name]
    left = dict(values)
    places = {key: _text(left.pop(key)) for key in list(left) if "{" + key + "}" in path and key not in body}
    for key in list(left):
        if "{" + key + "}" in path:
            places[key] = _text(left[key])
    path = path.format(me=me, **places)
    asked = "&".join(f"{key}={_text(left.pop(key))}" for key in query if key in left)
    fields = {key: left.pop(key) for key in body if key in left}
    if left:
        raise ValueError(f"{name} has no field {', '.join(left)}")
    target = path + ("?" + asked.replace(" ", "%20") if asked else "")
    return method, target, fields if body else None


def _text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
