use std::path::{Path, PathBuf};

use super::*;

fn write(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.toml");
    std::fs::write(&file, text).unwrap();
    (dir, file)
}

fn problems(text: &str, environment: &[(&str, &str)]) -> String {
    let (_dir, file) = write(text);
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let error = load_with(Some(&file), environment).expect_err("is wrong").to_string();
    error.replace(&file.display().to_string(), "t.toml")
}

#[test]
fn the_example_says_the_defaults() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tandem.example.toml");
    let loaded = load_with(Some(&example), []).unwrap();
    assert_eq!(loaded.config, Config::default());
}

#[test]
fn the_example_names_every_option() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tandem.example.toml")).unwrap();
    let schema = schemars::schema_for!(Config).to_value();
    let sections = schema.get("$defs").unwrap().as_object().unwrap();
    for (section, body) in sections {
        let Some(properties) = body.get("properties").and_then(|p| p.as_object()) else { continue };
        for key in properties.keys() {
            let named = text
                .lines()
                .any(|line| line.trim_start_matches("# ").starts_with(&format!("{key} =")) || line.contains(&format!(".{key}]")));
            assert!(named, "{section}.{key} is missing in tandem.example.toml");
        }
    }
}

#[test]
fn an_unknown_key_is_refused_with_line_and_suggestion() {
    assert_eq!(
        problems("[sip]\nrealm = \"x\"\nexpires_maks_s = 5\n", &[]),
        "t.toml:3: unknown key `expires_maks_s` in [sip]; did you mean `expires_max_s`?"
    );
    assert_eq!(problems("\n\n[spi]\n", &[]), "t.toml:3: unknown section `spi`; did you mean `sip`?");
}

#[test]
fn all_unknown_keys_are_listed_at_once() {
    let text = problems("[node]\nnam = \"x\"\n[kafka]\nbootstrp = \"b:1\"\n", &[]);
    assert!(text.contains("t.toml:2") && text.contains("t.toml:4: unknown key `bootstrp` in [kafka]; did you mean `bootstrap`?"), "{text}");
}

#[test]
fn a_wrong_type_is_refused_with_line_and_value() {
    let text = problems("[http]\n\nlisten = 8080\n", &[]);
    assert!(text.starts_with("t.toml:3: `http.listen`:") && text.contains("8080"), "{text}");
    let text = problems("[sip]\nlisten = [\"udp:127.0.0.1\"]\n", &[]);
    assert!(text.starts_with("t.toml:2:") && text.contains("udp:127.0.0.1") && text.contains("expected `udp:`"), "{text}");
    for kind in ["tls", "ws", "wss"] {
        assert_eq!(format!("{kind}:127.0.0.1:1").parse::<Listen>().unwrap().to_string(), format!("{kind}:127.0.0.1:1"));
    }
    let text = problems("[log]\ndurability = \"allways\"\n", &[]);
    assert!(text.starts_with("t.toml:2:") && text.contains("allways") && text.contains("always"), "{text}");
}

#[test]
fn a_value_out_of_range_is_refused_with_its_rule() {
    assert_eq!(problems("[rtp]\nport_min = 20001\n", &[]), "t.toml:2: `rtp.port_min` is 20001: expected an even port from 1024");
}

#[test]
fn broken_toml_is_refused_with_its_line() {
    assert!(problems("[node]\nname = \n", &[]).starts_with("t.toml:2: "));
}

#[test]
fn the_environment_wins_over_the_file() {
    let (_dir, file) = write("[sip]\nrealm = \"file\"\n");
    let environment = [
        ("TANDEM_SIP__REALM", "env"),
        ("TANDEM_HTTP__LISTEN", "127.0.0.1:9"),
        ("TANDEM_SIP__LISTEN", "[\"udp:127.0.0.1:5070\"]"),
        ("TANDEM_TOKEN", "no setting"),
    ];
    let loaded = load_with(Some(&file), environment.map(|(k, v)| (k.to_owned(), v.to_owned()))).unwrap();
    assert_eq!(loaded.config.sip.realm, "env");
    assert_eq!(loaded.config.http.listen.port(), 9);
    assert_eq!(loaded.config.sip.listen, vec!["udp:127.0.0.1:5070".parse().unwrap()]);
}

#[test]
fn a_wrong_variable_is_named() {
    assert_eq!(
        problems("", &[("TANDEM_RTP__PORT_MAXX", "1")]),
        "environment variable TANDEM_RTP__PORT_MAXX: unknown key `port_maxx` in [rtp]; did you mean `port_max`?"
    );
    let text = problems("", &[("TANDEM_RTP__PORT_MIN", "7")]);
    assert!(text.starts_with("environment variable TANDEM_RTP__PORT_MIN: `rtp.port_min` is 7"), "{text}");
}

#[test]
fn secrets_are_masked_when_shown() {
    let mut config = Config::default();
    let mut kafka = KafkaConfig::default();
    kafka.properties.insert("sasl.password".into(), "hunter2".into());
    kafka.properties.insert("sasl.username".into(), "me".into());
    config.kafka = Some(kafka);
    let shown = config.shown();
    assert!(!shown.contains("hunter2") && shown.contains("me"), "{shown}");
}

#[test]
fn a_certificate_has_a_key_and_origins_are_origins() {
    let text = problems("[sip]\ntls_certificate = \"a.pem\"\n", &[]);
    assert!(text.contains("`sip.tls_key`") && text.contains("both"), "{text}");
    for wrong in ["desk.example.com", "https://desk.example.com/", "*"] {
        let text = problems(&format!("[sip]\nwebsocket_origins = [\"{wrong}\"]\n"), &[]);
        assert!(text.starts_with("t.toml:2: `sip.websocket_origins`") && text.contains(wrong), "{text}");
    }
}
