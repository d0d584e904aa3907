//! Legs whose media is encrypted, towards phones that encrypt with another implementation.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;
use tandem_core::{Audio, LegId};
use tandem_media::audio::Law;
use tandem_media::rtp::MediaRemote;
use tandem_media::srtp::{MasterKey, SrtpKeys, Suite};

use crate::rig::{Phone, Rig, codec, config, voice};

fn key(suite: Suite, seed: u64) -> MasterKey {
    MasterKey::generate(suite, &mut StdRng::seed_from_u64(seed))
}

fn context(key: &MasterKey) -> Context {
    let profile = match key.suite() {
        Suite::AesCm128HmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        Suite::AesCm128HmacSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
        Suite::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Suite::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
    };
    let (master, salt) = key.key_and_salt().split_at(key.suite().key_len());
    let provider = rtc_srtp::crypto::default_provider().unwrap();
    let windows = (Some(srtp_replay_protection(64)), Some(srtcp_replay_protection(64)));
    Context::new(master, salt, profile, windows.0, windows.1, provider.crypto()).unwrap()
}

/// A phone that encrypts.
struct Secure {
    phone: Phone,
    keys: SrtpKeys,
    out: Context,
    into: Context,
    /// SSRC of what came last.
    heard_ssrc: [u8; 4],
}

impl Secure {
    /// `keys` as the leg has them: what it sends with, we receive with.
    fn new(phone: Phone, keys: SrtpKeys) -> Secure {
        Secure { phone, out: context(&keys.receive), into: context(&keys.send), heard_ssrc: [0; 4], keys }
    }

    fn packet(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80, self.phone.payload_type];
        packet.extend(self.phone.sequence.to_be_bytes());
        packet.extend(self.phone.timestamp.to_be_bytes());
        packet.extend(self.phone.ssrc.to_be_bytes());
        packet.extend(payload);
        self.phone.sequence = self.phone.sequence.wrapping_add(1);
        self.phone.timestamp = self.phone.timestamp.wrapping_add(160);
        packet
    }

    fn send(&mut self, payload: &[u8]) -> Vec<u8> {
        let packet = self.packet(payload);
        let sealed = self.out.encrypt_rtp(&packet).unwrap().to_vec();
        self.phone.rtp.send_to(&sealed, self.phone.target).unwrap();
        sealed
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        let mut buffer = [0; 2000];
        let (length, _) = self.phone.rtp.recv_from(&mut buffer).ok()?;
        let packet = self.into.decrypt_rtp(&buffer[..length]).unwrap();
        self.heard_ssrc.copy_from_slice(&packet[8..12]);
        Some(packet[12..].to_vec())
    }
}

fn secure_leg(rig: &mut Rig, leg: u64, suite: Suite) -> Secure {
    let keys = SrtpKeys { send: key(suite, leg), receive: key(suite, leg + 100) };
    let mine = keys.clone();
    let phone = rig.leg_with(leg, 1, Law::A, |remote| MediaRemote { srtp: Some(mine), ..remote });
    Secure::new(phone, keys)
}

#[test]
fn an_encrypted_leg_talks_with_one_in_the_clear_and_with_one_of_another_suite() {
    for suite in Suite::ALL {
        let mut rig = Rig::new(config());
        let mut alice = secure_leg(&mut rig, 1, suite);
        let mut bob = rig.leg(2, 1, Law::A);
        rig.bridge(1, 2);
        for n in 0..50 {
            alice.send(&voice(n));
            assert_eq!(bob.receive().unwrap().payload, voice(n), "{suite:?}");
            bob.send(&voice(n + 1000));
            assert_eq!(alice.receive().unwrap(), voice(n + 1000), "{suite:?}");
        }
        let mut carol = secure_leg(&mut rig, 3, Suite::AesCm128HmacSha1_80);
        rig.bridge(1, 3);
        alice.send(&voice(7));
        assert_eq!(carol.receive().unwrap(), voice(7));
        carol.send(&voice(8));
        assert_eq!(alice.receive().unwrap(), voice(8));
        let stats = rig.close(1);
        assert_eq!((stats.packets_received, stats.packets_lost, stats.packets_rejected), (51, 0, 0));
    }
}

