//! The command line.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::account::{self, Account, AuthHabit};
use crate::calls::uac::Uac;
use crate::calls::uas::Uas;
use crate::calls::{AnchoredLoad, CallBench, CallLoad, CallPlan, Calls, Role};
use crate::digest::Algorithm;
use crate::limits::{self, CALLS, EXPIRES_S, MEDIA_SOCKETS, RATE, STEP_SECONDS};
use crate::media::Media;
use crate::net::{Net, Sock, loopback_only};
use crate::procfs::Meter;
use crate::register::{Plan, RegisterLoad, Registrations, register_all};
use crate::report::Report;
use crate::responder::RegistrarThread;
use crate::search::{Ladder, Load, find_max};

const EXAMPLES: &str = "\
Examples:
  What can this program do by itself (no server)?
    tandem-load direct register
    tandem-load direct calls --find-max --start 2000
    tandem-load direct anchored --find-max --start 500

  How many registrations per second, with credentials each time challenged anew, server process 4711?
    tandem-load register --server 127.0.0.1:5060 --domain demo.test --phones 10000 --first 1000 \\
        --password 'pw-{user}' --auth fresh --find-max --start 1000 --pid 4711

  Calls from phones (with credentials) to numbers of a trunk that is this program at 127.0.0.3:5070:
    tandem-load calls --server 127.0.0.1:5060 --domain demo.test --from phones --phones 100 --first 1000 \\
        --password 'pw-{user}' --to trunk --answer 127.0.0.3:5070 --called '9{n}' --rate 500 --hold 2

  Calls from a trunk (known by its address 127.0.0.2) to registered phones, with audio, as many as go:
    tandem-load anchored --server 127.0.0.1:5060 --domain demo.test --from trunk --source 127.0.0.2 \\
        --to phones --phones 2000 --first 1000 --password 'pw-{user}' --find-max --start 200 --factor 1.25

Keep server and generator on processors of their own (taskset -c 0 …, taskset -c 1 …), and look at `own %` and
`own drops`: a generator near 100 % or with drops of its own has measured itself.";

