//! The demo tenant: set up by commands, as an administrator would, and the same each time the demo starts.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use smol_str::SmolStr;
use tandem_core::agent::{Absence, AbsenceCause, AgentRole, Skill};
use tandem_core::config::TrunkAuth;
use tandem_core::event::TenantSettings;
use tandem_core::id::IdError;
use tandem_core::{
    AccessNumber, Agent, Command, Destination, Number, Phone, Queue, QueueId, Rejection, SrtpPolicy, TenantId, Tone, Transport, Trunk,
    TrunkName, UserName, WorkNumber,
};
use tokio::sync::oneshot;

use super::shift::SimAgent;
use super::{CrowdConfig, SimCarrier, SimPhone, jingle, limits};
use crate::auth::CredentialStore;
use crate::auth::credentials::CredentialError;
use crate::auth::secret::NoRandomness;
use crate::door::Commands;

/// The demo's tenant.
pub const TENANT: &str = "demo";
/// Its domain: names below `localhost` never leave the machine (RFC 6761 §6.3).
pub const DOMAIN: &str = "demo.localhost";
/// Its trunk.
pub const TRUNK: &str = "carrier";
/// What leads outside.
pub const OUTSIDE: &str = "0";
/// The prompt of number 602.
pub const PROMPT: &str = "welcome";
/// User of the first simulated phone; the others follow in order.
const FIRST_USER: u32 = 1001;
/// Most simulated phones: users 1001 to 1100, below the spare ones.
pub const MOST_PHONES: usize = 100;
/// Who has the simulated phones. Beyond these, names come again with a number.
pub const PEOPLE: [&str; 12] = [
    "Amélie Dubois",
    "李伟",
    "Jürgen Weiß",
    "Олена Коваль",
    "Priya Raghunathan",
    "田中 由紀",
    "Kwame Mensah",
    "José Hernández",
    "فاطمة الزهراء",
    "Søren Lindqvist",
    "Nguyễn Thị Hoa",
    "Ana Souza",
];
/// Phones for whoever watches.
pub const SPARE: [(&str, &str); 2] = [("1101", "You"), ("1102", "Your colleague")];
/// Numbers that the switch answers itself.
const SERVICES: [&str; 3] = ["600", "601", "602"];
/// First number by which people outside reach a phone: the others follow in order.
const FIRST_DIRECT: u32 = 2000;
/// Its number in the published interfaces.
const VDN: u16 = 1;
/// Queues: number, what is dialled, name.
const QUEUES: [(u16, &str, &str); 2] = [(1, "700", "Sales"), (2, "701", "Support")];
/// Who works there, from 101 on.
const AGENTS: [&str; 6] = ["Mia Torres", "王芳", "Lukas Brandt", "Aisha Okafor", "Tomás Silva", "Yuki Sato"];
/// The agent for whoever watches.
const YOUR_AGENT: u32 = 199;
/// Why they rest or are busy.
const CAUSES: [(Absence, u8, &str, u32); 4] = [
    (Absence::Rest, 1, "Break", 600),
    (Absence::Rest, 2, "Lunch", 1800),
    (Absence::Rest, 3, "Meeting", 1800),
    (Absence::Busy, 200, "Paperwork", 0),
];
/// Seconds between pings of the trunk.
const PING_S: u32 = 10;
/// Calls over the trunk at once.
const TRUNK_CALLS: u32 = 30;
/// Times that a full mailbox is tried again, 20 ms apart: at a start it empties at once.
const TRIES: u32 = 50;

/// Why the demo can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A command was refused.
    #[error("setting up the demo: {what}: {rejection}")]
    Refused {
        /// What was to be set up.
        what: String,
        /// Why not.
        rejection: Rejection,
    },
    /// The engine takes no commands.
    #[error("setting up the demo: {0}: the engine doesn't answer")]
    NoAnswer(String),
    /// A password can't be kept.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// No random numbers.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// A name of the demo is none.
    #[error(transparent)]
    Name(#[from] IdError),
    /// No prompt, no port.
    #[error("setting up the demo: {what}: {error}")]
    Io {
        /// What was to be done.
        what: String,
        /// What the system said.
        error: std::io::Error,
    },
}

