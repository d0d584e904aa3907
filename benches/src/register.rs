//! Registrations: phones register and refresh, with digest, at a rate or as fast as they are answered.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use crate::account::{Account, AuthHabit};
use crate::digest::Algorithm;
use crate::histogram::Histogram;
use crate::limits::{DRAIN, T1_MS, T2_MS};
use crate::net::{Handler, Io, Net};
use crate::procfs::Meter;
use crate::put;
use crate::report::{Row, Step};
use crate::responder;
use crate::scan::{BRANCH, Mark, mark_behind, method, status};
use crate::search::Load;
use crate::text::{decimal, hex8};
use crate::wheel::Wheel;

/// What a run of registrations needs to know.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The registrar.
    pub server: SocketAddrV4,
    /// Domain of the phones.
    pub domain: String,
    /// Expires, in seconds.
    pub expires_s: u32,
    /// Credentials unasked or not.
    pub habit: AuthHabit,
    /// Which hash is wanted when several are offered.
    pub algorithm: Option<Algorithm>,
    /// Most registrations under way at once.
    pub in_flight: u32,
    /// A registration without answer is given up after this many milliseconds.
    pub timeout_ms: u64,
    /// Makes Call-IDs and nonces of this run unlike those of any other.
    pub run: u32,
}

/// Counts of one step.
#[derive(Debug, Default)]
pub struct Stats {
    /// Begun.
    pub started: u64,
    /// Answered with 200.
    pub completed: u64,
    /// Challenged with 401 or 407.
    pub challenged: u64,
    /// Sent again.
    pub retransmissions: u64,
    /// Failed, by reason.
    pub failed: BTreeMap<String, u64>,
    /// From the first request to 200, challenge included.
    pub times: Histogram,
}

impl Stats {
    /// All failures.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }
}

/// Failures as `503:12 timeout:3`.
pub fn reasons(failed: &BTreeMap<String, u64>) -> String {
    let list: Vec<String> = failed.iter().map(|(reason, count)| format!("{reason}:{count}")).collect();
    if list.is_empty() { "-".to_owned() } else { list.join(" ") }
}

/// Begins as many operations as a rate asks for; without a rate, as many as may be under way.
#[derive(Debug, Clone, Copy)]
pub struct Pacer {
    rate: Option<f64>,
    began_us: u64,
    started: u64,
}

impl Pacer {
    /// From now on at `rate` per second.
    pub fn new(rate: Option<f64>, now_us: u64) -> Self {
        Pacer { rate, began_us: now_us, started: 0 }
    }

    /// How many to begin now, with room for `room` more. What finds no room is begun later: the rate is then not
    /// reached, and that is reported.
    pub fn due(&mut self, now_us: u64, room: u32) -> u32 {
        let due = match self.rate {
            Some(rate) => {
                let wanted = (rate * now_us.saturating_sub(self.began_us) as f64 / 1e6) as u64;
                u32::try_from(wanted.saturating_sub(self.started)).unwrap_or(u32::MAX).min(room)
            }
            None => room,
        };
        self.started += u64::from(due);
        due
    }
}

#[derive(Debug, Default, Clone)]
struct Slot {
    generation: u32,
    busy: bool,
    answered_challenge: bool,
    phone: u32,
    began_us: u64,
    gap_ms: u64,
    message: Vec<u8>,
}

/// Registrations under way.
#[derive(Debug)]
pub struct Registrations {
    plan: Plan,
    /// The phones.
    pub accounts: Vec<Account>,
    cseq: Vec<u32>,
    busy: Vec<bool>,
    next_phone: usize,
    /// Sockets that phones use, with their addresses as text.
    sources: Vec<(usize, String)>,
    /// Request-URI.
    uri: String,
    slots: Vec<Slot>,
    free: Vec<u32>,
    wheel: Wheel,
    due: Vec<u64>,
    cnonce: Vec<u8>,
    /// What happened.
    pub stats: Stats,
}

impl Registrations {
    /// `sources`: the sockets (indices into the loop's) that the phones share out among themselves.
    pub fn new(plan: Plan, accounts: Vec<Account>, sources: Vec<(usize, SocketAddrV4)>) -> Self {
        let room = plan.in_flight.min(accounts.len() as u32);
        let mut cnonce = Vec::new();
        hex8(&mut cnonce, plan.run);
        Registrations {
            cseq: vec![0; accounts.len()],
            busy: vec![false; accounts.len()],
            next_phone: 0,
            sources: sources.into_iter().map(|(sock, local)| (sock, local.to_string())).collect(),
            uri: format!("sip:{}", plan.domain),
            slots: vec![Slot::default(); room as usize],
            free: (0..room).rev().collect(),
            wheel: Wheel::default(),
            due: Vec::new(),
            cnonce,
            stats: Stats::default(),
            plan,
            accounts,
        }
    }

