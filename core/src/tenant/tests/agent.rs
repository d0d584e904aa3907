use super::centre::*;
use super::*;
use crate::agent::{AgentWish, Mode};

#[test]
fn an_agent_signs_in_once_unless_by_force() {
    let mut stage = Stage::centre();
    stage.signs_in(&[101]);
    assert_eq!(stage.tenant.signed_in(), 1);
    assert_eq!(stage.refused(101, AgentWish::SignIn(sign_in("1001"))), "agent 101 is already signed in");
    assert_eq!(stage.refused(102, AgentWish::SignIn(sign_in("1001"))), "phone 1001 is used by agent 101");
    assert!(stage.refused(102, AgentWish::SignIn(sign_in("1009"))).contains("`1009` is not a phone"));
    stage.wishes(101, AgentWish::SignIn(crate::agent::SignIn { force: true, ..sign_in("1001") }));
    assert_eq!(stage.events(), ["agent.signed_out 101", "agent.signed_in 101"]);
    assert_eq!(stage.mode(101), Mode::Ready);
}
