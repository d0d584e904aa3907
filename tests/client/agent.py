"""An agent's program: signs in, polls, calls operations, keeps every event it got."""

import json
import threading
import time

import operations
import rules
from wire import MANNERS, Fault, Wire

# A client that gets 000-003 this often in a row gives up (section 5.2).
MOST_REFUSALS = 15
# Events that are kept at most.
MOST_EVENTS = 100_000
# Between two polls: after an event, and after an empty answer (section 1.4 has 200 to 500 ms).
PAUSE_EVENT, PAUSE_EMPTY = 0.02, 0.2


class Agent:
    """One agent. Events are read in order through a cursor: `expect`, `seek`, `quiet`."""

    def __init__(self, base, me, password, phone, manner="documented", dynamic=False):
        self.base, self.me, self.password, self.phone = base, str(me), password, str(phone)
        self.manner = MANNERS[manner]
        # Whether it takes up guids that later answers bring; most clients don't.
        self.dynamic = dynamic
        self.guid = None
        self.cookies = []
        self.wire = Wire(base, self.manner)
        self.lock = threading.Lock()
        self.signed_in = None
        self.events, self.cursor = [], 0
        self.changed = threading.Condition()
        self.faults = []
        self.poller, self.stopping, self.ended = None, threading.Event(), None
        self.polls = self.empty_polls = 0

    # Requests

    def _headers(self):
        headers = {}
        if self.guid is not None:
            headers[self.manner.guid_header] = self.guid
        if self.cookies:
            cookie = "; ".join(self.cookies)
            headers["Cookie"] = cookie.replace("=", "") if self.manner.mangles_cookies else cookie
        return headers

    def fault(self, text):
        with self.changed:
            self.faults.append(f"{self.me}: {text}")
            self.changed.notify_all()

    def _body(self, fields):
        if fields is None or not self.manner.strings:
            return fields
        return {key: self._string(value) for key, value in fields.items()}

    @staticmethod
    def _string(value):
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if isinstance(value, int) else value

    def do(self, name, **values):
        """Calls an operation; gives its retcode and its result."""
        if self.manner.dotnet_booleans and name in ("autoanswer", "autoenteridle"):
            values = {key: str(value) for key, value in values.items()}
        method, target, fields = operations.request(name, self.me, values)
        body = self._body(fields)
        with self.lock:
            answer = self.wire.ask(method, target, self._headers(), body or None)
        return self._read(name, answer)

    def _read(self, what, answer):
        # Clients parse nothing but 200.
        if answer.status != 200:
            raise Fault(f"{what}: HTTP {answer.status}: {answer.body[:200]!r}")
        kind = answer.header_in_any_case("Content-Type") or ""
        if not kind.lower().startswith("application/json"):
            raise Fault(f"{what}: answered as {kind!r}")
        try:
            value = json.loads(answer.body.decode("utf-8"))
        except ValueError as error:
            raise Fault(f"{what}: not JSON: {answer.body[:200]!r}") from error
        faults = rules.envelope_faults(value)
        if faults:
            raise Fault(f"{what}: {'; '.join(faults)}")
        return value["retcode"], value.get("result")

    # Signing in

    def sign_in(self, force=False, poll=True, **settings):
        """Signs in and begins to poll. Gives the retcode; the result is kept in `signed_in`."""
        name = "force_sign_in" if force else "sign_in"
        fields = {"password": self.password, "phonenum": self.phone, "agenttype": 4, "status": 4, "ip": "127.0.0.1", **settings}
        if force:
            # The session that it replaces is no concern of this program any more.
            self.stop_polling()
        method, target, body = operations.request(name, self.me, fields)
        with self.lock:
            answer = self.wire.ask(method, target, {}, self._body(body))
        code, result = self._read(name, answer)
        if code != "0":
            return code
        self.stop_polling()
        self.guid, self.cookies = None, []
        self._take_guid(answer)
        self._check_sign_in(result)
        self.signed_in, self.ended = result, None
        if poll:
            self.start_polling()
        return code

    def _take_guid(self, answer):
        # Spelt exactly so: the Java clients compare case-sensitively, and sign in for nothing otherwise.
        value = answer.header("Set-GUID")
        if value is None:
            other = answer.header_in_any_case("Set-GUID")
            raise Fault(f"no header spelt Set-GUID at sign-in (in another case: {other!r})")
        label, equals, guid = value.partition("=")
        if label != "JSESSIONID" or not equals or not rules.GUID.match(guid):
            raise Fault(f"Set-GUID: {value!r} is not JSESSIONID=<uuid>.<server>")
        order = [key for key, _ in answer.headers if key in ("Set-Cookie", "Set-GUID")]
        for cookie in [text for key, text in answer.headers if key.lower() == "set-cookie"]:
            if ";" not in cookie or order[-1] != "Set-GUID":
                raise Fault(f"a cookie needs a `;` and a place before Set-GUID: {cookie!r}")
            self.cookies.append(cookie)
        self.guid = guid

    def _check_sign_in(self, result):
        kinds = {"vdnid": int, "workno": str, "mediatype": str, "loginTime": str, "isForceChange": str, "serverName": str}
        if not isinstance(result, dict):
            raise Fault(f"sign-in without a result: {result!r}")
        for key, kind in kinds.items():
            if not rules.is_type(result.get(key), kind):
                raise Fault(f"sign-in: {key} is {result.get(key)!r}")
        if result["workno"] != self.me or result["isForceChange"] not in ("true", "false") or not result["loginTime"].isdigit():
            raise Fault(f"sign-in: {result!r}")

    # Events

    def start_polling(self):
        self.stopping = threading.Event()
        self.poller = threading.Thread(target=self._poll, args=(self.stopping,), name=f"poll {self.me}", daemon=True)
        self.poller.start()

    def stop_polling(self):
        self.stopping.set()
        if self.poller is not None and self.poller is not threading.current_thread():
            # A poll in flight is let go: its connection is its own.
            self.poller.join(0.1)
        self.poller = None

    def _poll(self, stopping):
        wire, refusals = Wire(self.base, self.manner), 0
        while not stopping.is_set():
            try:
                answer = wire.ask("GET", f"agentevent/{self.me}", self._headers())
                if stopping.is_set():
                    break
                code = self._poll_answer(answer)
            except (Fault, OSError, ValueError) as error:
                if not stopping.is_set():
                    self.fault(f"poll: {error}")
                if stopping.wait(0.5):
                    break
                continue
            if code == "100-006":
                self._end(code)
                break
            refusals = refusals + 1 if code == "000-003" else 0
            if refusals >= MOST_REFUSALS:
                self._end(code)
                break
            stopping.wait(PAUSE_EMPTY if code else PAUSE_EVENT)
        wire.close()

    def _end(self, code):
        with self.changed:
            self.ended = code
            self.changed.notify_all()

    def _poll_answer(self, answer):
        """Gives the code of an answer without an event, None for an event."""
        self.polls += 1
        if answer.status != 200:
            raise Fault(f"HTTP {answer.status}")
        if self.dynamic and answer.header("Set-GUID") is not None:
            self._take_guid(answer)
        value = json.loads(answer.body.decode("utf-8"))
        faults = rules.envelope_faults(value, wanted=("event",))
        if "event" not in value:
            if value.get("retcode") == "0":
                self.empty_polls += 1
                if answer.body != rules.EMPTY_POLL:
                    faults.append(f"an empty answer is {rules.EMPTY_POLL!r}, not {answer.body!r}")
                if answer.seconds < 5.0:
                    faults.append(f"an empty answer after {answer.seconds:.1f} s already")
            elif value.get("retcode") not in ("100-006", "000-003"):
                faults.append(f"an unknown code makes clients loop: {value!r}")
            self._report(faults)
            return value.get("retcode")
        event = value["event"]
        self._report(faults + rules.event_faults(event, self.me))
        with self.changed:
            if len(self.events) < MOST_EVENTS:
                self.events.append(event)
            self.changed.notify_all()
        return None

    def _report(self, faults):
        for text in faults:
            self.fault(text)

    def names(self, since=0):
        with self.changed:
            return [event.get("eventType") for event in self.events[since:]]

    def expect(self, wanted, within=10.0, exact=True):
        """The next events are `wanted`, in this order: exactly these, or among others if not `exact`.

        Each is a name or `{"event": name, "content": {...}}`, where the content must have these fields. Gives the events.
        """
        found, end = [], time.monotonic() + within
        for item in wanted:
            name, content = (item, None) if isinstance(item, str) else (item["event"], item.get("content"))
            while True:
                event = self._next(end)
                if event is None:
                    raise Fault(self._missed(name, wanted, found, within))
                if event.get("eventType") == name and _contains(event.get("content"), content):
                    found.append(event)
                    break
                if exact:
                    raise Fault(f"{self.me} got {event} instead of {item}; wanted {wanted}, all: {self.names()}")
        return found

    def _missed(self, name, wanted, found, within):
        have = [event.get("eventType") for event in found]
        return f"{self.me} got no {name} within {within} s; wanted {wanted}, matched {have}, all: {self.names()}"

    def _next(self, end):
        with self.changed:
            while self.cursor >= len(self.events):
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self.changed.wait(left)
            event = self.events[self.cursor]
            self.cursor += 1
            return event

    def quiet(self, seconds):
        """No event for so long."""
        event = self._next(time.monotonic() + seconds)
        if event is not None:
            raise Fault(f"{self.me} got {event}, although nothing should happen")

    def wait_ended(self, within=15.0):
        """Waits until a poll says that it is signed out."""
        end = time.monotonic() + within
        with self.changed:
            while self.ended is None:
                left = end - time.monotonic()
                if left <= 0:
                    raise Fault(f"{self.me} was not told within {within} s that it is signed out")
                self.changed.wait(left)
        return self.ended

    # Recordings

    def download(self, record_id, first=None, last=None):
        """A recording, or bytes `first` to `last` of it. Gives (status, bytes)."""
        headers = self._headers()
        if first is not None:
            headers["Range"] = f"bytes={first}-{'' if last is None else last}"
        with self.lock:
            answer = self.wire.ask("GET", f"recordfile/{self.me}?recordId={record_id}", headers)
        kind = (answer.header_in_any_case("Content-Type") or "").lower().replace(" ", "")
        if answer.status not in (200, 206) or kind != "application/octet-stream;charset=utf-8":
            raise Fault(f"download of {record_id}: HTTP {answer.status} {kind!r} {answer.body[:200]!r}")
        if answer.status == 206 and not (answer.header_in_any_case("Content-Range") or "").startswith(f"bytes {first}-"):
            raise Fault(f"a part without its Content-Range: {answer.headers}")
        return answer.status, answer.body


def _contains(content, wanted):
    if wanted is None:
        return True
    if isinstance(wanted, dict):
        return isinstance(content, dict) and all(key in content and content[key] == value for key, value in wanted.items())
    return content == wanted
