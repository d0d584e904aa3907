//! The program under test: its own data folder, its own configuration, its administrator.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::http::{self, Answer};
use crate::process::Process;
use crate::wait;

/// From start to `/readyz`, at most.
const READY: Duration = Duration::from_secs(30);
/// Its SIP port.
pub const SIP: u16 = 5060;
/// Its port for SIP over TLS, if [`Setup::secure`].
pub const SIPS: u16 = 5061;
/// Its HTTP port.
const HTTP: u16 = 8080;

/// How the program is configured; the rest is its defaults.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Address for SIP and RTP.
    pub ip: IpAddr,
    /// A second address for SIP.
    pub also: Option<IpAddr>,
    /// Brokers, if it is to forward events.
    pub kafka: Option<String>,
    /// Listens for TLS, too, with a certificate made at its first start.
    pub secure: bool,
    /// Options by environment variable: `("SIP__T1_MS", "50")`.
    pub options: Vec<(&'static str, &'static str)>,
}

impl Default for Setup {
    fn default() -> Self {
        Setup { ip: crate::netns::SERVER, also: None, kafka: None, secure: false, options: Vec::new() }
    }
}

/// The running (or killed) program and its data folder.
#[derive(Debug)]
pub struct Tandem {
    setup: Setup,
    binary: PathBuf,
    dir: tempfile::TempDir,
    process: Option<Process>,
}

/// The program. It must have been built: a suite that skips everything proves nothing.
fn binary() -> Result<PathBuf> {
    let path = match std::env::var_os("TANDEM_BIN") {
        Some(path) => PathBuf::from(path),
        // Tests are in target/<profile>/deps, the program is in target/<profile>.
        None => std::env::current_exe()?.parent().and_then(Path::parent).context("where is this test?")?.join("tandem"),
    };
    ensure!(path.is_file(), "no program at {}: `make test` builds it", path.display());
    Ok(path)
}

impl Setup {
    /// Starts the program and waits until it is ready.
    pub fn start(self) -> Result<Tandem> {
        let mut tandem = Tandem { setup: self, binary: binary()?, dir: tempfile::tempdir()?, process: None };
        tandem.write_config()?;
        tandem.start()?;
        Ok(tandem)
    }

    /// Sets an option: `with("SIP__T1_MS", "50")`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.options.push((name, value));
        self
    }

    /// Listens for TLS, too.
    #[must_use]
    pub fn secure(mut self) -> Self {
        self.secure = true;
        self
    }

    /// Forwards events to this broker.
    #[must_use]
    pub fn with_kafka(mut self, bootstrap: &str) -> Self {
        self.kafka = Some(bootstrap.to_owned());
        self
    }
}

impl Tandem {
    fn write_config(&self) -> Result<()> {
        let Setup { ip, also, kafka, secure, .. } = &self.setup;
        let mut listen = Vec::new();
        for ip in [Some(*ip), *also].into_iter().flatten() {
            let address = SocketAddr::new(ip, SIP);
            listen.push(format!("\"udp:{address}\", \"tcp:{address}\""));
        }
        if *secure {
            listen.push(format!("\"tls:{}\"", SocketAddr::new(*ip, SIPS)));
        }
        let forward = kafka.as_ref().map(|to| format!("[kafka]\nbootstrap = \"{to}\"\n")).unwrap_or_default();
        let text = format!(
            "[node]\ndata_dir = \"{data}\"\n[sip]\nlisten = [{listen}]\nrealm = \"tests\"\n[rtp]\nip = \"{ip}\"\nport_min = 30000\n\
             port_max = 39999\n[http]\nlisten = \"{http}\"\n[gateway]\nlisten = \"{ip}:8043\"\n\
             http_listen = \"{ip}:8000\"\n[output]\nlevel = \"info\"\n{forward}",
            data = self.data().display(),
            listen = listen.join(", "),
            http = self.http(),
        );
        std::fs::write(self.config(), text).context("configuration")
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("tandem.toml")
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The certificate that it made.
    pub fn certificate(&self) -> PathBuf {
        self.data().join("sip-cert.pem")
    }

    /// Its HTTP address.
    pub fn http(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), HTTP)
    }

    /// Its SIP address.
    pub fn sip(&self) -> SocketAddr {
        SocketAddr::new(self.setup.ip, SIP)
    }

    /// Starts it on the data that is there; waits until it is ready. Gives the time that took.
    pub fn start(&mut self) -> Result<Duration> {
        let begin = Instant::now();
        let mut command = Command::new(&self.binary);
        command.arg("serve").arg("--config").arg(self.config());
        command.envs(self.setup.options.iter().map(|(name, value)| (format!("TANDEM_{name}"), value)));
        let mut process = Process::spawn("tandem", &command, &self.dir.path().join("log"))?;
        wait::poll(READY, || (self.is_ready() || process.exited().is_some()).then_some(()));
        ensure!(process.exited().is_none() && self.is_ready(), "tandem did not become ready:\n{}", process.log());
        self.process = Some(process);
        Ok(begin.elapsed())
    }

    /// Whether it says it is ready.
    pub fn is_ready(&self) -> bool {
        http::request(self.http(), "GET", "/readyz", None, None).is_ok_and(|answer| answer.status == 200)
    }

    /// `kill -9`.
    pub fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill9();
        }
    }

    /// Stops it cleanly.
    ///
    /// # Panics
    /// If it doesn't end by itself.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            assert!(process.stop(wait::secs(20)), "tandem did not end on SIGTERM:\n{}", process.log());
        }
    }

    /// Its process.
    ///
    /// # Panics
    /// If it was stopped.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("tandem runs")
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Stops it and starts it again with another configuration.
    pub fn reconfigure(&mut self, setup: Setup) -> Result<()> {
        self.stop();
        self.setup = setup;
        self.write_config()?;
        self.start().map(drop)
    }

    /// Runs `tandem <arguments> --config …` beside it.
    pub fn cli(&self, arguments: &[&str]) -> Result<Output> {
        Ok(Command::new(&self.binary).args(arguments).arg("--config").arg(self.config()).output()?)
    }

    /// Runs a command line that must succeed; gives what it printed.
    pub fn cli_ok(&self, arguments: &[&str]) -> Result<String> {
        let out = self.cli(arguments)?;
        if !out.status.success() {
            bail!("tandem {}: {}{}", arguments.join(" "), String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// The administrator's token.
    pub fn token(&self) -> Result<String> {
        read_token(&self.data())
    }

    /// A request to the administration API; `path` follows `/api/v1`.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        http::request(self.http(), method, &format!("/api/v1{path}"), Some(&self.token()?), body)
    }

    /// Creates something.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.api("POST", path, Some(body))?.ok().with_context(|| format!("POST {path} {body}"))
    }

    /// Reads something.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.api("GET", path, None)?.ok().with_context(|| format!("GET {path}"))
    }

    /// Sets up a tenant, whose domain is the server's address so that phones need no DNS.
    pub fn add_tenant(&self, id: &str) -> Result<Tenant<'_>> {
        self.post("/tenants", &json!({ "tenant": id, "domains": [self.setup.ip.to_string()] }))?;
        Ok(Tenant { tandem: self, id: id.to_owned() })
    }

    /// A tenant that is there already.
    pub fn tenant(&self, id: &str) -> Tenant<'_> {
        Tenant { tandem: self, id: id.to_owned() }
    }

    /// A Prometheus sample's value, all labels added up.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let text = http::request(self.http(), "GET", "/metrics", Some(&self.token()?), None)?.body;
        let samples = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        Ok(samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }
}

