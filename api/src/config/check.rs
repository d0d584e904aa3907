//! Rules between and within values that types don't say.

use std::collections::HashSet;

use super::Config;

/// A value that breaks a rule.
pub(super) struct Wrong {
    pub(super) key: &'static str,
    pub(super) value: String,
    pub(super) rule: &'static str,
}

/// All values that break a rule.
pub(super) fn check(config: &Config) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut rule = |holds: bool, key: &'static str, value: &dyn ToString, rule: &'static str| {
        if !holds {
            wrong.push(Wrong { key, value: value.to_string(), rule });
        }
    };
    let name = &config.node.name;
    rule(
        !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)),
        "node.name",
        &format!("{name:?}"),
        "expected 1 to 64 characters of A-Z, a-z, 0-9 and `-_.`",
    );
    rule(!config.node.data_dir.as_os_str().is_empty(), "node.data_dir", &"empty", "expected a folder");

    let log = &config.log;
    rule((1..=10_000).contains(&log.interval_ms), "log.interval_ms", &log.interval_ms, "expected 1 to 10000");
    rule((1..=256).contains(&log.segment_mib), "log.segment_mib", &log.segment_mib, "expected 1 to 256");
    rule(
        log.retention_mib == 0 || log.retention_mib >= log.segment_mib * 2,
        "log.retention_mib",
        &log.retention_mib,
        "expected 0 (keep all) or at least two segments (2 * log.segment_mib)",
    );
    if let Some(kafka) = &config.kafka {
        rule(!kafka.bootstrap.trim().is_empty(), "kafka.bootstrap", &"empty", "expected `host:port`, several separated by commas");
        rule(
            !kafka.topic.is_empty()
                && kafka.topic.len() <= 249
                && kafka.topic.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)),
            "kafka.topic",
            &format!("{:?}", kafka.topic),
            "expected 1 to 249 characters of A-Z, a-z, 0-9 and `._-`",
        );
    }
    check_sip(config, &mut rule);
    let rtp = &config.rtp;
    rule(rtp.port_min >= 1024 && rtp.port_min.is_multiple_of(2), "rtp.port_min", &rtp.port_min, "expected an even port from 1024");
    rule(rtp.port_max > rtp.port_min, "rtp.port_max", &rtp.port_max, "expected a port above rtp.port_min (a leg takes two ports)");
    rule(rtp.workers <= 256, "rtp.workers", &rtp.workers, "expected 0 to 256");

    let http = &config.http;
    rule((16..=65_536).contains(&http.body_kib), "http.body_kib", &http.body_kib, "expected 16 to 65536");
    rule((1..=300).contains(&http.header_timeout_s), "http.header_timeout_s", &http.header_timeout_s, "expected 1 to 300");
    rule((1..=100_000).contains(&http.connections_max), "http.connections_max", &http.connections_max, "expected 1 to 100000");
    rule(
        http.streams_max >= 1 && http.streams_max < http.connections_max,
        "http.streams_max",
        &http.streams_max,
        "expected at least 1 and fewer than http.connections_max",
    );
    if let Some(url) = &http.public_url {
        rule(
            (url.starts_with("http://") || url.starts_with("https://")) && !url.ends_with('/') && !url.contains(['#', '?']),
            "http.public_url",
            &format!("{url:?}"),
            "expected http:// or https:// and a host, without a slash at the end",
        );
    }
    let signature = &config.signature;
    rule((1..=86_400).contains(&signature.window_s), "signature.window_s", &signature.window_s, "expected 1 to 86400");
    rule((1..=1_000_000).contains(&signature.lock_failures), "signature.lock_failures", &signature.lock_failures, "expected 1 to 1000000");
    rule((1..=86_400).contains(&signature.lock_window_s), "signature.lock_window_s", &signature.lock_window_s, "expected 1 to 86400");
    rule((1..=86_400).contains(&signature.lock_s), "signature.lock_s", &signature.lock_s, "expected 1 to 86400");
    let gateway = &config.gateway;
    rule(
        gateway.certificate.is_some() == gateway.key.is_some(),
        "gateway.certificate",
        &"set without gateway.key (or the other way round)",
        "expected both or neither",
    );
    let server = &gateway.server_name;
    rule(
        !server.is_empty() && server.len() <= 64 && server.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)),
        "gateway.server_name",
        &format!("{server:?}"),
        "expected 1 to 64 characters of A-Z, a-z, 0-9 and `-_`",
    );
    rule(gateway.push_hosts.len() <= 100, "gateway.push_hosts", &gateway.push_hosts.len(), "expected at most 100 hosts");
    rule((1..=100_000).contains(&gateway.connections_max), "gateway.connections_max", &gateway.connections_max, "expected 1 to 100000");
    if let Some(url) = &config.store.url {
        let known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        let rule_text = "expected `sqlite:` and a path, or `postgres://user:password@host/database`";
        rule(known, "store.url", &format!("{:?}", super::mask_url(url)), rule_text);
    }
    let limits = &config.limits;
    rule(limits.shards <= 32, "limits.shards", &limits.shards, "expected 0 to 32");
    rule((1..=65_536).contains(&limits.mailbox_batches), "limits.mailbox_batches", &limits.mailbox_batches, "expected 1 to 65536");
    rule((1..=65_536).contains(&limits.batch_commands), "limits.batch_commands", &limits.batch_commands, "expected 1 to 65536");
    rule(limits.snapshot_every >= 1000, "limits.snapshot_every", &limits.snapshot_every, "expected at least 1000");
    rule((1..=10_000).contains(&limits.import_rows), "limits.import_rows", &limits.import_rows, "expected 1 to 10000");
    rule((10..=10_000).contains(&limits.page_items), "limits.page_items", &limits.page_items, "expected 10 to 10000");

    let level = &config.output.level;
    rule(
        tracing_subscriber::EnvFilter::try_new(level).is_ok() && !level.trim().is_empty(),
        "output.level",
        &format!("{level:?}"),
        "expected error, warn, info, debug, trace, or a filter such as `info,tandem_media=debug`",
    );
    wrong
}

