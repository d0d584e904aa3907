//! TLS and WebSockets, against other ends that are not ours.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tungstenite::Message;
use tungstenite::client::IntoClientRequest as _;

use super::super::*;
use super::{OPTIONS, PATIENCE, gather, messages};

type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// A folder with a certificate.
struct Folder {
    dir: tempfile::TempDir,
}

impl Folder {
    fn new(names: &[&str]) -> Folder {
        let folder = Folder { dir: tempfile::tempdir().unwrap() };
        folder.renew(names);
        folder
    }

    fn paths(&self) -> [PathBuf; 2] {
        ["cert.pem", "key.pem"].map(|name| self.dir.path().join(name))
    }

    fn renew(&self, names: &[&str]) {
        let made = rcgen::generate_simple_self_signed(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        let [certificate, key] = self.paths();
        std::fs::write(certificate, made.cert.pem()).unwrap();
        std::fs::write(key, made.signing_key.serialize_pem()).unwrap();
    }

    fn certificates(&self) -> Arc<Certificates> {
        let [certificate, key] = self.paths();
        Arc::new(Certificates::load(&certificate, &key).unwrap())
    }

    fn trust(&self) -> Trust {
        Trust { authorities: Some(self.paths()[0].clone()), ..Trust::default() }
    }

    fn security(&self) -> Security {
        Security { certificates: Some(self.certificates()), trust: self.trust(), origins: Vec::new() }
    }
}

fn bind(transport: Transport, security: Security) -> (Transports, SocketAddr) {
    let addr = "127.0.0.1:0".parse().unwrap();
    let transports = Transports::bind_with(&[Listen { transport, addr }], security).unwrap();
    let local = transports.listening()[0].addr;
    (transports, local)
}

fn client_config(folder: &Folder) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&folder.paths()[0]).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(tls::provider()).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Runs a blocking peer while the transports are polled.
fn with_peer<T: Send + 'static>(transports: &mut Transports, peer: impl FnOnce() -> T + Send + 'static) -> (T, Vec<Input>) {
    let thread = std::thread::spawn(peer);
    let mut inputs = Vec::new();
    let end = Instant::now() + PATIENCE;
    while !thread.is_finished() {
        assert!(Instant::now() < end, "only {inputs:?}");
        transports.poll(Some(Duration::from_millis(5)), |input| inputs.push(input)).unwrap();
    }
    (thread.join().unwrap(), inputs)
}

fn dial(local: SocketAddr, config: Arc<ClientConfig>) -> TlsStream {
    let stream = TcpStream::connect(local).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let session = ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
    StreamOwned::new(session, stream)
}

#[test]
fn a_phone_talks_by_tls() {
    let folder = Folder::new(&["localhost"]);
    let (mut transports, local) = bind(Transport::Tls, folder.security());
    let config = client_config(&folder);
    let (mut phone, inputs) = with_peer(&mut transports, move || {
        let mut phone = dial(local, config);
        phone.write_all(&[b"\r\n\r\n", OPTIONS, &OPTIONS[..9]].concat()).unwrap();
        let mut pong = [0; 2];
        phone.read_exact(&mut pong).unwrap();
        assert_eq!(&pong, b"\r\n");
        phone.write_all(&OPTIONS[9..]).unwrap();
        phone
    });
    let count = messages(&inputs);
    let mut inputs = inputs;
    inputs.extend(gather(&mut transports, |more| count + messages(more) == 2));
    let flow = inputs.iter().find_map(|input| match input {
        Input::Message(flow, bytes) if bytes.as_ref() == OPTIONS => Some(*flow),
        _ => None,
    });
    let flow = flow.unwrap();
    assert_eq!((flow.transport, flow.local), (Transport::Tls, local));
    let big = Bytes::from(vec![b'y'; 50_000]);
    transports.send(&flow, big.clone()).unwrap();
    let (phone, mut inputs) = with_peer(&mut transports, move || {
        let mut all = vec![0; 50_000];
        phone.read_exact(&mut all).unwrap();
        assert_eq!(all, big);
        phone.conn.send_close_notify();
        let _ = phone.flush();
        phone
    });
    drop(phone);
    inputs.extend(gather(&mut transports, |more| !inputs.is_empty() || !more.is_empty()));
    assert!(matches!(inputs.as_slice(), [Input::Closed(closed)] if *closed == flow), "{inputs:?}");
    assert_eq!(transports.connections(), 0);
}

