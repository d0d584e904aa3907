"""What the reference says about the form of answers and events. Everything here is a check that can fail."""

import re

CALL_ID = re.compile(r"\d+-\d+\Z")
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[A-Za-z0-9_-]+\Z")
# Codes are "0" or NNN-NNN.
RETCODE = re.compile(r"(0|\d{3}-\d{3})\Z")
# The whole answer of a poll without an event (section 1.4): one client compares the string.
EMPTY_POLL = b'{"message":"","retcode":"0"}'

# Contents of events (section 3): "null", "callid" for a bare call id, or the fields with their types; "?" marks those that
# some pages lack. What is not listed is not documented, and not checked.
_CALL = {"caller": str, "called": str, "callid": "callid", "type": str, "feature": str, "mediaAbility": str}
_RECORD = {
    "taskId": int, "caller": str, "called": str, "recordID": str, "locationId": str, "fileName": str, "callId": "callid",
    "fileMediaType": str,
}
_INSPECTION = {"qcAgentId": int, "qcType": int}
CONTENTS = {
    "AgentOther_InService": "null",
    "AgentOther_ShutdownService": {"loginTime": str},
    "AgentState_Ready": "null",
    "AgentState_Busy": "null",
    "AgentState_Work": "null",
    "AgentState_CancelWork_Success": "null",
    "AgentState_SetNotReady_Success": {"reason": str},
    "AgentState_CancelNotReady_Success": "null",
    "AgentState_CancelRest_Success": "null",
    "AgentState_Rest_Timeout": "null",
    "AgentOther_All_Agent_Busy": "null",
    "AgentOther_PhoneAlerting": "null",
    "AgentOther_PhoneOffhook": "null",
    "AgentOther_PhoneRelease": "null",
    "AgentOther_PhoneBusy": "null",
    "AgentOther_PhoneUnknow": "null",
    "AgentEvent_Incoming_CallInfo": {
        "callId": "callid", "skillName": str, "skillId": int, "caller": str, "called": str, "lastReleaseAgentId": int,
        "mediaType": int, "releaseAndReQueueCount": int, "releaseAndReQueueCallFlag": int,
    },
    "AgentEvent_Ringing": {**_CALL, "transfer": str, "transfrom": str, "mediaType?": str},
    "AgentEvent_Auto_Answer": {"caller": str, "called": str, "callid": "callid"},
    "AgentEvent_Customer_Alerting": {"callid": "callid", "otherPhone": str, "otherPhoneWorkno": str, "type": str},
    "AgentEvent_Talking": _CALL,
    "AgentEvent_Hold": "callid",
    "AgentEvent_Conference": {"callid": "callid", "partner": str},
    "AgentEvent_Call_Release": {"callid": "callid"},
    "AgentEvent_Customer_Release": {"callid": "callid", "number": str},
    "AgentEvent_Call_Out_Fail": "callid",
    "OUTBOUND_DETECT_EVENT": {"callId": "callid", "detect": int, "desc": str},
    "AgentEvent_Inside_Call_Fail": "callid",
    "AgentEvent_Consult_Fail": "callid",
    "AgentEvent_Connect_Fail": "callid",
    "AgentEvent_No_Answer": "callid",
    "AgentEvent_SuccTransResult": {"callId": "callid", "result": int},
    "AgentEvent_ReturnFromIvr": "callid",
    "AgentMediaEvent_Record": _RECORD,
    "AgentMediaEvent_Record_Fail": _RECORD,
    "AgentMediaEvent_Play": "null",
    "AgentMediaEvent_Play_Succ": "null",
    "AgentMediaEvent_Play_Fail": "null",
    "AgentOther_BeQcStart": _INSPECTION,
    "AgentOther_BeQcStop": _INSPECTION,
}


def is_type(value, kind):
    """Whether a JSON value is of a type; true is no number."""
    if kind == "callid":
        return isinstance(value, str) and CALL_ID.match(value) is not None
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def envelope_faults(answer, wanted=("result",)):
    """What is wrong with the envelope of an answer (section 1.2)."""
    if not isinstance(answer, dict):
        return [f"not an object: {answer!r}"]
    faults = []
    if not isinstance(answer.get("message"), str):
        faults.append(f"message is no string: {answer!r}")
    code = answer.get("retcode")
    if not isinstance(code, str) or not RETCODE.match(code):
        faults.append(f"retcode is not \"0\" or \"NNN-NNN\": {code!r}")
    strange = [key for key in answer if key not in ("message", "retcode", *wanted)]
    if strange:
        faults.append(f"unknown keys {strange} in {answer!r}")
    if code != "0" and answer.get("result", "") not in ("", None):
        faults.append(f"a result in spite of {code}: {answer!r}")
    return faults


def event_faults(event, me):
    """What is wrong with an event: its frame and, where documented, its content."""
    if not isinstance(event, dict):
        return [f"an event is one object, not {event!r}"]
    faults = []
    name = event.get("eventType")
    if not isinstance(name, str) or not name:
        faults.append(f"eventType: {event!r}")
    # Used as a key of a map by one client, which drops events with a number here.
    if event.get("workNo") != me:
        faults.append(f"workNo is not the string {me!r}: {event!r}")
    if "content" not in event:
        faults.append(f"no content: {event!r}")
    if "eventGenTime" in event and not is_type(event["eventGenTime"], int):
        faults.append(f"eventGenTime is no number: {event!r}")
    strange = [key for key in event if key not in ("eventType", "workNo", "content", "eventGenTime")]
    if strange:
        faults.append(f"unknown keys {strange} in {event!r}")
    return faults + content_faults(name, event.get("content"))


def content_faults(name, content):
    rule = CONTENTS.get(name)
    if rule is None:
        return []
    if rule == "null":
        return [] if content is None else [f"{name} has content: {content!r}"]
    if rule == "callid":
        return [] if is_type(content, "callid") else [f"content of {name} is no call id: {content!r}"]
    if not isinstance(content, dict):
        return [f"content of {name} is no object: {content!r}"]
    faults = []
    for key, kind in rule.items():
        optional, key = key.endswith("?"), key.rstrip("?")
        if key not in content:
            if not optional:
                faults.append(f"{name} without {key}: {content!r}")
        elif not is_type(content[key], kind):
            faults.append(f"{key} of {name} is of a wrong type: {content[key]!r}")
    return faults