/// A demo that is set up and waits for its crowd.
#[derive(Debug)]
pub struct Staged {
    /// The tenant.
    pub tenant: TenantId,
    /// For [`super::Crowd::start`].
    pub crowd: CrowdConfig,
    /// For [`super::shift::Shift::begin`].
    pub agents: Vec<SimAgent>,
    /// What to print for people: once, because of the passwords in it.
    pub lines: Vec<String>,
}

/// What the stage is to be like.
#[derive(Debug, Clone)]
pub struct StageConfig {
    /// The server's SIP address for UDP. One that listens everywhere is reached on loopback.
    pub server_udp: SocketAddr,
    /// Folder of the prompts, with one folder per tenant.
    pub prompts: PathBuf,
    /// Simulated phones, 1 to [`MOST_PHONES`].
    pub phones: usize,
    /// Makes the crowd's mood.
    pub seed: u64,
}

impl StageConfig {
    /// A stage for everybody in [`PEOPLE`].
    pub fn new(server_udp: SocketAddr, prompts: impl Into<PathBuf>) -> Self {
        StageConfig { server_udp, prompts: prompts.into(), phones: PEOPLE.len(), seed: 1 }
    }
}

/// Sets up the demo tenant, or puts it right if it is there. Simulated phones get new passwords at each start; those of the
/// spare phones are made and told once.
pub async fn set(commands: &dyn Commands, credentials: &CredentialStore, config: &StageConfig) -> Result<Staged, StageError> {
    let server_udp = reachable(config.server_udp);
    let people = people(config.phones);
    let stage = Stage { commands, credentials, tenant: TenantId::new(TENANT)? };
    let prompt = config.prompts.join(TENANT).join(format!("{PROMPT}.wav"));
    jingle::write_unless_there(&prompt).map_err(|error| StageError::Io { what: prompt.display().to_string(), error })?;
    stage.tenant().await?;
    let phones = stage.phones(&people).await?;
    let spare = stage.spare_phones().await?;
    let carrier = free_address(server_udp.ip())?;
    stage.trunk(carrier).await?;
    stage.numbers(&people).await?;
    let (agents, desks) = stage.centre().await?;
    let mut crowd = CrowdConfig::new(server_udp, DOMAIN);
    crowd.carrier = Some(SimCarrier { listen: carrier, dials: dials(&people) });
    crowd.phones = phones;
    crowd.phones.extend(desks);
    crowd.numbers = SERVICES.map(String::from).to_vec();
    crowd.outside = OUTSIDE.to_owned();
    crowd.seed = config.seed;
    let mut lines = lines(server_udp, &people, &spare);
    lines.extend(stage.your_agent().await?);
    Ok(Staged { tenant: stage.tenant, crowd, agents, lines })
}

