//! Over HTTP with signatures, on days of a centre whose events are counted again here from their JSON: by other means than the
//! read models'.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tandem_core::{Envelope, TenantId, Timestamp};

use crate::auth::AccessKey;
use crate::auth::signature::{Signed, sign};
use crate::http::testing::{Node, node_with};
use crate::view::history::tests::centre::Centre;
use crate::view::history::{SLOT, slot};

const HOST: &str = "cc.example.test:28443";

struct Shop {
    node: Node,
    key: AccessKey,
    events: Vec<Value>,
}

impl Shop {
    /// A centre that ran until a moment ago.
    async fn after(seed: u64, steps: usize, ago: i64) -> Shop {
        // Refusals are asked for by the dozen here.
        let node = node_with(|config| config.signature.lock_failures = 1000).await;
        let tenant = TenantId::new("shop").unwrap();
        let key = node.state.parts.credentials.create_access_key(&tenant, super::now()).await.unwrap();
        // One step takes 4.5 s on average.
        let begin = super::now().as_micros() - ago - (steps as i64) * 4_550_000;
        let mut centre = Centre::new("shop", seed, Timestamp::from_micros(begin));
        centre.run(steps);
        let latest = super::now().as_micros();
        let events: Vec<&Envelope> = centre.events.iter().take_while(|envelope| envelope.time.as_micros() < latest).collect();
        events.iter().for_each(|envelope| node.engine.log.push(envelope));
        node.state.settle().await;
        let end = node.state.parts.log.end();
        while node.state.parts.views.history_position() < end {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let events = events.iter().map(|envelope| serde_json::to_value(envelope).unwrap()).collect();
        Shop { node, key, events }
    }

    async fn raw(&self, path: &str, body: &Value) -> (u16, Value) {
        let text = body.to_string();
        let headers = [("host", HOST), ("content-type", "application/json; charset=UTF-8")];
        let signed = Signed { method: "POST", path, query: None, headers: &headers, body: text.as_bytes() };
        let header = sign(&self.key, super::now(), &signed).unwrap();
        let headers = [headers[0], headers[1], ("authorization", header.as_str())];
        let (status, _, text) = self.node.raw("POST", path, &headers, Some(&text)).await;
        (status.as_u16(), serde_json::from_str(&text).unwrap())
    }

    /// The data of a success.
    async fn ask(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.raw(&format!("/rest/cmsapp/v1/{path}"), &body).await;
        assert_eq!((status, &answer["resultCode"], &answer["result"]), (200, &json!("0100000"), &json!("0")), "{path}: {answer}");
        assert_eq!(answer["resultDesc"], answer["resultDatas"]);
        answer["resultDesc"].clone()
    }

    /// The code of a failure.
    async fn refused(&self, path: &str, body: Value) -> String {
        let (status, answer) = self.raw(path, &body).await;
        assert_eq!(status, 200, "{path}: a good signature is never answered otherwise: {answer}");
        answer["resultCode"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(move |event| event["kind"] == kind)
    }
}

fn micros(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<Timestamp>().unwrap().as_micros()
}

fn value_of(rows: &Value, id: i64, index: &str) -> i64 {
    let row =
        rows.as_array().unwrap().iter().find(|row| row["id"].as_str() == Some(&id.to_string())).unwrap_or_else(|| panic!("{id} in {rows}"));
    let idx = row["idxs"].as_array().unwrap().iter().find(|idx| idx["id"] == index).unwrap_or_else(|| panic!("{index} in {row}"));
    idx["val"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_row_of_the_reference_is_routed_verified_and_answers_nonsense_with_a_documented_code() {
    let shop = Shop::after(1, 50, 0).await;
    assert_eq!(super::ROUTES.iter().map(|(path, _)| path).collect::<BTreeSet<_>>().len(), 39, "each row of the list once");
    let codes = ["0100001", "0100002", "0101003"];
    for (path, op) in super::ROUTES {
        let (status, _, body) = shop.node.raw("POST", path, &[], Some("{}")).await;
        assert_eq!(status, 401, "{path} unsigned: {body}");
        assert_eq!(shop.node.raw("GET", path, &[], None).await.0, 405, "{path}");
        for body in [json!({}), json!({ "vdn": "x" }), json!({ "vdn": {} }), json!({ "ccId": 0, "vdn": 7 }), json!({ "queryParam": 5 })] {
            let (status, answer) = shop.raw(path, &body).await;
            let code = answer["resultCode"].as_str().or(answer["returnCode"].as_str()).unwrap().to_owned();
            assert!(status == 200 && (codes.contains(&code.as_str()) || *op == super::Op::Ping), "{path} {body}: {answer}");
        }
        if *op != super::Op::AgentsByStatus {
            assert_eq!(shop.refused(path, json!({ "vdn": 8, "vdnIds": [8] })).await, "0101003", "{path}: another tenant's number");
        }
    }
}

/// Agents' modes and calls as the events leave them, kept in plain maps.
fn states(shop: &Shop) -> BTreeMap<i64, u8> {
    let mut modes: BTreeMap<i64, Option<Value>> = BTreeMap::new();
    let mut parts: BTreeMap<(i64, String), (u8, String)> = BTreeMap::new();
    for event in &shop.events {
        let (data, call) = (&event["data"], event["call"].as_str().unwrap_or_default().to_owned());
        match event["kind"].as_str().unwrap() {
            "agent.added" => drop(modes.insert(data["agent"]["number"].as_i64().unwrap(), None)),
            "agent.signed_in" => drop(modes.insert(event["agent"].as_i64().unwrap(), Some(data["session"]["mode"].clone()))),
            "agent.signed_out" => drop(modes.insert(event["agent"].as_i64().unwrap(), None)),
            "agent.mode" => drop(modes.insert(event["agent"].as_i64().unwrap(), Some(data["mode"].clone()))),
            "call.offered" => {
                let role = if data["role"] == "caller" { 2 } else { 3 };
                parts.insert((data["agent"].as_i64().unwrap(), call), (role, data["role"].to_string()));
            }
            kind @ ("call.agent_alerting" | "call.agent_joined") => {
                if let Some(part) = parts.get_mut(&(data["agent"].as_i64().unwrap(), call)) {
                    part.0 = if kind == "call.agent_joined" { 5 } else { 4 };
                }
            }
            "call.agent_left" => drop(parts.remove(&(data["agent"].as_i64().unwrap(), call))),
            "call.ended" => parts.retain(|(_, other), _| *other != call),
            _ => {}
        }
    }
    let state = |(agent, mode): (&i64, &Option<Value>)| {
        let in_call = parts.iter().filter(|((other, _), _)| other == agent).map(|(_, (state, _))| *state).max();
        let state = match (mode, in_call) {
            (None, _) => 0,
            (Some(_), Some(state)) => state,
            (Some(mode), None) if mode == "ready" => 1,
            (Some(mode), None) if mode.get("not_ready").is_some() => 7,
            (Some(mode), None) if mode.get("rest").is_some() => 8,
            (Some(mode), None) => {
                if mode["wrap_up"]["until"].is_null() {
                    6
                } else {
                    10
                }
            }
        };
        (*agent, state)
    };
    modes.iter().map(state).collect()
}

#[tokio::test]
async fn states_of_agents_are_those_that_the_events_say() {
    for seed in [2, 3, 4] {
        let shop = Shop::after(seed, 260, 0).await;
        let states = states(&shop);
        let rows = shop.ask("openapi/vdn/totalagentstate", json!({ "ccId": 1, "vdn": 7 })).await;
        let shown: BTreeMap<i64, u8> =
            rows.as_array().unwrap().iter().map(|row| (row["agentId"].as_i64().unwrap(), row["state"].as_u64().unwrap() as u8)).collect();
        assert_eq!(shown, states, "seed {seed}");

        let count = |wanted: &[u8]| states.values().filter(|state| wanted.contains(state)).count() as i64;
        let ids: Vec<String> = states.keys().map(ToString::to_string).collect();
        let body = json!({ "vdn": "7", "agentIds": format!("[{}]", ids.join(",")) });
        let team = shop.ask("openapi/agentgroup/teamagentstatusinfo", body.clone()).await;
        for (member, states) in [
            ("talking", &[5u8][..]),
            ("idle", &[1]),
            ("setBusy", &[7]),
            ("workSubstateBegin", &[6, 10]),
            ("rest", &[8]),
            ("occupy", &[3]),
            ("preoccupy", &[2]),
            ("answering", &[4]),
            ("loginEd", &[1, 2, 3, 4, 5, 6, 7, 8, 10]),
        ] {
            assert_eq!(team[member], count(states), "seed {seed}: {member}");
        }
        let infos = shop.ask("openapi/agentgroup/agentstatusinfobyagentids", body.clone()).await;
        for info in infos.as_array().unwrap() {
            assert_eq!(info["currentState"], states[&info["agentId"].as_i64().unwrap()], "{info}");
        }
        let (_, page) =
            shop.raw("/rest/cmsapp/v1/openapi/vdn/queryAgentByStatus", &json!({ "vdn": "7", "status": "7", "limit": 100 })).await;
        assert_eq!((page["returnCode"].as_str(), page["data"].as_array().unwrap().len() as i64), (Some("0"), count(&[7])));
        let (_, page) = shop.raw("/rest/cmsapp/v1/openapi/vdn/totalagentdynamicinfo", &json!({ "vdn": 7, "limit": 3, "offset": 6 })).await;
        assert_eq!((&page["count"], page["resultDesc"].as_array().unwrap().len()), (&json!(8), 2), "the third page of three");

        // Of queues: all agents serve both, so that a queue's indicators are the team's.
        let rows = shop.ask("openapi/skill/rindex", json!({ "vdn": 7, "skillIds": "[1,2]" })).await;
        let mut waiting: BTreeMap<String, i64> = BTreeMap::new();
        for event in &shop.events {
            let call = event["call"].as_str().unwrap_or_default().to_owned();
            match event["kind"].as_str().unwrap() {
                "call.queued" => drop(waiting.insert(call, event["data"]["queue"].as_i64().unwrap())),
                "call.dequeued" | "call.ended" => drop(waiting.remove(&call)),
                _ => {}
            }
        }
        for queue in [1, 2] {
            let queueing = waiting.values().filter(|other| **other == queue).count() as i64;
            assert_eq!(value_of(&rows, queue, "IDX_COUNT_REAL_SKILL_QUEUE"), queueing, "seed {seed}");
            for (index, states) in [
                ("SIGN_IN", &[1u8, 2, 3, 4, 5, 6, 7, 8, 10][..]),
                ("CONNECT", &[5]),
                ("SET_IDLE", &[1]),
                ("USABLE", &[1]),
                ("SET_BUSY", &[7]),
                ("ACW", &[6, 10]),
                ("REST", &[8]),
                ("STUDY", &[9]),
            ] {
                assert_eq!(value_of(&rows, queue, &format!("IDX_COUNT_REAL_AGENT_{index}")), count(states), "seed {seed}: {index}");
            }
        }
        let rows = shop.ask("openapi/rindex/vdn", json!({ "vdnIds": [7], "indexIds": ["IDX_COUNT_REAL_SKILL_QUEUE"] })).await;
        assert_eq!(value_of(&rows, 7, "IDX_COUNT_REAL_SKILL_QUEUE"), waiting.len() as i64);
    }
}

/// A queue's requests as the events tell them: when each came, how it left, after how long.
fn requests(shop: &Shop, queue: i64) -> Vec<(i64, String, i64, bool)> {
    let mut list = Vec::new();
    for (n, event) in shop.events.iter().enumerate().filter(|(_, event)| event["kind"] == "call.queued" && event["data"]["queue"] == queue)
    {
        let later = || shop.events.iter().skip(n + 1).filter(|other| other["call"] == event["call"]);
        let left = later().find(|other| other["kind"] == "call.dequeued");
        let leaving = left.map_or_else(String::new, |left| match &left["data"]["leaving"] {
            Value::String(word) => word.clone(),
            other if other.get("answered").is_some() => "answered".to_owned(),
            other if other["overflowed"]["to"].get("release").is_some() => "released".to_owned(),
            other => format!("overflowed {}", other["overflowed"]["rule"].as_str().unwrap()),
        });
        let waited = left.map_or(0, |left| left["data"]["waited_ms"].as_i64().unwrap());
        let until = left.map_or(i64::MAX, |left| left["seq"].as_i64().unwrap());
        let rang = later().any(|other| other["kind"] == "call.offered" && other["seq"].as_i64().unwrap() < until);
        list.push((micros(&event["time"]), leaving, waited, rang));
    }
    list
}

#[tokio::test]
async fn indicators_of_queues_are_those_counted_again_from_the_log() {
    let shop = Shop::after(5, 1500, 0).await;
    let (first, last) = (micros(&shop.events[0]["time"]), super::now().as_micros());
    let day = |at: i64| Timestamp::from_micros(at).to_string()[..10].to_owned();
    for queue in [1, 2] {
        let all = requests(&shop, queue);
        let count = |wanted: &str| all.iter().filter(|(_, leaving, ..)| leaving == wanted).count() as i64;
        let ends = |reasons: &[&str]| {
            let lost = shop.of_kind("call.agent_left").filter(|left| reasons.contains(&left["data"]["end"].as_str().unwrap_or_default()));
            let offered = |left: &&Value| {
                let before = shop.events.iter().take_while(|other| other["seq"] != left["seq"]);
                let offer = before.filter(|other| {
                    other["kind"] == "call.offered" && other["call"] == left["call"] && other["data"]["agent"] == left["data"]["agent"]
                });
                offer.last().is_some_and(|offer| offer["data"]["queue"] == queue)
            };
            lost.filter(offered).count() as i64
        };
        let expected = [
            ("REQUEST", all.len() as i64),
            ("INCOMING_CALL", all.len() as i64),
            ("CONNECTED", count("answered")),
            ("ABANDON", all.len() as i64 - count("answered")),
            ("USER_ABANDON", count("abandoned")),
            ("AGENT_ABANDON", ends(&["rejected"])),
            ("SYSTEM_LOST", ends(&["no_answer", "phone_failed"])),
            ("QUEUE_DISCONNECTED", count("released")),
            ("TIMEOUT_QUEUE", count("overflowed late")),
            ("OVER_QUEUE", count("overflowed full")),
            ("TIMEOUT_AGENT", 0),
            ("OVER_AGENT", 0),
            ("LOST_RING", all.iter().filter(|(_, leaving, _, rang)| *rang && leaving != "answered" && !leaving.is_empty()).count() as i64),
            ("CONNECTED_IN_10", all.iter().filter(|(_, leaving, waited, _)| leaving == "answered" && *waited <= 10_000).count() as i64),
            ("CONNECTED_IN_60", all.iter().filter(|(_, leaving, waited, _)| leaving == "answered" && *waited <= 60_000).count() as i64),
            ("ABANDON_IN_30", all.iter().filter(|(_, leaving, waited, _)| leaving == "abandoned" && *waited <= 30_000).count() as i64),
        ];
        assert!(count("answered") > 20 && count("abandoned") > 5 && ends(&["rejected"]) > 2, "a day with something in it: {expected:?}");
        let names: Vec<String> = expected.iter().map(|(name, _)| format!("IDX_COUNT_SKILL_{name}")).collect();
        let body = json!({ "vdn": 7, "skillIds": [queue], "indexIds": names, "beginDayTime": day(first), "endDayTime": day(last) });
        let rows = shop.ask("openapi/hisindex/skillforday", body).await;
        for (name, expected) in expected {
            assert_eq!(value_of(&rows, queue, &format!("IDX_COUNT_SKILL_{name}")), expected, "queue {queue}: {name}");
        }

        // The five minutes before the present ones.
        let rows = shop.ask("openapi/skill/servicequality", json!({ "vdn": 7, "skillIds": [queue] })).await;
        let row = &rows[0];
        let start = row["statStartTime"].as_i64().unwrap() * 1000;
        let end = slot(super::now().as_micros());
        if start + SLOT != end {
            continue; // The clock went past a boundary meanwhile.
        }
        let of_slot = |keep: &dyn Fn(&str, i64) -> bool| {
            all.iter().filter(|(at, leaving, waited, _)| (start..end).contains(at) && keep(leaving, *waited)).count() as i64
        };
        assert_eq!(row["inCallNum"], of_slot(&|_, _| true));
        assert_eq!(row["connectedNum"], of_slot(&|leaving, _| leaving == "answered"));
        assert_eq!(row["callLostNum"], of_slot(&|leaving, _| leaving != "answered"));
        assert_eq!(row["in15sCallNum"], of_slot(&|leaving, waited| leaving == "answered" && waited <= 15_000));
        assert_eq!(row["in20sCallNum"], of_slot(&|leaving, waited| leaving == "answered" && waited <= 20_000));
        assert_eq!(row["wait15sLostNum"], of_slot(&|leaving, waited| leaving == "abandoned" && waited < 15_000));
        assert_eq!(row["wait20sLostNum"], of_slot(&|leaving, waited| leaving == "abandoned" && waited < 20_000));
    }
}

#[tokio::test]
async fn indicators_of_agents_and_of_the_tenant_are_those_counted_again_from_the_log() {
    let shop = Shop::after(6, 1500, 0).await;
    let (first, last) = (micros(&shop.events[0]["time"]), super::now().as_micros());
    let day = |at: i64| Timestamp::from_micros(at).to_string()[..10].to_owned();
    let mut seen = 0;
    for agent in 101..=108 {
        let by = |kind: &str, keep: &dyn Fn(&Value) -> bool| {
            let own = |event: &&Value| event["agent"] == agent || event["data"]["agent"] == agent;
            shop.of_kind(kind).filter(own).filter(|event| keep(event)).count() as i64
        };
        let inbound: BTreeSet<&str> = shop
            .of_kind("call.arrived")
            .filter(|e| e["data"]["from"].get("trunk").is_some())
            .map(|e| e["call"].as_str().unwrap())
            .collect();
        let is_in = |event: &Value| inbound.contains(event["call"].as_str().unwrap());
        let handled = |event: &Value| event["data"]["role"] == "handler" && is_in(event);
        let out: BTreeSet<&str> = shop
            .of_kind("call.originated")
            .filter(|event| event["data"]["agent"] == agent)
            .map(|event| event["call"].as_str().unwrap())
            .collect();
        let mode = |name: &'static str| move |event: &Value| event["data"]["mode"].get(name).is_some();
        let requests = by("call.offered", &handled);
        let connected = by("call.agent_joined", &is_in);
        let still = shop.events.iter().filter(|event| event["kind"] == "call.offered" && event["data"]["agent"] == agent && handled(event));
        let open = still.filter(|offer| {
            let later = shop.events.iter().filter(|other| other["seq"].as_i64() > offer["seq"].as_i64() && other["call"] == offer["call"]);
            !later.into_iter().any(|other| {
                matches!(other["kind"].as_str().unwrap(), "call.agent_joined" | "call.agent_left") && other["data"]["agent"] == agent
            })
        });
        let expected = [
            ("SIGN_IN", by("agent.signed_in", &|_| true)),
            ("REQUEST", requests),
            ("CONNECTED", connected),
            ("ABANDON", requests - connected - open.count() as i64),
            (
                "CALL_OUT",
                shop.of_kind("leg.answered")
                    .filter(|event| {
                        let customer = |leg: &&Value| leg["data"]["leg"] == event["data"]["leg"] && leg["data"]["purpose"] == "call";
                        out.contains(event["call"].as_str().unwrap()) && shop.of_kind("leg.dialled").any(|leg| customer(&leg))
                    })
                    .count() as i64,
            ),
            ("COLLATION", by("agent.mode", &mode("wrap_up"))),
            (
                "COLLATION_CALL_IN",
                by("agent.mode", &|event| mode("wrap_up")(event) && inbound.contains(event["data"]["call"].as_str().unwrap_or(""))),
            ),
            (
                "COLLATION_CALL_OUT",
                by("agent.mode", &|event| mode("wrap_up")(event) && out.contains(event["data"]["call"].as_str().unwrap_or(""))),
            ),
            ("REST", by("agent.mode", &mode("rest"))),
            ("SET_BUSY", by("agent.mode", &mode("not_ready"))),
            ("HOLD", by("call.agent_held", &|_| true)),
            ("MOVE_INSIDE", by("call.handover_ended", &|event| event["data"].get("failed").is_none())),
            ("MOVE_OUT", 0),
            ("MOVE_IVR", 0),
            ("3WC", by("call.conferenced", &|_| true)),
            ("INSIDE_CALL", 0),
            ("INSIDE_HELP_SEEKING", by("call.consulting", &|_| true)),
        ];
        seen += expected.iter().filter(|(_, count)| *count > 0).count();
        let names: Vec<String> = expected.iter().map(|(name, _)| format!("IDX_COUNT_AGENT_{name}")).collect();
        let body = json!({ "vdn": "7", "agentIds": [agent], "indexIds": names, "beginDayTime": day(first), "endDayTime": day(last) });
        let rows = shop.ask("openapi/hisindex/agentforday", body).await;
        for (name, expected) in expected {
            assert_eq!(value_of(&rows, agent, &format!("IDX_COUNT_AGENT_{name}")), expected, "agent {agent}: {name}");
        }
    }
    assert!(seen > 50, "a day with something in it: {seen}");

    // The tenant: what began today and is settled.
    let rows = shop.ask("openapi/hisindex/vdn", json!({ "vdnIds": [7], "indexIds": [
        "IDX_COUNT_INBOUND_CALL", "IDX_COUNT_INBOUND_CONNECTED", "IDX_COUNT_OUTBOUND_CALL", "IDX_COUNT_CONNECTED_CALL", "IDX_COUNT_ABANDONED_CALL"] })).await;
    let now = super::now().as_micros();
    let range = now.div_euclid(86_400_000_000) * 86_400_000_000..slot(now);
    let began = |event: &&Value| range.contains(&micros(&event["time"]));
    let joined: BTreeSet<&str> = shop.of_kind("call.agent_joined").map(|event| event["call"].as_str().unwrap()).collect();
    let inbound: Vec<&str> = shop
        .of_kind("call.arrived")
        .filter(began)
        .filter(|event| event["data"]["from"].get("trunk").is_some())
        .map(|event| event["call"].as_str().unwrap())
        .collect();
    let outbound: Vec<&str> = shop.of_kind("call.originated").filter(began).map(|event| event["call"].as_str().unwrap()).collect();
    let inbound_up = inbound.iter().filter(|call| joined.contains(**call)).count() as i64;
    let answered = |call: &str| {
        let legs: Vec<&Value> = shop
            .of_kind("leg.dialled")
            .filter(|e| e["call"] == call && e["data"]["purpose"] == "call")
            .map(|e| &e["data"]["leg"])
            .collect();
        shop.of_kind("leg.answered").any(|e| legs.contains(&&e["data"]["leg"]))
    };
    let outbound_up = outbound.iter().filter(|call| answered(call)).count() as i64;
    assert_eq!(value_of(&rows, 7, "IDX_COUNT_INBOUND_CALL"), inbound.len() as i64);
    assert_eq!(value_of(&rows, 7, "IDX_COUNT_INBOUND_CONNECTED"), inbound_up);
    assert_eq!(value_of(&rows, 7, "IDX_COUNT_OUTBOUND_CALL"), outbound.len() as i64);
    assert_eq!(value_of(&rows, 7, "IDX_COUNT_CONNECTED_CALL"), inbound_up + outbound_up);
    assert_eq!(value_of(&rows, 7, "IDX_COUNT_ABANDONED_CALL"), (inbound.len() + outbound.len()) as i64 - inbound_up - outbound_up);
    assert_eq!(
        shop.refused("/rest/cmsapp/v1/openapi/hisindex/vdn", json!({ "vdnIds": [7], "indexIds": ["IDX_COUNT_TOTAL_CALL"] })).await,
        "0100002",
        "by minute only"
    );
    let body = json!({ "vdn": 7, "skillIds": [1], "timeGrain": "15MIN", "indexIds": ["IDX_COUNT_SKILL_ABANDON_IN_5"] });
    assert_eq!(shop.refused("/rest/cmsapp/v1/openapi/hisindex/skill", body).await, "0100002", "not by minute");
}

#[tokio::test]
async fn calls_are_found_as_the_log_has_them_in_progress_and_after() {
    let shop = Shop::after(7, 400, 0).await;
    let day = 86_400_000;
    let now = super::now().as_micros() / 1000;
    let (begin, end) = (now.div_euclid(day) * day - day, now.div_euclid(day) * day + day - 1);
    let recent = |event: &&Value| micros(&event["time"]) >= begin * 1000;
    let arrived = shop.of_kind("call.arrived").filter(|e| e["data"]["from"].get("trunk").is_some()).filter(recent).count() as i64;
    let body = json!({ "ccId": 1, "vdn": 7, "beginDate": begin.to_string(), "endDate": end.to_string(), "limit": 100 });
    let page = shop.ask("openapi/vdn/querycalls", body.clone()).await;
    assert_eq!(page["count"], arrived);
    let connected: BTreeSet<String> =
        shop.of_kind("call.agent_joined").map(|event| super::callid::of_text(event["call"].as_str().unwrap())).collect();
    for row in page["data"].as_array().unwrap() {
        assert_eq!((&row["calleeNo"], &row["callType"]), (&json!("600"), &json!(0)));
        assert_eq!(row["callBegin"].is_i64(), connected.contains(row["callId"].as_str().unwrap()), "{row}");
        assert!(row["waitBegin"].is_i64(), "{row}");
    }
    let mut outbound = body.clone();
    outbound["isCallIn"] = "false".into();
    let (_, page) = shop.raw("/rest/cmsapp/v2/openapi/vdn/querycalls", &outbound).await;
    assert_eq!(page["resultDesc"]["count"], shop.of_kind("call.originated").filter(recent).count());
    assert!(page["resultDesc"]["data"].as_array().unwrap().iter().all(|row| row["callType"] == 8));
    assert_eq!(shop.refused("/rest/cmsapp/v2/openapi/vdn/querycalls", body.clone()).await, "0100002", "isCallIn is mandatory");
    let missed = shop.ask("callin/queryMissedCalls", body).await;
    let over = |call: &Value| shop.of_kind("call.ended").any(|event| event["call"] == *call);
    let joined = |call: &Value| shop.of_kind("call.agent_joined").any(|event| event["call"] == *call);
    let lost = shop.of_kind("call.arrived").filter(|e| e["data"]["from"].get("trunk").is_some()).filter(recent);
    assert_eq!(missed["count"], lost.filter(|event| over(&event["call"]) && !joined(&event["call"])).count());
    let old = json!({ "vdn": 7, "beginDate": begin - 1, "endDate": end });
    assert_eq!(shop.refused("/rest/cmsapp/v1/openapi/vdn/querycalls", old).await, "0100002", "kept for a day");

    let live = shop.of_kind("call.arrived").find(|event| !over(&event["call"])).expect("a call in progress");
    let id = super::callid::of_text(live["call"].as_str().unwrap());
    let call = shop.ask("openapi/calldata/querybasiccallinfo", json!({ "ccId": 1, "vdn": 7, "callId": id })).await;
    assert_eq!((&call["callingNum"], &call["calledNum"]), (&live["data"]["caller"], &json!("600")));
    assert_eq!(call["time"], micros(&live["time"]) / 1000);
    let detail = shop.ask("openapi/calldata/querydetailcallinfo", json!({ "vdn": 7, "callId": id })).await;
    assert_eq!(detail["callDataLen"], detail["callData"].as_str().unwrap().len());
    assert_eq!(shop.refused("/rest/cmsapp/v1/openapi/calldata/querybasiccallinfo", json!({ "vdn": 7, "callId": "1-1" })).await, "0100001");

    let written = |at: i64| super::calls::written(at);
    let quarter = 900_000_000;
    let end = (super::now().as_micros() / quarter + 1) * quarter;
    let body = json!({ "currentAgentId": "101", "beginTime": written(end - 86_400_000_000), "endTime": written(end) });
    let rows = shop.ask("openapi/agent/agentoprinfo", body.clone()).await;
    let of = |kind: i64| rows.as_array().unwrap().iter().filter(|row| row["op_type"] == kind).count();
    assert_eq!(of(1), shop.of_kind("agent.signed_in").filter(|event| event["agent"] == 101).count());
    assert_eq!(of(4), shop.of_kind("call.agent_joined").filter(|event| event["data"]["agent"] == 101).count());
    let rests = shop.of_kind("agent.mode").filter(|event| event["agent"] == 101 && event["data"]["mode"].get("rest").is_some()).count();
    assert_eq!(of(26), rests);
    let crooked = json!({ "currentAgentId": 101, "beginTime": written(end - quarter - 1_000_000), "endTime": written(end) });
    assert_eq!(shop.refused("/rest/cmsapp/v1/openapi/agent/agentoprinfo", crooked).await, "0100002", "quarters of an hour only");
}