    /// How many are under way.
    pub fn under_way(&self) -> u32 {
        (self.slots.len() - self.free.len()) as u32
    }

    /// How many more may begin.
    pub fn room(&self) -> u32 {
        self.free.len() as u32
    }

    /// Begins the next phone's registration.
    pub fn begin(&mut self, io: &mut Io) {
        let Some(slot) = self.free.pop() else { return };
        // There are at least as many phones as slots, so one of them is idle.
        while self.busy[self.next_phone] {
            self.next_phone = (self.next_phone + 1) % self.accounts.len();
        }
        let phone = self.next_phone;
        self.next_phone = (self.next_phone + 1) % self.accounts.len();
        self.busy[phone] = true;
        if self.plan.habit == AuthHabit::Fresh {
            self.accounts[phone].forget_challenge();
        }
        let entry = &mut self.slots[slot as usize];
        entry.busy = true;
        entry.answered_challenge = false;
        entry.phone = phone as u32;
        entry.began_us = io.now_us;
        self.stats.started += 1;
        self.send(io, slot);
    }

    fn send(&mut self, io: &mut Io, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        let phone = entry.phone as usize;
        entry.generation = entry.generation.wrapping_add(1);
        entry.gap_ms = T1_MS;
        self.cseq[phone] += 1;
        let (sock, local) = &self.sources[phone % self.sources.len()];
        let (sock, account, uri) = (*sock, &mut self.accounts[phone], &self.uri);
        let user = &*account.user;
        let out = &mut entry.message;
        out.clear();
        put!(out, "REGISTER ", uri, " SIP/2.0\r\nVia: SIP/2.0/UDP ", local, ";rport;branch=", BRANCH);
        hex8(out, slot);
        hex8(out, entry.generation);
        put!(out, "\r\nMax-Forwards: 70\r\nFrom: <sip:", user, "@", self.plan.domain, ">;tag=tl");
        hex8(out, entry.phone);
        put!(out, "\r\nTo: <sip:", user, "@", self.plan.domain, ">\r\nCall-ID: tlr-");
        hex8(out, self.plan.run);
        hex8(out, entry.phone);
        put!(out, "\r\nCSeq: ");
        decimal(out, u64::from(self.cseq[phone]));
        put!(out, " REGISTER\r\nContact: <sip:", user, "@", local, ">\r\nExpires: ");
        decimal(out, u64::from(self.plan.expires_s));
        put!(out, "\r\n");
        account.authorize(out, "Authorization", "REGISTER", uri.as_bytes(), &self.cnonce);
        put!(out, "User-Agent: tandem-load\r\nContent-Length: 0\r\n\r\n");
        let message = &entry.message;
        io.socks[sock].push(self.plan.server, |out| out.extend_from_slice(message));
        self.wheel.set(io.now_ms() + T1_MS, token(slot, entry.generation));
    }

