//! Bodies of requests and answers: the core's types in the API's words.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tandem_core::config::{TrunkAuth, TrunkState};
use tandem_core::event::TenantSettings;
use tandem_core::recording::RecordingFormat;
use tandem_core::{AccessNumber, Destination, Number, Phone, SrtpPolicy, TenantId, Timestamp, Transport, Trunk, TrunkName, UserName};
use utoipa::{IntoParams, ToSchema};

use crate::http::Problem;
use crate::limits;

/// A tenant.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantBody {
    /// Its id: 1 to 32 characters of a-z, 0-9 and `-`.
    #[schema(value_type = String, example = "demo")]
    pub tenant: TenantId,
    /// Name for people; the id if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// SIP domains of its phones, in lower case.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Most calls at once.
    #[serde(default = "TenantBody::default_max_calls")]
    pub max_calls: u32,
    /// Seconds a called phone or trunk may ring.
    #[serde(default = "TenantBody::default_ring_timeout_s")]
    pub ring_timeout_s: u32,
    /// What agents and the published interfaces need.
    #[serde(default)]
    pub centre: CentreBody,
}

/// A tenant's settings.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantSettingsBody {
    /// Name for people.
    pub name: String,
    /// SIP domains of its phones, in lower case.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Most calls at once.
    #[serde(default = "TenantBody::default_max_calls")]
    pub max_calls: u32,
    /// Seconds a called phone or trunk may ring.
    #[serde(default = "TenantBody::default_ring_timeout_s")]
    pub ring_timeout_s: u32,
    /// What agents and the published interfaces need.
    #[serde(default)]
    pub centre: CentreBody,
}

/// A tenant's settings as a contact centre.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CentreBody {
    /// Most agents signed in at once.
    pub max_agents: u32,
    /// Its number (VDN) in the published interfaces, 1 to 5000, unique on the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vdn: Option<u16>,
    /// As what calls are recorded: `wav` or `opus`.
    #[schema(value_type = String)]
    pub recording_format: RecordingFormat,
    /// An agent that does not answer becomes busy.
    pub busy_after_no_answer: bool,
    /// A rest that has run over ends by force.
    pub force_rest_end: bool,
}

impl Default for CentreBody {
    fn default() -> Self {
        CentreBody::of(&TenantSettings::named(""))
    }
}

impl CentreBody {
    fn of(settings: &TenantSettings) -> Self {
        CentreBody {
            max_agents: settings.max_agents,
            vdn: settings.vdn,
            recording_format: settings.recording_format,
            busy_after_no_answer: settings.busy_after_no_answer,
            force_rest_end: settings.force_rest_end,
        }
    }
}

impl TenantBody {
    fn default_max_calls() -> u32 {
        10_000
    }
    fn default_ring_timeout_s() -> u32 {
        60
    }

    /// As the API shows it.
    pub fn of(tenant: &TenantId, settings: &TenantSettings) -> Self {
        TenantBody {
            tenant: tenant.clone(),
            name: Some(settings.name.to_string()),
            domains: settings.domains.iter().map(ToString::to_string).collect(),
            max_calls: settings.max_calls,
            ring_timeout_s: settings.ring_timeout_s,
            centre: CentreBody::of(settings),
        }
    }
}

impl TenantSettingsBody {
    /// As the core wants it.
    pub fn settings(&self) -> TenantSettings {
        TenantSettings {
            name: SmolStr::new(&self.name),
            domains: self.domains.iter().map(SmolStr::new).collect(),
            max_calls: self.max_calls,
            ring_timeout_s: self.ring_timeout_s,
            max_agents: self.centre.max_agents,
            vdn: self.centre.vdn,
            recording_format: self.centre.recording_format,
            busy_after_no_answer: self.centre.busy_after_no_answer,
            force_rest_end: self.centre.force_rest_end,
        }
    }
}

