//! The packet path's metrics, updated once per tick and never per packet. Labels are from closed sets.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

use super::Counts;

pub(super) struct Meters {
    received: Counter,
    sent: Counter,
    rejected: Counter,
    send_failed: Counter,
    mismatched: Counter,
    legs: Gauge,
}

impl Meters {
    pub(super) fn new() -> Meters {
        describe_counter!("tandem_rtp_packets_total", "RTP packets by direction");
        describe_counter!("tandem_rtp_rejected_total", "RTP and RTCP packets from a source that is not the leg's peer");
        describe_counter!("tandem_rtp_send_failures_total", "RTP and RTCP packets that the system did not take");
        describe_counter!(
            "tandem_rtp_codec_mismatch_total",
            "Packets not relayed because the listener's codec differs and cannot be converted"
        );
        describe_gauge!("tandem_rtp_legs", "Legs with open media");
        Meters {
            received: counter!("tandem_rtp_packets_total", "direction" => "in"),
            sent: counter!("tandem_rtp_packets_total", "direction" => "out"),
            rejected: counter!("tandem_rtp_rejected_total"),
            send_failed: counter!("tandem_rtp_send_failures_total"),
            mismatched: counter!("tandem_rtp_codec_mismatch_total"),
            legs: gauge!("tandem_rtp_legs"),
        }
    }

    /// Adds what happened since the last tick; `shown` legs are in the gauge already, now there are `legs`.
    pub(super) fn show(&self, counts: &Counts, shown: usize, legs: usize) {
        self.received.increment(counts.received);
        self.sent.increment(counts.sent);
        self.rejected.increment(counts.rejected);
        self.send_failed.increment(counts.send_failed);
        self.mismatched.increment(counts.mismatched);
        // Workers share the gauge, so each moves it by its own difference.
        if legs >= shown {
            self.legs.increment((legs - shown) as f64);
        } else {
            self.legs.decrement((shown - legs) as f64);
        }
    }
}