    /// Retransmits and gives up.
    pub fn tick(&mut self, io: &mut Io) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.due(io.now_ms(), &mut due);
        for token in due.drain(..) {
            let (slot, generation) = ((token >> 32) as u32, token as u32);
            let entry = &mut self.slots[slot as usize];
            if !entry.busy || entry.generation != generation {
                continue;
            }
            if io.now_us.saturating_sub(entry.began_us) / 1000 >= self.plan.timeout_ms {
                self.end(slot, Some("timeout".to_owned()));
                continue;
            }
            // RFC 3261 §17.1.2.2, timer E.
            entry.gap_ms = (entry.gap_ms * 2).min(T2_MS);
            self.stats.retransmissions += 1;
            let sock = self.sources[entry.phone as usize % self.sources.len()].0;
            let message = &entry.message;
            io.socks[sock].push(self.plan.server, |out| out.extend_from_slice(message));
            self.wheel.set(io.now_ms() + entry.gap_ms, token);
        }
        self.due = due;
    }

    fn end(&mut self, slot: u32, failure: Option<String>) {
        let entry = &mut self.slots[slot as usize];
        entry.busy = false;
        self.busy[entry.phone as usize] = false;
        self.free.push(slot);
        match failure {
            Some(reason) => *self.stats.failed.entry(reason).or_default() += 1,
            None => self.stats.completed += 1,
        }
    }

    /// Reads an answer. `false` if it answers nothing of ours.
    pub fn response(&mut self, io: &mut Io, status: u16, bytes: &[u8]) -> bool {
        let Some((Mark { slot, generation }, _)) = mark_behind(bytes, BRANCH) else { return false };
        let Some(entry) = self.slots.get_mut(slot as usize).filter(|entry| entry.busy && entry.generation == generation) else {
            return false;
        };
        match status {
            ..200 => {}
            200 => {
                self.stats.times.add(io.now_us.saturating_sub(entry.began_us));
                self.end(slot, None);
            }
            401 | 407 => {
                self.stats.challenged += 1;
                // A cached nonce may have become stale: one new challenge is answered, a second one is a refusal.
                let again = !std::mem::replace(&mut entry.answered_challenge, true);
                let phone = entry.phone as usize;
                if again && self.accounts[phone].challenged(bytes, self.plan.algorithm) {
                    self.send(io, slot);
                } else {
                    self.accounts[phone].forget_challenge();
                    self.end(slot, Some(status.to_string()));
                }
            }
            _ => self.end(slot, Some(status.to_string())),
        }
        true
    }
}

fn token(slot: u32, generation: u32) -> u64 {
    u64::from(slot) << 32 | u64::from(generation)
}

impl Handler for Registrations {
    fn packet(&mut self, io: &mut Io, sock: usize, bytes: &[u8], from: SocketAddrV4) {
        match status(bytes) {
            Some(status) => {
                self.response(io, status, bytes);
            }
            // The server may look after its phones with OPTIONS or NOTIFY.
            None if !method(bytes).is_empty() && method(bytes) != b"ACK" => {
                io.socks[sock].push(from, |out| responder::plain(out, bytes, "200 OK", b"tl"));
            }
            None => {}
        }
    }
}

/// Registers every phone once. Returns what failed.
pub fn register_all(net: &mut Net, registrations: &mut Registrations) -> anyhow::Result<()> {
    let (mut left, began) = (registrations.accounts.len(), std::time::Instant::now());
    let patience = Duration::from_secs(30) + Duration::from_millis(left as u64);
    while left > 0 || registrations.under_way() > 0 {
        for _ in 0..registrations.room().min(left as u32) {
            registrations.begin(&mut net.io);
            left -= 1;
        }
        registrations.tick(&mut net.io);
        net.flush();
        net.turn(Duration::from_millis(1), registrations)?;
        anyhow::ensure!(began.elapsed() < patience, "phones could not register within {patience:?}");
    }
    let failed = registrations.stats.failures();
    anyhow::ensure!(failed == 0, "{failed} phones could not register: {}", reasons(&registrations.stats.failed));
    Ok(())
}

/// The load of `tandem-load register`.
#[derive(Debug)]
pub struct RegisterLoad {
    /// Loop.
    pub net: Net,
    /// State.
    pub registrations: Registrations,
    /// CPU and drops.
    pub meter: Meter,
    /// Not measured at the beginning of a step.
    pub warm_up: Duration,
    /// Length of a step.
    pub span: Duration,
}

impl RegisterLoad {
    fn run(&mut self, pacer: &mut Pacer, span: Duration) -> anyhow::Result<()> {
        let end_us = self.net.io.look_at_the_clock() + span.as_micros() as u64;
        while self.net.io.now_us < end_us {
            let due = pacer.due(self.net.io.now_us, self.registrations.room());
            for _ in 0..due {
                self.registrations.begin(&mut self.net.io);
            }
            self.registrations.tick(&mut self.net.io);
            self.net.flush();
            self.net.turn(Duration::from_millis(1), &mut self.registrations)?;
        }
        Ok(())
    }
}