/// A phone to set up.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPhone {
    /// User part of its address and its digest user name.
    #[schema(value_type = String, example = "1001")]
    pub user: UserName,
    /// Name shown to the called party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Most contacts at once, 1 to 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_contacts: Option<u8>,
    /// Whether its media is encrypted: `off`, `preferred` or `required`.
    #[serde(default, skip_serializing_if = "SrtpPolicy::is_off")]
    #[schema(value_type = String)]
    pub srtp: SrtpPolicy,
    /// Password, 8 to 128 bytes; generated if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl NewPhone {
    /// As the core wants it, checked.
    pub fn phone(&self) -> Result<Phone, Problem> {
        check_display_name(self.display_name.as_deref())?;
        if let Some(password) = &self.password {
            check_password(password)?;
        }
        Ok(Phone {
            user: self.user.clone(),
            display_name: self.display_name.as_deref().filter(|name| !name.is_empty()).map(SmolStr::new),
            max_contacts: self.max_contacts.unwrap_or(Phone::DEFAULT_MAX_CONTACTS),
            srtp: self.srtp,
        })
    }
}

/// A phone's settings.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneSettingsBody {
    /// Name shown to the called party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Most contacts at once, 1 to 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_contacts: Option<u8>,
    /// Whether its media is encrypted: `off`, `preferred` or `required`.
    #[serde(default, skip_serializing_if = "SrtpPolicy::is_off")]
    #[schema(value_type = String)]
    pub srtp: SrtpPolicy,
}

/// A phone as the API shows it: never with its password.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PhoneBody {
    /// User part of its address and its digest user name.
    pub user: String,
    /// Name shown to the called party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Most contacts at once.
    pub max_contacts: u8,
    /// Whether its media is encrypted: `off`, `preferred` or `required`.
    #[schema(value_type = String)]
    pub srtp: SrtpPolicy,
    /// Contacts now.
    pub registrations: usize,
    /// Whether it has a password; without one it can't register.
    pub has_password: bool,
}

/// A password, shown once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct PasswordBody {
    /// Digest user name.
    pub user: String,
    /// Digest realm.
    pub realm: String,
    /// The password. It is not stored in plain and never shown again.
    pub password: String,
}

/// A wish for a certain password.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// Password, 8 to 128 bytes; generated if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Refuses a password that can't be used. The password is not part of the answer.
pub fn check_password(password: &str) -> Result<(), Problem> {
    let length = password.len();
    if (limits::PASSWORD_MIN_BYTES..=limits::PASSWORD_BYTES).contains(&length) && !password.chars().any(char::is_control) {
        return Ok(());
    }
    let rule = format!("expected {} to {} bytes without control characters", limits::PASSWORD_MIN_BYTES, limits::PASSWORD_BYTES);
    Err(Problem::invalid("password", format!("({length} bytes)"), rule))
}

/// Refuses a display name that can't be used.
pub fn check_display_name(name: Option<&str>) -> Result<(), Problem> {
    match name {
        Some(name) if name.len() > limits::DISPLAY_NAME_BYTES || name.chars().any(char::is_control) => {
            let shown: String = name.chars().take(40).filter(|c| !c.is_control()).collect();
            let rule = format!("expected at most {} bytes without control characters", limits::DISPLAY_NAME_BYTES);
            Err(Problem::invalid("display_name", shown, rule))
        }
        _ => Ok(()),
    }
}

/// How we register at a carrier.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrunkRegister {
    /// Digest user name at the carrier.
    pub user: String,
    /// Seconds between registrations that we ask for.
    #[serde(default = "TrunkRegister::default_expires_s")]
    pub expires_s: u32,
}

impl TrunkRegister {
    fn default_expires_s() -> u32 {
        300
    }
}

/// A trunk's settings.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrunkBody {
    /// Its name.
    #[schema(value_type = String, example = "carrier")]
    pub name: TrunkName,
    /// Host name or address of the carrier.
    pub host: String,
    /// Port; absent means by DNS (RFC 3263), else 5060.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `udp`, `tcp` or `tls`.
    #[serde(default = "TrunkBody::default_transport")]
    #[schema(value_type = String)]
    pub transport: Transport,
    /// Set if we register at the carrier; absent if both know each other's addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<TrunkRegister>,
    /// Password at the carrier; write-only, kept when absent.
    #[serde(default, skip_serializing)]
    pub password: Option<String>,
    /// Further addresses that its calls may come from.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub sources: Vec<IpAddr>,
    /// Lower is tried first.
    #[serde(default)]
    pub priority: u16,
    /// Called numbers it takes, by prefix; empty takes all.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// Caller number shown to the carrier instead of the phone's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub caller_number: Option<Number>,
    /// Most calls at once, both ways.
    #[serde(default = "TrunkBody::default_max_calls")]
    pub max_calls: u32,
    /// Seconds between OPTIONS pings; 0 sends none.
    #[serde(default = "TrunkBody::default_options_interval_s")]
    pub options_interval_s: u32,
    /// Whether its media is encrypted: `off`, `preferred` or `required`.
    #[serde(default)]
    #[schema(value_type = String)]
    pub srtp: SrtpPolicy,
}

