//! Events: facts in the past tense. The only thing that changes state, the only thing that is stored.
//!
//! One [`Envelope`] per fact, written once as JSON; the same bytes go to disk, to Kafka and to the event stream:
//!
//! ```json
//! {"tenant":"demo","seq":7,"time":"2026-11-22T17:42:00.123456Z","kind":"leg.ringing","version":1,
//!  "call":"03G8…","data":{"leg":"03G8…","status":180,"early_media":false}}
//! ```
//!
//! A schema only grows: fields are added with a default, a kind is never taken away, and `version` rises when the
//! meaning of a field changes.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use crate::call::{DialogRecord, Endpoint, MediaRecord, MediaStats};
use crate::cause::{Cause, Party};
use crate::config::{AccessNumber, Destination, Phone, Trunk, TrunkState};
use crate::id::{CallId, LegId, Number, TenantId, TrunkName, UserName};
use crate::registration::{Binding, BindingEnd};
use crate::time::Timestamp;

/// One fact with its place in its tenant's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Whose history.
    pub tenant: TenantId,
    /// Place in the tenant's history: 1, 2, 3, … without gaps.
    pub seq: u64,
    /// When it was decided.
    pub time: Timestamp,
    /// The fact.
    pub event: Event,
}

/// A fact about a call, or about the tenant itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A fact about one call.
    Call(CallId, CallEvent),
    /// A fact about configuration, registrations or trunks.
    Config(ConfigEvent),
}

/// Why bytes are not an event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, or a field is missing or of the wrong type.
    #[error("not an event: {0}")]
    Json(#[from] serde_json::Error),
    /// A kind that this version doesn't know: written by a newer one.
    #[error("unknown kind of event `{0}`: written by a newer version?")]
    UnknownKind(String),
    /// A call's fact without a call.
    #[error("event of kind `{0}` without `call`")]
    NoCall(String),
}

macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($kind:literal v $version:literal => $variant:ident($body:ident),)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {
            $(#[doc = concat!("`", $kind, "`, see [`", stringify!($body), "`].")] $variant($body),)*
        }

        impl $name {
            /// Every kind with its version and the JSON Schema of its `data`.
            pub fn schemas() -> Vec<(&'static str, u32, schemars::Schema)> {
                vec![$(($kind, $version, schemars::schema_for!($body)),)*]
            }

            /// The kind's stable name.
            pub fn kind(&self) -> &'static str {
                match self { $($name::$variant(_) => $kind,)* }
            }

            /// The version of the kind's schema.
            pub fn version(&self) -> u32 {
                match self { $($name::$variant(_) => $version,)* }
            }

            fn knows(kind: &str) -> bool {
                matches!(kind, $($kind)|*)
            }

            fn decode(kind: &str, data: &str) -> Result<Self, DecodeError> {
                match kind {
                    $($kind => Ok($name::$variant(serde_json::from_str::<$body>(data)?)),)*
                    other => Err(DecodeError::UnknownKind(other.to_owned())),
                }
            }

            fn serialize_data<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                match self { $($name::$variant(body) => map.serialize_entry("data", body),)* }
            }
        }

        $(impl From<$body> for $name {
            fn from(body: $body) -> Self { $name::$variant(body) }
        })*
    };
}

kinds! {
    /// Facts about a call.
    CallEvent {
        "call.arrived" v 1 => Arrived(CallArrived),
        "call.originated" v 1 => Originated(CallOriginated),
        "call.routed" v 1 => Routed(CallRouted),
        "leg.dialled" v 1 => Dialled(LegDialled),
        "leg.ringing" v 1 => Ringing(LegRinging),
        "leg.answered" v 1 => Answered(LegAnswered),
        "leg.media" v 1 => Media(LegMedia),
        "leg.held" v 1 => Held(LegHeld),
        "leg.resumed" v 1 => Resumed(LegResumed),
        "leg.digit" v 1 => Digit(LegDigit),
        "leg.moved" v 1 => Moved(LegMoved),
        "legs.bridged" v 1 => Bridged(LegsBridged),
        "legs.parted" v 1 => Parted(LegsParted),
        "transfer.requested" v 1 => TransferRequested(TransferRequested),
        "transfer.completed" v 1 => TransferCompleted(TransferCompleted),
        "transfer.failed" v 1 => TransferFailed(TransferFailed),
        "leg.releasing" v 1 => Releasing(LegReleasing),
        "leg.ended" v 1 => LegEnded(LegEnded),
        "call.ended" v 1 => Ended(CallEnded),
    }
}

