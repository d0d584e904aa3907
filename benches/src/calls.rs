//! Calls through the server: this program calls and is called, on sockets of its own for each side.

pub mod uac;
pub mod uas;

#[cfg(test)]
mod tests;

use std::net::SocketAddrV4;
use std::time::Duration;

use crate::account::AuthHabit;
use crate::digest::Algorithm;
use crate::limits::DRAIN;
use crate::media::{Media, MediaStats};
use crate::net::{Handler, Io, Net};
use crate::procfs::{Meter, Reading};
use crate::put;
use crate::register::{Pacer, reasons};
use crate::report::{Row, Step};
use crate::responder::repeat_headers;
use crate::scan::status;
use crate::search::Load;
use crate::text::decimal;
use uac::{CallStats, Uac};
use uas::{AnswerStats, Uas};

/// What calls need to know.
#[derive(Debug, Clone)]
pub struct CallPlan {
    /// Where INVITEs go.
    pub server: SocketAddrV4,
    /// Host part of the addresses.
    pub domain: String,
    /// The calling side is a proxy's client: credentials go into Proxy-Authorization. Servers that answer 401 get
    /// Authorization.
    pub proxy_credentials: bool,
    /// Credentials unasked or not.
    pub habit: AuthHabit,
    /// Which hash is wanted when several are offered.
    pub algorithm: Option<Algorithm>,
    /// From the answer to BYE, in milliseconds; `None` holds until told otherwise.
    pub hold_ms: Option<u64>,
    /// From 180 to 200, in milliseconds.
    pub ring_ms: u64,
    /// A call that is not answered after this many milliseconds has failed.
    pub timeout_ms: u64,
    /// Audio both ways.
    pub talk: bool,
    /// Makes Call-IDs, branches and packets of this run unlike those of any other.
    pub run: u32,
}

impl CallPlan {
    fn credentials_header(&self) -> &'static str {
        if self.proxy_credentials { "Proxy-Authorization" } else { "Authorization" }
    }
}

/// Appends `200 OK` with this SDP.
fn answer_with(out: &mut Vec<u8>, request: &[u8], tag: &[u8], local: &str, sdp: &[u8]) {
    put!(out, "SIP/2.0 200 OK\r\n");
    repeat_headers(out, request, tag);
    put!(out, "Contact: <sip:", local, ">\r\nContent-Type: application/sdp\r\nContent-Length: ");
    decimal(out, sdp.len() as u64);
    put!(out, "\r\n\r\n", sdp);
}

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The calling side's signalling.
    Calls,
    /// The called side's signalling.
    Answers,
    /// RTP.
    Audio,
    /// RTCP: read and thrown away.
    Control,
}

/// Both sides and their audio.
#[derive(Debug)]
pub struct Calls {
    /// What is to be done.
    pub plan: CallPlan,
    /// Calling side.
    pub uac: Uac,
    /// Called side.
    pub uas: Uas,
    /// Audio.
    pub media: Media,
    /// Per socket of the loop.
    pub roles: Vec<Role>,
}

impl Handler for Calls {
    fn packet(&mut self, io: &mut Io, sock: usize, bytes: &[u8], from: SocketAddrV4) {
        match (self.roles[sock], status(bytes)) {
            (Role::Audio, _) => self.media.packet(io.arrived_us, bytes, from),
            (Role::Calls, Some(status)) => {
                // The next credentials go where this server looks for them.
                match status {
                    401 => self.plan.proxy_credentials = false,
                    407 => self.plan.proxy_credentials = true,
                    _ => {}
                }
                self.uac.response(&self.plan, io, &mut self.media, status, bytes);
            }
            (Role::Calls, None) => self.uac.incoming(&self.plan, io, &mut self.media, sock, bytes, from),
            (Role::Answers, None) => self.uas.request(&self.plan, io, &mut self.media, bytes, from),
            (Role::Answers, Some(_)) | (Role::Control, _) => {}
        }
    }
}

/// Calls with their loop and meter.
#[derive(Debug)]
pub struct CallBench {
    /// Loop.
    pub net: Net,
    /// State.
    pub calls: Calls,
    /// CPU and drops.
    pub meter: Meter,
    /// Not measured at the beginning of a step.
    pub warm_up: Duration,
    /// Length of a step.
    pub span: Duration,
}

