use bytes::Bytes;
use rand::SeedableRng;

use super::*;
use crate::sip::wire;

const CONTACT: &str = "sip:line@192.0.2.1:5060";

fn response(status: u16, headers: &str) -> Message {
    let text = format!(
        "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n{headers}Content-Length: 0\r\n\r\n"
    );
    wire::parse(Bytes::from(text)).unwrap()
}

struct Bench {
    machine: TrunkMachine,
    now: Timestamp,
    random: StdRng,
}

impl Bench {
    fn new(config: TrunkConfig) -> Bench {
        let (now, mut random) = (Timestamp::from_micros(0), StdRng::seed_from_u64(7));
        Bench { machine: TrunkMachine::new(now, config, &mut random), now, random }
    }

    fn registering() -> Bench {
        Bench::new(TrunkConfig { register: Some(Duration::from_secs(600)), options: None, ..TrunkConfig::default() })
    }

    /// Waits for the next timer and takes what it brings.
    fn next(&mut self) -> (Duration, Vec<TrunkOutput>) {
        let at = self.machine.poll_timeout().unwrap();
        let waited = at.since(self.now);
        self.now = at;
        self.machine.handle_timeout(at);
        (waited, self.take())
    }

    fn take(&mut self) -> Vec<TrunkOutput> {
        std::iter::from_fn(|| self.machine.poll_output()).collect()
    }

    fn answer(&mut self, status: u16, headers: &str) -> Vec<TrunkOutput> {
        let response = response(status, headers);
        self.machine.registered(self.now, status, Some(&response), CONTACT, &mut self.random);
        self.take()
    }
}

fn state(outputs: &[TrunkOutput]) -> Option<TrunkState> {
    outputs.iter().find_map(|output| match output {
        TrunkOutput::State { state, .. } => Some(*state),
        _ => None,
    })
}

#[test]
fn a_registration_is_refreshed_at_nine_tenths_of_what_was_granted() {
    let mut bench = Bench::registering();
    assert!(matches!(bench.next().1.as_slice(), [TrunkOutput::Register { expires: 600, .. }]));
    let told = bench.answer(200, &format!("Contact: <sip:other@x>;expires=3600, <{CONTACT};ob>;expires=300\r\n"));
    assert_eq!(state(&told), Some(TrunkState::Up));
    let (waited, outputs) = bench.next();
    assert_eq!(waited, Duration::from_secs(270));
    assert!(matches!(outputs.as_slice(), [TrunkOutput::Register { expires: 600, .. }]));
}

#[test]
fn a_refused_registration_is_tried_again_ever_more_slowly() {
    let mut bench = Bench::registering();
    bench.next();
    assert_eq!(state(&bench.answer(403, "")), Some(TrunkState::Down));
    let mut last = Duration::ZERO;
    for wait in [5, 10, 20, 40] {
        let (waited, _) = bench.next();
        assert!(waited >= Duration::from_secs(wait) && waited <= Duration::from_millis(wait * 1500), "{wait}: {waited:?}");
        assert!(waited > last);
        last = waited;
        assert_eq!(state(&bench.answer(403, "")), None, "told once");
    }
    bench.next();
    assert_eq!(state(&bench.answer(200, "Expires: 600\r\n")), Some(TrunkState::Up));
}

#[test]
fn a_carrier_that_wants_longer_registrations_gets_them_at_once() {
    let mut bench = Bench::registering();
    bench.next();
    assert!(bench.answer(423, "Min-Expires: 1800\r\n").is_empty());
    let (waited, outputs) = bench.next();
    assert_eq!(waited, Duration::ZERO);
    assert!(matches!(outputs.as_slice(), [TrunkOutput::Register { expires: 1800, .. }]));
    bench.answer(423, "Min-Expires: 1800\r\n");
    assert!(bench.next().0 > Duration::from_secs(1), "a carrier that repeats itself is a refusal");
}

#[test]
fn a_removed_trunk_leaves_its_carrier() {
    let mut bench = Bench::registering();
    bench.next();
    bench.answer(200, "Expires: 600\r\n");
    bench.machine.remove();
    assert!(matches!(bench.take().as_slice(), [TrunkOutput::Register { expires: 0, .. }]));
    assert_eq!(bench.answer(200, ""), [TrunkOutput::Removed]);
    assert_eq!(bench.machine.poll_timeout(), None);
}

#[test]
fn a_trunk_is_down_after_two_missed_options_and_up_at_the_first_answer() {
    let mut bench = Bench::new(TrunkConfig::default());
    assert_eq!(bench.next().1, [TrunkOutput::Options]);
    bench.machine.options_answered(405);
    assert_eq!(state(&bench.take()), Some(TrunkState::Up), "a refusal is an answer");
    for down in [None, Some(TrunkState::Down), None] {
        assert_eq!(bench.next().1, [TrunkOutput::Options]);
        bench.machine.options_answered(408);
        assert_eq!(state(&bench.take()), down);
    }
    bench.next();
    bench.machine.options_answered(200);
    assert_eq!(state(&bench.take()), Some(TrunkState::Up));
}

#[test]
fn no_second_options_goes_out_while_one_is_unanswered() {
    let mut bench = Bench::new(TrunkConfig::default());
    assert_eq!(bench.next().1.len(), 1);
    assert!(bench.next().1.is_empty());
}
