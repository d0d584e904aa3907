use super::*;

fn codecs(names: &[&str]) -> Vec<Codec> {
    names.iter().map(|name| known_codec(name).unwrap()).collect()
}

fn session(names: &[&str]) -> Session {
    Session::new(77, "192.0.2.1:4000".parse().unwrap(), codecs(names))
}

fn sdp(lines: &str) -> String {
    let c = if lines.contains("c=") { "" } else { "c=IN IP4 198.51.100.7\n" };
    format!("v=0\no=- 5 1 IN IP4 198.51.100.7\ns=-\n{c}t=0 0\n{lines}").replace('\n', "\r\n")
}

fn answered(ours: &[&str], offer: &str, choice: Choice<'_>) -> Result<(String, Negotiated), SdpError> {
    let mut session = session(ours);
    session.receive_offer(&sdp(offer))?;
    session.answer(choice)
}

#[test]
fn an_offer_lists_codecs_events_and_nothing_else() {
    let text = session(&["PCMA", "G729", "OPUS"]).offer().unwrap();
    let expected = "v=0\no=- 77 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/AVP 8 18 107 101 110\na=rtpmap:8 PCMA/8000\n\
        a=rtpmap:18 G729/8000\na=fmtp:18 annexb=no\na=rtpmap:107 opus/48000/2\na=fmtp:107 useinbandfec=1\na=rtpmap:101 telephone-event/8000\n\
        a=fmtp:101 0-15\na=rtpmap:110 telephone-event/48000\na=fmtp:110 0-15\na=ptime:20\na=sendrecv\n";
    assert_eq!(text, expected.replace('\n', "\r\n"));
}

#[test]
fn the_codec_of_an_answer_follows_the_choice() {
    let offer = "m=audio 9000 RTP/AVP 0 8 3 101\na=rtpmap:101 telephone-event/8000\n";
    let (pcma, opus) = (known_codec("pcma").unwrap(), known_codec("opus").unwrap());
    for (choice, expected) in [
        (Choice::Theirs, Some("PCMU")),
        (Choice::Ours, Some("GSM")),
        (Choice::Prefer(&pcma), Some("PCMA")),
        (Choice::Prefer(&opus), Some("PCMU")),
        (Choice::Only(&pcma), Some("PCMA")),
        (Choice::Only(&opus), None),
    ] {
        let result = answered(&["GSM", "PCMA", "PCMU"], offer, choice);
        assert_eq!(result.ok().map(|(_, agreed)| agreed.codec.name.to_string()), expected.map(str::to_owned), "{choice:?}");
    }
}

#[test]
fn an_answer_keeps_payload_types_and_mirrors_every_line() {
    let offer = "m=video 7000 RTP/AVP 97 98\na=rtpmap:97 H264/90000\nm=audio 9000 RTP/AVP 111 96\na=rtpmap:111 OPUS/48000/2\na=rtpmap:96 telephone-event/48000\n\
        a=ptime:40\na=rtcp:9100 IN IP4 198.51.100.8\na=rtcp-mux\nm=audio 9002 RTP/AVP 0\nm=image 9004 udptl t38\n";
    let (text, agreed) = answered(&["PCMU", "OPUS"], offer, Choice::Theirs).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(lines, ["m=video 0 RTP/AVP 97 98", "m=audio 4000 RTP/AVP 111 96", "m=audio 0 RTP/AVP 0", "m=image 0 udptl t38"]);
    assert!(text.contains("a=rtpmap:111 opus/48000/2\r\n") && text.contains("a=rtcp-mux\r\n"));
    assert_eq!((agreed.codec.payload_type, agreed.remote_payload_type), (111, 111));
    assert_eq!((agreed.dtmf_local, agreed.dtmf_remote, agreed.ptime_ms), (Some(96), Some(96), 40));
    assert_eq!(agreed.remote_rtcp, Some("198.51.100.8:9100".parse().unwrap()));
    assert!(agreed.rtcp_mux);
}

