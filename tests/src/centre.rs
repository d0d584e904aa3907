//! A contact centre to test: the usual world, two queues with access numbers, agents with softphones and their programs, callers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::baresip::{self, Baresip};
use crate::caller::Caller;
use crate::client::Client;
use crate::tandem::Setup;
use crate::tone::Audio;
use crate::world::{TENANT, World};
use crate::{Missing, wait};

/// The number that leads to the queue `support` (1).
pub const SUPPORT: &str = "60015";
/// The number that leads to the queue `sales` (2).
pub const SALES: &str = "60016";
/// Plain HTTP of the gateway.
const HTTP: &str = "127.0.0.1:8000";
/// HTTPS of the gateway.
const HTTPS: &str = "127.0.0.1:8043";

/// An agent at its position.
#[derive(Debug)]
pub struct Seat {
    /// Its work number.
    pub number: u32,
    /// Its softphone.
    pub phone: Baresip,
    /// The tone that it speaks.
    pub tone: f64,
    /// Its password for signing in.
    pub password: String,
}

/// All of it.
#[derive(Debug)]
pub struct Centre {
    /// The agents' programs.
    pub client: Client,
    /// The agents, by their order in [`Centre::seats`]' making.
    pub seats: Vec<Seat>,
    /// The rest.
    pub world: World,
    callers: u16,
}

impl Centre {
    /// A centre whose agents use plain HTTP.
    pub fn open(queues: &[Value]) -> Result<Self, Missing> {
        Self::with(queues, &format!("http://{HTTP}"))
    }

    /// A centre whose agents use HTTPS.
    pub fn open_secure(queues: &[Value]) -> Result<Self, Missing> {
        Self::with(queues, &format!("https://{HTTPS}"))
    }

    fn with(queues: &[Value], base: &str) -> Result<Self, Missing> {
        let world = World::with(Setup::default().with("GATEWAY__HTTP_LISTEN", HTTP).with("GATEWAY__LISTEN", HTTPS))?;
        world.carrier();
        let client = Client::start(base)?;
        let centre = Centre { client, seats: Vec::new(), world, callers: 0 };
        for queue in queues {
            centre.world.tandem.post(&format!("/tenants/{TENANT}/queues"), queue).unwrap();
        }
        for (number, queue) in [(SUPPORT, 1), (SALES, 2)] {
            if queues.iter().any(|body| body["id"] == queue) {
                centre.world.tenant().add_number(number, &json!({ "queue": queue })).unwrap();
            }
        }
        Ok(centre)
    }

    /// An agent with a softphone that answers by itself, for these queues.
    #[track_caller]
    pub fn agent(&mut self, tone: f64, queues: &[u16]) -> u32 {
        self.seat(tone, queues, "agent", "documented", |phone| phone)
    }

    /// A supervisor.
    #[track_caller]
    pub fn supervisor(&mut self, tone: f64) -> u32 {
        self.seat(tone, &[], "supervisor", "documented", |phone| phone)
    }

    /// An agent of any kind, whose program has these manners (`documented`, `java`, `dotnet`, `browser`).
    ///
    /// # Panics
    /// If it can't be set up.
    #[track_caller]
    pub fn seat(
        &mut self,
        tone: f64,
        queues: &[u16],
        role: &str,
        manner: &str,
        change: impl FnOnce(baresip::Setup) -> baresip::Setup,
    ) -> u32 {
        let number = 101 + self.seats.len() as u32;
        let skills: Vec<Value> = queues.iter().map(|queue| json!({ "queue": queue, "level": 1 })).collect();
        let body = json!({ "number": number, "name": format!("Agent {number}"), "role": role, "skills": skills });
        let made = self.world.tandem.post(&format!("/tenants/{TENANT}/agents"), &body).unwrap();
        let text = |key: &str| made[key].as_str().unwrap_or_else(|| panic!("no {key} in {made}")).to_owned();
        let (password, user, phone_password) = (text("password"), text("phone"), text("phone_password"));
        let setup = baresip::Setup::new(&user, self.seats.len() as u16, tone).registered(self.world.tandem.sip(), &phone_password);
        let phone = change(setup).start().unwrap();
        self.client.step(&json!({ "open": number.to_string(), "password": password, "phone": user, "manner": manner }));
        self.seats.push(Seat { number, phone, tone, password });
        number
    }

    /// The seat of an agent.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn of(&mut self, agent: u32) -> &mut Seat {
        self.seats.iter_mut().find(|seat| seat.number == agent).expect("an agent of this centre")
    }

    /// Signs an agent in, idle; it answers calls itself and goes to wrap-up after them.
    #[track_caller]
    pub fn sign_in(&mut self, agent: u32) {
        self.sign_in_as(agent, json!({}));
    }

    /// Signs an agent in with settings of its own.
    #[track_caller]
    pub fn sign_in_as(&mut self, agent: u32, settings: Value) {
        let mut fields = json!({ "autoanswer": false, "autoenteridle": false, "releasephone": true });
        if let (Some(fields), Value::Object(settings)) = (fields.as_object_mut(), settings) {
            fields.extend(settings);
        }
        self.client.act(agent, "sign_in", fields);
        self.client.act(agent, "resetskill", json!({ "autoflag": true }));
        self.client.expect(agent, json!(["@SIGNED_IN"]));
    }

    /// Somebody calls; speaks this tone once connected.
    #[track_caller]
    pub fn caller(&mut self, tone: f64, called: &str) -> Caller {
        let index = self.callers;
        self.callers += 1;
        let mut caller = Caller::call(index, &format!("+1555{:07}", 100 + index), tone, self.world.tandem.sip(), called).unwrap();
        caller.connected();
        caller
    }

    /// The ear of an agent's phone in the call that it takes up now. Ask after the phone has been called.
    ///
    /// # Panics
    /// If the phone is not called.
    #[track_caller]
    pub fn ear(&mut self, agent: u32) -> SocketAddr {
        let phone = &self.of(agent).phone;
        let call = phone.established();
        phone.audio_address(&call).unwrap()
    }

    /// What arrived at an ear since `since`.
    pub fn heard(&self, ear: SocketAddr, since: Instant) -> Audio {
        self.world.capture.heard(ear, since)
    }

    /// Lets everybody talk for a while; gives when that began. What changed just before has settled by then.
    pub fn talk(&self) -> Instant {
        wait::pass(Duration::from_millis(400));
        let begin = Instant::now();
        wait::pass(Duration::from_millis(1600));
        begin
    }
}

/// A queue that records, whose calls ring 10 s at an agent; further settings replace these.
pub fn queue(id: u16, name: &str, more: Value) -> Value {
    let mut queue = json!({ "id": id, "name": name, "record": true, "wrap_up_s": 600, "answer_s": 10, "announcements": { "every_s": 0 } });
    if let (Some(queue), Value::Object(more)) = (queue.as_object_mut(), more) {
        queue.extend(more);
    }
    queue
}
