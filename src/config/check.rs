//! The rules between settings, each with its consequence.

use std::collections::BTreeSet;

use http::Uri;

use super::{Config, StoreKind, UpstreamConfig, outbox, payment};
use crate::facts::ids;
use crate::facts::time::is_zone;

/// A shorter secret could be guessed offline from one token.
const SECRET_BYTES_MIN: usize = 32;

/// Longest address of a shop, bytes: programs between us and the visitor may cut longer ones.
const SHOP_URL_MAX: usize = 2048;

/// Every rule that does not hold, one line each.
pub fn relations(config: &Config) -> Vec<String> {
    let mut faults = Vec::new();
    let mut rule = |holds: bool, text: String| {
        if !holds {
            faults.push(text);
        }
    };
    let Config {
        server,
        admin,
        store,
        redis,
        ledger,
        auth,
        queue,
        pass,
        web,
        limits,
        pipeline,
        outbox,
        money,
        payment,
        log,
        upstream,
    } = config;

    for network in &server.trusted_proxies {
        let known = network.parse::<ipnet::IpNet>().is_ok() || network.parse::<std::net::IpAddr>().is_ok();
        rule(known, format!("server.trusted_proxies: {network:?} is neither an address nor a network (10.0.0.0/8)"));
    }
    let url_ok = |url: &str| url.starts_with("http://") || url.starts_with("https://");
    rule(
        server.public_url.is_empty() || url_ok(&server.public_url),
        "server.public_url: must start with http:// or https://".into(),
    );
    for origin in &server.cors_origins {
        let bare = url_ok(origin) && origin.matches('/').count() == 2;
        rule(bare, format!("server.cors_origins: {origin:?} is no origin (https://shop.example.org, no path)"));
    }
    rule(
        server.listen.port() == 0 || server.listen != admin.listen,
        "admin.listen: the same as server.listen; the admin listener needs a port of its own".into(),
    );
    rule(server.body_max >= 1024, "server.body_max: at least 1024 bytes, or orders do not fit".into());
    rule(server.body_max_admin >= server.body_max, "server.body_max_admin: at least server.body_max".into());
    for (name, value) in [
        ("server.header_timeout_ms", server.header_timeout_ms),
        ("server.write_timeout_ms", server.write_timeout_ms),
        ("server.body_timeout_ms", server.body_timeout_ms),
        ("server.request_timeout_ms", server.request_timeout_ms),
        ("redis.timeout_ms", redis.timeout_ms),
        ("ledger.read_timeout_ms", ledger.read_timeout_ms),
        ("pipeline.idle_ms", pipeline.idle_ms),
        ("payment.timeout_ms", payment.timeout_ms),
    ] {
        rule((1..=600_000).contains(&value), format!("{name}: 1 to 600000 ms"));
    }
    rule(
        (1..=1_000).contains(&queue.pulse_ms),
        "queue.pulse_ms: 1 to 1000 ms, or a room thinks that the house was away".into(),
    );
    rule(server.connections_max >= 1, "server.connections_max: at least 1".into());
    rule((1..=256).contains(&store.lanes), "store.lanes: 1 to 256".into());
    rule((1..=31_536_000).contains(&store.ended_keep_s), "store.ended_keep_s: 1 to 31536000".into());
    rule((1..=256).contains(&redis.pool), "redis.pool: 1 to 256 connections".into());
    rule(ledger.write_pool >= 1 && ledger.read_pool >= 1, "ledger: both pools need at least 1 connection".into());
    if store.kind == StoreKind::Redis {
        let redis_url = ["redis://", "rediss://", "redis-cluster://", "rediss-cluster://", "redis-sentinel://"];
        rule(
            redis_url.iter().any(|s| redis.url.starts_with(s)),
            "redis.url: must start with redis://, rediss://, redis-cluster:// or redis-sentinel://".into(),
        );
        for (name, url) in [("url", &ledger.url), ("replica_url", &ledger.replica_url)] {
            let good = url.starts_with("mysql://")
                || url.starts_with("mariadb://")
                || (name == "replica_url" && url.is_empty());
            rule(good, format!("ledger.{name}: must start with mysql:// or mariadb://"));
        }
    }
    rule(
        (0..=300).contains(&auth.leeway_s),
        "auth.leeway_s: 0 to 300 seconds; more would let in tokens long expired".into(),
    );
    let ways = [&auth.hs256_secret, &auth.jwks_file, &auth.jwks_url].iter().filter(|s| !s.is_empty()).count();
    rule(ways <= 1, "auth: give one of hs256_secret, jwks_file and jwks_url; the key fixes the algorithm".into());
    let long = |secret: &str| secret.len() >= SECRET_BYTES_MIN;
    rule(
        auth.hs256_secret.is_empty() || long(&auth.hs256_secret),
        format!("auth.hs256_secret: at least {SECRET_BYTES_MIN} bytes, or users can be forged"),
    );
    rule(
        auth.jwks_url.is_empty()
            || auth.jwks_url.starts_with("https://")
            || auth.jwks_url.starts_with("http://127.0.0.1"),
        "auth.jwks_url: must be https, or whoever is on the way can sign in as anybody".into(),
    );
    for (i, secret) in queue.secrets.iter().enumerate() {
        rule(long(secret), format!("queue.secrets[{i}]: at least {SECRET_BYTES_MIN} bytes, or places can be forged"));
    }
    rule(queue.waiting_max >= 1, "queue.waiting_max: at least 1".into());
    rule((1..=100_000).contains(&queue.pulse_work_max), "queue.pulse_work_max: 1 to 100000 places".into());
    rule(
        queue.poll_min_ms >= 100 && queue.poll_min_ms <= queue.poll_max_ms,
        "queue.poll_min_ms: at least 100 and at most poll_max_ms".into(),
    );
    rule(
        (1..=24).contains(&queue.proof_bits_min) && (queue.proof_bits_min..=24).contains(&queue.proof_bits_max),
        "queue.proof_bits_min: 1 to proof_bits_max, and that at most 24, or phones do not come in".into(),
    );
    rule(
        pass.old_public_keys.len() <= 8,
        "pass.old_public_keys: at most 8; passes live minutes, so old keys can go soon".into(),
    );
    let own_path = web.shop_url.starts_with('/') && !web.shop_url.starts_with("//");
    rule(
        web.shop_url.is_empty() || own_path || url_ok(&web.shop_url),
        "web.shop_url: must start with https://, http:// or one slash, or it leads nowhere".into(),
    );
    rule(web.shop_url.len() <= SHOP_URL_MAX, format!("web.shop_url: at most {SHOP_URL_MAX} bytes"));
    rule(limits.in_flight >= 1, "limits.in_flight: at least 1".into());
    rule(limits.keys_max >= 1, "limits.keys_max: at least 1".into());
    rule(
        limits.client_rps == 0 || limits.client_burst >= 1,
        "limits.client_burst: at least 1 while client_rps is on, or nobody gets in".into(),
    );
    rule(
        limits.join_rps == 0 || limits.join_burst >= 1,
        "limits.join_burst: at least 1 while join_rps is on, or nobody joins".into(),
    );
    rule((1..=500).contains(&pipeline.batch_max), "pipeline.batch_max: 1 to 500 records".into());
    rule((1_000..=600_000).contains(&pipeline.lease_ms), "pipeline.lease_ms: 1000 to 600000 ms".into());
    rule((0..=60_000).contains(&redis.skew_max_ms), "redis.skew_max_ms: 0 to 60000 ms".into());
    rule((1..=315_360_000).contains(&pipeline.record_keep_s), "pipeline.record_keep_s: 1 to 315360000".into());
    rule((0..=3_650).contains(&pipeline.event_keep_d), "pipeline.event_keep_d: 0 to 3650".into());
    rule(pipeline.log_max >= 1, "pipeline.log_max: at least 1".into());
    let currency = &money.currency;
    rule(
        currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase()),
        format!("money.currency: {currency:?} is not three capital letters (ISO 4217)"),
    );
    rule(is_zone(&money.zone), format!("money.zone: {:?} is not an IANA time zone, e.g. Asia/Seoul", money.zone));
    rule(matches!(log.format.as_str(), "text" | "json"), "log.format: \"text\" or \"json\"".into());
    faults.extend(outbox::rules(outbox));
    faults.extend(payment::rules(payment, server));
    faults.extend(upstreams(upstream));
    faults
}