#[test]
fn offers_without_anything_for_us_are_refused_with_488() {
    for offer in [
        "m=audio 9000 RTP/AVP 18\n",
        "m=audio 0 RTP/AVP 0\n",
        "m=audio 9000 RTP/SAVP 0\n",
        "m=video 9000 RTP/AVP 31\n",
        "",
        "m=audio 9000 RTP/AVP 96\na=rtpmap:96 PCMU/16000\n",
        "c=IN IP4 phone.example.com\nm=audio 9000 RTP/AVP 0\n",
        "c=IN IP4 224.2.1.1/127\nm=audio 9000 RTP/AVP 0\n",
    ] {
        assert_eq!(answered(&["PCMU"], offer, Choice::Theirs).unwrap_err().status(), 488, "{offer}");
    }
    assert_eq!(session(&["PCMU"]).receive_offer("nonsense").unwrap_err().status(), 400);
}

#[test]
fn hold_is_seen_in_all_its_forms() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    for (lines, direction, held) in [
        ("m=audio 9 RTP/AVP 0\n", SendRecv, false),
        ("m=audio 9 RTP/AVP 0\na=sendonly\n", RecvOnly, true),
        ("m=audio 9 RTP/AVP 0\na=recvonly\n", SendOnly, false),
        ("m=audio 9 RTP/AVP 0\na=inactive\n", Inactive, true),
        ("c=IN IP4 0.0.0.0\nm=audio 9 RTP/AVP 0\n", RecvOnly, true),
        ("a=sendonly\nm=audio 9 RTP/AVP 0\n", RecvOnly, true),
        ("a=sendonly\nm=audio 9 RTP/AVP 0\na=sendrecv\n", SendRecv, false),
        ("m=audio 9 RTP/AVP 0\nc=IN IP6 ::\n", RecvOnly, true),
    ] {
        let (text, agreed) = answered(&["PCMU"], lines, Choice::Theirs).unwrap();
        assert_eq!((agreed.direction, agreed.held), (direction, held), "{lines}");
        let word = format!("a={}\r\n", format!("{direction:?}").to_lowercase());
        assert!(text.contains(&word), "{text}");
    }
}

#[test]
fn our_own_hold_narrows_the_answer() {
    let mut session = session(&["PCMU"]);
    session.set_direction(Direction::SendOnly);
    session.receive_offer(&sdp("m=audio 9 RTP/AVP 0\n")).unwrap();
    assert_eq!(session.answer(Choice::Theirs).unwrap().1.direction, Direction::SendOnly);
    session.receive_offer(&sdp("m=audio 9 RTP/AVP 0\na=sendonly\n")).unwrap();
    assert_eq!(session.answer(Choice::Theirs).unwrap().1.direction, Direction::Inactive);
}

#[test]
fn an_answer_may_use_payload_types_of_its_own() {
    let mut session = session(&["OPUS", "PCMU"]);
    session.offer().unwrap();
    let agreed = session
        .receive_answer(&sdp(
            "m=audio 9000 RTP/AVP 120 99\na=rtpmap:120 opus/48000/2\na=fmtp:120 stereo=0\na=rtpmap:99 telephone-event/48000\n",
        ))
        .unwrap();
    assert_eq!((agreed.codec.name.as_str(), agreed.codec.payload_type, agreed.remote_payload_type), ("OPUS", 107, 120));
    assert_eq!((agreed.dtmf_local, agreed.dtmf_remote), (Some(110), Some(99)));
    let record = agreed.record(&session);
    assert_eq!((record.sdp_session, record.sdp_version, record.dtmf), (77, 1, Some(99)));
}

#[test]
fn answers_that_do_not_fit_the_offer_are_errors() {
    let mut session = session(&["PCMU"]);
    assert!(matches!(session.receive_answer(&sdp("m=audio 9 RTP/AVP 0\n")), Err(SdpError::Order(_))));
    session.offer().unwrap();
    assert_eq!(session.receive_answer(&sdp("")), Err(SdpError::Streams { offer: 1, answer: 0 }));
    assert!(matches!(session.receive_answer(&sdp("m=audio 9 RTP/AVP 8\n")), Err(SdpError::NothingFits { .. })));
    assert!(matches!(session.receive_answer(&sdp("m=audio 0 RTP/AVP 0\n")), Err(SdpError::NothingFits { .. })));
    assert!(session.awaits_answer(), "a provisional answer may be followed by a better one");
    session.receive_answer(&sdp("m=audio 9 RTP/AVP 0\n")).unwrap();
}

