"""An agent who takes calls by itself for a while: a thread that answers, talks, does something, releases, and goes on."""

import threading
import time

import sequences
from wire import Fault

# What an agent does while it talks, by name: operations, and what they bring.
_DURING = {
    "nothing": [],
    "hold": [("hold", {}, ["AgentEvent_Hold"]), ("gethold", {}, ["AgentEvent_Talking"])],
    "mute": [("beginmute", {}, []), ("endmute", {}, [])],
    "data": [("setcalldataex", {"calldata": "vip=1"}, []), ("appdata", {}, [])],
}
_ENDINGS = ("AgentEvent_Call_Release", "AgentEvent_Customer_Release")


class Shift:
    """Takes calls until `calls` are done or none has come for `seconds`.

    `talk` is how long it talks, `during` what it does meanwhile (one after the other over the calls), `records` whether the queue
    records, `work` whether it goes to wrap-up after a call (`autoenteridle` false).
    """

    def __init__(self, agent, seconds=10.0, calls=1000, talk=1.0, during=("nothing",), records=True, work=True, answers=True):
        self.agent, self.seconds, self.calls, self.talk = agent, seconds, calls, talk
        self.during, self.records, self.work, self.answers = list(during), records, work, answers
        self.taken, self.fault = 0, None
        self.thread = threading.Thread(target=self._run, name=f"shift of {agent.me}", daemon=True)

    def start(self):
        self.thread.start()
        return self

    def join(self, limit):
        self.thread.join(limit)
        if self.thread.is_alive():
            self.fault = f"the shift of {self.agent.me} did not end in time; its events: {self.agent.names()[-12:]}"

    def _run(self):
        try:
            while self.taken < self.calls and self._next_call():
                pass
        except Exception as error:  # pylint: disable=broad-except — reported by join
            self.fault = f"shift of {self.agent.me}, call {self.taken + 1}: {error}"

    def _next_call(self):
        """One call from offer to wrap-up; False if none came."""
        agent = self.agent
        event = agent._next(time.monotonic() + self.seconds)  # pylint: disable=protected-access — a part of the agent
        if event is None:
            return False
        if event["eventType"] != "AgentState_Busy":
            raise Fault(f"a call begins with {event}")
        offered = sequences.OFFERED if self.answers else [*sequences.OFFERED[:-1], "AgentEvent_Auto_Answer"]
        agent.expect(offered[1:], 10)
        if self.answers:
            self._do("answer", {})
        agent.expect(sequences.ANSWERED if self.records else sequences.ANSWERED_UNRECORDED, 10)
        half = self.talk / 2
        time.sleep(half)
        for name, values, brings in _DURING[self.during[self.taken % len(self.during)]]:
            self._do(name, values)
            agent.expect(brings, 10)
        time.sleep(half)
        self._do("release", {})
        tail = sequences.RELEASED if self.records else sequences.RELEASED[1:]
        agent.expect([*tail, "AgentState_Work" if self.work else "AgentState_Ready"], 10)
        self.taken += 1
        if self.work:
            self._do("cancelwork", {})
            agent.expect(["AgentState_CancelWork_Success"], 10)
        return True

    def _do(self, name, values):
        code, _ = self.agent.do(name, **values)
        if code != "0":
            raise Fault(f"{name}: {code}")
