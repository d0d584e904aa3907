//! `tandem pacing-adapter`: the pacing policy in a process of its own, for anybody's simulator.
//!
//! Speaks the line protocol of reference/dialer.md section 5 on standard input and output: one `P` for each `O`, whatever came.
//! A line that makes no sense is named on standard error and otherwise passed over; where the reference is silent:
//! an `O` that makes no sense is answered `P 0`, because the other side waits; events count at the time of the next `O`.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io::{BufRead, Read, Write};

use tandem_core::tenant::pacing::{Busy, InFlight, Pacer, Seen, Settings, Snapshot, limits};

use super::Failure;

/// Bytes of a line: 500 agents and 1,500 calls make 30 kB.
const LINE_BYTES: u64 = 1 << 20;

/// Events between two decisions: a decision comes every second at least.
const EVENTS: usize = 100_000;

/// Answers on standard input until `Q` or its end.
pub(super) fn run() -> Result<(), Failure> {
    let stdin = std::io::stdin().lock();
    let stdout = std::io::stdout().lock();
    exchange(stdin, stdout, std::io::stderr().lock())?;
    Ok(())
}

/// Why a line makes no sense.
#[derive(Debug, PartialEq, thiserror::Error)]
enum LineError {
    #[error("unknown line `{0}`; expected H, E, O or Q")]
    Kind(String),
    #[error("unknown event `{0}`")]
    Event(String),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{name} is `{value}`, not a number")]
    Number { name: &'static str, value: String },
    #[error("`{0}` is not key=value")]
    Pair(String),
    #[error("protocol version `{0}`, expected 1")]
    Version(String),
    #[error("{0}")]
    Settings(String),
    #[error("a second H: the first one holds")]
    Again,
    #[error("more than {EVENTS} events without an O: passed over")]
    Flood,
    #[error("longer than {LINE_BYTES} bytes")]
    Long,
    #[error("not UTF-8")]
    Text,
}

/// Reads lines, answers decisions.
fn exchange(mut input: impl BufRead, mut output: impl Write, mut complaints: impl Write) -> std::io::Result<()> {
    let mut adapter = Adapter::default();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if input.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let outcome = if line.len() as u64 == LINE_BYTES && line.last() != Some(&b'\n') {
            skip_line(&mut input)?;
            Err(LineError::Long)
        } else {
            std::str::from_utf8(&line).map_err(|_| LineError::Text).and_then(|text| adapter.take(text.trim()))
        };
        match outcome {
            Ok(Reply::Nothing) => {}
            Ok(Reply::Over) => break,
            Ok(Reply::Decision(reply)) => {
                output.write_all(reply.as_bytes())?;
                output.flush()?;
            }
            Err(error) => {
                // Complaints are a courtesy: if nobody reads them, answers go on.
                let _ = writeln!(complaints, "line {number}: {error}");
                if line.first() == Some(&b'O') {
                    output.write_all(b"P 0\n")?;
                    output.flush()?;
                }
            }
        }
    }
    Ok(())
}

/// Passes over the rest of a line without keeping it.
fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                input.consume(end + 1);
                return Ok(());
            }
            None => {
                let all = buffer.len();
                input.consume(all);
            }
        }
    }
}

enum Reply {
    Nothing,
    Decision(String),
    Over,
}

/// One run.
#[derive(Default)]
struct Adapter {
    pacer: Option<Pacer>,
    events: Vec<Seen>,
    /// Calls that rang at the last decision, to know new ones.
    rang: HashSet<u64>,
    observation: Observation,
}

/// An `O` line.
#[derive(Default)]
struct Observation {
    now: f64,
    ready: u32,
    waiting: u32,
    inbound: u32,
    lines: u32,
    breaks: u32,
    talking: Vec<Busy>,
    wrapping: Vec<Busy>,
    ringing: Vec<InFlight>,
    detecting: Vec<InFlight>,
    cancellable: Vec<u64>,
}