/// Load for a SIP server on this machine: registrations, calls, audio.
#[derive(Debug, Parser)]
#[command(name = "tandem-load", version, about, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Phones register and refresh their registrations, with digest credentials.
    Register {
        #[command(flatten)]
        server: ServerArgs,
        #[command(flatten)]
        phones: PhoneArgs,
        #[command(flatten)]
        pace: PaceArgs,
        #[command(flatten)]
        register: RegisterArgs,
    },
    /// Calls are set up, held and ended: INVITE, 180, 200, ACK, BYE.
    Calls {
        #[command(flatten)]
        server: ServerArgs,
        #[command(flatten)]
        phones: PhoneArgs,
        #[command(flatten)]
        pace: PaceArgs,
        #[command(flatten)]
        calls: CallArgs,
        /// Seconds from the answer to BYE
        #[arg(long, default_value_t = 0.0)]
        hold: f64,
    },
    /// Calls that stay up with 50 packets/s of audio each way: loss, delay, memory per call.
    Anchored {
        #[command(flatten)]
        server: ServerArgs,
        #[command(flatten)]
        phones: PhoneArgs,
        #[command(flatten)]
        pace: PaceArgs,
        #[command(flatten)]
        calls: CallArgs,
        /// Calls at once (or use --find-max)
        #[arg(long)]
        calls_up: Option<u32>,
        /// New calls per second while the number rises
        #[arg(long, default_value_t = 100.0)]
        ramp: f64,
    },
    /// The generator against itself, without a server: its own ceiling.
    Direct {
        /// Which load
        #[arg(value_enum)]
        what: DirectWhat,
        #[command(flatten)]
        pace: PaceArgs,
        /// Credentials: challenged anew each time, or the nonce used again
        #[arg(long, value_enum, default_value_t = AuthHabit::Cached)]
        auth: AuthHabit,
        /// Calls at once, for `anchored` (or use --find-max)
        #[arg(long)]
        calls_up: Option<u32>,
        /// New calls per second while the number rises
        #[arg(long, default_value_t = 2000.0)]
        ramp: f64,
        /// Sockets for audio of either kind, shared by all legs
        #[arg(long, default_value_t = 16)]
        media_sockets: u16,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DirectWhat {
    /// Registrations against a registrar on a thread of its own that believes everything
    Register,
    /// Calls from the calling side straight to the called side, both on one thread
    Calls,
    /// Audio from leg to leg, both on one thread
    Anchored,
}

#[derive(Debug, Args)]
struct ServerArgs {
    /// The server's SIP address (loopback only)
    #[arg(long)]
    server: SocketAddrV4,
    /// Domain of the phones; the server's address if absent
    #[arg(long)]
    domain: Option<String>,
    /// Process whose CPU time and memory are shown
    #[arg(long)]
    pid: Option<u32>,
    /// Our addresses, one socket each: `127.0.0.2`, `127.0.0.2:5060`; several with commas
    #[arg(long, value_delimiter = ',', default_value = "127.0.0.1")]
    source: Vec<String>,
}

#[derive(Debug, Args)]
struct PhoneArgs {
    /// How many phones
    #[arg(long, default_value_t = 1000)]
    phones: u32,
    /// User of the first phone; the others count on from it
    #[arg(long, default_value_t = 1000)]
    first: u64,
    /// Password, `{user}` stands for the user
    #[arg(long, default_value = "")]
    password: String,
    /// Phones from a file instead, one `user,password` per line
    #[arg(long)]
    accounts: Option<PathBuf>,
    /// Credentials: challenged anew each time, or the nonce used again
    #[arg(long, value_enum, default_value_t = AuthHabit::Cached)]
    auth: AuthHabit,
    /// Hash to answer with when the server offers several
    #[arg(long, value_enum)]
    algorithm: Option<Algorithm>,
}

impl PhoneArgs {
    fn accounts(&self) -> anyhow::Result<Vec<Account>> {
        match &self.accounts {
            Some(path) => account::from_csv(path, self.phones),
            None => account::numbered(self.first, self.phones, &self.password),
        }
    }
}

#[derive(Debug, Args)]
struct PaceArgs {
    /// Operations per second; without it as fast as they are answered
    #[arg(long)]
    rate: Option<f64>,
    /// Most operations under way at once
    #[arg(long, default_value_t = 256)]
    in_flight: u32,
    /// Raise the level until it fails, then narrow it down
    #[arg(long)]
    find_max: bool,
    /// First level of --find-max
    #[arg(long, default_value_t = 100.0)]
    start: f64,
    /// Each level of --find-max is this many times the one before
    #[arg(long, default_value_t = 1.5)]
    factor: f64,
    /// Highest level of --find-max
    #[arg(long, default_value_t = 100_000.0)]
    max: f64,
    /// How often --find-max halves the gap between the last good and the first bad level
    #[arg(long, default_value_t = 3)]
    refine: u32,
    /// Seconds that are measured, per level
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds before that
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Seconds until an unanswered operation has failed
    #[arg(long, default_value_t = 10.0)]
    timeout: f64,
    /// Also write the figures as JSON to this file (`-` for standard output)
    #[arg(long)]
    json: Option<PathBuf>,
}

impl PaceArgs {
    fn check(&self) -> anyhow::Result<()> {
        let seconds = STEP_SECONDS as f64;
        ensure!((0.1..=seconds).contains(&self.seconds), "--seconds {}: 0.1 to {seconds} are possible", self.seconds);
        ensure!((0.0..=seconds).contains(&self.warm_up), "--warm-up {}: 0 to {seconds} are possible", self.warm_up);
        ensure!((0.1..=64.0).contains(&self.timeout), "--timeout {}: 0.1 to 64 are possible", self.timeout);
        for (name, value) in [("--rate", self.rate.unwrap_or(1.0)), ("--start", self.start), ("--max", self.max)] {
            ensure!(value > 0.0 && value <= RATE, "{name} {value}: above 0 and up to {RATE} are possible");
        }
        ensure!(self.factor >= 1.01 && self.factor <= 10.0, "--factor {}: 1.01 to 10 are possible", self.factor);
        ensure!(self.in_flight > 0 && self.in_flight <= CALLS, "--in-flight {}: 1 to {CALLS} are possible", self.in_flight);
        Ok(())
    }

    fn timeout_ms(&self) -> u64 {
        (self.timeout * 1000.0) as u64
    }

    /// Runs one level or the search, and prints.
    fn measure(&self, what: &'static str, level: Option<f64>, load: &mut impl Load) -> anyhow::Result<()> {
        let mut report = Report::new(what, std::io::stderr().lock());
        let good = if self.find_max {
            let ladder = Ladder { start: self.start, factor: self.factor, max: self.max, refine: self.refine };
            let good = find_max(load, ladder, &mut report)?;
            match good {
                Some(good) => report.say(&format!("last good level: {good}"))?,
                None => report.say("no good level: lower --start")?,
            }
            good
        } else {
            let step = load.step(level)?;
            report.step(&step)?;
            report.details(&step)?;
            load.settle()?;
            level.filter(|_| step.faults.is_empty())
        };
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(&report.json(good))? + "\n";
            if path.as_os_str() == "-" {
                std::io::stdout().write_all(text.as_bytes())?;
            } else {
                std::fs::write(path, text).with_context(|| format!("can't write {}", path.display()))?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, Args)]
struct RegisterArgs {
    /// Expires, in seconds
    #[arg(long, default_value_t = 3600)]
    expires: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    /// Phones with credentials
    Phones,
    /// A trunk that the server knows by its address
    Trunk,
}

#[derive(Debug, Args)]
struct CallArgs {
    /// Who calls
    #[arg(long, value_enum, default_value_t = Side::Phones)]
    from: Side,
    /// Who is called: phones are registered first, a trunk is an address that the server calls
    #[arg(long, value_enum, default_value_t = Side::Trunk)]
    to: Side,
    /// Where we are called
    #[arg(long, default_value = "127.0.0.1:0")]
    answer: SocketAddrV4,
    /// What is dialled, `{n}` counts; phones are dialled by their user if absent
    #[arg(long)]
    called: Option<String>,
    /// How far `{n}` counts
    #[arg(long, default_value_t = 1000)]
    numbers: u32,
    /// Caller number of a trunk, `{n}` counts
    #[arg(long, default_value = "0755{n}")]
    caller: String,
    /// Seconds from 180 to 200
    #[arg(long, default_value_t = 0.0)]
    ring: f64,
    /// Sockets for audio of either kind, shared by all legs; the server has its own for each leg
    #[arg(long, default_value_t = 16)]
    media_sockets: u16,
}

/// Reads the command line and does what it says.
pub fn run() -> anyhow::Result<()> {
    match Cli::parse().what {
        What::Register { server, phones, pace, register } => run_register(&server, &phones, &pace, &register),
        What::Calls { server, phones, pace, calls, hold } => {
            ensure!((0.0..=600.0).contains(&hold), "--hold {hold}: 0 to 600 are possible");
            let room = pace.in_flight.max(pace.rate.map_or(0, |rate| room_for(rate, hold))).max(if pace.find_max {
                room_for(pace.max, hold)
            } else {
                0
            });
            let bench = call_bench(&server, &phones, &pace, &calls, Some((hold * 1000.0) as u64), room.min(CALLS))?;
            pace.measure("calls", pace.rate, &mut CallLoad(bench))
        }
        What::Anchored { server, phones, pace, calls, calls_up, ramp } => {
            let level = anchored_level(&pace, calls_up, ramp)?;
            let bench = call_bench(&server, &phones, &pace, &calls, None, anchored_room(&pace, level))?;
            pace.measure("anchored", Some(level), &mut AnchoredLoad { bench, ramp })
        }
        What::Direct { what: DirectWhat::Register, pace, auth, .. } => direct_register(&pace, auth),
        What::Direct { what: DirectWhat::Calls, pace, media_sockets, .. } => {
            let room = if pace.rate.is_some() || pace.find_max { CALLS.min(20_000) } else { pace.in_flight };
            let bench = direct_bench(&pace, media_sockets, Some(0), room)?;
            pace.measure("direct calls", pace.rate, &mut CallLoad(bench))
        }
        What::Direct { what: DirectWhat::Anchored, pace, calls_up, ramp, media_sockets, .. } => {
            let level = anchored_level(&pace, calls_up, ramp)?;
            let bench = direct_bench(&pace, media_sockets, None, anchored_room(&pace, level))?;
            pace.measure("direct anchored", Some(level), &mut AnchoredLoad { bench, ramp })
        }
    }
}

/// Calls that are up at once at this rate, with room for slow ones.
fn room_for(rate: f64, hold: f64) -> u32 {
    ((rate * (hold + 2.0)) as u32).min(CALLS)
}

fn anchored_level(pace: &PaceArgs, calls_up: Option<u32>, ramp: f64) -> anyhow::Result<f64> {
    ensure!(ramp > 0.0 && ramp <= RATE, "--ramp {ramp}: above 0 and up to {RATE} are possible");
    match calls_up {
        Some(calls) if calls > 0 && calls <= CALLS => Ok(f64::from(calls)),
        Some(calls) => bail!("--calls-up {calls}: 1 to {CALLS} are possible"),
        None if pace.find_max => Ok(pace.start),
        None => bail!("say --calls-up or --find-max"),
    }
}

fn anchored_room(pace: &PaceArgs, level: f64) -> u32 {
    let most = if pace.find_max { pace.max.min(20_000.0) } else { level };
    (most as u32).clamp(1, CALLS)
}

fn run_number() -> u32 {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    // The product of an odd constant spreads the few bits in which two runs differ.
    ((nanos ^ u64::from(std::process::id()) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

fn sources(texts: &[String]) -> anyhow::Result<Vec<Sock>> {
    ensure!(!texts.is_empty() && texts.len() <= 256, "{} sources: 1 to 256 are possible", texts.len());
    texts
        .iter()
        .map(|text| {
            let address = match text.parse::<SocketAddrV4>() {
                Ok(address) => address,
                Err(_) => SocketAddrV4::new(text.parse::<Ipv4Addr>().with_context(|| format!("`{text}` is not an IPv4 address"))?, 0),
            };
            Sock::bind(address)
        })
        .collect()
}

fn seconds(value: f64) -> Duration {
    Duration::from_secs_f64(value)
}

fn register_plan(server: SocketAddrV4, domain: Option<&str>, pace: &PaceArgs, auth: AuthHabit, algorithm: Option<Algorithm>) -> Plan {
    Plan {
        server,
        domain: domain.map_or_else(|| server.ip().to_string(), str::to_owned),
        expires_s: 3600,
        habit: auth,
        algorithm,
        in_flight: pace.in_flight,
        timeout_ms: pace.timeout_ms(),
        run: run_number(),
    }
}

fn run_register(server: &ServerArgs, phones: &PhoneArgs, pace: &PaceArgs, register: &RegisterArgs) -> anyhow::Result<()> {
    pace.check()?;
    loopback_only(*server.server.ip())?;
    ensure!(EXPIRES_S.contains(&register.expires), "--expires {}: {EXPIRES_S:?} are possible", register.expires);
    let mut plan = register_plan(server.server, server.domain.as_deref(), pace, phones.auth, phones.algorithm);
    plan.expires_s = register.expires;
    if pace.rate.is_some() || pace.find_max {
        // At a rate, slowness must show as time, not as a lower rate: room for a second's worth.
        plan.in_flight = plan.in_flight.max(phones.phones);
    }
    measure_registrations(plan, phones.accounts()?, sources(&server.source)?, server.pid, pace, "register")
}

fn direct_register(pace: &PaceArgs, auth: AuthHabit) -> anyhow::Result<()> {
    pace.check()?;
    let registrar = RegistrarThread::start()?;
    let plan = register_plan(registrar.address, None, pace, auth, None);
    measure_registrations(plan, account::numbered(1000, 10_000, "x")?, sources(&["127.0.0.1".to_owned()])?, None, pace, "direct register")
}

fn measure_registrations(
    plan: Plan,
    accounts: Vec<Account>,
    socks: Vec<Sock>,
    pid: Option<u32>,
    pace: &PaceArgs,
    what: &'static str,
) -> anyhow::Result<()> {
    let places: Vec<_> = socks.iter().map(Sock::local).enumerate().collect();
    let meter = Meter::new(pid, places.iter().map(|(_, local)| local.port()).collect())?;
    let net = Net::new(socks)?;
    let registrations = Registrations::new(plan, accounts, places);
    let mut load = RegisterLoad { net, registrations, meter, warm_up: seconds(pace.warm_up), span: seconds(pace.seconds) };
    pace.measure(what, pace.rate, &mut load)
}

/// Sockets in the order calls, answers, audio, control; with their roles.
fn call_sockets(calls: Vec<Sock>, answer: SocketAddrV4, pairs: u16) -> anyhow::Result<(Vec<Sock>, Vec<Role>)> {
    ensure!(pairs > 0 && pairs <= MEDIA_SOCKETS, "--media-sockets {pairs}: 1 to {MEDIA_SOCKETS} are possible");
    let mut roles = vec![Role::Calls; calls.len()];
    let media_ip = *answer.ip();
    let mut socks = calls;
    socks.push(Sock::bind(answer)?);
    roles.push(Role::Answers);
    for _ in 0..pairs {
        let (rtp, rtcp) = Sock::bind_pair(media_ip)?;
        rtp.note_arrivals()?;
        socks.extend([rtp, rtcp]);
        roles.extend([Role::Audio, Role::Control]);
    }
    Ok((socks, roles))
}

fn places(socks: &[Sock], roles: &[Role], role: Role) -> Vec<(usize, SocketAddrV4)> {
    socks.iter().map(Sock::local).enumerate().zip(roles).filter(|(_, its)| **its == role).map(|(place, _)| place).collect()
}

fn call_bench(
    server: &ServerArgs,
    phones: &PhoneArgs,
    pace: &PaceArgs,
    args: &CallArgs,
    hold_ms: Option<u64>,
    room: u32,
) -> anyhow::Result<CallBench> {
    pace.check()?;
    loopback_only(*server.server.ip())?;
    ensure!((0.0..=60.0).contains(&args.ring), "--ring {}: 0 to 60 are possible", args.ring);
    ensure!(args.numbers > 0 && args.numbers <= limits::PHONES, "--numbers {}: 1 to {} are possible", args.numbers, limits::PHONES);
    let counted =
        |pattern: &str| -> Vec<Box<str>> { (0..args.numbers).map(|n| pattern.replace("{n}", &format!("{n:06}")).into()).collect() };
    let (mut callers, mut called_phones) = (Vec::new(), Vec::new());
    match (args.from, args.to) {
        (Side::Phones, Side::Phones) => {
            // The first half calls the second.
            callers = phones.accounts()?;
            ensure!(callers.len() >= 2, "phones that call phones: at least 2 are needed");
            called_phones = callers.split_off(callers.len() / 2);
        }
        (Side::Phones, Side::Trunk) => callers = phones.accounts()?,
        (Side::Trunk, Side::Phones) => called_phones = phones.accounts()?,
        (Side::Trunk, Side::Trunk) => {}
    }
    if args.from == Side::Trunk {
        callers = counted(&args.caller).into_iter().map(|user| Account::new(user, "")).collect();
    }
    let called = match (&args.called, args.to) {
        (Some(pattern), _) => counted(pattern),
        (None, Side::Phones) => called_phones.iter().map(|phone| phone.user.clone()).collect(),
        (None, Side::Trunk) => counted("9{n}"),
    };
    let (socks, roles) = call_sockets(sources(&server.source)?, args.answer, args.media_sockets)?;
    let meter = Meter::new(server.pid, socks.iter().map(|sock| sock.local().port()).collect())?;
    let answers = places(&socks, &roles, Role::Answers);
    let (caller_places, audio_places) = (places(&socks, &roles, Role::Calls), places(&socks, &roles, Role::Audio));
    let mut net = Net::new(socks)?;
    if !called_phones.is_empty() {
        let plan = register_plan(server.server, server.domain.as_deref(), pace, AuthHabit::Cached, phones.algorithm);
        register_all(&mut net, &mut Registrations::new(plan, called_phones, answers.clone()))?;
    }
    let plan = CallPlan {
        server: server.server,
        domain: server.domain.clone().unwrap_or_else(|| server.server.ip().to_string()),
        proxy_credentials: true,
        habit: phones.auth,
        algorithm: phones.algorithm,
        hold_ms,
        ring_ms: (args.ring * 1000.0) as u64,
        timeout_ms: pace.timeout_ms(),
        talk: hold_ms.is_none(),
        run: run_number(),
    };
    Ok(assemble(
        plan,
        net,
        roles,
        meter,
        Parties { callers, called, caller_places, answer: answers[0], audio_places, direct: false },
        room,
        pace,
    ))
}

struct Parties {
    callers: Vec<Account>,
    called: Vec<Box<str>>,
    caller_places: Vec<(usize, SocketAddrV4)>,
    answer: (usize, SocketAddrV4),
    audio_places: Vec<(usize, SocketAddrV4)>,
    direct: bool,
}

fn assemble(plan: CallPlan, net: Net, roles: Vec<Role>, meter: Meter, parties: Parties, room: u32, pace: &PaceArgs) -> CallBench {
    let calls = Calls {
        uac: Uac::new(&plan, parties.callers, parties.called, parties.caller_places, room),
        uas: Uas::new(parties.answer.0, parties.answer.1),
        media: Media::new(plan.run, parties.audio_places, parties.direct),
        plan,
        roles,
    };
    CallBench { net, calls, meter, warm_up: seconds(pace.warm_up), span: seconds(pace.seconds) }
}

fn direct_bench(pace: &PaceArgs, media_sockets: u16, hold_ms: Option<u64>, room: u32) -> anyhow::Result<CallBench> {
    pace.check()?;
    let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let (socks, roles) = call_sockets(vec![Sock::bind(any)?], any, media_sockets)?;
    let meter = Meter::new(None, socks.iter().map(|sock| sock.local().port()).collect())?;
    let answer = places(&socks, &roles, Role::Answers)[0];
    let (caller_places, audio_places) = (places(&socks, &roles, Role::Calls), places(&socks, &roles, Role::Audio));
    let plan = CallPlan {
        server: answer.1,
        domain: "direct.test".to_owned(),
        proxy_credentials: true,
        habit: AuthHabit::Cached,
        algorithm: None,
        hold_ms,
        ring_ms: 0,
        timeout_ms: pace.timeout_ms(),
        talk: hold_ms.is_none(),
        run: run_number(),
    };
    let callers = account::numbered(1000, 1000, "")?;
    let called = (0..1000).map(|n| format!("9{n:06}").into()).collect();
    let parties = Parties { callers, called, caller_places, answer, audio_places, direct: true };
    Ok(assemble(plan, Net::new(socks)?, roles, meter, parties, room, pace))
}
