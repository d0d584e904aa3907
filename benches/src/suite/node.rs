//! The program under load: its own data folder, its own configuration, and what an administrator would do first.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::{Durability, Place};

/// Address of the program, for SIP, RTP and HTTP.
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 17);
/// Where phones are.
pub(super) const PHONES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 18);
/// The trunk that is called.
pub(super) const CALLED_TRUNK: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 19), 5070);
/// The trunk that calls.
pub(super) const CALLING_TRUNK: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 20);
/// SIP and HTTP ports of the program.
const SIP_PORT: u16 = 5060;
const HTTP_PORT: u16 = 8080;
/// Domain of the tenant.
pub(super) const DOMAIN: &str = "bench.test";
/// User of the first phone; the others count on from it.
pub(super) const FIRST_PHONE: u32 = 1_000_000;
/// Passwords, in the generator's notation.
pub(super) const PASSWORD: &str = "bench-{user}";

/// Media ports: a leg takes two, so this is room for 7,500 calls, beyond what descriptors allow by default.
const MEDIA_PORTS: (u16, u16) = (20_000, 49_999);
/// Calls of tenant and trunk at once: beyond what any level reaches.
const CALLS: &str = "100000";
/// From start to `/readyz`, and from SIGTERM to the end, at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running program. Killed when dropped.
#[derive(Debug)]
pub(super) struct Node {
    child: Child,
    log: PathBuf,
}

impl Node {
    /// Starts the program on empty data, and sets up a tenant, phones and two trunks.
    pub(super) fn start(place: &Place, durability: Durability, phones: u32) -> anyhow::Result<Node> {
        let data = place.dir.join("data");
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        let config = place.dir.join("tandem.toml");
        std::fs::write(&config, configuration(&data, durability))?;
        let log = place.dir.join("tandem.log");
        let out = std::fs::File::create(&log)?;
        let child = Command::new("taskset")
            .args(["-c", &place.server_cores])
            .arg(&place.tandem)
            .args(["serve", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .context("taskset (package util-linux)")?;
        let mut node = Node { child, log };
        node.wait_until_ready()?;
        set_up(place, &config, phones)?;
        Ok(node)
    }

    /// Its SIP address.
    pub(super) fn sip(&self) -> SocketAddrV4 {
        SocketAddrV4::new(SERVER, SIP_PORT)
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        // taskset becomes the program it starts.
        self.child.id()
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                bail!("the program ended with {status}:\n{}", std::fs::read_to_string(&self.log).unwrap_or_default());
            }
            if is_ready().unwrap_or(false) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("the program was not ready within {PATIENCE:?}; see {}", self.log.display())
    }

    /// Ends it as a service manager would.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        ensure!(Command::new("kill").arg(self.pid().to_string()).status()?.success(), "can't signal the program");
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the program did not end within {PATIENCE:?} of SIGTERM")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(data: &Path, durability: Durability) -> String {
    let (min, max) = MEDIA_PORTS;
    format!(
        "[node]\ndata_dir = \"{}\"\n\
         [log]\ndurability = \"{durability}\"\n\
         [sip]\nlisten = [\"udp:{SERVER}:{SIP_PORT}\"]\n\
         [rtp]\nip = \"{SERVER}\"\nport_min = {min}\nport_max = {max}\n\
         [http]\nlisten = \"{SERVER}:{HTTP_PORT}\"\n\
         [gateway]\nlisten = \"{SERVER}:8043\"\n\
         [output]\nlevel = \"warn\"\n",
        data.display()
    )
}

fn is_ready() -> std::io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&SocketAddrV4::new(SERVER, HTTP_PORT).into(), Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {SERVER}\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(answer.ends_with(b" 200"))
}

fn set_up(place: &Place, config: &Path, phones: u32) -> anyhow::Result<()> {
    let csv = place.dir.join("phones.csv");
    let mut text = String::from("user,password\n");
    for user in FIRST_PHONE..FIRST_PHONE + phones {
        text.push_str(&format!("{user},{}\n", PASSWORD.replace("{user}", &user.to_string())));
    }
    std::fs::write(&csv, text)?;
    let csv = csv.to_string_lossy();
    let (called, port, calling) = (CALLED_TRUNK.ip().to_string(), CALLED_TRUNK.port().to_string(), CALLING_TRUNK.to_string());
    // No pings: between two runs nobody would answer them.
    let trunk = ["--tenant", "bench", "--max-calls", CALLS, "--options-interval-s", "0"];
    let wishes: [Vec<&str>; 4] = [
        vec!["tenant", "add", "bench", "--domain", DOMAIN, "--max-calls", CALLS],
        [&["trunk", "add", "called", "--host", &called, "--port", &port, "--prefix", "9"], &trunk[..]].concat(),
        [&["trunk", "add", "calling", "--host", &calling, "--prefix", "8"], &trunk[..]].concat(),
        vec!["phone", "import", "--tenant", "bench", &csv],
    ];
    for wish in wishes {
        let out = Command::new(&place.tandem).args(&wish).arg("--config").arg(config).stdin(Stdio::null()).output()?;
        ensure!(out.status.success(), "tandem {}: {}", wish.join(" "), String::from_utf8_lossy(&out.stderr));
    }
    Ok(())
}