impl CallBench {
    /// Turns the loop for `span`; `begin` says how many calls begin now.
    fn run(&mut self, span: Duration, mut begin: impl FnMut(&Calls, u64) -> u32) -> anyhow::Result<()> {
        let end_us = self.net.io.look_at_the_clock() + span.as_micros() as u64;
        while self.net.io.now_us < end_us {
            let due = begin(&self.calls, self.net.io.now_us).min(self.calls.uac.room());
            let Calls { plan, uac, uas, media, .. } = &mut self.calls;
            for _ in 0..due {
                uac.begin(plan, &mut self.net.io, media);
            }
            uac.tick(plan, &mut self.net.io, media);
            uas.tick(&mut self.net.io, media);
            media.tick(&mut self.net.io);
            self.net.flush();
            let wait = if self.calls.media.talking() > 0 && !self.net.has_more() {
                // With audio there is something to read at every moment: once per millisecond is cheaper than once per
                // packet, and delays are taken from the kernel's notes, so they do not suffer.
                std::thread::sleep(Duration::from_micros(1000 - self.net.io.look_at_the_clock() % 1000));
                Duration::ZERO
            } else {
                Duration::from_millis(1)
            };
            self.net.turn(wait, &mut self.calls)?;
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.calls.uac.stats = CallStats::default();
        self.calls.uas.stats = AnswerStats::default();
    }

    /// Hangs up until at most `stay` calls are left, 500 at a time so that the end is not a flood of its own.
    fn hang_up(&mut self, stay: u32) -> anyhow::Result<()> {
        let end_us = self.net.io.look_at_the_clock() + DRAIN.as_micros() as u64 * 2;
        while self.calls.uac.under_way() > stay && self.net.io.now_us < end_us {
            let surplus = self.calls.uac.up().saturating_sub(stay);
            let Calls { plan, uac, media, .. } = &mut self.calls;
            uac.hang_up_some(plan, &mut self.net.io, media, surplus.min(50));
            self.run(Duration::from_millis(20), |_, _| 0)?;
        }
        Ok(())
    }
}

/// A generator at its own limit proves nothing about the server.
pub(crate) fn own_fault(reading: &Reading, faults: &mut Vec<String>) {
    if reading.own_cores.is_some_and(|cores| cores > 0.95) {
        faults.push("generator at its own limit".into());
    }
    if let Some(drops) = reading.own_drops.filter(|drops| *drops > 0) {
        faults.push(format!("generator lost {drops} packets itself"));
    }
}

fn failure_fault(stats: &CallStats, faults: &mut Vec<String>) {
    let failures = stats.failures();
    let ratio = failures as f64 / (stats.completed + failures).max(stats.answered).max(1) as f64;
    if ratio > 0.001 {
        faults.push(format!("{:.2} % failed ({})", ratio * 100.0, reasons(&stats.failed)));
    }
}

/// The load of `tandem-load calls`: the level is calls per second.
#[derive(Debug)]
pub struct CallLoad(pub CallBench);

impl Load for CallLoad {
    fn step(&mut self, level: Option<f64>) -> anyhow::Result<Step> {
        let bench = &mut self.0;
        let mut pacer = Pacer::new(level, bench.net.io.look_at_the_clock());
        bench.run(bench.warm_up, |calls, now_us| pacer.due(now_us, calls.uac.room()))?;
        bench.reset();
        bench.meter.begin();
        bench.run(bench.span, |calls, now_us| pacer.due(now_us, calls.uac.room()))?;
        let reading = bench.meter.end();
        let (stats, answers) = (&bench.calls.uac.stats, &bench.calls.uas.stats);
        let begun = stats.answered as f64 / reading.seconds;
        let mut faults = Vec::new();
        failure_fault(stats, &mut faults);
        if stats.setup.quantile(0.99) > 1_000_000 {
            faults.push("p99 set-up above 1 s".into());
        }
        if level.is_some_and(|level| begun < level * 0.98) || stats.answered == 0 {
            faults.push("rate not reached".into());
        }
        if level.is_some() {
            own_fault(&reading, &mut faults);
        }
        let mut row = Row::default();
        row.real("asked/s", "asked_per_second", level, 0)
            .real("calls/s", "answered_per_second", Some(begun), 0)
            .count("up", "under_way", u64::from(bench.calls.uac.under_way()))
            .count("failed", "failed", stats.failures())
            .count("resent", "retransmissions", stats.retransmissions + answers.retransmissions)
            .quantiles(
                [("ring p50", "post_dial_p50_ms"), ("ring p95", "post_dial_p95_ms"), ("ring p99", "post_dial_p99_ms")],
                &stats.ringing,
            )
            .quantiles([("up p50", "setup_p50_ms"), ("up p95", "setup_p95_ms"), ("up p99", "setup_p99_ms")], &stats.setup)
            .cpu(&reading, begun)
            .details()
            .real("ended/s", "completed_per_second", Some(stats.completed as f64 / reading.seconds), 0)
            .quantiles([("", "teardown_p50_ms"), ("", "teardown_p95_ms"), ("", "teardown_p99_ms")], &stats.teardown)
            .count("407s", "challenged", stats.challenged)
            .count("", "repeated_answers", stats.repeated_answers)
            .count("", "repeated_invites", answers.repeated)
            .count("", "answers_never_acknowledged", answers.not_acknowledged)
            .drops(&reading)
            .real("MiB", "server_rss_mib", reading.server_rss.map(|rss| rss as f64 / 1048576.0), 1)
            .text("why", "failures", reasons(&stats.failed));
        Ok(Step { level, faults, row })
    }

