use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use ring::aead::{AES_128_GCM, AES_256_GCM, Algorithm, LessSafeKey, UnboundKey};
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use super::cipher::{Cipher, Place};
use super::derive::{Label, Use, derive};
use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn key(suite: Suite, seed: u64) -> MasterKey {
    MasterKey::generate(suite, &mut StdRng::seed_from_u64(seed))
}

fn pair(suite: Suite) -> (Sender, Receiver) {
    let key = key(suite, 7);
    (Sender::new(&key).unwrap(), Receiver::new(&key).unwrap())
}

fn rtp(sequence: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 8];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

/// A sender report without blocks.
fn report(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 200, 0, 6];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([7; 20]);
    packet
}

fn protect(sender: &mut Sender, packet: &[u8]) -> Vec<u8> {
    let mut buffer = [0; 1500];
    buffer[..packet.len()].copy_from_slice(packet);
    let length = sender.protect(&mut buffer, packet.len()).unwrap();
    buffer[..length].to_vec()
}

fn protect_rtcp(sender: &mut Sender, packet: &[u8]) -> Vec<u8> {
    let mut buffer = [0; 1500];
    buffer[..packet.len()].copy_from_slice(packet);
    let length = sender.protect_rtcp(&mut buffer, packet.len()).unwrap();
    buffer[..length].to_vec()
}

fn open(receiver: &mut Receiver, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut packet = packet.to_vec();
    let length = receiver.unprotect(&mut packet)?;
    packet.truncate(length);
    Ok(packet)
}

fn open_rtcp(receiver: &mut Receiver, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut packet = packet.to_vec();
    let length = receiver.unprotect_rtcp(&mut packet)?;
    packet.truncate(length);
    Ok(packet)
}

