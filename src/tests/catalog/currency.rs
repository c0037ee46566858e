//! The house's currency, and events in another.

use http::Method;
use serde_json::json;

use crate::support::gateway::{Gateway, Store, small_hall};

#[tokio::test(flavor = "multi_thread")]
async fn a_house_sells_in_one_currency() {
    let gateway = Gateway::start_with(Store::Embedded, |config| config.money.currency = "EUR".into()).await;
    let put = async |currency: &str| {
        let mut hall = small_hall();
        hall["currency"] = json!(currency);
        gateway.admin_call(Method::PUT, "/v1/admin/events/hall").json(&hall).send().await
    };
    let refused = put("KRW").await.expect_code(400, "VALIDATION");
    assert_eq!(refused.json["errors"][0]["pointer"], "/currency");
    assert!(refused.json["errors"][0]["detail"].as_str().is_some_and(|text| text.contains("EUR")), "{}", refused.json);
    put("EUR").await.expect(201);
}
