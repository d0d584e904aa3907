"""Event sequences of the reference's worked sequences (4.1, 4.3) and of its event columns (2.3), by name."""

SIGNED_IN = ["AgentOther_InService", "AgentState_Ready"]
SIGNED_IN_BUSY = [*SIGNED_IN, {"event": "AgentState_SetNotReady_Success", "content": {"reason": "0"}}]
SIGNED_IN_WORK = [*SIGNED_IN, "AgentState_Work"]

# 4.1: a call is assigned, the phone is called first, then the agent is asked.
OFFERED = ["AgentState_Busy", "AgentOther_PhoneAlerting", "AgentOther_PhoneOffhook", "AgentEvent_Ringing"]
ANSWERED = ["AgentEvent_Talking", "AgentMediaEvent_Record"]
ANSWERED_UNRECORDED = ["AgentEvent_Talking"]
# 4.1: the tail of a call, of queues that record and of those that don't; `autoenteridle` false and true.
RELEASED = ["AgentMediaEvent_StopRecordDone", "AgentEvent_Call_Release", "AgentOther_PhoneRelease"]
RELEASED_TO_WORK = [*RELEASED, "AgentState_Work"]
RELEASED_TO_IDLE = [*RELEASED, "AgentState_Ready"]
# 4.1: a transfer that reached its target.
TRANSFERRED = [{"event": "AgentEvent_SuccTransResult", "content": {"result": 0}}, *RELEASED]

# 2.3: call out, once the number is reached.
CALLED_OUT = ["AgentState_Busy", "AgentOther_PhoneAlerting", "AgentOther_PhoneOffhook", "AgentEvent_Customer_Alerting", "AgentEvent_Talking"]
# 2.3: two-party and three-party help.
HELP = ["AgentEvent_Hold", "AgentEvent_Customer_Alerting", "AgentEvent_Talking"]
HELP_THREE = ["AgentEvent_Customer_Alerting", "AgentEvent_Conference"]
# 2.3: reject, back to the queue and away.
REJECTED_TO_QUEUE = [
    "AgentEvent_No_Answer", "AgentOther_PhoneRelease", {"event": "AgentState_SetNotReady_Success", "content": {"reason": "7"}},
]
REJECTED = ["AgentEvent_No_Answer", "AgentOther_PhoneRelease", "AgentState_Ready"]
# 1.5 and its reason list: no answer, then busy.
NOT_ANSWERED = ["AgentEvent_No_Answer", {"event": "AgentState_SetNotReady_Success", "content": {"reason": "2"}}]

# 4.3: the inspector's side when it begins, and when it takes the customer over.
INSPECTING = ["AgentState_Busy", "AgentOther_PhoneAlerting", "AgentOther_PhoneOffhook"]
INTERCEPTED = ["AgentEvent_Talking", "AgentMediaEvent_Record"]

BY_NAME = {name: value for name, value in list(globals().items()) if name.isupper() and isinstance(value, list)}


def spread(wanted):
    """A list of events with the names of sequences replaced: `["@OFFERED", "@ANSWERED"]`."""
    events = []
    for item in wanted:
        if isinstance(item, str) and item.startswith("@"):
            events.extend(BY_NAME[item[1:]])
        else:
            events.append(item)
    return events