#[test]
fn session_keys_are_those_of_rfc_3711_appendix_b_3() {
    let master = MasterKey::new(Suite::AesCm128HmacSha1_80, &hex("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6")).unwrap();
    assert_eq!(derive::<16>(&master, Use::Rtp, Label::Encryption).to_vec(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derive::<14>(&master, Use::Rtp, Label::Salt).to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
    let authentication = hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4 8F0A0ACF3C34E2359E6CDBCE");
    assert_eq!(derive::<32>(&master, Use::Rtp, Label::Authentication).to_vec(), authentication);
}

#[test]
fn the_key_stream_is_that_of_rfc_3711_appendix_b_2() {
    use aes::cipher::KeyInit as _;
    let cipher = Cipher::Counter {
        aes: Box::new(aes::Aes128::new_from_slice(&hex("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap()),
        mac: <hmac::Hmac<sha1::Sha1> as hmac::Mac>::new_from_slice(&[0; 20]).unwrap(),
        salt: hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap(),
        tag: 10,
    };
    let mut body = [0; 48];
    cipher.seal(Place { ssrc: 0, index: 0, trailer: [0; 4] }, &[], &mut body, Use::Rtp).unwrap();
    let stream = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(body.to_vec(), hex(stream));
}

/// The vectors give session keys, so they enter below the derivation.
fn gcm(algorithm: &'static Algorithm) -> Cipher {
    let key: Vec<u8> = (0..algorithm.key_len() as u8).collect();
    Cipher::Gcm {
        key: Box::new(LessSafeKey::new(UnboundKey::new(algorithm, &key).unwrap())),
        salt: hex("517569642070726f2071756f").try_into().unwrap(),
    }
}

#[test]
fn gcm_packets_are_those_of_rfc_7714_sections_16_and_17() {
    let head = hex("8040f17b8041f8d35501a0b2");
    let place = Place { ssrc: 0x5501_a0b2, index: 0xf17b, trailer: [0; 4] };
    for (algorithm, body, tag) in [
        (&AES_128_GCM, "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833", "899d7f27beb16a9152cf765ee4390cce"),
        (&AES_256_GCM, "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b", "7aa3db36dfffd6b0f9bb7878d7a76c13"),
    ] {
        let mut packet = b"Gallia est omnis divisa in partes tres".to_vec();
        let made = gcm(algorithm).seal(place, &head, &mut packet, Use::Rtp).unwrap();
        assert_eq!((packet.clone(), made.to_vec()), (hex(body), hex(tag)));
        packet.extend(made);
        gcm(algorithm).open(place, &head, &mut packet, &[], Use::Rtp).unwrap();
        assert!(packet.starts_with(b"Gallia est omnis divisa"));
    }
    let head = hex("81c8000d4d617273");
    let mut body = hex("4e5450314e54503252545020 0000042a0000e9304c756e61 deadbeefdeadbeefdeadbeefdeadbeefdeadbeef");
    let word: [u8; 4] = hex("800005d4").try_into().unwrap();
    let place = Place { ssrc: 0x4d61_7273, index: 0x5d4, trailer: word };
    let tag = gcm(&AES_128_GCM).seal(place, &head, &mut body, Use::Rtcp).unwrap();
    let sealed = "63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b";
    assert_eq!((body, tag.to_vec()), (hex(sealed), hex("c84aa45896cf4d2fc5abf87245d9eade")));
}

fn profile(suite: Suite) -> ProtectionProfile {
    match suite {
        Suite::AesCm128HmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        Suite::AesCm128HmacSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
        Suite::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Suite::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
    }
}

fn judge(suite: Suite, master: &MasterKey) -> Context {
    let (key, salt) = master.key_and_salt().split_at(suite.key_len());
    let provider = rtc_srtp::crypto::default_provider().unwrap();
    let windows = (Some(srtp_replay_protection(128)), Some(srtcp_replay_protection(128)));
    Context::new(key, salt, profile(suite), windows.0, windows.1, provider.crypto()).unwrap()
}

#[test]
fn another_implementation_makes_and_reads_the_same_packets() {
    let mut random = StdRng::seed_from_u64(3);
    for suite in Suite::ALL {
        let master = key(suite, 11);
        let (mut sender, mut receiver) = (Sender::new(&master).unwrap(), Receiver::new(&master).unwrap());
        let (mut theirs_out, mut theirs_in) = (judge(suite, &master), judge(suite, &master));
        // Across the rollover of the sequence number, with losses.
        let mut sequence = 65_300u16;
        for _ in 0..400 {
            sequence = sequence.wrapping_add(random.random_range(1..4));
            let payload: Vec<u8> = (0..random.random_range(0..400)).map(|_| random.random()).collect();
            let packet = rtp(sequence, 0xCAFE, &payload);
            let ours = protect(&mut sender, &packet);
            assert_eq!(ours, theirs_out.encrypt_rtp(&packet).unwrap().to_vec(), "{suite:?} {sequence}");
            assert_eq!(theirs_in.decrypt_rtp(&ours).unwrap().to_vec(), packet);
            assert_eq!(open(&mut receiver, &ours).unwrap(), packet);
        }
        for _ in 0..20 {
            let packet = report(0xCAFE);
            let ours = protect_rtcp(&mut sender, &packet);
            assert_eq!(theirs_in.decrypt_rtcp(&ours).unwrap().to_vec(), packet, "{suite:?}");
            let theirs = theirs_out.encrypt_rtcp(&packet).unwrap();
            assert_eq!(open_rtcp(&mut receiver, &theirs).unwrap(), packet, "{suite:?}");
        }
    }
}

#[test]
fn a_header_with_sources_and_extension_stays_readable() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        let mut packet = rtp(9, 5, &[1, 2, 3, 4]);
        packet[0] = 0x91;
        packet.extend([0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0]);
        packet.extend([9; 33]);
        let sealed = protect(&mut sender, &packet);
        assert_eq!(sealed[..24], packet[..24]);
        assert_ne!(sealed[24..30], packet[24..30]);
        assert_eq!(open(&mut receiver, &sealed).unwrap(), packet);
    }
}

#[test]
fn a_changed_bit_anywhere_is_found_and_harms_nothing() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        let first = protect(&mut sender, &rtp(1, 5, b"hello"));
        open(&mut receiver, &first).unwrap();
        let second = protect(&mut sender, &rtp(2, 5, b"world"));
        for at in 0..second.len() * 8 {
            let mut changed = second.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert!(open(&mut receiver, &changed).is_err(), "{suite:?} bit {at}");
        }
        let mut sealed = protect_rtcp(&mut sender, &report(5));
        for at in 0..sealed.len() * 8 {
            sealed[at / 8] ^= 1 << (at % 8);
            assert!(open_rtcp(&mut receiver, &sealed).is_err(), "{suite:?} bit {at}");
            sealed[at / 8] ^= 1 << (at % 8);
        }
        assert!(open_rtcp(&mut receiver, &sealed).is_ok());
        assert_eq!(open(&mut receiver, &second).unwrap(), rtp(2, 5, b"world"));
    }
}

#[test]
fn a_replay_is_refused_and_reordering_is_not() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        let packets: Vec<Vec<u8>> = (1..=200).map(|sequence| protect(&mut sender, &rtp(sequence, 5, b"x"))).collect();
        open(&mut receiver, &packets[0]).unwrap();
        for at in [3, 2, 1, 100] {
            open(&mut receiver, &packets[at]).unwrap();
            assert!(matches!(open(&mut receiver, &packets[at]), Err(SrtpError::Replayed(_))));
        }
        open(&mut receiver, &packets[199]).unwrap();
        assert!(matches!(open(&mut receiver, &packets[50]), Err(SrtpError::Replayed(_))), "older than the window");
        let reports: Vec<Vec<u8>> = (0..2).map(|_| protect_rtcp(&mut sender, &report(5))).collect();
        open_rtcp(&mut receiver, &reports[1]).unwrap();
        open_rtcp(&mut receiver, &reports[0]).unwrap();
        assert!(matches!(open_rtcp(&mut receiver, &reports[0]), Err(SrtpError::Replayed(0))));
    }
}