/// An address that listens everywhere is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// A free port for the carrier. The trunk has to name it before the carrier is there, so it is let go in between.
fn free_address(server: IpAddr) -> Result<SocketAddr, StageError> {
    let ip: IpAddr = if server.is_ipv4() { std::net::Ipv4Addr::LOCALHOST.into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
    let found = UdpSocket::bind((ip, 0)).and_then(|socket| socket.local_addr());
    found.map_err(|error| StageError::Io { what: "a port for the carrier".to_owned(), error })
}

/// So many people: user and name.
fn people(count: usize) -> Vec<(String, String)> {
    let person = |n: usize| {
        let name = PEOPLE.get(n % PEOPLE.len()).copied().unwrap_or_default();
        let name = if n < PEOPLE.len() { name.to_owned() } else { format!("{name} {}", n / PEOPLE.len() + 1) };
        (FIRST_USER.saturating_add(u32::try_from(n).unwrap_or(0)).to_string(), name)
    };
    (0..count.clamp(1, MOST_PHONES)).map(person).collect()
}

/// Numbers by which people outside reach a phone, and its user.
fn direct(people: &[(String, String)]) -> impl Iterator<Item = (String, &str)> {
    (FIRST_DIRECT..).zip(people).map(|(number, (user, _))| (number.to_string(), user.as_str()))
}

fn dials(people: &[(String, String)]) -> Vec<String> {
    // Most people call for an agent.
    let queues = QUEUES.iter().map(|(_, number, _)| (*number).to_owned());
    let queues: Vec<String> = std::iter::repeat_n(queues, people.len()).flatten().collect();
    direct(people).map(|(number, _)| number).chain(SERVICES.map(String::from)).chain(queues).collect()
}

/// A spare phone, with its password if it was made now.
struct Spare {
    user: &'static str,
    password: Option<String>,
}

fn lines(server: SocketAddr, people: &[(String, String)], spare: &[Spare]) -> Vec<String> {
    let last = people.last().map_or("", |(user, _)| user);
    let mut lines = vec![
        format!("Tenant `{TENANT}`: {} simulated phones ({FIRST_USER} to {last}), one simulated carrier.", people.len()),
        format!("Join with a softphone: server {server}, UDP or TCP, digest."),
    ];
    lines.extend(spare.iter().map(|phone| match &phone.password {
        Some(password) => format!("  user {}   password {password}   (shown only now)", phone.user),
        None => format!("  user {}   password as shown at the first start; `tandem phone password` sets a new one", phone.user),
    }));
    lines.push(format!(
        "Call 600 for an echo, 601 for a tone, 602 for a prompt, a colleague ({FIRST_USER} to {}), or {OUTSIDE}... for outside.",
        last
    ));
    lines
}

struct Stage<'a> {
    commands: &'a dyn Commands,
    credentials: &'a CredentialStore,
    tenant: TenantId,
}