impl Load for RegisterLoad {
    fn step(&mut self, level: Option<f64>) -> anyhow::Result<Step> {
        let mut pacer = Pacer::new(level, self.net.io.look_at_the_clock());
        self.run(&mut pacer, self.warm_up)?;
        self.registrations.stats = Stats::default();
        self.meter.begin();
        self.run(&mut pacer, self.span)?;
        let reading = self.meter.end();
        let stats = &self.registrations.stats;
        let ended = stats.completed + stats.failures();
        let rate = stats.completed as f64 / reading.seconds;
        let mut faults = Vec::new();
        let failed = stats.failures() as f64 / ended.max(1) as f64;
        if failed > 0.001 {
            faults.push(format!("{:.2} % failed ({})", failed * 100.0, reasons(&stats.failed)));
        }
        if stats.times.quantile(0.99) > 1_000_000 {
            faults.push("p99 above 1 s".to_owned());
        }
        if level.is_some_and(|level| rate < level * 0.98) || stats.completed == 0 {
            faults.push("rate not reached".to_owned());
        }
        if level.is_some() {
            crate::calls::own_fault(&reading, &mut faults);
        }
        let mut row = Row::default();
        row.real("asked/s", "asked_per_second", level, 0)
            .real("regs/s", "registrations_per_second", Some(rate), 0)
            .count("failed", "failed", stats.failures())
            .count("resent", "retransmissions", stats.retransmissions)
            .quantiles([("p50 ms", "p50_ms"), ("p95 ms", "p95_ms"), ("p99 ms", "p99_ms")], &stats.times)
            .cpu(&reading, rate)
            .details()
            .count("401s", "challenged", stats.challenged)
            .drops(&reading)
            .real("MiB", "server_rss_mib", reading.server_rss.map(|rss| rss as f64 / 1048576.0), 1)
            .text("why", "failures", reasons(&stats.failed));
        Ok(Step { level, faults, row })
    }

    fn settle(&mut self) -> anyhow::Result<()> {
        let end_us = self.net.io.look_at_the_clock() + DRAIN.as_micros() as u64;
        while self.registrations.under_way() > 0 && self.net.io.now_us < end_us {
            self.registrations.tick(&mut self.net.io);
            self.net.turn(Duration::from_millis(5), &mut self.registrations)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::numbered;
    use crate::net::Sock;
    use crate::responder::RegistrarThread;
    use std::net::Ipv4Addr;

    fn load(habit: AuthHabit, server: SocketAddrV4) -> RegisterLoad {
        let sock = Sock::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
        let place = (0, sock.local());
        let plan =
            Plan { server, domain: "test.example".into(), expires_s: 600, habit, algorithm: None, in_flight: 20, timeout_ms: 1200, run: 1 };
        RegisterLoad {
            net: Net::new(vec![sock]).unwrap(),
            registrations: Registrations::new(plan, numbered(1, 50, "x").unwrap(), vec![place]),
            meter: Meter::new(None, Vec::new()).unwrap(),
            warm_up: Duration::ZERO,
            span: Duration::from_millis(300),
        }
    }

    #[test]
    fn phones_register_with_one_challenge_and_refresh_without() {
        let registrar = RegistrarThread::start().unwrap();
        let mut load = load(AuthHabit::Cached, registrar.address);
        register_all(&mut load.net, &mut load.registrations).unwrap();
        let stats = &load.registrations.stats;
        assert_eq!((stats.completed, stats.challenged), (50, 50));
        let step = load.step(Some(200.0)).unwrap();
        load.settle().unwrap();
        assert_eq!(load.registrations.stats.challenged, 0, "{:?}", step.faults);
        assert!(load.registrations.stats.completed > 30);
        assert_eq!(load.registrations.under_way(), 0);
    }

    #[test]
    fn a_fresh_habit_is_challenged_every_time() {
        let registrar = RegistrarThread::start().unwrap();
        let mut load = load(AuthHabit::Fresh, registrar.address);
        for _ in 0..2 {
            register_all(&mut load.net, &mut load.registrations).unwrap();
        }
        let stats = &load.registrations.stats;
        assert_eq!((stats.completed, stats.challenged), (100, 100));
    }

    #[test]
    fn silence_is_retransmitted_to_and_then_counted_as_a_failure() {
        let nobody = Sock::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut load = load(AuthHabit::Cached, nobody.local());
        let error = register_all(&mut load.net, &mut load.registrations).unwrap_err();
        assert!(error.to_string().contains("50 phones could not register: timeout:50"), "{error}");
        assert_eq!(load.registrations.stats.retransmissions, 50);
    }

    #[test]
    fn a_pacer_neither_forgets_nor_hurries() {
        let mut pacer = Pacer::new(Some(1000.0), 0);
        assert_eq!(pacer.due(10_000, 100), 10);
        assert_eq!(pacer.due(10_500, 100), 0);
        assert_eq!(pacer.due(30_000, 5), 5);
        assert_eq!(pacer.due(30_000, 100), 15);
        assert_eq!(Pacer::new(None, 0).due(1, 7), 7);
    }
}