impl TrunkBody {
    fn default_transport() -> Transport {
        Transport::Udp
    }
    fn default_max_calls() -> u32 {
        1000
    }
    fn default_options_interval_s() -> u32 {
        30
    }

    /// As the core wants it, checked.
    pub fn trunk(&self) -> Result<Trunk, Problem> {
        let host = self.host.trim();
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
        if host.is_empty() || host.len() > 253 || !host.bytes().all(fits) {
            return Err(Problem::invalid("host", host.chars().take(60).collect::<String>(), "expected a host name or an IP address"));
        }
        if let Some(password) = &self.password
            && (password.is_empty() || password.len() > limits::PASSWORD_BYTES)
        {
            let rule = format!("expected 1 to {} bytes", limits::PASSWORD_BYTES);
            return Err(Problem::invalid("password", format!("({} bytes)", password.len()), rule));
        }
        let auth = match &self.register {
            None => TrunkAuth::Address,
            Some(register) => TrunkAuth::Register { user: SmolStr::new(&register.user), expires_s: register.expires_s },
        };
        Ok(Trunk {
            name: self.name.clone(),
            host: SmolStr::new(host),
            port: self.port,
            transport: self.transport,
            auth,
            sources: self.sources.clone(),
            priority: self.priority,
            prefixes: self.prefixes.iter().map(SmolStr::new).collect(),
            caller_number: self.caller_number.clone(),
            max_calls: self.max_calls,
            options_interval_s: self.options_interval_s,
            srtp: self.srtp,
        })
    }

    /// As the API shows it.
    pub fn of(trunk: &Trunk) -> Self {
        TrunkBody {
            name: trunk.name.clone(),
            host: trunk.host.to_string(),
            port: trunk.port,
            transport: trunk.transport,
            register: match &trunk.auth {
                TrunkAuth::Address => None,
                TrunkAuth::Register { user, expires_s } => Some(TrunkRegister { user: user.to_string(), expires_s: *expires_s }),
            },
            password: None,
            sources: trunk.sources.clone(),
            priority: trunk.priority,
            prefixes: trunk.prefixes.iter().map(ToString::to_string).collect(),
            caller_number: trunk.caller_number.clone(),
            max_calls: trunk.max_calls,
            options_interval_s: trunk.options_interval_s,
            srtp: trunk.srtp,
        }
    }
}

/// A trunk with its condition.
#[derive(Clone, Serialize, ToSchema)]
pub struct TrunkStatus {
    /// Its settings.
    pub trunk: TrunkBody,
    /// `unknown`, `up` or `down`.
    #[schema(value_type = String)]
    pub state: TrunkState,
    /// What was seen last.
    pub reason: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Whether a password for the carrier is stored.
    pub has_password: bool,
}

/// An access number.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberBody {
    /// The number as it is dialled.
    #[schema(value_type = String, example = "600")]
    pub number: Number,
    /// Where it leads: `{"phone":"1001"}`, `{"queue":1}`, `{"agent":101}`, `{"voicemail":1}`, `"echo"`, `{"tone":{"sine":440}}`, `{"prompt":"welcome"}`.
    #[schema(value_type = Object)]
    pub destination: Destination,
}

/// Where an access number leads.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DestinationBody {
    /// `{"phone":"1001"}`, `{"queue":1}`, `{"agent":101}`, `{"voicemail":1}`, `"echo"`, `{"tone":{"sine":440}}`, `{"prompt":"welcome"}`.
    #[schema(value_type = Object)]
    pub destination: Destination,
}

impl From<NumberBody> for AccessNumber {
    fn from(body: NumberBody) -> Self {
        AccessNumber { number: body.number, destination: body.destination }
    }
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// In the order of their names.
    pub items: Vec<T>,
    /// `after` of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which part of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Begin after this name (`next` of the last page).
    pub after: Option<String>,
    /// Most items, 100 if absent.
    pub limit: Option<u32>,
}
