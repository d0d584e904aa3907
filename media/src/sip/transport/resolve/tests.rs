use std::net::UdpSocket;
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, Record};

use super::*;

fn query(host: &str, transport: Option<Transport>) -> Query {
    Query { host: HostPort::parse(host).unwrap(), transport }
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// What the test's domain holds.
fn zone(asked: &str, kind: RecordType) -> Vec<RData> {
    let naptr = |order, service: &[u8], to: &str| {
        let boxed = |bytes: &[u8]| bytes.to_vec().into_boxed_slice();
        RData::NAPTR(NAPTR::new(order, 1, boxed(b"s"), boxed(service), boxed(b""), name(to)))
    };
    match (asked, kind) {
        ("carrier.test.", RecordType::NAPTR) => vec![
            naptr(20, b"SIP+D2U", "_sip._udp.carrier.test."),
            naptr(10, b"SIP+D2T", "_sip._tcp.carrier.test."),
            naptr(5, b"SIPS+D2T", "_sips._tcp.carrier.test."),
        ],
        ("_sip._tcp.carrier.test.", RecordType::SRV) => vec![RData::SRV(SRV::new(1, 0, 5070, name("a.carrier.test.")))],
        ("_sip._udp.carrier.test.", RecordType::SRV) => {
            vec![RData::SRV(SRV::new(2, 0, 5080, name("b.carrier.test."))), RData::SRV(SRV::new(1, 0, 5081, name("gone.carrier.test.")))]
        }
        ("a.carrier.test.", RecordType::A) => vec![RData::A(A::new(192, 0, 2, 1))],
        ("b.carrier.test.", RecordType::AAAA) => vec![RData::AAAA(AAAA("2001:db8::2".parse().unwrap()))],
        ("plain.test.", RecordType::A) => vec![RData::A(A::new(192, 0, 2, 9))],
        _ => Vec::new(),
    }
}

/// A name server on loopback for the rest of the test.
fn name_server() -> ResolverConfig {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            let request = Message::from_vec(&buffer[..len]).unwrap();
            let asked = request.queries[0].clone();
            let mut response = Message::response(request.metadata.id, request.metadata.op_code);
            response.add_query(asked.clone());
            for data in zone(&asked.name().to_ascii().to_lowercase(), asked.query_type()) {
                response.add_answer(Record::from_rdata(asked.name().clone(), 60, data));
            }
            if response.answers.is_empty() {
                response.metadata.response_code = ResponseCode::NXDomain;
            }
            socket.send_to(&response.to_vec().unwrap(), from).unwrap();
        }
    });
    let mut connection = ConnectionConfig::udp();
    connection.port = addr.port();
    let mut server = NameServerConfig::udp(addr.ip());
    server.connections = vec![connection];
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

/// The answer, waited for if need be.
fn resolve(resolver: &Resolver, woken: &Receiver<()>, query: Query) -> Answer {
    match resolver.lookup(7, query) {
        Lookup::Now(answer) => answer,
        Lookup::Later => {
            woken.recv_timeout(Duration::from_secs(10)).unwrap();
            let answers: Vec<_> = resolver.answers().collect();
            assert_eq!((answers.len(), answers[0].0), (1, 7));
            answers.into_iter().next().unwrap().1
        }
    }
}

fn target(transport: Transport, addr: &str) -> Target {
    Target { transport, addr: addr.parse().unwrap() }
}