#[test]
fn what_is_no_tls_loses_its_connection_and_nothing_else() {
    let folder = Folder::new(&["localhost"]);
    let (mut transports, local) = bind(Transport::Tls, folder.security());
    let mut bad = TcpStream::connect(local).unwrap();
    bad.set_read_timeout(Some(PATIENCE)).unwrap();
    bad.write_all(OPTIONS).unwrap();
    gather(&mut transports, |inputs| matches!(inputs, [Input::Failed(..)]));
    let mut answer = Vec::new();
    bad.read_to_end(&mut answer).unwrap();
    assert_eq!(answer.first(), Some(&21), "an alert");
    let config = client_config(&folder);
    let (_phone, inputs) = with_peer(&mut transports, move || {
        let mut phone = dial(local, config);
        phone.write_all(OPTIONS).unwrap();
        phone
    });
    let count = messages(&inputs);
    gather(&mut transports, |more| count + messages(more) == 1);
}

#[test]
fn a_handshake_has_its_time_and_a_partial_record_too() {
    let folder = Folder::new(&["localhost"]);
    for (transport, start) in [(Transport::Tls, &b"\x16\x03"[..]), (Transport::Wss, b"\x16\x03"), (Transport::Ws, b"GET / HT")] {
        let (mut transports, local) = bind(transport, folder.security());
        let mut slow = TcpStream::connect(local).unwrap();
        slow.write_all(start).unwrap();
        while transports.connections() == 0 {
            transports.poll(Some(Duration::from_millis(20)), |_| {}).unwrap();
        }
        let connection = transports.connections.get_mut(0).unwrap();
        let opened = connection.opened;
        assert_eq!(connection.overdue(opened + limits::HANDSHAKE / 2), None);
        assert_eq!(connection.overdue(opened + limits::HANDSHAKE), Some(io::ErrorKind::TimedOut), "{transport:?}");
    }
}

/// One that listens as a trunk would, and one that calls it.
fn pair(carrier: &Folder, trust: Trust, names: &[&str]) -> (Transports, Transports, Flow) {
    let (server, remote) = bind(Transport::Tls, carrier.security());
    let own = Folder::new(&["localhost"]);
    let (mut client, local) = bind(Transport::Tls, Security { trust, ..own.security() });
    client.name_peers(names.iter().map(|name| (remote, SmolStr::new(name))));
    (server, client, Flow { transport: Transport::Tls, local, remote })
}

/// Sends one message and says what came of it at both ends.
fn call(server: &mut Transports, client: &mut Transports, flow: &Flow) -> Result<Flow, String> {
    for _ in 0..3 {
        client.send(flow, Bytes::from_static(OPTIONS)).map_err(|error| error.to_string())?;
    }
    let (mut arrived, mut failed, end) = (Vec::new(), None, Instant::now() + PATIENCE);
    while arrived.len() < 3 && failed.is_none() {
        assert!(Instant::now() < end, "{arrived:?}");
        server
            .poll(Some(Duration::from_millis(5)), |input| {
                if let Input::Message(flow, _) = input {
                    arrived.push(flow);
                }
            })
            .unwrap();
        client
            .poll(Some(Duration::from_millis(5)), |input| {
                if let Input::Failed(_, error) = input {
                    failed = Some(error.to_string());
                }
            })
            .unwrap();
    }
    failed.map_or_else(|| Ok(arrived[0]), Err)
}

#[test]
fn a_trunk_that_proves_its_name_is_reached_over_one_connection() {
    let carrier = Folder::new(&["sip.carrier.example", "alias.carrier.example"]);
    let (mut server, mut client, flow) = pair(&carrier, carrier.trust(), &["sip.carrier.example", "alias.carrier.example"]);
    let back = call(&mut server, &mut client, &flow).unwrap();
    assert_eq!((client.connections(), server.connections()), (1, 1));
    server.send(&back, Bytes::from_static(OPTIONS)).unwrap();
    server.poll(Some(Duration::ZERO), |_| {}).unwrap();
    let inputs = gather(&mut client, |inputs| messages(inputs) == 1);
    assert!(matches!(&inputs[0], Input::Message(from, _) if from.remote == flow.remote));
}

