//! Causes on the wire: the Reason header (RFC 3326).

use tandem_core::{Cause, Party, cause};

use super::limits;
use crate::sip::header::Reason;

/// The cause of an ending by the peer from its status and its Reason values.
pub(crate) fn read(status: u16, reasons: &[Reason]) -> Cause {
    let mut result = if (200..300).contains(&status) { Cause::normal(Party::Remote) } else { Cause::sip(status, Party::Remote) };
    for reason in reasons {
        if let Some(text) = reason.text.as_deref().filter(|text| !text.is_empty()) {
            result = result.because(text.chars().take(limits::REASON_CHARS).collect::<String>());
        }
        match reason.cause {
            Some(cause @ 1..=127) if reason.protocol.eq_ignore_ascii_case("Q.850") => result.q850 = cause as u8,
            // A BYE that names a status: why the peer hangs up.
            Some(sip @ 300..=699) if reason.protocol.eq_ignore_ascii_case("SIP") && (200..300).contains(&status) => {
                result.sip = sip;
                result.q850 = cause::q850_of_status(sip);
            }
            _ => {}
        }
    }
    result
}

/// The Reason value for a BYE, a CANCEL or a refusal of ours.
pub(crate) fn write(cause: &Cause) -> Reason {
    let text: Option<String> = cause.text.as_deref().map(|text| text.chars().take(limits::REASON_CHARS).collect());
    Reason::q850(cause.q850.clamp(1, 127), text.as_deref())
}

/// The status that refuses an INVITE for this cause.
pub(crate) fn refusal(cause: &Cause) -> u16 {
    match cause.sip {
        300..=699 => cause.sip,
        _ => cause::status_of_q850(cause.q850),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(texts: &[&str]) -> Vec<Reason> {
        texts.iter().filter_map(|text| Reason::parse(text).ok()).collect()
    }

    #[test]
    fn the_networks_cause_wins_over_the_status() {
        let cause = read(503, &reasons(&["Q.850 ;cause=34 ;text=\"no circuit\"", "SIP;cause=503"]));
        assert_eq!((cause.sip, cause.q850, cause.text.as_deref()), (503, 34, Some("no circuit")));
    }

    #[test]
    fn a_bye_is_a_normal_end_unless_it_says_otherwise() {
        assert_eq!(read(200, &[]), Cause::normal(Party::Remote));
        assert_eq!(read(200, &reasons(&["SIP;cause=603"])).sip, 603);
        assert_eq!(read(200, &reasons(&["Q.850;cause=999"])), Cause::normal(Party::Remote));
    }

    #[test]
    fn what_we_write_can_be_read() {
        let cause = Cause::sip(486, Party::Operator).because("say \"no\"");
        let text = write(&cause).to_string();
        assert_eq!(read(486, &reasons(&[&text])).q850, 17);
    }
}