    fn settle(&mut self) -> anyhow::Result<()> {
        self.0.hang_up(0)
    }
}

/// The load of `tandem-load anchored`: the level is calls that talk at once.
#[derive(Debug)]
pub struct AnchoredLoad {
    /// Calls.
    pub bench: CallBench,
    /// New calls per second while the number rises.
    pub ramp: f64,
}

impl AnchoredLoad {
    /// Rises or falls to `target` calls; bounded by the time the ramp may take plus the patience for one call.
    fn reach(&mut self, target: u32) -> anyhow::Result<()> {
        let bench = &mut self.bench;
        if bench.calls.uac.under_way() > target {
            return bench.hang_up(target);
        }
        let missing = target - bench.calls.uac.under_way();
        let mut pacer = Pacer::new(Some(self.ramp), bench.net.io.look_at_the_clock());
        let patience = Duration::from_secs_f64(f64::from(missing) / self.ramp) + Duration::from_millis(bench.calls.plan.timeout_ms);
        let end_us = bench.net.io.now_us + patience.as_micros() as u64;
        while bench.calls.uac.up() < target && bench.net.io.now_us < end_us {
            bench.run(Duration::from_millis(100), |calls, now_us| pacer.due(now_us, target.saturating_sub(calls.uac.under_way())))?;
        }
        Ok(())
    }

    fn row(&self, level: f64, stats: &CallStats, media: &MediaStats, reading: &Reading) -> Row {
        let up = self.bench.calls.uac.up();
        let rss = reading
            .server_rss
            .zip(self.bench.meter.idle_rss)
            .map(|(now, idle)| now.saturating_sub(idle) as f64 / 1024.0 / f64::from(up.max(1)));
        let packets = media.received as f64 / reading.seconds;
        let mut row = Row::default();
        row.real("asked", "asked_calls", Some(level), 0)
            .count("calls", "calls_up", u64::from(up))
            .real("pkt/s", "packets_per_second", Some(packets), 0)
            .real("loss %", "loss_percent", Some(media.loss() * 100.0), 4)
            .count("late", "late_packets", media.late)
            .quantiles([("dly p50", "delay_p50_ms"), ("dly p95", "delay_p95_ms"), ("dly p99", "delay_p99_ms")], &media.delay)
            .cpu(reading, packets)
            .real("KiB/call", "server_rss_kib_per_call", rss, 1)
            .details()
            .count("streams", "streams", media.streams)
            .real("worst %", "worst_stream_loss_percent", Some(media.worst_stream * 100.0), 2)
            .real("max ms", "delay_max_ms", Some(media.delay.max() as f64 / 1000.0), 1)
            .count("misdir", "misdirected_packets", media.misdirected)
            .count("disord", "disordered_packets", media.disordered)
            .count("foreign", "foreign_packets", media.foreign)
            .real("lag p99", "generator_lag_p99_ms", Some(media.own_lag.quantile(0.99) as f64 / 1000.0), 2)
            .count("failed", "failed", stats.failures())
            .quantiles([("", "setup_p50_ms"), ("", "setup_p95_ms"), ("", "setup_p99_ms")], &stats.setup)
            .drops(reading)
            .text("why", "failures", reasons(&stats.failed));
        row
    }
}

impl Load for AnchoredLoad {
    fn step(&mut self, level: Option<f64>) -> anyhow::Result<Step> {
        let level = level.unwrap_or(1.0);
        self.bench.reset();
        self.reach(level as u32)?;
        self.bench.run(self.bench.warm_up, |_, _| 0)?;
        self.bench.meter.begin();
        self.bench.calls.media.begin_window();
        self.bench.run(self.bench.span, |_, _| 0)?;
        self.bench.calls.media.end_window();
        let reading = self.bench.meter.end();
        // What is under way may still arrive; what needs longer than this is lost to a listener anyway.
        self.bench.run(Duration::from_millis(300), |_, _| 0)?;
        let media = self.bench.calls.media.take();
        let stats = &self.bench.calls.uac.stats;
        let mut faults = Vec::new();
        failure_fault(stats, &mut faults);
        if f64::from(self.bench.calls.uac.up()) < level * 0.999 {
            faults.push("calls not reached".into());
        }
        if media.streams < 2 * u64::from(self.bench.calls.uac.up()) {
            faults.push(format!("only {} streams", media.streams));
        }
        if media.loss() > 0.001 || media.sent == 0 {
            faults.push(format!("{:.2} % lost", media.loss() * 100.0));
        }
        if media.delay.quantile(0.99) > crate::limits::LATE_US {
            faults.push("p99 delay above 20 ms".into());
        }
        if media.misdirected > 0 {
            faults.push(format!("{} packets misdirected", media.misdirected));
        }
        own_fault(&reading, &mut faults);
        let row = self.row(level, stats, &media, &reading);
        Ok(Step { level: Some(level), faults, row })
    }

    fn settle(&mut self) -> anyhow::Result<()> {
        self.bench.hang_up(0)
    }
}