kinds! {
    /// Facts about a tenant's configuration, registrations and trunks.
    ConfigEvent {
        "tenant.created" v 1 => TenantCreated(TenantCreated),
        "tenant.changed" v 1 => TenantChanged(TenantChanged),
        "tenant.removed" v 1 => TenantRemoved(TenantRemoved),
        "phone.added" v 1 => PhoneAdded(PhoneAdded),
        "phone.changed" v 1 => PhoneChanged(PhoneChanged),
        "phone.removed" v 1 => PhoneRemoved(PhoneRemoved),
        "trunk.added" v 1 => TrunkAdded(TrunkAdded),
        "trunk.changed" v 1 => TrunkChanged(TrunkChanged),
        "trunk.removed" v 1 => TrunkRemoved(TrunkRemoved),
        "trunk.state" v 1 => TrunkStateChanged(TrunkStateChanged),
        "number.added" v 1 => NumberAdded(NumberAdded),
        "number.changed" v 1 => NumberChanged(NumberChanged),
        "number.removed" v 1 => NumberRemoved(NumberRemoved),
        "registration.added" v 1 => RegistrationAdded(RegistrationAdded),
        "registration.refreshed" v 1 => RegistrationRefreshed(RegistrationRefreshed),
        "registration.removed" v 1 => RegistrationRemoved(RegistrationRemoved),
    }
}

macro_rules! body {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
            pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
        )*
    };
}

