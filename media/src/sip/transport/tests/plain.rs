use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};

use super::super::*;
use super::{OPTIONS, PATIENCE, gather, messages};

fn loopbacks() -> Vec<SocketAddr> {
    let all: [SocketAddr; 2] = ["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()];
    all.into_iter().filter(|addr| UdpSocket::bind(addr).is_ok()).collect()
}

fn bind(transport: Transport, addr: SocketAddr) -> (Transports, SocketAddr) {
    let transports = Transports::bind(&[Listen { transport, addr }]).unwrap();
    let local = transports.listening()[0].addr;
    (transports, local)
}

#[test]
fn datagrams_go_both_ways_over_both_families() {
    for addr in loopbacks() {
        let (mut transports, local) = bind(Transport::Udp, addr);
        assert!(transports.receive_buffer().unwrap() >= 64 * 1024);
        let peer = UdpSocket::bind(addr).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        for _ in 0..600 {
            peer.send_to(OPTIONS, local).unwrap();
        }
        let inputs = gather(&mut transports, |inputs| messages(inputs) >= 600);
        let Input::Message(flow, bytes) = &inputs[599] else { panic!("{:?}", inputs[599]) };
        assert_eq!((flow.local, flow.remote, bytes.as_ref()), (local, peer.local_addr().unwrap(), OPTIONS));
        transports.send(flow, Bytes::from_static(b"answer")).unwrap();
        let mut buffer = [0; 100];
        let (len, from) = peer.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..len], from), (b"answer".as_slice(), local));
    }
}

#[test]
fn a_connection_carries_messages_pings_and_answers() {
    for addr in loopbacks() {
        let (mut transports, local) = bind(Transport::Tcp, addr);
        let mut peer = TcpStream::connect(local).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        peer.write_all(&[b"\r\n\r\n", OPTIONS, OPTIONS, &OPTIONS[..9]].concat()).unwrap();
        let inputs = gather(&mut transports, |inputs| messages(inputs) >= 2);
        peer.write_all(&OPTIONS[9..]).unwrap();
        gather(&mut transports, |inputs| messages(inputs) == 1);
        let Input::Message(flow, _) = &inputs[0] else { panic!("{:?}", inputs[0]) };
        assert_eq!((flow.local, flow.remote), (local, peer.local_addr().unwrap()));
        transports.send(flow, Bytes::from_static(b"answer")).unwrap();
        let mut buffer = [0; 8];
        peer.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"\r\nanswer");
        drop(peer);
        let ended = gather(&mut transports, |inputs| !inputs.is_empty());
        assert!(matches!(&ended[0], Input::Closed(closed) if closed == flow), "{ended:?}");
        assert_eq!(transports.connections(), 0);
    }
}

#[test]
fn sending_opens_one_connection_and_uses_it_again() {
    for addr in loopbacks() {
        let (mut transports, local) = bind(Transport::Tcp, addr);
        let server = TcpListener::bind(addr).unwrap();
        let remote = server.local_addr().unwrap();
        let flow = Flow { transport: Transport::Tcp, local, remote };
        for _ in 0..3 {
            transports.send(&flow, Bytes::from_static(OPTIONS)).unwrap();
        }
        assert_eq!(transports.connections(), 1);
        let (mut peer, from) = server.accept().unwrap();
        peer.write_all(OPTIONS).unwrap();
        let inputs = gather(&mut transports, |inputs| messages(inputs) == 1);
        let Input::Message(real, _) = &inputs[0] else { panic!("{inputs:?}") };
        assert_eq!((real.remote, real.local), (remote, from));
        transports.send(real, Bytes::from_static(b"!")).unwrap();
        let mut all = vec![0; 3 * OPTIONS.len() + 1];
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        peer.read_exact(&mut all).unwrap();
        assert_eq!(all.last(), Some(&b'!'));
    }
}

#[test]
fn a_refused_connection_fails_with_the_flow_that_was_asked_for() {
    let (mut transports, local) = bind(Transport::Tcp, "127.0.0.1:0".parse().unwrap());
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let flow = Flow { transport: Transport::Tcp, local, remote: gone };
    transports.send(&flow, Bytes::from_static(OPTIONS)).unwrap();
    let inputs = gather(&mut transports, |inputs| !inputs.is_empty());
    assert!(
        matches!(&inputs[0], Input::Failed(failed, error) if *failed == flow && error.kind() == io::ErrorKind::ConnectionRefused),
        "{inputs:?}"
    );
    assert_eq!(transports.connections(), 0);
}