fn read_token(data: &Path) -> Result<String> {
    let path = data.join("admin-token");
    Ok(std::fs::read_to_string(&path).with_context(|| path.display().to_string())?.trim().to_owned())
}

/// A tenant and what is set up for it.
#[derive(Debug)]
pub struct Tenant<'a> {
    tandem: &'a Tandem,
    id: String,
}

impl Tenant<'_> {
    /// Sets up a phone; gives its password.
    pub fn add_phone(&self, user: &str) -> Result<String> {
        self.add_phone_with(user, &json!({}))
    }

    /// Sets up a phone; `more` adds to its settings.
    pub fn add_phone_with(&self, user: &str, more: &Value) -> Result<String> {
        let mut phone = json!({ "user": user });
        if let (Some(phone), Some(more)) = (phone.as_object_mut(), more.as_object()) {
            phone.extend(more.clone());
        }
        let made = self.tandem.post(&format!("/tenants/{}/phones", self.id), &phone)?;
        Ok(made["password"].as_str().with_context(|| format!("no password in {made}"))?.to_owned())
    }

    /// Sets up a trunk without passwords to a carrier at this address; `more` adds to or replaces its settings.
    pub fn add_trunk(&self, name: &str, carrier: SocketAddr, more: &Value) -> Result<()> {
        let mut trunk = json!({
            "name": name, "host": carrier.ip().to_string(), "port": carrier.port(), "transport": "udp", "options_interval_s": 0,
        });
        if let (Some(trunk), Some(more)) = (trunk.as_object_mut(), more.as_object()) {
            trunk.extend(more.clone());
        }
        self.tandem.post(&format!("/tenants/{}/trunks", self.id), &trunk).map(drop)
    }

    /// Sets up an access number: `json!("echo")`, `json!({"phone": "1001"})`, `json!({"tone": {"sine": 1000}})`.
    pub fn add_number(&self, number: &str, destination: &Value) -> Result<()> {
        let body = json!({ "number": number, "destination": destination });
        self.tandem.post(&format!("/tenants/{}/numbers", self.id), &body).map(drop)
    }

    /// Reads a list: `registrations`, `calls`, `history`, `trunks`.
    pub fn list(&self, what: &str) -> Result<Vec<Value>> {
        let value = self.tandem.get(&format!("/tenants/{}/{what}", self.id))?;
        match &value {
            Value::Array(items) => Ok(items.clone()),
            Value::Object(page) => page.get("items").or(page.get("calls")).and_then(Value::as_array).cloned().context("no items"),
            _ => bail!("{what}: not a list: {value}"),
        }
    }

    /// The events of this tenant in the log, in order, as `tandem events export` gives them.
    pub fn events(&self) -> Result<Vec<Value>> {
        let text = self.tandem.cli_ok(&["events", "export", "--tenant", &self.id])?;
        text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
    }

    /// Events of one kind.
    pub fn events_of(&self, kind: &str) -> Result<Vec<Value>> {
        Ok(self.events()?.into_iter().filter(|event| event["kind"] == kind).collect())
    }

    /// Waits until an event of this kind is in the log; gives the last of them.
    ///
    /// # Panics
    /// If none comes in time.
    #[track_caller]
    pub fn wait_event(&self, kind: &str, limit: Duration) -> Value {
        wait::until(&format!("there was a {kind}"), limit, || self.events_of(kind).ok()?.pop())
    }

    /// Checks that the events' numbers are 1, 2, 3, … and gives the last.
    ///
    /// # Panics
    /// If a number is missing or doubled.
    #[track_caller]
    pub fn check_order(&self) -> u64 {
        let events = self.events().unwrap();
        for (expected, event) in (1_u64..).zip(&events) {
            assert_eq!(event["seq"].as_u64(), Some(expected), "in {event}");
        }
        events.len() as u64
    }
}
