//! A day: two queues, eight agents on real phones whose programs have the manners of four kinds of clients, forty callers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use serde_json::{Value, json};
use tandem_tests::centre::{Centre, SALES, SUPPORT, queue};
use tandem_tests::netns::CARRIER;
use tandem_tests::or_skip;
use tandem_tests::sipp::Sipp;
use tandem_tests::wait::{self, millis, secs};
use tandem_tests::world::{CARRIER_PORT, TENANT};

/// Agents' programs, one after the other.
const MANNERS: [&str; 4] = ["documented", "java", "dotnet", "browser"];

#[test]
fn forty_callers_reach_eight_agents_and_every_event_comes_in_order() {
    let mut centre = or_skip!(Centre::open(&[queue(1, "support", json!({})), queue(2, "sales", json!({ "record": false }))]));
    // Five serve the queue that records, three the other.
    let agents: Vec<(u32, bool)> = (0..8_u32)
        .map(|place| {
            let records = place < 5;
            let manner = MANNERS[place as usize % MANNERS.len()];
            let queues: &[u16] = if records { &[1] } else { &[2] };
            (centre.seat(300.0 + 50.0 * f64::from(place), queues, "agent", manner, |phone| phone), records)
        })
        .collect();
    for (place, (agent, records)) in agents.iter().enumerate() {
        // Every second goes from a call to idle at once, every third answers automatically.
        let (work, answers) = (place % 2 == 0, place % 3 != 2);
        centre.sign_in_as(*agent, json!({ "autoanswer": !answers, "autoenteridle": !work }));
        let during = json!(["nothing", "hold", "mute", "data"]);
        let shift = json!({ "records": records, "work": work, "answers": answers, "talk": 0.6, "during": during, "seconds": 12 });
        centre.client.step(&json!({ "agent": agent.to_string(), "serve": shift }));
    }
    let server = centre.world.tandem.sip();
    let crowd = |port: u16, number: &str, calls: u32| {
        let from = std::net::SocketAddr::new(CARRIER, port);
        let callers = Sipp::new("carrier_calls_and_listens", from).to(server).service(number).calls(calls).at_once(40).rate(4);
        callers.timeout(secs(90)).start().unwrap()
    };
    let (support, sales) = (crowd(CARRIER_PORT, SUPPORT, 26), crowd(CARRIER_PORT + 10, SALES, 14));
    let taken = centre.client.step(&json!({ "join": 150 }));
    support.finish().unwrap().expect(26);
    sales.finish().unwrap().expect(14);
    let of = |wanted: bool| -> u64 { agents.iter().filter(|it| it.1 == wanted).filter_map(|it| taken[it.0.to_string()].as_u64()).sum() };
    assert_eq!((of(true), of(false)), (26, 14), "calls taken: {taken}");
    assert!(agents.iter().all(|it| taken[it.0.to_string()].as_u64() > Some(1)), "somebody had next to nothing to do: {taken}");

    let ended = centre.world.ended(40, secs(10));
    assert_eq!(ended.len(), 40);
    for (agent, _) in &agents {
        let status = centre.client.act(*agent, "agentstatus", json!({}));
        assert_eq!(status["agentState"], 4, "{agent} is idle again: {status}");
    }
    for id in [1, 2] {
        let board = centre.world.tandem.get(&format!("/tenants/{TENANT}/queues/{id}")).unwrap();
        let wanted = (json!(0), json!(if id == 1 { 5 } else { 3 }), json!(0));
        assert_eq!((board["waiting"].clone(), board["available"].clone(), board["in_calls"].clone()), wanted, "{board}");
    }
    wait::until_true("the history had every call", secs(20), || {
        centre.world.tenant().list("history").is_ok_and(|calls: Vec<Value>| calls.len() == 40)
    });
    for (agent, _) in &agents {
        centre.client.act(*agent, "logout", json!({}));
        centre.client.step(&json!({ "agent": agent.to_string(), "ended": "100-006" }));
    }
    wait::pass(millis(100));
    centre.world.tenant().check_order();
    centre.client.finish();
}