#[test]
fn the_version_counts_changes_and_only_changes() {
    let mut session = session(&["PCMU", "PCMA"]);
    session.receive_offer(&sdp("m=audio 9 RTP/AVP 0\nm=video 11 RTP/AVP 31\n")).unwrap();
    let (first, _) = session.answer(Choice::Theirs).unwrap();
    session.receive_offer(&sdp("m=audio 9 RTP/AVP 0\nm=video 11 RTP/AVP 31\n")).unwrap();
    assert_eq!(session.answer(Choice::Theirs).unwrap().0, first, "a refresh changes nothing");
    assert_eq!(session.version(), 1);
    session.set_direction(Direction::SendOnly);
    let hold = session.offer().unwrap();
    assert!(hold.contains("o=- 77 2 ") && hold.contains("a=sendonly") && hold.contains("m=video 0 RTP/AVP 31"), "{hold}");
    session.roll_back();
    assert_eq!(session.negotiated().unwrap().direction, Direction::SendRecv);
    assert_eq!(session.offer().unwrap(), hold);
    session.receive_answer(&sdp("m=audio 9 RTP/AVP 0\na=recvonly\nm=video 0 RTP/AVP 31\n")).unwrap();
    session.set_direction(Direction::SendRecv);
    assert!(session.offer().unwrap().contains("o=- 77 3 "));
}

#[test]
fn payload_types_keep_their_meaning_in_later_offers() {
    let mut session = session(&["OPUS", "ILBC"]);
    // The peer's iLBC sits where our Opus would.
    session.receive_offer(&sdp("m=audio 9 RTP/AVP 107\na=rtpmap:107 iLBC/8000\na=fmtp:107 mode=20\n")).unwrap();
    let (text, agreed) = session.answer(Choice::Theirs).unwrap();
    assert_eq!(agreed.codec.fmtp.as_deref(), Some("mode=20"));
    assert!(text.contains("a=fmtp:107 mode=20"));
    let offer = session.offer().unwrap();
    assert!(offer.contains("a=rtpmap:107 iLBC/8000") && offer.contains("a=rtpmap:96 opus/48000/2"), "{offer}");
}

#[test]
fn late_offer_and_glare() {
    let mut session = session(&["PCMU"]);
    session.offer().unwrap();
    assert_eq!(session.receive_offer(&sdp("m=audio 9 RTP/AVP 0\n")).unwrap_err().status(), 491);
    session.receive_answer(&sdp("m=audio 9 RTP/AVP 0\n")).unwrap();
    session.receive_offer(&sdp("m=audio 10 RTP/AVP 0\n")).unwrap();
    assert!(matches!(session.offer(), Err(SdpError::Order(_))));
    assert!(session.owes_answer());
    assert_eq!(session.answer(Choice::Theirs).unwrap().1.remote_rtp, "198.51.100.7:10".parse().unwrap());
}

#[test]
fn ipv6_sessions_work() {
    let mut session = Session::new(1, "[2001:db8::1]:4000".parse().unwrap(), codecs(&["PCMU"]));
    assert!(session.offer().unwrap().contains("c=IN IP6 2001:db8::1\r\n"));
    let agreed = session.receive_answer(&sdp("c=IN IP6 2001:db8::2\nm=audio 9 RTP/AVP 0\n")).unwrap();
    assert_eq!(agreed.remote_rtp, "[2001:db8::2]:9".parse().unwrap());
}

#[test]
fn what_a_leg_may_be_offered_is_listed_in_the_peers_order() {
    let text = sdp("m=audio 9 RTP/AVP 3 0 96 101 4\na=rtpmap:96 SPEEX/8000\na=rtpmap:101 telephone-event/8000\n");
    let names: Vec<_> = Description::parse(&text).unwrap().codecs().into_iter().map(|codec| codec.name).collect();
    assert_eq!(names, ["GSM", "PCMU"]);
}

mod encryption {
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use tandem_core::SrtpPolicy::{self, Off, Preferred, Required};

    use super::*;
    use crate::srtp::Suite;

    const CM: &str = "AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    const PLAIN: &str = "m=audio 9000 RTP/AVP 0\n";

    fn secure(policy: SrtpPolicy, seed: u64) -> Session {
        let mut session = session(&["PCMU"]);
        session.set_security(Security::new(policy, &mut StdRng::seed_from_u64(seed)));
        session
    }

