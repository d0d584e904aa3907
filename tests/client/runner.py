"""Carries out steps, from a plan or as they come in; says what went wrong.

A step is an object:

* `{"open": "101", "password": …, "phone": …, "manner": …}` makes an agent's program; it does not sign in yet.
* `{"agent": "101", "do": "hold", …}` calls an operation with its fields; `"retcode"` is what it must answer ("0"), `"result"` a value
  that it must give, `"save": {"call": "result"}` keeps a part of the result. `sign_in` and `force_sign_in` begin to poll, too.
* `{"agent": "101", "expect": ["@OFFERED", "AgentEvent_Talking", {"event": …, "content": {…}}], "within": 10, "exact": true,
  "save": {"call": "AgentEvent_Ringing.callid"}}`: the next events.
* `{"agent": "101", "quiet": 2}`: nothing happens. `{"agent": "101", "ended": "100-006"}`: a poll says that it is signed out.
* `{"agent": "101", "download": "$file", "to": path, "first": 0, "last": 99}`: a recording or a part of it.
* `{"agent": "101", "serve": {…}}` takes calls in the background (`Shift`); `{"join": seconds}` waits until all that do have ended.
* `{"wait": 1.5}` lets time pass.

`$name` as a value is what was kept under that name.
"""

import json
import threading
import time
from pathlib import Path

from agent import Agent
from sequences import spread
from shift import Shift
from wire import Fault


class Runner:
    """Agents, what was kept, and a report."""

    def __init__(self, base):
        self.base = base
        self.agents, self.kept, self.shifts = {}, {}, []
        self.passed, self.failures = 0, []

    def step(self, step):
        """Carries out one step; raises `Fault` if it did not go as it must."""
        step = self._filled(step)
        if "open" in step:
            return self._open(step)
        if "join" in step:
            return self._join(step["join"])
        if "wait" in step:
            return time.sleep(float(step["wait"]))
        agent = self.agents.get(str(step.get("agent")))
        if agent is None:
            raise Fault(f"no such agent: {step}")
        if "do" in step:
            return self._do(agent, step)
        if "expect" in step:
            return self._expect(agent, step)
        if "quiet" in step:
            return agent.quiet(float(step["quiet"]))
        if "ended" in step:
            code = agent.wait_ended(float(step.get("within", 15)))
            return self._same(f"{agent.me} ended", code, step["ended"])
        if "download" in step:
            return self._download(agent, step)
        if "serve" in step:
            return self.shifts.append(Shift(agent, **step["serve"]).start())
        if "names" in step:
            return agent.names()
        raise Fault(f"not a step: {step}")

    def _filled(self, value):
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if isinstance(value, str) and value.startswith("$"):
            if value[1:] not in self.kept:
                raise Fault(f"nothing was kept as {value}")
            return self.kept[value[1:]]
        return value

    def _open(self, step):
        name = str(step["open"])
        manner, dynamic = step.get("manner", "documented"), step.get("dynamic", False)
        self.agents[name] = Agent(step.get("base", self.base), name, step["password"], step["phone"], manner, dynamic)

    def _do(self, agent, step):
        ours = ("agent", "do", "retcode", "result", "save")
        values = {key: value for key, value in step.items() if key not in ours}
        name, result = step["do"], None
        if name in ("sign_in", "force_sign_in"):
            code = agent.sign_in(force=name == "force_sign_in", **values)
            result = agent.signed_in if code == "0" else None
        else:
            code, result = agent.do(name, **values)
        self._same(f"{agent.me} {name}", code, step.get("retcode", "0"))
        if "result" in step:
            self._same(f"result of {agent.me} {name}", result, step["result"])
        for key, path in step.get("save", {}).items():
            self.kept[key] = _part({"result": result}, path)
        return result

    @staticmethod
    def _same(what, have, wanted):
        if have != wanted:
            raise Fault(f"{what}: {have!r} instead of {wanted!r}")

    def _expect(self, agent, step):
        events = agent.expect(spread(step["expect"]), float(step.get("within", 10)), step.get("exact", True))
        by_name = {event["eventType"]: event.get("content") for event in events}
        for key, path in step.get("save", {}).items():
            self.kept[key] = _part(by_name, path)
        return events

    def _download(self, agent, step):
        status, content = agent.download(step["download"], step.get("first"), step.get("last"))
        if "to" in step:
            Path(step["to"]).write_bytes(content)
        return {"status": status, "bytes": len(content), "begins": content[:4].decode("latin-1")}

    def _join(self, limit):
        end, counts = time.monotonic() + float(limit), {}
        for shift in self.shifts:
            shift.join(max(0.0, end - time.monotonic()))
            counts[shift.agent.me] = shift.taken
        ended, self.shifts = self.shifts, []
        faults = [shift.fault for shift in ended if shift.fault]
        if faults:
            raise Fault("; ".join(faults))
        return counts

    # Reports

    def attempt(self, step):
        """Carries out a step; gives what is said about it."""
        try:
            result = self.step(step)
        except Exception as error:  # pylint: disable=broad-except — whatever it is, it belongs into the report
            self.failures.append({"step": step, "error": f"{type(error).__name__}: {error}"})
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}
        self.passed += 1
        return {"ok": True, "result": result}

    def faults(self):
        """What the polls found wrong, besides the steps."""
        return [text for agent in self.agents.values() for text in agent.faults]

    def close(self):
        for agent in self.agents.values():
            agent.stop_polling()

    def report(self):
        lines = [f"steps: {self.passed} as they must, {len(self.failures)} not"]
        for failure in self.failures:
            lines.append(f"  {json.dumps(failure['step'])}\n    {failure['error']}")
        faults = self.faults()
        lines.append(f"faults of event answers: {len(faults)}")
        lines.extend(f"  {text}" for text in faults[:50])
        for agent in self.agents.values():
            lines.append(f"agent {agent.me}: {len(agent.events)} events in {agent.polls} polls ({agent.empty_polls} empty)")
        threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("shift")]
        lines.extend(f"still working: {name}" for name in threads)
        return "\n".join(lines)

    def is_good(self):
        return not self.failures and not self.faults()


def _part(value, path):
    for key in path.split("."):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise Fault(f"no {path} in {value!r}") from error
    return value
