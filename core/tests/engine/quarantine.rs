//! A tenant that panics (here: decides what can't be written down) costs one command, not the node.

use tandem_core::config::{TrunkAuth, TrunkState};
use tandem_core::engine::Condition;
use tandem_core::{Command, Transport, Trunk, TrunkName};

use crate::rig::*;

fn trunk() -> Trunk {
    Trunk {
        name: TrunkName::new("carrier").unwrap(),
        host: "192.0.2.9".into(),
        port: None,
        transport: Transport::Udp,
        auth: TrunkAuth::Address,
        sources: Vec::new(),
        priority: 0,
        prefixes: Vec::new(),
        caller_number: None,
        max_calls: 10,
        options_interval_s: 0,
        srtp: Default::default(),
    }
}

/// An event longer than a record of the log can be.
fn poison(state: TrunkState) -> Command {
    Command::TrunkSeen { name: TrunkName::new("carrier").unwrap(), state, reason: "x".repeat(2 << 20).into() }
}

#[test]
fn the_tenant_comes_back_as_its_events_say_and_takes_what_has_waited() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), shards(1));
    for name in ["a", "b"] {
        rig.create(name);
    }
    rig.must("a", Command::AddTrunk(trunk()));
    for number in 0..3 {
        assert!(rig.ask("a", poison(TrunkState::Down)).unwrap().is_err());
        rig.must("b", phone(&format!("p{number}")));
        rig.must("a", phone(&format!("p{number}")));
    }
    until("it is back", || rig.engine.health().condition == Condition::Good);
    rig.engine.shutdown();
    assert_eq!(events(home.path()).len(), 9, "the poisoned commands left nothing");
    let lived: tandem_core::tenant::Tenant = tandem_core::log::snapshot::Snapshots::of(home.path()).read(&tenant("a")).unwrap().state;
    assert_eq!(replay(home.path())[&tenant("a")], lived);
}

#[test]
fn a_tenant_that_panics_again_and_again_stays_away_and_the_others_go_on() {
    let home = tempfile::tempdir().unwrap();
    let rig = start(home.path(), shards(1));
    for name in ["a", "b"] {
        rig.create(name);
    }
    rig.must("a", Command::AddTrunk(trunk()));
    for _ in 0..6 {
        assert!(rig.ask("a", poison(TrunkState::Down)).unwrap().is_err());
    }
    assert!(rig.ask("a", phone("101")).unwrap().is_err());
    rig.must("b", phone("101"));
    let health = rig.engine.health();
    assert_eq!((health.condition, health.quarantined), (Condition::Degraded, 1));
    rig.engine.shutdown();
    let again = start(home.path(), shards(1));
    again.must("a", phone("101"));
}