body! {
    /// Somebody calls: the call begins with this leg.
    CallArrived {
        /// The caller's leg.
        leg: LegId,
        /// Where it came from.
        from: Endpoint,
        /// Caller number as shown, `anonymous` if withheld.
        #[schemars(with = "String")]
        caller: SmolStr,
        /// Caller's display name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        caller_name: Option<SmolStr>,
        /// What was dialled.
        #[schemars(with = "String")]
        called: SmolStr,
        /// The caller's dialog.
        dialog: DialogRecord,
    }
    /// A person or program asked us to call `from` first and then `called`.
    CallOriginated {
        /// Whose phone rings first.
        from: Endpoint,
        /// Who is called then.
        #[schemars(with = "String")]
        called: SmolStr,
    }
    /// It was decided where the call goes.
    CallRouted {
        /// What was dialled.
        #[schemars(with = "String")]
        called: SmolStr,
        /// Where it leads.
        route: Route,
    }
    /// An INVITE goes out.
    LegDialled {
        /// The new leg.
        leg: LegId,
        /// Whom we call.
        to: Endpoint,
        /// The URI we call.
        target: String,
        /// Why we call.
        purpose: Purpose,
        /// The leg on whose behalf, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_behalf_of: Option<LegId>,
        /// Number that is called.
        #[schemars(with = "String")]
        called: SmolStr,
        /// When we give up.
        gives_up: Timestamp,
    }
    /// A called leg rings, or a caller was told so.
    LegRinging {
        /// The leg.
        leg: LegId,
        /// SIP status: 180 to 189.
        status: u16,
        /// The far end already sends audio.
        early_media: bool,
    }
    /// A leg is up.
    LegAnswered {
        /// The leg.
        leg: LegId,
        /// Its dialog, if we called (a caller's is in `call.arrived`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dialog: Option<DialogRecord>,
        /// Its media, if we called (a caller's follows in `leg.media`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media: Option<MediaRecord>,
    }
    /// A leg's media was negotiated, the first time or anew.
    LegMedia {
        /// The leg.
        leg: LegId,
        /// Its dialog now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dialog: Option<DialogRecord>,
        /// Its media now.
        media: MediaRecord,
    }
    /// A leg was put on hold.
    LegHeld {
        /// The leg that pressed hold, or that is held by an operator: it neither speaks nor hears.
        leg: LegId,
        /// Who did it.
        by: Holder,
    }
    /// A hold ended.
    LegResumed {
        /// The leg.
        leg: LegId,
        /// Who did it.
        by: Holder,
    }
    /// Somebody pressed a key.
    LegDigit {
        /// The leg it came from.
        leg: LegId,
        /// 0-9, `*`, `#`, A-D.
        digit: char,
        /// How long, in milliseconds.
        duration_ms: u32,
    }
    /// A leg left another call and joined this one.
    LegMoved {
        /// The leg.
        leg: LegId,
        /// The call it left.
        from: CallId,
    }
    /// These legs hear each other from now on.
    LegsBridged {
        /// Two or more.
        legs: Vec<LegId>,
    }
    /// The bridge is gone.
    LegsParted {
        /// Those who were in it.
        legs: Vec<LegId>,
    }
    /// A party wants to hand its peer to somebody else.
    TransferRequested {
        /// The party that hands over.
        leg: LegId,
        /// To whom, as it was dialled.
        #[schemars(with = "String")]
        target: SmolStr,
        /// Its other leg, for an attended transfer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with: Option<LegId>,
        /// Who asked: the phone itself (REFER, it waits for an answer) or an operator.
        by: Party,
    }
    /// The transfer is done.
    TransferCompleted {
        /// The party that handed over.
        leg: LegId,
    }
    /// The transfer failed; the parties talk again.
    TransferFailed {
        /// The party that wanted to hand over.
        leg: LegId,
        /// Why.
        cause: Cause,
    }
    /// We end this leg (CANCEL, BYE or a refusal goes out).
    LegReleasing {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: Cause,
    }
    /// A leg is over.
    LegEnded {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: Cause,
        /// What its media was like.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stats: Option<MediaStats>,
    }
    /// The call is over; its last leg has ended.
    CallEnded {
        /// Why.
        cause: Cause,
        /// Whether anybody or anything ever answered.
        answered: bool,
    }

    /// A tenant begins.
    TenantCreated {
        /// Its settings.
        settings: TenantSettings,
    }
    /// A tenant's settings changed.
    TenantChanged {
        /// The settings now.
        settings: TenantSettings,
    }
    /// A tenant is gone; its history stays.
    TenantRemoved {}
    /// A phone was set up.
    PhoneAdded {
        /// The phone.
        phone: Phone,
    }
    /// A phone's settings changed.
    PhoneChanged {
        /// The phone now.
        phone: Phone,
    }
    /// A phone was removed.
    PhoneRemoved {
        /// Its user name.
        user: UserName,
    }
    /// A trunk was set up.
    TrunkAdded {
        /// The trunk.
        trunk: Trunk,
    }
    /// A trunk's settings changed.
    TrunkChanged {
        /// The trunk now.
        trunk: Trunk,
    }
    /// A trunk was removed.
    TrunkRemoved {
        /// Its name.
        name: TrunkName,
    }
    /// A trunk came up or went down.
    TrunkStateChanged {
        /// The trunk.
        name: TrunkName,
        /// Its state now.
        state: TrunkState,
        /// What was seen.
        #[schemars(with = "String")]
        reason: SmolStr,
    }
    /// An access number was set up.
    NumberAdded {
        /// The number and where it leads.
        number: AccessNumber,
    }
    /// An access number leads elsewhere.
    NumberChanged {
        /// The number and where it leads now.
        number: AccessNumber,
    }
    /// An access number was removed.
    NumberRemoved {
        /// The number.
        number: Number,
    }
    /// A phone can be reached at a new contact.
    RegistrationAdded {
        /// The phone.
        user: UserName,
        /// Where.
        binding: Binding,
    }
    /// A contact was refreshed, or came by another path.
    RegistrationRefreshed {
        /// The phone.
        user: UserName,
        /// The binding now.
        binding: Binding,
    }
    /// A contact is gone.
    RegistrationRemoved {
        /// The phone.
        user: UserName,
        /// The contact URI.
        contact: String,
        /// Why.
        end: BindingEnd,
    }
}

/// A tenant's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantSettings {
    /// Name for people.
    #[schemars(with = "String")]
    pub name: SmolStr,
    /// SIP domains in lower case: the host part of its phones' addresses.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub domains: Vec<SmolStr>,
    /// Most calls at once.
    pub max_calls: u32,
    /// Seconds a called phone or trunk may ring.
    pub ring_timeout_s: u32,
}

