//! What the kernel says about processes and sockets. Everything is read from `/proc`; what can't be read counts as
//! unknown, never as zero.

use std::fs;
use std::time::Instant;

use anyhow::Context;

/// CPU time of a process so far, in seconds, and its resident memory in bytes.
fn usage(pid: u32) -> Option<(f64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; fields are counted behind it. utime and stime are 14 and 15, rss 24.
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    // USER_HZ is 100 on every Linux that Rust runs on; the page size is asked for in the same spirit.
    Some(((number(14)? + number(15)?) as f64 / 100.0, number(24)? * 4096))
}

/// CPU seconds of the calling thread, to the nanosecond.
pub fn thread_cpu() -> Option<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split_whitespace().next()?.parse::<u64>().ok()? as f64 / 1e9)
}

/// Packets dropped for want of room in receive buffers: (sockets on these ports, all other UDP sockets here).
pub fn udp_drops(own_ports: &[u16]) -> Option<(u64, u64)> {
    let (mut own, mut others) = (0, 0);
    for line in fs::read_to_string("/proc/net/udp").ok()?.lines().skip(1) {
        let mut fields = line.split_whitespace();
        let port = fields.nth(1)?.rsplit(':').next().and_then(|port| u16::from_str_radix(port, 16).ok())?;
        let drops: u64 = line.split_whitespace().last()?.parse().ok()?;
        if own_ports.contains(&port) { own += drops } else { others += drops }
    }
    Some((own, others))
}

/// Watches the server and this thread over a span of time.
#[derive(Debug)]
pub struct Meter {
    pid: Option<u32>,
    own_ports: Vec<u16>,
    began: Instant,
    server_cpu: Option<f64>,
    own_cpu: Option<f64>,
    drops: Option<(u64, u64)>,
    /// Resident memory of the server when the meter was made, in bytes.
    pub idle_rss: Option<u64>,
}

/// What a [`Meter`] saw.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Seconds.
    pub seconds: f64,
    /// Server's CPU seconds per second (1.0 is one core).
    pub server_cores: Option<f64>,
    /// Server's resident bytes at the end.
    pub server_rss: Option<u64>,
    /// Our CPU seconds per second.
    pub own_cores: Option<f64>,
    /// Packets dropped at our sockets.
    pub own_drops: Option<u64>,
    /// Packets dropped at other sockets of this machine.
    pub other_drops: Option<u64>,
}

impl Meter {
    /// Watches process `pid` and our sockets on `own_ports`.
    pub fn new(pid: Option<u32>, mut own_ports: Vec<u16>) -> anyhow::Result<Self> {
        let idle_rss = pid.map(|pid| usage(pid).with_context(|| format!("no process {pid} to watch"))).transpose()?.map(|(_, rss)| rss);
        own_ports.sort_unstable();
        Ok(Meter { pid, own_ports, began: Instant::now(), server_cpu: None, own_cpu: None, drops: None, idle_rss })
    }

    /// Begins a span.
    pub fn begin(&mut self) {
        self.server_cpu = self.pid.and_then(usage).map(|(cpu, _)| cpu);
        self.own_cpu = thread_cpu();
        self.drops = udp_drops(&self.own_ports);
        self.began = Instant::now();
    }

    /// Ends a span.
    pub fn end(&self) -> Reading {
        let seconds = self.began.elapsed().as_secs_f64();
        let server = self.pid.and_then(usage);
        let drops = udp_drops(&self.own_ports);
        let per_second = |now: Option<f64>, then: Option<f64>| Some((now? - then?) / seconds);
        Reading {
            seconds,
            server_cores: per_second(server.map(|(cpu, _)| cpu), self.server_cpu),
            server_rss: server.map(|(_, rss)| rss),
            own_cores: per_second(thread_cpu(), self.own_cpu),
            own_drops: drops.zip(self.drops).map(|(now, then)| now.0.saturating_sub(then.0)),
            other_drops: drops.zip(self.drops).map(|(now, then)| now.1.saturating_sub(then.1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_work_shows() {
        let mut meter = Meter::new(Some(std::process::id()), Vec::new()).unwrap();
        meter.begin();
        let began = Instant::now();
        while began.elapsed().as_millis() < 60 {
            std::hint::spin_loop();
        }
        let reading = meter.end();
        assert!(reading.own_cores.unwrap() > 0.05, "{reading:?}");
        assert!(reading.server_rss.unwrap() > 100_000, "{reading:?}");
        assert!(meter.idle_rss.is_some());
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        assert!(Meter::new(Some(u32::MAX), Vec::new()).unwrap_err().to_string().contains("4294967295"));
    }
}