#[test]
fn a_trunk_that_proves_nothing_is_not_spoken_to() {
    let (carrier, stranger) = (Folder::new(&["sip.carrier.example"]), Folder::new(&["sip.carrier.example"]));
    for (trust, names, reason) in [
        (carrier.trust(), vec!["sip.other.example"], "not valid for"),
        (carrier.trust(), vec!["sip.carrier.example", "sip.other.example"], "not valid for"),
        (stranger.trust(), vec!["sip.carrier.example"], "certificate"),
    ] {
        let (mut server, mut client, flow) = pair(&carrier, trust, &names);
        let error = call(&mut server, &mut client, &flow).unwrap_err();
        assert!(error.contains(reason), "{names:?}: {error}");
        assert_eq!(client.connections(), 0);
    }
    let (_server, mut client, flow) = pair(&carrier, carrier.trust(), &[]);
    assert!(matches!(client.send(&flow, Bytes::from_static(OPTIONS)), Err(SendError::Nameless(_))));
}

#[test]
fn a_host_named_insecure_is_taken_unseen_and_no_other() {
    let carrier = Folder::new(&["whoever.example"]);
    let stranger = Folder::new(&["whoever.example"]);
    let trust = Trust { insecure_hosts: vec!["PBX.example".into()], ..stranger.trust() };
    let (mut server, mut client, flow) = pair(&carrier, trust.clone(), &["pbx.example"]);
    call(&mut server, &mut client, &flow).unwrap();
    let (mut server, mut client, flow) = pair(&carrier, trust, &["pbx2.example"]);
    call(&mut server, &mut client, &flow).unwrap_err();
}

#[test]
fn a_new_certificate_is_shown_to_new_connections_and_old_ones_stay() {
    let folder = Folder::new(&["localhost"]);
    let security = folder.security();
    let certificates = security.certificates.clone().unwrap();
    let (mut transports, local) = bind(Transport::Tls, security);
    let config = client_config(&folder);
    let (mut phone, _) = with_peer(&mut transports, move || {
        let mut phone = dial(local, config);
        phone.write_all(OPTIONS).unwrap();
        phone
    });
    let before = phone.conn.peer_certificates().unwrap()[0].clone();
    // Key and certificate that don't fit are not taken.
    let [certificate, key] = folder.paths();
    std::fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem() + "\n").unwrap();
    certificates.follow();
    assert!(Certificates::load(&certificate, &key).is_err());
    folder.renew(&["localhost", "renewed.example"]);
    certificates.follow();
    let config = client_config(&folder);
    let (other, _) = with_peer(&mut transports, move || {
        let mut other = dial(local, config);
        other.write_all(OPTIONS).unwrap();
        other
    });
    assert_ne!(other.conn.peer_certificates().unwrap()[0], before);
    with_peer(&mut transports, move || phone.write_all(OPTIONS).unwrap());
    assert!(transports.connections() <= 2);
}

#[test]
fn a_first_start_makes_a_certificate_that_stays() {
    let dir = tempfile::tempdir().unwrap();
    let [certificate, key] = ["c.pem", "k.pem"].map(|name| dir.path().join(name));
    Certificates::load_or_make(&certificate, &key, vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
    let made = std::fs::read(&certificate).unwrap();
    Certificates::load_or_make(&certificate, &key, vec!["other".into()]).unwrap();
    assert_eq!(std::fs::read(&certificate).unwrap(), made);
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::remove_file(&key).unwrap();
    let error = Certificates::load_or_make(&certificate, &key, Vec::new()).unwrap_err();
    assert!(error.to_string().contains("k.pem"), "{error}");
}

fn request(scheme: &str, local: SocketAddr) -> tungstenite::handshake::client::Request {
    let mut request = format!("{scheme}://localhost:{}/", local.port()).into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "sip".parse().unwrap());
    request
}

