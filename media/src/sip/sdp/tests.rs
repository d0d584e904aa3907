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