fn check_sip(config: &Config, rule: &mut impl FnMut(bool, &'static str, &dyn ToString, &'static str)) {
    let sip = &config.sip;
    rule(!sip.listen.is_empty() && sip.listen.len() <= 16, "sip.listen", &sip.listen.len(), "expected 1 to 16 places");
    let mut seen = HashSet::new();
    for listen in &sip.listen {
        rule(listen.addr.port() == 0 || seen.insert(*listen), "sip.listen", listen, "listed twice");
    }
    rule(
        sip.tls_certificate.is_some() == sip.tls_key.is_some(),
        "sip.tls_key",
        &if sip.tls_key.is_some() { "alone" } else { "missing" },
        "expected both sip.tls_certificate and sip.tls_key, or neither",
    );
    for origin in &sip.websocket_origins {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        rule(
            host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' '])),
            "sip.websocket_origins",
            &format!("{origin:?}"),
            "expected https:// or http:// and a host, with its port if that is not the usual one, as browsers write origins",
        );
    }
    rule(
        !sip.realm.is_empty()
            && sip.realm.len() <= 128
            && !sip.realm.contains(['"', '\\', '\r', '\n'])
            && !sip.realm.contains(char::is_control),
        "sip.realm",
        &format!("{:?}", sip.realm),
        "expected 1 to 128 characters without quotes, backslashes and control characters",
    );
    rule(
        sip.user_agent.len() <= 128 && !sip.user_agent.contains(char::is_control),
        "sip.user_agent",
        &format!("{:?}", sip.user_agent),
        "expected at most 128 characters without control characters",
    );
    rule(!sip.digest.is_empty() && sip.digest.len() <= 2, "sip.digest", &sip.digest.len(), "expected one or both of MD5 and SHA-256");
    rule((50..=5000).contains(&sip.t1_ms), "sip.t1_ms", &sip.t1_ms, "expected 50 to 5000");
    rule(sip.t2_ms >= sip.t1_ms && sip.t2_ms <= 60_000, "sip.t2_ms", &sip.t2_ms, "expected sip.t1_ms to 60000");
    rule((500..=60_000).contains(&sip.t4_ms), "sip.t4_ms", &sip.t4_ms, "expected 500 to 60000");
    rule(sip.expires_min_s >= 1, "sip.expires_min_s", &sip.expires_min_s, "expected at least 1");
    rule(
        sip.expires_max_s >= sip.expires_min_s && sip.expires_max_s <= 604_800,
        "sip.expires_max_s",
        &sip.expires_max_s,
        "expected sip.expires_min_s to 604800",
    );
    rule(
        (sip.expires_min_s..=sip.expires_max_s.max(sip.expires_min_s)).contains(&sip.expires_default_s),
        "sip.expires_default_s",
        &sip.expires_default_s,
        "expected a value between sip.expires_min_s and sip.expires_max_s",
    );
    rule(
        sip.session_expires_s == 0 || sip.session_expires_s >= 90,
        "sip.session_expires_s",
        &sip.session_expires_s,
        "expected 0 (off) or at least 90 (RFC 4028 section 5)",
    );
    rule((10..=86_400).contains(&sip.nonce_lifetime_s), "sip.nonce_lifetime_s", &sip.nonce_lifetime_s, "expected 10 to 86400");
    rule(sip.transactions_max >= 100, "sip.transactions_max", &sip.transactions_max, "expected at least 100");
    rule(sip.legs_max >= 2, "sip.legs_max", &sip.legs_max, "expected at least 2");
}
