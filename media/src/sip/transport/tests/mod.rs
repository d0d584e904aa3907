//! The sockets, over loopback.

mod plain;
mod secure;

use super::*;

const PATIENCE: Duration = Duration::from_secs(5);
const OPTIONS: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 2\r\n\r\nhi";

/// Polls until `enough` says so.
fn gather(transports: &mut Transports, mut enough: impl FnMut(&[Input]) -> bool) -> Vec<Input> {
    let (mut inputs, end) = (Vec::new(), Instant::now() + PATIENCE);
    while !enough(&inputs) {
        assert!(Instant::now() < end, "only {inputs:?}");
        transports.poll(Some(Duration::from_millis(20)), |input| inputs.push(input)).unwrap();
    }
    inputs
}

fn messages(inputs: &[Input]) -> usize {
    inputs.iter().filter(|input| matches!(input, Input::Message(..))).count()
}
