//! What does it cost to read a SIP message?
//!
//! `index` is what every datagram costs; `typed` adds the headers that the transaction and dialog layers need. Throughput
//! is messages.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tandem_media::sip::{Message, wire};

const INVITE: &str = "INVITE sip:1002@demo.example.com SIP/2.0\r\n\
Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-524287-1---8d5f6f6a1c0b3f55;rport\r\n\
Max-Forwards: 70\r\n\
Contact: <sip:1001@198.51.100.7:5060;transport=UDP;ob>\r\n\
To: <sip:1002@demo.example.com>\r\n\
From: \"Alice\" <sip:1001@demo.example.com>;tag=9fxced76sl\r\n\
Call-ID: 3848276298220188511@198.51.100.7\r\n\
CSeq: 2 INVITE\r\n\
Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, UPDATE\r\n\
Content-Type: application/sdp\r\n\
Supported: replaces, timer, 100rel\r\n\
User-Agent: softphone 5.6.1\r\n\
Authorization: Digest username=\"1001\",realm=\"demo.example.com\",nonce=\"84a4cc6f3082121f32b42a2187831a9e\",uri=\"sip:1002@demo.example.com\",response=\"7587245234b3434cc3412213e5f113a5\",cnonce=\"0a4f113b\",nc=00000001,qop=auth,algorithm=MD5\r\n\
Content-Length: 264\r\n\
\r\n\
v=0\r\n\
o=- 3978123456 1 IN IP4 198.51.100.7\r\n\
s=softphone\r\n\
c=IN IP4 198.51.100.7\r\n\
t=0 0\r\n\
m=audio 40376 RTP/AVP 9 8 0 18 101\r\n\
a=rtpmap:9 G722/8000\r\n\
a=rtpmap:8 PCMA/8000\r\n\
a=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:18 G729/8000\r\n\
a=rtpmap:101 telephone-event/8000\r\n\
a=fmtp:101 0-15\r\n\
a=sendrecv\r\n";

const REGISTER: &str = "REGISTER sip:demo.example.com SIP/2.0\r\n\
Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-524287-1---1c9c8e9b8b8e3f11;rport\r\n\
Max-Forwards: 70\r\n\
Contact: <sip:1001@198.51.100.7:5060>\r\n\
To: <sip:1001@demo.example.com>\r\n\
From: <sip:1001@demo.example.com>;tag=84a4cc6f\r\n\
Call-ID: 0ha0isndaksdj99sdfafnl3lk233412\r\n\
CSeq: 1826 REGISTER\r\n\
Expires: 3600\r\n\
User-Agent: softphone 5.6.1\r\n\
Authorization: Digest username=\"1001\",realm=\"demo.example.com\",nonce=\"84a4cc6f3082121f32b42a2187831a9e\",uri=\"sip:demo.example.com\",response=\"7587245234b3434cc3412213e5f113a5\",cnonce=\"0a4f113b\",nc=00000001,qop=auth,algorithm=MD5\r\n\
Content-Length: 0\r\n\
\r\n";

fn typed(message: &Message) -> usize {
    let sizes = [
        message.via().unwrap().branch().map_or(0, str::len),
        message.from().unwrap().tag().map_or(0, str::len),
        message.to().unwrap().tag().map_or(0, str::len),
        message.cseq().unwrap().number as usize,
        message.call_id().len(),
        usize::from(message.contact().unwrap().is_some()),
        message.uri().unwrap().to_string().len(),
    ];
    sizes.iter().sum()
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sip_parse");
    group.throughput(Throughput::Elements(1));
    for (name, text) in [("INVITE", INVITE), ("REGISTER", REGISTER)] {
        let bytes = Bytes::from_static(text.as_bytes());
        let title = format!("{name}, {} bytes", bytes.len());
        // A message that is refused would be measured as fast.
        wire::parse(bytes.clone()).expect("read").validate().expect("valid");
        group.bench_function(format!("{title}: index"), |bencher| bencher.iter(|| wire::parse(bytes.clone())));
        group.bench_function(format!("{title}: index, checked, typed"), |bencher| {
            bencher.iter(|| {
                let message = wire::parse(bytes.clone()).unwrap();
                message.validate().unwrap();
                typed(&message)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