impl Stage<'_> {
    async fn tenant(&self) -> Result<(), StageError> {
        let mut settings = TenantSettings::named("Demo contact centre");
        settings.domains = vec![SmolStr::new_static(DOMAIN)];
        settings.ring_timeout_s = 25;
        settings.vdn = Some(VDN);
        self.put("the tenant", Command::CreateTenant(settings.clone()), Command::ChangeTenant(settings)).await
    }

    async fn phone(&self, user: &str, name: &str) -> Result<UserName, StageError> {
        let user = UserName::new(user)?;
        let phone = Phone {
            user: user.clone(),
            display_name: Some(SmolStr::new(name)),
            max_contacts: Phone::DEFAULT_MAX_CONTACTS,
            srtp: SrtpPolicy::Off,
        };
        self.put(&format!("phone {user}"), Command::AddPhone(phone.clone()), Command::ChangePhone(phone)).await?;
        Ok(user)
    }

    async fn phones(&self, people: &[(String, String)]) -> Result<Vec<SimPhone>, StageError> {
        let (mut phones, mut passwords) = (Vec::new(), Vec::new());
        for (user, name) in people {
            let password = CredentialStore::generate()?;
            passwords.push((self.phone(user, name).await?, password.clone()));
            phones.push(SimPhone { user: user.clone(), password, display_name: name.clone(), agent: false });
        }
        self.credentials.set_phones(&self.tenant, &passwords).await?;
        Ok(phones)
    }

    async fn spare_phones(&self) -> Result<Vec<Spare>, StageError> {
        let mut spare = Vec::new();
        for (user, name) in SPARE {
            let known = self.phone(user, name).await?;
            let mut password = None;
            if self.credentials.phone(&self.tenant, &known).is_none() {
                let made = CredentialStore::generate()?;
                self.credentials.set_phone(&self.tenant, &known, &made).await?;
                password = Some(made);
            }
            spare.push(Spare { user, password });
        }
        Ok(spare)
    }

    /// Queues with their numbers, causes, agents with their phones.
    async fn centre(&self) -> Result<(Vec<SimAgent>, Vec<SimPhone>), StageError> {
        for (id, number, name) in QUEUES {
            let id = QueueId::new(id)?;
            let mut queue = Queue { record: true, wrap_up_s: 6, ageing_s: 10, ..Queue::named(id, name) };
            queue.announcements.every_s = 15;
            queue.announcements.estimated_wait = true;
            self.put(&format!("queue {id}"), Command::AddQueue(queue.clone()), Command::ChangeQueue(queue)).await?;
            self.number(number, Destination::Queue(id)).await?;
        }
        for (kind, code, text, seconds) in CAUSES {
            let cause = AbsenceCause { kind, code, text: SmolStr::new_static(text), seconds };
            self.command("a cause", Command::SetAbsenceCause(cause)).await?;
        }
        let (mut agents, mut phones, mut passwords) = (Vec::new(), Vec::new(), Vec::new());
        for (place, name) in AGENTS.into_iter().enumerate() {
            let number = WorkNumber::new(WorkNumber::FIRST + u32::try_from(place).unwrap_or(0))?;
            let user = self.phone(&format!("a{number}"), name).await?;
            let password = CredentialStore::generate()?;
            passwords.push((user.clone(), password.clone()));
            phones.push(SimPhone { user: user.to_string(), password, display_name: name.to_owned(), agent: true });
            self.agent(number, name, AgentRole::Agent, &user, place).await?;
            agents.push(SimAgent { number, phone: user });
        }
        self.credentials.set_phones(&self.tenant, &passwords).await?;
        Ok((agents, phones))
    }

    async fn agent(&self, number: WorkNumber, name: &str, role: AgentRole, phone: &UserName, place: usize) -> Result<(), StageError> {
        let skill = |(nth, (id, ..)): (usize, &(u16, &str, &str))| -> Result<Skill, IdError> {
            // Everybody is better at one of them.
            Ok(Skill { queue: QueueId::new(*id)?, level: if place % QUEUES.len() == nth { 1 } else { 5 } })
        };
        let agent = Agent {
            number,
            name: SmolStr::new(name),
            role,
            account: None,
            phone: Some(phone.clone()),
            skills: QUEUES.iter().enumerate().map(skill).collect::<Result<_, _>>()?,
            group: None,
            chats: 0,
            may_pick_up: true,
        };
        self.put(&format!("agent {number}"), Command::AddAgent(agent.clone()), Command::ChangeAgent(agent)).await
    }

    /// A supervisor for whoever watches. Its password is told once.
    async fn your_agent(&self) -> Result<Vec<String>, StageError> {
        let number = WorkNumber::new(YOUR_AGENT)?;
        let [(phone, name), _] = SPARE;
        self.agent(number, name, AgentRole::Supervisor, &UserName::new(phone)?, 0).await?;
        let queues: Vec<String> = QUEUES.iter().map(|(id, dialled, name)| format!("{dialled} ({name}, queue {id})")).collect();
        let mut lines = vec![format!("Call {} and wait for one of the agents 101 to {}.", queues.join(" or "), 100 + AGENTS.len())];
        if self.credentials.has_agent(&self.tenant, number) {
            lines.push(format!(
                "Agent {number} (supervisor): password as shown at the first start; `tandem agent reset {number}` sets a new one."
            ));
        } else {
            let password = CredentialStore::generate_for_agent()?;
            self.credentials.set_agents(&self.tenant, vec![(number, password.clone())], false).await?;
            lines.push(format!("Sign in as agent {number} (supervisor, phone {phone}): password {password}   (shown only now)"));
        }
        Ok(lines)
    }

    async fn trunk(&self, carrier: SocketAddr) -> Result<(), StageError> {
        let trunk = Trunk {
            name: TrunkName::new(TRUNK)?,
            host: SmolStr::new(carrier.ip().to_string()),
            port: Some(carrier.port()),
            transport: Transport::Udp,
            auth: TrunkAuth::Address,
            sources: Vec::new(),
            priority: 0,
            prefixes: vec![SmolStr::new_static(OUTSIDE)],
            caller_number: None,
            max_calls: TRUNK_CALLS,
            options_interval_s: PING_S,
            srtp: SrtpPolicy::Off,
        };
        self.put("the trunk", Command::AddTrunk(trunk.clone()), Command::ChangeTrunk(trunk)).await
    }

    async fn numbers(&self, people: &[(String, String)]) -> Result<(), StageError> {
        let services = [Destination::Echo, Destination::Tone(Tone::Sine(1000)), Destination::Prompt(SmolStr::new_static(PROMPT))];
        for (number, destination) in SERVICES.into_iter().zip(services) {
            self.number(number, destination).await?;
        }
        for (number, user) in direct(people) {
            self.number(&number, Destination::Phone(UserName::new(user)?)).await?;
        }
        Ok(())
    }

    async fn number(&self, number: &str, destination: Destination) -> Result<(), StageError> {
        let number = AccessNumber { number: Number::new(number)?, destination };
        self.put(&format!("number {}", number.number), Command::AddNumber(number.clone()), Command::ChangeNumber(number)).await
    }

    /// Sets something up; if it is there, puts it right. Nothing is committed where nothing differs.
    async fn put(&self, what: &str, add: Command, change: Command) -> Result<(), StageError> {
        match self.command(what, add).await {
            Err(StageError::Refused { rejection: Rejection::AlreadyExists { .. }, .. }) => self.command(what, change).await,
            result => result,
        }
    }

    async fn command(&self, what: &str, command: Command) -> Result<(), StageError> {
        for _ in 0..TRIES {
            let (told, answer) = oneshot::channel();
            let reply = Box::new(move |result| drop(told.send(result)));
            if self.commands.request(&self.tenant, command.clone(), reply).is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            let answer = tokio::time::timeout(crate::limits::COMMAND_WAIT, answer).await;
            return match answer {
                Ok(Ok(Ok(_))) => Ok(()),
                Ok(Ok(Err(rejection))) => Err(StageError::Refused { what: what.to_owned(), rejection }),
                _ => Err(StageError::NoAnswer(what.to_owned())),
            };
        }
        Err(StageError::NoAnswer(what.to_owned()))
    }
}