#[test]
fn a_peer_that_does_not_read_is_disconnected_with_bounded_memory() {
    let (mut transports, local) = bind(Transport::Tcp, "127.0.0.1:0".parse().unwrap());
    let peer = TcpStream::connect(local).unwrap();
    let flow = Flow { transport: Transport::Tcp, local, remote: peer.local_addr().unwrap() };
    gather_connections(&mut transports, 1);
    let big = Bytes::from(vec![b'x'; 60_000]);
    // Socket buffers of loopback take some megabytes at most.
    let refused = (0..2000).find_map(|_| transports.send(&flow, big.clone()).err());
    assert!(matches!(refused, Some(SendError::Slow(_))), "{refused:?}");
    assert_eq!(transports.connections(), 0);
}

fn gather_connections(transports: &mut Transports, count: usize) {
    let end = Instant::now() + PATIENCE;
    while transports.connections() < count {
        assert!(Instant::now() < end);
        transports.poll(Some(Duration::from_millis(20)), |_| {}).unwrap();
    }
}

#[test]
fn nonsense_on_a_stream_costs_the_connection_and_nothing_else() {
    let (mut transports, local) = bind(Transport::Tcp, "127.0.0.1:0".parse().unwrap());
    let mut good = TcpStream::connect(local).unwrap();
    let mut bad = TcpStream::connect(local).unwrap();
    bad.write_all(b"A b SIP/2.0\r\nContent-Length: -1\r\n\r\n").unwrap();
    gather(&mut transports, |inputs| inputs.iter().any(|input| matches!(input, Input::Failed(..))));
    good.write_all(OPTIONS).unwrap();
    gather(&mut transports, |inputs| messages(inputs) == 1);
    assert_eq!(transports.connections(), 1);
}

#[test]
fn a_storm_on_one_socket_does_not_starve_another() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let mut transports = Transports::bind(&[Transport::Udp, Transport::Tcp].map(|transport| Listen { transport, addr: any })).unwrap();
    let [udp, tcp] = [0, 1].map(|at| transports.listening()[at].addr);
    let mut peer = TcpStream::connect(tcp).unwrap();
    gather_connections(&mut transports, 1);
    let storm = UdpSocket::bind(any).unwrap();
    for _ in 0..limits::UDP_BUDGET + 100 {
        storm.send_to(b"x", udp).unwrap();
    }
    peer.write_all(OPTIONS).unwrap();
    let mut inputs = Vec::new();
    transports.poll(Some(PATIENCE), |input| inputs.push(input)).unwrap();
    assert!(inputs.len() <= limits::UDP_BUDGET + 1);
    let all = gather(&mut transports, |more| inputs.len() + more.len() > limits::UDP_BUDGET + 100);
    let place = inputs.iter().chain(&all).position(|input| matches!(input, Input::Message(flow, _) if flow.transport == Transport::Tcp));
    assert!(place.unwrap() <= 2 * limits::UDP_BUDGET, "{place:?}");
}

#[test]
fn another_thread_can_wake_the_poll() {
    let (mut transports, _) = bind(Transport::Udp, "127.0.0.1:0".parse().unwrap());
    let waker = transports.waker();
    let thread = std::thread::spawn(move || waker.wake());
    let mut woken = false;
    transports.poll(Some(PATIENCE), |input| woken |= matches!(input, Input::Wake)).unwrap();
    assert!(woken);
    thread.join().unwrap();
}

#[test]
fn what_cannot_be_bound_or_sent_says_so() {
    let addr = "127.0.0.1:0".parse().unwrap();
    for transport in [Transport::Tls, Transport::Wss] {
        assert!(matches!(Transports::bind(&[Listen { transport, addr }]), Err(BindError::NoCertificate { .. })));
    }
    let (mut transports, local) = bind(Transport::Udp, addr);
    let taken = Transports::bind(&[Listen { transport: Transport::Udp, addr: local }]).map(|_| ()).unwrap_err();
    assert!(taken.to_string().contains(&local.to_string()), "{taken}");
    let flow = |transport, remote: &str| Flow { transport, local, remote: remote.parse().unwrap() };
    assert!(matches!(transports.send(&flow(Transport::Wss, "127.0.0.1:9"), Bytes::new()), Err(SendError::NoSocket(..))));
    let huge = Bytes::from(vec![0; 70_000]);
    assert!(matches!(transports.send(&flow(Transport::Udp, "127.0.0.1:9"), huge), Err(SendError::Io(..))));
}
