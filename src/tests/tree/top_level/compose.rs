//! docker-compose.yml, the image, and the gateway's settings in it.

use std::collections::BTreeSet;

use stanchion::config;
use yaml_rust2::{Yaml, YamlLoader};

use super::{path, text};

fn yaml(rest: &str) -> Yaml {
    let mut documents = YamlLoader::load_from_str(&text(rest)).unwrap_or_else(|error| panic!("{rest}: {error}"));
    assert_eq!(documents.len(), 1, "{rest}: one document");
    documents.remove(0)
}

fn services() -> Vec<(String, Yaml)> {
    let compose = yaml("docker-compose.yml");
    let services = compose["services"].as_hash().expect("services").clone();
    services.into_iter().map(|(name, service)| (name.into_string().expect("a name"), service)).collect()
}

fn strings(list: &Yaml) -> Vec<String> {
    list.as_vec().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// The names and values of a service's environment.
fn environment(service: &Yaml) -> Vec<(String, String)> {
    let entries = service["environment"].as_hash().cloned().unwrap_or_default();
    let text = |yaml: Yaml| yaml.into_string().expect("quoted, so that it is a text");
    entries.into_iter().map(|(name, value)| (text(name), text(value))).collect()
}

#[test]
fn every_service_is_there_and_says_when_it_is_well() {
    let services = services();
    let names: BTreeSet<&str> = services.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["gateway", "grafana", "mysql", "prometheus", "redis"]));
    for (name, service) in &services {
        assert!(!service["healthcheck"]["test"].is_badvalue(), "{name}: no healthcheck");
        let image = service["image"].as_str().unwrap_or("built:here");
        assert!(image.contains(':') && !image.ends_with(":latest"), "{name}: {image} names no version");
    }
}

#[test]
fn nothing_is_published_beyond_loopback() {
    for (name, service) in services() {
        for port in strings(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
        assert!(service["network_mode"].is_badvalue() && service["privileged"].is_badvalue(), "{name}");
    }
}

#[test]
fn no_secret_has_a_default() {
    let example = text(".env.example");
    for (name, service) in services() {
        for (key, value) in environment(&service) {
            let secret = ["PASSWORD", "SECRET", "AUTH", "__URL"].iter().any(|part| key.contains(part));
            if secret && !key.starts_with("GF_AUTH") {
                assert!(value.contains(":?"), "{name}: {key} must be required from the environment");
            }
            for variable in value.split("${").skip(1) {
                let variable = variable.split(":?").next().expect("split gives one part at least");
                assert!(example.contains(&format!("\n{variable}=\n")), "{name}: {variable} is not in .env.example");
            }
        }
    }
}

#[test]
fn everything_mounted_exists() {
    let compose = yaml("docker-compose.yml");
    for (name, service) in services() {
        for volume in strings(&service["volumes"]) {
            let source = volume.split(':').next().expect("split gives one part at least");
            match source.strip_prefix("./") {
                Some(file) => assert!(path(file).exists(), "{name}: {file} is not in the tree"),
                None => assert!(
                    compose["volumes"].as_hash().is_some_and(|v| v.contains_key(&Yaml::String(source.to_owned()))),
                    "{name}: the volume {source} is not declared"
                ),
            }
        }
    }
}

#[test]
fn the_gateway_accepts_its_settings() {
    let (_, gateway) = services().into_iter().find(|(name, _)| name == "gateway").expect("the gateway");
    let secret = "0123456789abcdef".repeat(4);
    let environment = environment(&gateway).into_iter().map(|(key, value)| {
        let value = value.split("${").map(|part| part.split_once('}').map_or(part, |(_, rest)| rest));
        (key, value.collect::<Vec<_>>().join(&secret))
    });
    let config = config::load_from(&text("config/compose.toml"), environment);
    let config = config.unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.redis.url, format!("redis://:{secret}@redis:6379"));
    assert_eq!(config.queue.secrets, [secret]);
    assert_eq!(config.admin.listen.port(), 9100, "config/prometheus.yml scrapes this one");
}

#[test]
fn the_image_is_built_from_what_is_there() {
    let dockerfile = text("config/Dockerfile");
    for line in dockerfile.lines().filter(|l| l.starts_with("COPY ") && !l.contains("--from=")) {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let (_, sources) = words.split_last().expect("a COPY has a destination");
        for source in sources {
            assert!(path(source).exists(), "{source} is not in the tree");
        }
    }
    let rust = text("Cargo.toml");
    let version = rust.lines().find_map(|l| l.strip_prefix("rust-version = ")).expect("a rust-version");
    assert!(dockerfile.contains(&format!("FROM rust:{}-", version.trim_matches('"'))), "builds with {version}");
    assert!(dockerfile.contains("\nUSER stanchion\n"), "runs as root");
}

#[test]
fn grafana_finds_its_dashboards_and_prometheus() {
    let providers = yaml("grafana/provisioning/dashboards/stanchion.yml");
    let folder = providers["providers"][0]["options"]["path"].as_str().expect("a path").to_owned();
    let (_, grafana) = services().into_iter().find(|(name, _)| name == "grafana").expect("grafana");
    assert!(strings(&grafana["volumes"]).contains(&format!("./grafana/dashboards:{folder}:ro")));

    let sources = yaml("grafana/provisioning/datasources/prometheus.yml");
    assert_eq!(sources["datasources"][0]["url"].as_str(), Some("http://prometheus:9090"));
    let uid = sources["datasources"][0]["uid"].as_str().expect("a uid").to_owned();
    assert!(text("grafana/dashboards/stanchion.json").contains(&format!("\"uid\": \"{uid}\"")));
}
