use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().expect("a value"));
    }
    headers
}

fn shown(headers: &HeaderMap) -> Vec<String> {
    let mut shown: Vec<_> = headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().expect("text"))).collect();
    shown.sort();
    shown
}

fn hop(trusted: bool) -> Hop {
    Hop { peer: [192, 0, 2, 1].into(), trusted, https: false }
}

#[test]
fn of_two_lengths_the_chunks_count() {
    let mut both = headers(&[("transfer-encoding", "chunked"), ("content-length", "3"), ("trailer", "x")]);
    strip_hop_by_hop(&mut both);
    assert!(!both.contains_key("content-length") && !both.contains_key("transfer-encoding"));
    let mut one = headers(&[("content-length", "3")]);
    strip_hop_by_hop(&mut one);
    assert_eq!(one["content-length"], "3");
}

#[test]
fn what_is_meant_for_one_connection_stays_on_it() {
    let mut given = headers(&[
        ("connection", "close, X-One"),
        ("connection", "x-two,host, stanchion-visitor"),
        ("x-one", "1"),
        ("x-two", "2"),
        ("x-three", "3"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "close"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("proxy-authorization", "Basic x"),
        ("expect", "100-continue"),
        ("host", "shop.example"),
    ]);
    inward(&mut given, Some(HeaderValue::from_static("shop.example")), hop(false));
    let wanted = [
        "host: shop.example",
        "via: 1.1 stanchion",
        "x-forwarded-for: 192.0.2.1",
        "x-forwarded-host: shop.example",
        "x-forwarded-proto: http",
        "x-three: 3",
    ];
    assert_eq!(shown(&given), wanted);
}

#[test]
fn what_is_ours_stays_here() {
    let mut given = headers(&[
        ("stanchion-visitor", "forged"),
        ("stanchion_visitor", "forged"),
        ("stanchion-queue", "t"),
        ("stanchion-pass", "p"),
        ("authorization", "Bearer x"),
        ("cookie", "a=1; stanchion_pass_hall=p; b=stanchion_pass_x;stanchion_queue_dome=q"),
        ("cookie", "stanchion_pass_hall=p"),
    ]);
    inward(&mut given, None, hop(false));
    let wanted = [
        "authorization: Bearer x",
        "cookie: a=1; b=stanchion_pass_x",
        "via: 1.1 stanchion",
        "x-forwarded-for: 192.0.2.1",
        "x-forwarded-proto: http",
    ];
    assert_eq!(shown(&given), wanted);
}

#[test]
fn only_a_trusted_proxy_is_believed_about_the_way_before_it() {
    let told = [
        ("x-forwarded-for", "198.51.100.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "tickets.example"),
        ("x-real-ip", "198.51.100.7"),
        ("forwarded", "for=198.51.100.7"),
    ];
    let host = || Some(HeaderValue::from_static("inner"));
    let (mut trusted, mut stranger) = (headers(&told), headers(&told));
    inward(&mut trusted, host(), hop(true));
    inward(&mut stranger, host(), hop(false));
    let wanted = [
        "forwarded: for=198.51.100.7",
        "host: inner",
        "via: 1.1 stanchion",
        "x-forwarded-for: 198.51.100.7, 192.0.2.1",
        "x-forwarded-host: tickets.example",
        "x-forwarded-proto: https",
        "x-real-ip: 198.51.100.7",
    ];
    assert_eq!(shown(&trusted), wanted);
    let wanted = [
        "host: inner",
        "via: 1.1 stanchion",
        "x-forwarded-for: 192.0.2.1",
        "x-forwarded-host: inner",
        "x-forwarded-proto: http",
    ];
    assert_eq!(shown(&stranger), wanted);
}

#[test]
fn only_web_sockets_take_a_connection_over() {
    assert!(is_websocket(&headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")])));
    assert!(!is_websocket(&headers(&[("connection", "upgrade"), ("upgrade", "h2c")])));
    assert!(!is_websocket(&headers(&[("upgrade", "websocket")])));
}