#[test]
fn no_number_goes_out_twice_under_one_key() {
    let (mut sender, _) = pair(Suite::AeadAes128Gcm);
    protect(&mut sender, &rtp(10, 5, b"one"));
    let mut buffer = [0; 100];
    let again = rtp(10, 5, b"two");
    buffer[..again.len()].copy_from_slice(&again);
    assert_eq!(sender.protect(&mut buffer, again.len()), Err(SrtpError::Replayed(10)));
}

#[test]
fn strangers_and_their_ssrcs_leave_no_trace() {
    let (_, mut receiver) = pair(Suite::AesCm128HmacSha1_80);
    let mut stranger = Sender::new(&key(Suite::AesCm128HmacSha1_80, 99)).unwrap();
    let forged = protect(&mut stranger, &rtp(1, 1, b"x"));
    let before = format!("{receiver:?}");
    for ssrc in 0..1000u32 {
        let mut packet = forged.clone();
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        assert_eq!(open(&mut receiver, &packet), Err(SrtpError::Forged));
    }
    assert_eq!(format!("{receiver:?}"), before);
}

#[test]
fn the_peer_may_change_its_ssrc_and_come_back_to_it() {
    let suite = Suite::AesCm128HmacSha1_80;
    let (_, mut receiver) = pair(suite);
    let mut senders: Vec<Sender> = (0..3).map(|_| Sender::new(&key(suite, 7)).unwrap()).collect();
    for round in 1..50 {
        for (ssrc, sender) in senders.iter_mut().enumerate() {
            let packet = rtp(round, ssrc as u32, b"x");
            let sealed = protect(sender, &packet);
            assert_eq!(open(&mut receiver, &sealed).unwrap(), packet);
            assert!(open(&mut receiver, &sealed).is_err());
        }
    }
}

#[test]
fn a_new_key_is_followed_whether_the_peer_keeps_its_rollover_counter_or_begins_anew() {
    for suite in Suite::ALL {
        let (mut old_out, mut old_in) = pair(suite);
        for sequence in [65_000u16, 65_535, 10] {
            open(&mut old_in, &protect(&mut old_out, &rtp(sequence, 5, b"x"))).unwrap();
        }
        let key = key(suite, 8);
        for begins_anew in [false, true] {
            let mut out = Sender::new(&key).unwrap();
            if !begins_anew {
                out = out.continuing(&old_out);
            }
            let mut receiver = Receiver::new(&key).unwrap().continuing(&old_in);
            for sequence in 11..14 {
                let sealed = protect(&mut out, &rtp(sequence, 5, b"y"));
                assert_eq!(open(&mut receiver, &sealed).unwrap(), rtp(sequence, 5, b"y"), "{suite:?} {begins_anew}");
            }
        }
        let stale = protect(&mut old_out, &rtp(14, 5, b"x"));
        let mut receiver = Receiver::new(&key).unwrap().continuing(&old_in);
        assert_eq!(open(&mut receiver, &stale), Err(SrtpError::Forged), "the old key is good no more");
    }
}

#[test]
fn rubbish_is_refused_and_never_panics() {
    let mut random = StdRng::seed_from_u64(5);
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        for length in (0..80usize).chain([1499, 1500]) {
            for _ in 0..20 {
                let mut packet: Vec<u8> = (0..length).map(|_| random.random()).collect();
                let _ = sender.protect(&mut packet.clone(), length.saturating_sub(30));
                let _ = sender.protect_rtcp(&mut packet.clone(), length.saturating_sub(30));
                if let Some(first) = packet.first_mut().filter(|_| random.random()) {
                    *first = 0x80 | (*first & 0x1F);
                }
                assert!(open(&mut receiver, &packet).is_err());
                assert!(open_rtcp(&mut receiver, &packet).is_err());
            }
        }
        let mut small = rtp(1, 5, b"x");
        assert_eq!(Sender::new(&key(suite, 1)).unwrap().protect(&mut small, 13), Err(SrtpError::NoRoom(13)));
    }
}

#[test]
fn keys_are_never_printed() {
    let key = key(Suite::AeadAes256Gcm, 1);
    let keys = SrtpKeys { send: key.clone(), receive: key.clone() };
    assert_eq!(format!("{keys:?}"), "SrtpKeys { send: MasterKey(AEAD_AES_256_GCM), receive: MasterKey(AEAD_AES_256_GCM) }");
    let wrong = MasterKey::new(Suite::AeadAes256Gcm, &[1; 30]).unwrap_err();
    assert_eq!((wrong.expected, wrong.len), (44, 30));
}