/// First segments of paths that are the gateway's own, whatever stands behind it.
const OWN: [&str; 2] = ["/v1", "/room"];

fn upstreams(upstreams: &[UpstreamConfig]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, upstream) in upstreams.iter().enumerate() {
        let mut rule = |holds: bool, text: &str| {
            if !holds {
                faults.push(format!("upstream[{i}].{text}"));
            }
        };
        let UpstreamConfig {
            path,
            host,
            event,
            url,
            connections_max,
            visitor_max,
            connect_ms,
            answer_ms,
            idle_ms,
            upload_bytes_s,
            keep_ms,
        } = upstream;
        rule(!path.is_empty() || !host.is_empty(), "path: this or host is wanted, or nothing leads there");
        let sane = path.is_empty()
            || path == "/"
            || path.starts_with('/') && path[1..].split('/').all(|s| !matches!(s, "" | "." | ".."));
        let plain = path.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'%' | b'\\'));
        rule(sane && plain, "path: starts with / and is written plainly: no / at its end, no %, no . or .. segment");
        let own = OWN.iter().any(|own| path == own || path.starts_with(&format!("{own}/")));
        rule(!own, "path: /v1 and /room are the gateway's own");
        let name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
        rule(host.bytes().all(name), "host: a name in lower case, without scheme and port");
        rule(ids::is_slug(event), "event: not a slug, so there cannot be such an event");
        let good = url.parse::<Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
                && uri.path_and_query().is_none_or(|rest| rest.as_str() == "/")
        });
        rule(good, "url: http:// or https://, a host and perhaps a port; paths are kept as they come");
        rule((1..=100_000).contains(connections_max), "connections_max: 1 to 100000");
        rule((1..=100_000).contains(visitor_max), "visitor_max: 1 to 100000");
        rule(*upload_bytes_s <= 1_000_000, "upload_bytes_s: 0 to 1000000");
        for (name, value) in
            [("connect_ms", connect_ms), ("answer_ms", answer_ms), ("idle_ms", idle_ms), ("keep_ms", keep_ms)]
        {
            rule((1..=3_600_000).contains(value), &format!("{name}: 1 to 3600000 ms"));
        }
        let first = seen.insert((host.as_str(), path.trim_end_matches('/')));
        rule(first, "path: another upstream has the same host and path");
    }
    faults
}

#[cfg(test)]
mod tests;
