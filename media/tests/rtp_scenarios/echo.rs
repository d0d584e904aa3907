use tandem_core::{Audio, Codec, LegId};
use tandem_media::audio::Law;

use crate::rig::{Rig, config, voice};

#[test]
fn an_echo_returns_any_codec_in_our_own_stream() {
    let mut rig = Rig::new(config());
    let mut phone = rig.leg_with(1, 1, Law::A, |mut remote| {
        remote.codec = Codec { name: "opus".into(), payload_type: 111, clock_rate: 48_000, fmtp: None };
        remote.remote_payload_type = 109;
        remote
    });
    phone.payload_type = 111;
    rig.plane.hear(LegId(1), Audio::Echo).unwrap();
    rig.settle();
    for n in 0..20 {
        phone.send(&voice(n));
        let heard = phone.receive().unwrap();
        assert_eq!((heard.payload, heard.payload_type), (voice(n), 109));
        assert_ne!(heard.ssrc, phone.ssrc);
    }
}