#[test]
fn what_is_forged_replayed_or_in_the_clear_is_not_heard_and_does_not_latch() {
    let mut rig = Rig::new(config());
    let mut alice = secure_leg(&mut rig, 1, Suite::AesCm128HmacSha1_80);
    let bob = rig.leg(2, 1, Law::A);
    rig.bridge(1, 2);
    // Before the first good packet, from the phone's own address: plain, under another key, and cut short.
    let plain = alice.packet(&voice(1));
    alice.phone.rtp.send_to(&plain, alice.phone.target).unwrap();
    let forged = context(&key(Suite::AesCm128HmacSha1_80, 77)).encrypt_rtp(&plain).unwrap();
    alice.phone.rtp.send_to(&forged, alice.phone.target).unwrap();
    alice.phone.rtp.send_to(&forged[..20], alice.phone.target).unwrap();
    // A stranger at the same host, who is first with a packet of the right form.
    let stranger = Phone::at("127.0.0.1");
    stranger.rtp.send_to(&forged, alice.phone.target).unwrap();
    rig.settle();
    let sealed = alice.send(&voice(2));
    assert_eq!(bob.receive().unwrap().payload, voice(2), "only this");
    alice.phone.rtp.send_to(&sealed, alice.phone.target).unwrap();
    stranger.rtp.send_to(&sealed, alice.phone.target).unwrap();
    assert_eq!(bob.receive(), None, "heard once");
    let stats = rig.close(1);
    assert_eq!((stats.packets_received, stats.packets_rejected), (1, 4));
}

#[test]
fn nothing_is_sent_in_the_clear_on_an_encrypted_leg() {
    let mut rig = Rig::new(config());
    let mut alice = secure_leg(&mut rig, 1, Suite::AeadAes128Gcm);
    rig.plane.hear(LegId(1), Audio::Tone(tandem_core::Tone::Busy)).unwrap();
    let frames: Vec<Vec<u8>> = (0..20).map(|_| alice.receive().unwrap()).collect();
    assert!(frames.iter().all(|frame| frame.len() == 160) && frames.iter().any(|frame| frame.iter().any(|code| *code != frame[0])));
    // Its last report, too.
    rig.close(1);
    let mut buffer = [0; 2000];
    let (length, _) = alice.phone.rtcp.recv_from(&mut buffer).unwrap();
    let report = alice.into.decrypt_rtcp(&buffer[..length]).unwrap();
    assert!(length > report.len() && report[1] == 200, "a sender report");
}

#[test]
fn reports_are_read_only_under_the_key() {
    let mut rig = Rig::new(config());
    let mut alice = secure_leg(&mut rig, 1, Suite::AesCm128HmacSha1_32);
    rig.plane.hear(LegId(1), Audio::Echo).unwrap();
    alice.send(&voice(1));
    alice.receive().unwrap();
    let mut report = vec![0x81, 201, 0, 7];
    report.extend(alice.phone.ssrc.to_be_bytes());
    report.extend(alice.heard_ssrc);
    report.extend([3, 0, 0, 42]);
    report.extend([0; 16]);
    let mut target = alice.phone.target;
    target.set_port(target.port() + 1);
    alice.phone.rtcp.send_to(&report, target).unwrap();
    rig.settle();
    let sealed = alice.out.encrypt_rtcp(&report).unwrap();
    alice.phone.rtcp.send_to(&sealed, target).unwrap();
    rig.settle();
    let stats = rig.close(1);
    assert_eq!((stats.peer_packets_lost, stats.packets_rejected), (Some(42), 1));
}

#[test]
fn a_session_refresh_goes_on_and_a_new_key_is_followed() {
    let mut rig = Rig::new(config());
    let mut alice = secure_leg(&mut rig, 1, Suite::AesCm128HmacSha1_80);
    let mut bob = rig.leg(2, 1, Law::A);
    rig.bridge(1, 2);
    let remote = |alice: &Secure| MediaRemote {
        srtp: Some(alice.keys.clone()),
        rtcp: Some(alice.phone.rtcp.local_addr().unwrap()),
        ..MediaRemote::new(alice.phone.address(), codec(Law::A))
    };
    for n in 0..10 {
        let sealed = alice.send(&voice(n));
        bob.send(&voice(n));
        assert_eq!((bob.receive().unwrap().payload, alice.receive().unwrap()), (voice(n), voice(n)));
        rig.plane.set_remote(LegId(1), remote(&alice)).unwrap();
        rig.settle();
        alice.phone.rtp.send_to(&sealed, alice.phone.target).unwrap();
    }
    assert_eq!(bob.receive(), None, "a refresh opens no door for what was sent before it");
    // The phone takes a new key, as after a transfer behind it; we keep ours.
    let old = context(&alice.keys.receive);
    alice.keys.receive = key(Suite::AesCm128HmacSha1_80, 500);
    let mut stale = std::mem::replace(&mut alice.out, context(&alice.keys.receive));
    drop(old);
    rig.plane.set_remote(LegId(1), remote(&alice)).unwrap();
    rig.settle();
    alice.send(&voice(50));
    assert_eq!(bob.receive().unwrap().payload, voice(50));
    bob.send(&voice(51));
    assert_eq!(alice.receive().unwrap(), voice(51));
    let late = alice.packet(&voice(52));
    alice.phone.rtp.send_to(&stale.encrypt_rtp(&late).unwrap(), alice.phone.target).unwrap();
    assert_eq!(bob.receive(), None, "the old key is good no more");
}