// Everybody has a seat.
const _: () = assert!(MOST_PHONES <= limits::PHONES);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{InPlace, MemoryLog};

    fn server() -> SocketAddr {
        "0.0.0.0:5060".parse().unwrap()
    }

    async fn store(dir: &std::path::Path) -> CredentialStore {
        CredentialStore::open(&dir.join("credentials.sqlite"), "tandem").await.unwrap()
    }

    #[tokio::test]
    async fn a_demo_is_set_up_once_and_put_right_at_later_starts() {
        let dir = tempfile::tempdir().unwrap();
        let (log, store) = (MemoryLog::default(), store(dir.path()).await);
        let engine = InPlace::new(log.clone());
        let first = set(&engine, &store, &StageConfig::new(server(), dir.path())).await.unwrap();
        let events = log.envelopes().len();
        let again = set(&engine, &store, &StageConfig::new(server(), dir.path())).await.unwrap();
        // All that differs is the carrier's port.
        assert!(log.envelopes().len() <= events + 1, "{} then {}", events, log.envelopes().len());
        assert!(dir.path().join("demo/welcome.wav").exists());
        assert_eq!(first.crowd.server_udp.to_string(), "127.0.0.1:5060");
        assert_eq!(first.crowd.phones.len(), 12 + AGENTS.len());

        let user = UserName::new("1001").unwrap();
        let known = store.phone(&again.tenant, &user).unwrap();
        let password = &again.crowd.phones[0].password;
        assert!(known == crate::auth::credentials::PhoneCredential::new("1001", "tandem", password), "the newest password counts");
    }

    #[tokio::test]
    async fn passwords_of_spare_phones_are_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let (engine, store) = (InPlace::new(MemoryLog::default()), store(dir.path()).await);
        let mut told = Vec::new();
        for _ in 0..2 {
            let staged = set(&engine, &store, &StageConfig::new(server(), dir.path())).await.unwrap();
            told.push(staged.lines.iter().filter(|line| line.contains("(shown only now)")).count());
            let shown = format!("{staged:?}");
            assert!(staged.crowd.phones.iter().all(|phone| !shown.contains(&phone.password)), "no password in a log by accident");
        }
        // Two phones and an agent.
        assert_eq!(told, [3, 0]);
    }
}
