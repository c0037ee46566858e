//! `stanchion reconcile`: the ledger beside what Toss Payments and PortOne say.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use stanchion::config::StoreKind;
use stanchion::facts::period::Period;

use super::house::{Shop, pay, refunded, shop};
use super::{portone, toss};
use crate::purchase::support::{Buyer, on_both_stores};
use crate::support::foreign::Mood;
use crate::support::gateway::Store;

on_both_stores!(every_difference_is_named);

/// The configuration of a shop, for a process beside it.
fn write_config(shop: &Shop, to: &Path) {
    let config = &shop.gateway.config;
    let store = match config.store.kind {
        StoreKind::Embedded => format!("kind = \"embedded\"\ndata_dir = {:?}", config.store.data_dir),
        StoreKind::Redis => "kind = \"redis\"".to_owned(),
    };
    let text = format!(
        "[store]\n{store}\nlanes = {}\n[redis]\nurl = {:?}\n[ledger]\nurl = {:?}\n[payment]\nproviders = [\"toss\", \"portone\"]\n\
         [payment.toss]\nsecret_key = {:?}\nbase_url = {:?}\n\
         [payment.portone]\nsecret = {:?}\nwebhook_secret = {:?}\nstore_id = {:?}\nbase_url = {:?}\n",
        config.store.lanes,
        config.redis.url,
        config.ledger.url,
        toss::SECRET_KEY,
        shop.toss.url,
        portone::SECRET,
        portone::WEBHOOK_SECRET,
        portone::STORE,
        shop.portone.url,
    );
    std::fs::write(to, text).expect("a file");
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

async fn every_difference_is_named(store: Store) {
    let (shop, folder) = (shop(store).await, tempfile::tempdir().expect("a folder"));
    let config = folder.path().join("stanchion.toml");
    write_config(&shop, &config);
    // The month is long enough for a test over midnight.
    let day = |at_ms| stanchion::facts::time::rfc3339(at_ms)[..10].to_owned();
    let month = Period::of(shop.gateway.clock.now_ms(), "Asia/Seoul");
    let first = day(month.starts_ms("Asia/Seoul") + 12 * 3_600_000);
    let last = day(month.next().ends_ms("Asia/Seoul") - 12 * 3_600_000);
    let reconcile = async |provider: &str, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stanchion"));
        command.arg("reconcile").arg("--config").arg(&config).args([
            "--provider",
            provider,
            "--from",
            &first,
            "--to",
            &last,
        ]);
        command.args(more);
        tokio::task::spawn_blocking(move || command.output().expect("it starts")).await.expect("it runs")
    };

    let kim = Buyer::enter(&shop.gateway, "hall", "kim").await;
    let order = kim.order_unpaid(&kim.hold(&["a-1-1", "a-1-2"]).await).await;
    let declined = shop.toss.contract.open(&order, 110_000);
    shop.toss.next("/confirm", Mood::Says(403, json!({"code": "REJECT_CARD_PAYMENT", "message": "no"})));
    assert_eq!(pay(&kim, &order, "toss", &declined, 110_000).await["status"], "pending_payment");
    let key = shop.toss.contract.open(&order, 110_000);
    assert_eq!(pay(&kim, &order, "toss", &key, 110_000).await["status"], "confirmed");
    assert_eq!(refunded(&kim, &order, 1).await["status"], "done");
    let lee = Buyer::enter(&shop.gateway, "hall", "lee").await;
    let other = lee.order_unpaid(&lee.hold(&["a-1-3"]).await).await;
    shop.portone.contract.set(&other, 55_000, "PAID");
    assert_eq!(pay(&lee, &other, "portone", &other, 55_000).await["status"], "confirmed");

    let fine = reconcile("toss", &[]).await;
    let heading = format!("toss, {first} to {last} (Asia/Seoul)");
    let sums = "2 payments: the ledger has 110000 KRW captured, 55000 given back";
    assert_eq!(lines(&fine), [&*heading, sums, "0 differences, +0 KRW in all"], "{fine:?}");
    assert_eq!(fine.status.code(), Some(0));
    assert_eq!(reconcile("portone", &[]).await.status.code(), Some(0));

    // Its file: one row a payment, and one a cancellation.
    let file = folder.path().join("toss.csv");
    let compare = async |text: String| {
        std::fs::write(&file, text).expect("a file");
        let path = file.to_string_lossy().into_owned();
        reconcile("toss", &["--statement", &path, "--columns", "payment=key,amount=sum"]).await
    };
    let rows = format!("day,key,sum,fee\n1,{key},\"110,000\",3300\n2,{key},-55000,0\n");
    assert_eq!(compare(rows.clone()).await.status.code(), Some(0));
    for (rows, says, amount) in [
        (
            rows.replace("110,000", "100,000"),
            format!("{order}, payment {key}: the ledger has 110000 captured, the file 100000"),
            10_000,
        ),
        (
            rows.replace("-55000", "-50000"),
            format!("{order}, payment {key}: the ledger has 55000 returned, the file 50000"),
            -5_000,
        ),
        (
            rows.replace("-55000", "-60000"),
            format!("{order}, payment {key}: the ledger has 55000 returned, the file 60000"),
            5_000,
        ),
        ("key,sum\n".into(), format!("{order}, payment {key}: the ledger has 110000 captured, the file 0"), 110_000),
        (
            format!("{rows}3,strange,700,0\n"),
            "no order, payment strange: the ledger has no such payment, the file has 700 captured, 0 returned".into(),
            -700,
        ),
    ] {
        let ran = compare(rows).await;
        assert_eq!(lines(&ran)[2], format!("{says} ({amount:+})"), "{ran:?}");
        assert_eq!(lines(&ran)[3], format!("1 difference, {amount:+} KRW in all"));
        assert_eq!(ran.status.code(), Some(1));
    }
    let unreadable = compare("a,b\n".into()).await;
    assert_eq!(unreadable.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unreadable.stderr).contains("no column \"key\""), "{unreadable:?}");

    // What was declined was captured after all, and nobody noticed; a refund was forgotten at the provider.
    shop.toss.contract.set(&declined, "DONE");
    let ran = reconcile("toss", &[]).await;
    let says = format!(
        "{order}, payment {declined}: the ledger has 0 captured and 0 returned, toss has 110000 captured and 0 returned (-110000)"
    );
    assert!(lines(&ran).contains(&says), "{ran:?}");
    assert_eq!(ran.status.code(), Some(1));
    shop.portone.contract.set(&other, 40_000, "PAID");
    let ran = reconcile("portone", &[]).await;
    let says = format!(
        "{other}, payment {other}: the ledger has 55000 captured and 0 returned, portone has 40000 captured and 0 returned (+15000)"
    );
    assert!(lines(&ran).contains(&says), "{ran:?}");
    // A provider that does not answer is no difference, and not well either.
    for _ in 0..4 {
        shop.portone.next(leak(&other), Mood::Page(502));
    }
    let ran = reconcile("portone", &[]).await;
    assert!(lines(&ran)[2].starts_with(&format!("payment {other}: no answer: ")), "{ran:?}");
    assert_eq!(ran.status.code(), Some(1));

    let usage = reconcile("stripe", &[]).await;
    assert_eq!(usage.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&usage.stderr).contains("stripe is not among payment.providers"), "{usage:?}");
}

/// The servers of the suite know the ends of paths for as long as they run.
fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}