impl Adapter {
    fn take(&mut self, line: &str) -> Result<Reply, LineError> {
        let (kind, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match kind {
            "" => {}
            "H" => self.begin(rest)?,
            "E" => {
                let event = event(rest)?;
                if self.events.len() >= EVENTS {
                    return Err(LineError::Flood);
                }
                self.events.push(event);
            }
            "O" => return self.decide(rest).map(Reply::Decision),
            "Q" => return Ok(Reply::Over),
            other => return Err(LineError::Kind(other.chars().take(40).collect())),
        }
        Ok(Reply::Nothing)
    }

    fn begin(&mut self, rest: &str) -> Result<(), LineError> {
        if self.pacer.is_some() {
            return Err(LineError::Again);
        }
        let mut words = rest.split_whitespace();
        let version = words.next().ok_or(LineError::Missing("version"))?;
        if version != "1" {
            return Err(LineError::Version(version.into()));
        }
        let mut settings = Settings::default();
        for word in words {
            let (key, value) = word.split_once('=').ok_or_else(|| LineError::Pair(word.into()))?;
            match key {
                "target" => settings.cap = number("target", value)?,
                "amd" => settings.detection = number("amd", value)? > 0.0,
                "patience" => settings.patience = number("patience", value)?,
                "ring_timeout" => {
                    let asked = number("ring_timeout", value)?;
                    settings.ring_timeout = asked.clamp(*limits::RING_TIMEOUTS.start(), *limits::RING_TIMEOUTS.end());
                }
                // What a later version adds is not ours to refuse; `shift` tells nothing we may use.
                _ => {}
            }
        }
        self.pacer = Some(Pacer::new(settings).map_err(|error| LineError::Settings(error.to_string()))?);
        Ok(())
    }

    fn decide(&mut self, rest: &str) -> Result<String, LineError> {
        self.observation.read(rest)?;
        let seen = &self.observation;
        let pacer = match &mut self.pacer {
            Some(pacer) => pacer,
            // Without an `H`, or with one that made no sense: the law's limits.
            none => none.insert(Pacer::new(Settings::default()).map_err(|error| LineError::Settings(error.to_string()))?),
        };
        for call in &seen.ringing {
            if !self.rang.contains(&call.call) {
                pacer.see(seen.now - call.age, Seen::Placed { call: call.call });
            }
        }
        self.rang.clear();
        self.rang.extend(seen.ringing.iter().map(|call| call.call));
        for event in self.events.drain(..) {
            pacer.see(seen.now, event);
        }
        let decision = pacer.decide(&Snapshot {
            now: seen.now,
            stale_for: 0.0,
            ready: seen.ready,
            waiting: seen.waiting,
            inbound_waiting: seen.inbound,
            free_lines: seen.lines,
            on_break: seen.breaks,
            talking: &seen.talking,
            wrapping: &seen.wrapping,
            ringing: &seen.ringing,
            detecting: &seen.detecting,
            cancellable: &seen.cancellable,
        });
        let mut reply = format!("P {}", decision.place);
        for call in &decision.cancel {
            reply.push(' ');
            reply.push_str(&call.to_string());
        }
        reply.push('\n');
        Ok(reply)
    }
}

impl Observation {
    fn read(&mut self, rest: &str) -> Result<(), LineError> {
        for list in [&mut self.talking, &mut self.wrapping] {
            list.clear();
        }
        for list in [&mut self.ringing, &mut self.detecting] {
            list.clear();
        }
        self.cancellable.clear();
        let mut time = None;
        (self.ready, self.waiting, self.inbound, self.lines, self.breaks) = (0, 0, 0, 0, 0);
        for word in rest.split_whitespace() {
            let (key, value) = word.split_once('=').ok_or_else(|| LineError::Pair(word.chars().take(40).collect()))?;
            match key {
                "t" => time = Some(number("t", value)?),
                "idle" => self.ready = whole("idle", value)?,
                "waiting" => self.waiting = whole("waiting", value)?,
                "inbq" => self.inbound = whole("inbq", value)?,
                "trunks" => self.lines = whole("trunks", value)?,
                "breaks" => self.breaks = whole("breaks", value)?,
                "talk" => pairs("talk", value, |agent, elapsed| self.talking.push(Busy { agent, elapsed }))?,
                "wrap" => pairs("wrap", value, |agent, elapsed| self.wrapping.push(Busy { agent, elapsed }))?,
                "ring" => pairs("ring", value, |call, age| self.ringing.push(InFlight { call, age }))?,
                "amd" => pairs("amd", value, |call, age| self.detecting.push(InFlight { call, age }))?,
                "cancelok" => {
                    for call in value.split(',').filter(|part| !part.is_empty()) {
                        self.cancellable.push(whole("cancelok", call)?);
                    }
                }
                _ => {}
            }
        }
        self.now = time.ok_or(LineError::Missing("t"))?;
        Ok(())
    }
}

fn pairs(name: &'static str, list: &str, mut keep: impl FnMut(u64, f64)) -> Result<(), LineError> {
    for part in list.split(',').filter(|part| !part.is_empty()) {
        let (id, seconds) = part.split_once(':').ok_or_else(|| LineError::Pair(part.chars().take(40).collect()))?;
        keep(whole(name, id)?, number(name, seconds)?);
    }
    Ok(())
}

fn event(rest: &str) -> Result<Seen, LineError> {
    let mut words = rest.split_whitespace();
    let kind = words.next().ok_or(LineError::Missing("event"))?;
    let mut word = |name: &'static str| words.next().ok_or(LineError::Missing(name));
    Ok(match kind {
        "answered" => Seen::Answered { call: whole("ID", word("ID")?)?, age: number("AGE", word("AGE")?)? },
        "need" => Seen::Needs { call: whole("ID", word("ID")?)?, age: number("AGE", word("AGE")?)? },
        "machine" => Seen::Machine { call: whole("ID", word("ID")?)?, age: number("AGE", word("AGE")?)? },
        "noanswer" | "busy" | "fail" => Seen::Ended { call: whole("ID", word("ID")?)?, age: number("AGE", word("AGE")?)? },
        "cancelled" => Seen::Cancelled { call: whole("ID", word("ID")?)?, age: number("AGE", word("AGE")?)? },
        "connected" => Seen::Connected {
            call: whole("ID", word("ID")?)?,
            agent: whole("AGENT", word("AGENT")?)?,
            wait: number("WAIT", word("WAIT")?)?,
        },
        "dropped" => Seen::Dropped { call: whole("ID", word("ID")?)? },
        "talkend" => Seen::TalkEnded { agent: whole("AGENT", word("AGENT")?)?, seconds: number("SECONDS", word("SECONDS")?)? },
        "wrapend" => Seen::WrapEnded {
            agent: whole("AGENT", word("AGENT")?)?,
            seconds: number("SECONDS", word("SECONDS")?)?,
            person: whole::<u8>("PERSON", word("PERSON")?)? != 0,
            back: whole::<u8>("BACK", word("BACK")?)? != 0,
        },
        "inbound" => Seen::InboundArrived,
        "inboundlost" => Seen::InboundLost,
        "up" => Seen::AgentUp { agent: whole("AGENT", word("AGENT")?)? },
        "down" => Seen::AgentDown { agent: whole("AGENT", word("AGENT")?)? },
        other => return Err(LineError::Event(other.chars().take(40).collect())),
    })
}

/// A real number that statistics can live with: neither infinite nor negative.
fn number(name: &'static str, text: &str) -> Result<f64, LineError> {
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    value.ok_or_else(|| LineError::Number { name, value: text.chars().take(40).collect() })
}

fn whole<T: std::str::FromStr>(name: &'static str, text: &str) -> Result<T, LineError> {
    text.parse().map_err(|_| LineError::Number { name, value: text.chars().take(40).collect() })
}
