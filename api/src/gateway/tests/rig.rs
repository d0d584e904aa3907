//! A node with a tenant, agents and a queue, and a client that sees every byte.

use std::sync::Arc;

use serde_json::{Value, json};
use tandem_core::agent::{Agent, AgentRole, Skill};
use tandem_core::config::{AccessNumber, Destination};
use tandem_core::event::TenantSettings;
use tandem_core::{Command, Number, Phone, Queue, QueueId, TenantId, UserName, WorkNumber};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::Config;
use crate::gateway::{Gateway, Listeners, listen};
use crate::http::testing::{self, Node};

pub(super) const PASSWORD: &str = "Secret#1";

/// Base of all paths.
pub(super) const BASE: &str = "/agentgateway/resource";

pub(super) struct Rig {
    /// Held while the gateway works.
    _node: Node,
    pub(super) gateway: Arc<Gateway>,
    pub(super) listeners: Listeners,
}

/// An answer, byte for byte.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn code(&self) -> String {
        let value: Value = serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}\n{}", self.head, self.body));
        value["retcode"].as_str().unwrap().to_owned()
    }

    pub(super) fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The guid of the `Set-GUID` header, spelled as clients compare it.
    pub(super) fn guid(&self) -> String {
        let line = self.head.lines().find(|line| line.starts_with("Set-GUID: JSESSIONID=")).unwrap_or_else(|| panic!("{}", self.head));
        line["Set-GUID: JSESSIONID=".len()..].to_owned()
    }
}

fn agent(number: u32, role: AgentRole, queue: QueueId) -> Agent {
    Agent {
        number: WorkNumber::new(number).unwrap(),
        name: format!("Agent {number}").into(),
        role,
        account: Some(format!("account{number}").into()),
        phone: None,
        skills: vec![Skill { queue, level: 1 }],
        group: None,
        chats: 0,
        may_pick_up: true,
    }
}

impl Rig {
    pub(super) async fn new() -> Rig {
        Rig::with(|_| ()).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Config)) -> Rig {
        let node = testing::node_with(|config| {
            config.gateway.https = true;
            config.gateway.listen = "127.0.0.1:0".parse().unwrap();
            config.gateway.http_listen = Some("127.0.0.1:0".parse().unwrap());
            change(config);
        })
        .await;
        for (tenant, vdn) in [("shop", 7), ("bank", 8)] {
            set_up(&node, tenant, vdn).await;
        }
        node.state.settle().await;
        let gateway = Arc::new(Gateway::new(node.state.clone()).unwrap());
        let listeners = listen::start(gateway.clone()).await.unwrap();
        Rig { _node: node, gateway, listeners }
    }

    /// One request on a connection of its own.
    pub(super) async fn raw(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.listeners.http.unwrap()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        Answer { head: head.to_owned(), body: body.to_owned() }
    }

    pub(super) async fn call(&self, method: &str, path: &str, guid: Option<&str>, body: &str) -> Answer {
        let guid = guid.map_or_else(String::new, |guid| format!("guid: {guid}\r\n"));
        let length = body.len();
        self.raw(&format!(
            "{method} {BASE}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{guid}Content-Type: application/json;charset=UTF-8\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    pub(super) async fn sign_in(&self, agent: u32, more: Value) -> Answer {
        let mut body =
            json!({"password": PASSWORD, "phonenum": format!("7{agent}"), "autoanswer": "false", "status": "4", "ip": "127.0.0.1"});
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        self.call("PUT", &format!("/onlineagent/{agent}"), None, &body.to_string()).await
    }

    /// The next event's type, or the code of an answer without one.
    pub(super) async fn event(&self, agent: u32, guid: &str) -> String {
        let answer = self.call("GET", &format!("/agentevent/{agent}"), Some(guid), "").await;
        let value = answer.value();
        value["event"]["eventType"].as_str().map_or_else(|| answer.code(), str::to_owned)
    }
}

async fn set_up(node: &Node, tenant: &str, vdn: u16) {
    let id = TenantId::new(tenant).unwrap();
    let queue = QueueId::new(12).unwrap();
    let command = |command| node.engine.handle(&id, command).unwrap();
    command(Command::CreateTenant(TenantSettings {
        vdn: Some(vdn),
        domains: vec![format!("{tenant}.example").into()],
        ..TenantSettings::named(tenant)
    }));
    command(Command::AddQueue(Queue::named(queue, "support")));
    let destination = Destination::Queue(queue);
    command(Command::AddNumber(AccessNumber { number: Number::new("60015").unwrap(), destination }));
    let agents: &[(u32, AgentRole)] = match tenant {
        "shop" => &[(4977, AgentRole::Agent), (4978, AgentRole::Agent), (4001, AgentRole::Supervisor)],
        _ => &[(4977, AgentRole::Agent), (5001, AgentRole::Agent)],
    };
    let mut passwords = Vec::new();
    for (number, role) in agents {
        let user = UserName::new(format!("7{number}")).unwrap();
        command(Command::AddPhone(Phone { user, display_name: None, max_contacts: 5, ..phone_defaults() }));
        command(Command::AddAgent(agent(*number, *role, queue)));
        // The same number in the other tenant has another password.
        let password = if tenant == "shop" { PASSWORD.to_owned() } else { format!("{PASSWORD}-{tenant}") };
        passwords.push((WorkNumber::new(*number).unwrap(), password));
    }
    node.state.parts.credentials.set_agents(&id, passwords, true).await.unwrap();
    node.state.parts.credentials.set_interconnection(&id, "interconnect").await.unwrap();
}

fn phone_defaults() -> Phone {
    serde_json::from_value(json!({"user": "x"})).unwrap()
}