impl TenantSettings {
    /// Settings with usual values: 10,000 calls, 60 s ringing, no domain.
    pub fn named(name: impl AsRef<str>) -> Self {
        TenantSettings { name: SmolStr::new(name.as_ref()), domains: Vec::new(), max_calls: 10_000, ring_timeout_s: 60 }
    }
}

/// Where a call leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// To a colleague's phone.
    Phone(UserName),
    /// By an access number.
    Number(Destination),
    /// To the telephone network: the trunks in the order in which they are tried.
    Trunks(Vec<TrunkName>),
    /// Takes the place of an existing leg (INVITE with Replaces, RFC 3891).
    Replaces(LegId),
}

/// Why a leg was dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The called party of a call.
    Call,
    /// The first party of a call that we originate.
    Originate,
    /// The target of a blind transfer.
    Transfer,
    /// A further party.
    Party,
}

/// Who holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// The phone itself (re-INVITE, RFC 3264 §8.4).
    Phone,
    /// A person or program through the API.
    Operator,
}

impl Event {
    /// The kind's stable name, `leg.answered` for example.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Call(_, event) => event.kind(),
            Event::Config(event) => event.kind(),
        }
    }

    /// The version of the kind's schema.
    pub fn version(&self) -> u32 {
        match self {
            Event::Call(_, event) => event.version(),
            Event::Config(event) => event.version(),
        }
    }

    /// The call it is about.
    pub fn call(&self) -> Option<CallId> {
        match self {
            Event::Call(call, _) => Some(*call),
            Event::Config(_) => None,
        }
    }
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("tenant", &self.tenant)?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("time", &self.time)?;
        map.serialize_entry("kind", self.event.kind())?;
        map.serialize_entry("version", &self.event.version())?;
        match &self.event {
            Event::Call(call, event) => {
                map.serialize_entry("call", call)?;
                event.serialize_data(&mut map)?;
            }
            Event::Config(event) => event.serialize_data(&mut map)?,
        }
        map.end()
    }
}

impl Envelope {
    /// Appends the JSON form, without a line end.
    pub fn encode(&self, out: &mut Vec<u8>) {
        // Writing to a Vec can't fail, and no map key here is anything but a string.
        let _ = serde_json::to_writer(out, self);
    }

    /// Reads the JSON form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Raw<'a> {
            tenant: TenantId,
            seq: u64,
            time: Timestamp,
            #[serde(borrow)]
            kind: Cow<'a, str>,
            call: Option<CallId>,
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let raw: Raw<'_> = serde_json::from_slice(bytes)?;
        let event = if CallEvent::knows(&raw.kind) {
            let call = raw.call.ok_or_else(|| DecodeError::NoCall(raw.kind.to_string()))?;
            Event::Call(call, CallEvent::decode(&raw.kind, raw.data.get())?)
        } else if ConfigEvent::knows(&raw.kind) {
            Event::Config(ConfigEvent::decode(&raw.kind, raw.data.get())?)
        } else {
            return Err(DecodeError::UnknownKind(raw.kind.into_owned()));
        };
        Ok(Envelope { tenant: raw.tenant, seq: raw.seq, time: raw.time, event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_its_json() {
        let envelope = Envelope {
            tenant: TenantId::new("demo").unwrap(),
            seq: 7,
            time: Timestamp::from_micros(1_795_369_320_000_000),
            event: Event::Call(
                CallId(12),
                LegEnded {
                    leg: LegId(13),
                    cause: Cause::normal(Party::Remote),
                    stats: Some(MediaStats { jitter_ms: 0.5, ..Default::default() }),
                }
                .into(),
            ),
        };
        let mut bytes = Vec::new();
        envelope.encode(&mut bytes);
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(
            text.starts_with(r#"{"tenant":"demo","seq":7,"time":"2026-11-22T17:42:00.000000Z","kind":"leg.ended","version":1,"call":"#),
            "{text}"
        );
        assert_eq!(Envelope::decode(&bytes).unwrap(), envelope);
    }

    #[test]
    fn an_unknown_kind_is_named() {
        let error = Envelope::decode(br#"{"tenant":"t","seq":1,"time":"2026-11-22T17:42:00Z","kind":"tea.served","version":1,"data":{}}"#);
        assert!(error.unwrap_err().to_string().contains("tea.served"));
    }
}