    fn answered(policy: SrtpPolicy, offer: &str) -> Result<(String, Negotiated), SdpError> {
        let mut session = secure(policy, 1);
        session.receive_offer(&sdp(offer))?;
        session.answer(Choice::Theirs)
    }

    fn offer(proto: &str, crypto: &[&str]) -> String {
        let lines: String = crypto.iter().map(|line| format!("a=crypto:{line}\n")).collect();
        format!("m=audio 9000 {proto} 0\n{lines}")
    }

    fn line<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
        text.lines().filter(|line| line.starts_with(start)).collect()
    }

    #[test]
    fn an_offer_is_answered_as_the_policy_says() {
        let key = format!("1 {CM}");
        let (avp, savp) = (offer("RTP/AVP", &[&key]), offer("RTP/SAVP", &[&key]));
        let bare = offer("RTP/SAVP", &[]);
        for (policy, offer, encrypted) in [
            (Off, PLAIN, Some(false)),
            (Off, &avp, Some(false)),
            (Off, &savp, None),
            (Preferred, PLAIN, Some(false)),
            (Preferred, &avp, Some(true)),
            (Preferred, &savp, Some(true)),
            (Preferred, &bare, None),
            (Required, PLAIN, None),
            (Required, &avp, Some(true)),
            (Required, &savp, Some(true)),
            (Required, &bare, None),
        ] {
            let result = answered(policy, offer);
            let proto = offer.split(' ').nth(2).unwrap();
            match (&result, encrypted) {
                (Ok((text, agreed)), Some(encrypted)) => {
                    assert_eq!(agreed.srtp.is_some(), encrypted, "{policy:?} {offer}");
                    assert_eq!(line(text, "a=crypto").len(), usize::from(encrypted));
                    assert!(text.contains(&format!("m=audio 4000 {proto} 0")), "{text}");
                }
                (Err(error), None) => assert_eq!(error.status(), 488, "{error}"),
                _ => panic!("{policy:?} {offer}: {result:?}"),
            }
        }
    }

    #[test]
    fn both_sides_end_with_the_same_keys_whichever_offers() {
        for (policy, proto) in [(Preferred, "RTP/AVP"), (Required, "RTP/SAVP")] {
            let (mut alice, mut bob) = (secure(policy, 1), secure(policy, 2));
            let offer = alice.offer().unwrap();
            assert!(offer.contains(&format!("m=audio 4000 {proto} 0")), "{offer}");
            assert_eq!(line(&offer, "a=crypto").len(), Suite::ALL.len());
            bob.receive_offer(&offer).unwrap();
            let (answer, at_bob) = bob.answer(Choice::Theirs).unwrap();
            let at_alice = alice.receive_answer(&answer).unwrap();
            let (ours, theirs) = (at_alice.srtp.unwrap(), at_bob.srtp.unwrap());
            assert_eq!((&ours.send, &ours.receive), (&theirs.receive, &theirs.send));
            assert_ne!(ours.send, ours.receive);
            // A further offer changes nothing: neither version nor keys.
            let again = alice.offer().unwrap();
            assert_eq!(line(&again, "a=crypto").len(), 1);
            bob.receive_offer(&again).unwrap();
            let (answer, _) = bob.answer(Choice::Theirs).unwrap();
            assert_eq!(alice.receive_answer(&answer).unwrap().srtp.unwrap(), ours);
        }
    }

    #[test]
    fn a_preferred_offer_may_be_answered_in_the_clear_and_a_required_one_may_not() {
        let plain = sdp("m=audio 9000 RTP/AVP 0\n");
        let mut session = secure(Preferred, 1);
        session.offer().unwrap();
        assert_eq!(session.receive_answer(&plain).unwrap().srtp, None);
        assert_eq!(line(&session.offer().unwrap(), "a=crypto").len(), 0, "what was agreed on stays");
        for answer in [plain, sdp("m=audio 9000 RTP/SAVP 0\n")] {
            let mut session = secure(Required, 1);
            session.offer().unwrap();
            assert!(matches!(session.receive_answer(&answer), Err(SdpError::Encryption(_))));
        }
        for answer in [format!("9 {CM}"), format!("1 {CM}"), format!("3 {CM}|1:1")] {
            let mut session = secure(Preferred, 1);
            session.offer().unwrap();
            let answer = sdp(&offer("RTP/AVP", &[&answer]));
            assert!(matches!(session.receive_answer(&answer), Err(SdpError::Encryption(_))), "{answer}: not a line of the offer");
        }
        let mut session = secure(Preferred, 1);
        session.offer().unwrap();
        let keys = session.receive_answer(&sdp(&offer("RTP/SAVP", &[&format!("3 {CM}")]))).unwrap().srtp.unwrap();
        assert_eq!(keys.receive.suite(), Suite::AesCm128HmacSha1_80);
    }

    #[test]
    fn the_encrypted_one_of_two_streams_is_taken() {
        let both = format!("{PLAIN}{}", offer("RTP/SAVP", &[&format!("1 {CM}")]));
        for (policy, taken) in
            [(Preferred, "m=audio 4000 RTP/SAVP 0"), (Required, "m=audio 4000 RTP/SAVP 0"), (Off, "m=audio 4000 RTP/AVP 0")]
        {
            let (text, agreed) = answered(policy, &both).unwrap();
            assert!(text.contains(taken), "{text}");
            assert_eq!(agreed.srtp.is_some(), policy != Off);
        }
    }

    #[test]
    fn the_first_line_that_we_know_is_answered_and_odd_ones_are_passed_over() {
        let key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
        let good = format!("7 aes_cm_128_hmac_sha1_32 INLINE:{key}|2^31 WSH=128 -later");
        let odd = [
            "1 AES_192_CM_HMAC_SHA1_80 inline:AAAA".to_owned(),
            format!("2 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^20|1:4"),
            format!("3 AES_CM_128_HMAC_SHA1_80 inline:{key};inline:{key}"),
            "4 AES_CM_128_HMAC_SHA1_80 inline:tooshort".to_owned(),
            format!("5 AES_CM_128_HMAC_SHA1_80 inline:{key} UNENCRYPTED_SRTCP"),
            format!("6 AES_CM_128_HMAC_SHA1_80 uri:{key}"),
            format!("x AES_CM_128_HMAC_SHA1_80 inline:{key}"),
            String::new(),
            good.clone(),
            format!("8 {CM}"),
        ];
        let lines: Vec<&str> = odd.iter().map(String::as_str).collect();
        let (text, agreed) = answered(Required, &offer("RTP/SAVP", &lines)).unwrap();
        assert!(line(&text, "a=crypto")[0].starts_with("a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:"), "{text}");
        assert_eq!(agreed.srtp.unwrap().receive.suite(), Suite::AesCm128HmacSha1_32);
        let only: Vec<&str> = lines[..8].to_vec();
        assert!(matches!(answered(Required, &offer("RTP/SAVP", &only)), Err(SdpError::Encryption(_))));
        assert!(answered(Required, &offer("RTP/SAVP", &[good.as_str(); 200])).is_ok());
    }

    #[test]
    fn a_new_key_in_a_further_offer_is_taken_and_ours_stays() {
        let mut session = secure(Preferred, 1);
        let mut keys = Vec::new();
        for first in ["W", "X", "X"] {
            let key = format!("1 {}", CM.replace("inline:W", &format!("inline:{first}")));
            session.receive_offer(&sdp(&offer("RTP/SAVP", &[&key]))).unwrap();
            keys.push(session.answer(Choice::Theirs).unwrap().1.srtp.unwrap());
        }
        assert_ne!(keys[0].receive, keys[1].receive);
        assert_eq!(keys[1], keys[2]);
        assert_eq!(keys[0].send, keys[1].send);
        assert_eq!(session.version(), 1, "our description did not change");
    }

    #[test]
    fn keys_are_not_printed() {
        let mut session = secure(Required, 1);
        let offer = session.offer().unwrap();
        let mut other = secure(Required, 2);
        let shown = format!("{:?} {session:?}", other.receive_offer(&offer).unwrap());
        for line in line(&offer, "a=crypto") {
            let key = line.split("inline:").nth(1).unwrap();
            assert!(key.len() >= 38 && !shown.contains(key), "{shown}");
        }
        assert!(!shown.contains("inline"), "{shown}");
    }
}