#[test]
fn a_page_talks_by_websocket_with_and_without_tls() {
    let folder = Folder::new(&["localhost"]);
    for transport in [Transport::Ws, Transport::Wss] {
        let (mut transports, local) = bind(transport, folder.security());
        let config = client_config(&folder);
        let options = String::from_utf8_lossy(OPTIONS).into_owned();
        let (ending, asked) = std::sync::mpsc::channel::<()>();
        let page = std::thread::spawn(move || {
            let talk = |socket: &mut dyn FnMut(Option<Message>) -> Message| {
                socket(Some(Message::text(options)));
                assert_eq!(socket(None), Message::text("SIP/2.0 200 OK\r\n\r\n"));
                asked.recv().unwrap();
            };
            macro_rules! run {
                ($stream:expr, $scheme:expr) => {{
                    let (mut socket, response) = tungstenite::client(request($scheme, local), $stream).unwrap();
                    assert_eq!(response.headers()["sec-websocket-protocol"], "sip");
                    talk(&mut |message| match message {
                        Some(message) => {
                            socket.send(message).unwrap();
                            Message::Ping(Bytes::new())
                        }
                        None => socket.read().unwrap(),
                    });
                }};
            }
            match transport {
                Transport::Wss => run!(dial(local, config), "wss"),
                _ => {
                    let stream = TcpStream::connect(local).unwrap();
                    stream.set_read_timeout(Some(PATIENCE)).unwrap();
                    run!(stream, "ws");
                }
            }
        });
        let inputs = gather(&mut transports, |inputs| messages(inputs) == 1);
        let Input::Message(flow, bytes) = &inputs[0] else { panic!("{inputs:?}") };
        assert_eq!((flow.transport, bytes.as_ref()), (transport, OPTIONS));
        transports.send(flow, Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n")).unwrap();
        ending.send(()).unwrap();
        let ended = gather(&mut transports, |inputs| inputs.iter().any(|input| matches!(input, Input::Closed(_) | Input::Failed(..))));
        assert!(matches!(&ended[0], Input::Closed(closed) | Input::Failed(closed, _) if closed == flow));
        page.join().unwrap();
        assert!(matches!(transports.send(flow, Bytes::from_static(OPTIONS)), Err(SendError::NoSocket(..))), "pages can't be called");
    }
}

#[test]
fn a_silent_page_is_pinged_and_given_up() {
    let (mut transports, local) = bind(Transport::Ws, Security::default());
    let page = std::thread::spawn(move || {
        let stream = TcpStream::connect(local).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (mut socket, _) = tungstenite::client(request("ws", local), stream).unwrap();
        assert!(matches!(socket.read().unwrap(), Message::Ping(_)));
        assert!(matches!(socket.read(), Ok(Message::Close(_)) | Err(_)));
    });
    let end = Instant::now() + PATIENCE;
    while !transports.connections.get_mut(0).is_some_and(|one| one.is_ready()) {
        assert!(Instant::now() < end);
        transports.poll(Some(Duration::from_millis(20)), |_| {}).unwrap();
    }
    let now = Instant::now();
    let mut lost = Vec::new();
    transports.sweep(now + limits::WEB_PING, &mut |input| lost.push(input));
    assert!(lost.is_empty(), "{lost:?}");
    transports.sweep(now + limits::WEB_SILENCE, &mut |input| lost.push(input));
    assert!(matches!(lost.as_slice(), [Input::Failed(flow, _)] if flow.transport == Transport::Ws), "{lost:?}");
    page.join().unwrap();
}

#[test]
fn a_page_of_a_foreign_origin_is_told_so() {
    let security = Security { origins: vec!["https://desk.example.com".into()], ..Security::default() };
    let (mut transports, local) = bind(Transport::Ws, security);
    let (error, inputs) = with_peer(&mut transports, move || {
        let mut request = request("ws", local);
        request.headers_mut().insert("Origin", "https://evil.example".parse().unwrap());
        tungstenite::client(request, TcpStream::connect(local).unwrap()).unwrap_err().to_string()
    });
    assert!(error.contains("403"), "{error}");
    assert!(matches!(inputs.as_slice(), [Input::Failed(..)]), "{inputs:?}");
}
