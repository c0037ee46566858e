fn faults(text: &str) -> Vec<String> {
    crate::config::load_from(text, std::iter::empty()).err().map(|faults| faults.0).unwrap_or_default()
}

#[test]
fn rules_of_upstreams() {
    let one = |keys: &str| format!("[[upstream]]\nevent = \"hall\"\nurl = \"http://10.0.0.1:3000\"\n{keys}\n");
    for good in ["path = \"/\"", "path = \"/shop/a\"", "host = \"shop.example\""] {
        assert_eq!(faults(&one(good)), [""; 0], "{good}");
    }
    for (bad, told) in [
        ("", "upstream[0].path: this or host"),
        ("path = \"shop\"", "upstream[0].path: starts with /"),
        ("path = \"/shop/\"", "upstream[0].path: starts with /"),
        ("path = \"/a/../b\"", "upstream[0].path: starts with /"),
        ("path = \"/v1/x\"", "upstream[0].path: /v1 and /room"),
        ("host = \"shop.example:80\"", "upstream[0].host"),
        ("path = \"/\"\nidle_ms = 0", "upstream[0].idle_ms"),
        ("path = \"/\"\nconnections_max = 0", "upstream[0].connections_max"),
    ] {
        let told_now = faults(&one(bad));
        assert!(told_now.len() == 1 && told_now[0].starts_with(told), "{bad}: {told_now:?}");
    }
    for url in ["ftp://x", "shop.example", "http://a@b", "http://x/path", "http://x?y"] {
        let text = format!("[[upstream]]\npath = \"/\"\nevent = \"Not A Slug\"\nurl = {url:?}\n");
        assert_eq!(faults(&text).len(), 2, "{url}");
    }
    let twice = one("path = \"/a\"") + &one("path = \"/a\"") + &one("path = \"/a\"\nhost = \"b\"");
    assert_eq!(faults(&twice), ["upstream[1].path: another upstream has the same host and path"]);
}