#[test]
fn names_lead_where_rfc_3263_says() {
    let (wake, woken) = bounded(8);
    let resolver = Resolver::start(Some(name_server()), move || wake.try_send(()).unwrap()).unwrap();
    let find = |host, transport| resolve(&resolver, &woken, query(host, transport));
    let (a, b) = (target(Transport::Tcp, "192.0.2.1:5070"), target(Transport::Udp, "[2001:db8::2]:5080"));
    assert_eq!(find("carrier.test", None), Ok(vec![a, b]), "by NAPTR order; a target without address is skipped");
    assert_eq!(find("carrier.test", Some(Transport::Udp)), Ok(vec![b]), "by SRV");
    assert_eq!(find("a.carrier.test:5099", None), Ok(vec![target(Transport::Udp, "192.0.2.1:5099")]), "a port leaves only addresses");
    assert_eq!(find("plain.test", Some(Transport::Tcp)), Ok(vec![target(Transport::Tcp, "192.0.2.9:5060")]));
    assert_eq!(find("plain.test", None), Ok(vec![target(Transport::Udp, "192.0.2.9:5060")]));
    assert_eq!(find("nowhere.test", None), Err(ResolveError::NotFound("nowhere.test".into())));
    assert_eq!(resolver.under_way.load(Ordering::Relaxed), 0);
}

#[test]
fn addresses_are_answered_at_once() {
    let resolver = Resolver::start(Some(ResolverConfig::from_parts(None, Vec::new(), Vec::new())), || {}).unwrap();
    for (host, transport, expected) in [
        ("192.0.2.7", None, target(Transport::Udp, "192.0.2.7:5060")),
        ("[::1]:5080", Some(Transport::Tcp), target(Transport::Tcp, "[::1]:5080")),
        ("192.0.2.7", Some(Transport::Tls), target(Transport::Tls, "192.0.2.7:5061")),
    ] {
        assert_eq!(resolver.lookup(1, query(host, transport)), Lookup::Now(Ok(vec![expected])));
    }
    let Lookup::Now(Ok(local)) = resolver.lookup(1, query("LocalHost:99", None)) else { panic!("localhost is in every hosts file") };
    assert!(local.iter().all(|target| target.addr.ip().is_loopback() && target.addr.port() == 99), "{local:?}");
}

#[test]
fn a_silent_name_server_is_an_error_in_time_and_look_ups_are_bounded() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut connection = ConnectionConfig::udp();
    connection.port = silent.local_addr().unwrap().port();
    let mut server = NameServerConfig::udp("127.0.0.1".parse().unwrap());
    server.connections = vec![connection];
    let (wake, woken) = bounded(limits::LOOKUPS);
    let resolver =
        Resolver::start(Some(ResolverConfig::from_parts(None, Vec::new(), vec![server])), move || wake.try_send(()).unwrap()).unwrap();
    let asked = || query("slow.test:5060", None);
    let later = (0..limits::LOOKUPS + 5).filter(|_| resolver.lookup(1, asked()) == Lookup::Later).count();
    assert_eq!(later, limits::LOOKUPS);
    assert_eq!(resolver.lookup(1, asked()), Lookup::Now(Err(ResolveError::Busy)));
    woken.recv_timeout(limits::LOOKUP * 3).unwrap();
    assert!(matches!(resolver.answers().next(), Some((1, Err(ResolveError::Failed { .. })))));
}

#[test]
fn srv_records_are_tried_by_priority_and_weight() {
    let srv = |priority, weight, name: &str| (priority, weight, 5060, SmolStr::new(name));
    let records = vec![srv(2, 0, "last"), srv(1, 90, "heavy"), srv(1, 10, "light"), srv(1, 0, "never"), srv(0, 0, ".")];
    let names =
        |drawn: u32| -> Vec<String> { sorted(records.clone(), |bound| drawn.min(bound - 1)).iter().map(|r| r.3.to_string()).collect() };
    assert_eq!(names(0), ["never", "light", "heavy", "last"]);
    assert_eq!(names(1), ["light", "heavy", "never", "last"]);
    assert_eq!(names(100), ["heavy", "light", "never", "last"]);
    let mut seed = 1u32;
    let mut draw = |bound: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % bound
    };
    let heavy = (0..1000).filter(|_| sorted(records.clone(), &mut draw)[0].3 == "heavy").count();
    assert!((850..950).contains(&heavy), "{heavy}");
}
