//! The routes of `webhooks`.

use super::body::WebhookSpec;
use super::view::{DeliveryView, TestView, WebhookView};
use crate::edge::problem::Code;
use crate::edge::router::{Route, delete, get, post, put};

pub fn routes() -> Vec<Route> {
    vec![
        get("/v1/admin/webhooks", "list_webhooks", "Webhooks, by name", super::list)
            .admin()
            .about("All of them: a house has at most 100.")
            .answers_page::<WebhookView>(),
        put("/v1/admin/webhooks/{webhook}", "put_webhook", "Create or change a webhook", super::put)
            .admin()
            .about(
                "From now on, notices of these types are sent to the URL: CloudEvents 1.0 in structured JSON, signed as \
                 Standard Webhooks 1.0 says. A notice is sent until the endpoint answers 2xx, up to ten times over \
                 three days, so it may come twice: compare `webhook-id`. Notices with the same `source` and \
                 `partitionkey` come in their order. `disabled` becomes `on` again by this call.\n\nA repeat changes nothing, but the same \
                 secret again ends the time of the secret before.",
            )
            .body::<WebhookSpec>()
            .answers::<WebhookView>(201, "Created")
            .answers::<WebhookView>(200, "Changed")
            .errors(&[Code::NotFound]),
        get("/v1/admin/webhooks/{webhook}", "show_webhook", "A webhook", super::show)
            .admin()
            .about("Its secrets are never shown. A webhook whose endpoint answered 410 is `disabled`.")
            .answers::<WebhookView>(200, "The webhook")
            .errors(&[Code::NotFound]),
        delete("/v1/admin/webhooks/{webhook}", "delete_webhook", "Delete a webhook", super::delete)
            .admin()
            .about("Its deliveries go with it, those that wait included.\n\nA repeat is `NOT_FOUND`.")
            .answers_bare(204, "Deleted")
            .errors(&[Code::NotFound]),
        get(
            "/v1/admin/webhooks/{webhook}/deliveries",
            "list_deliveries",
            "What became of a webhook's notices, newest first",
            super::deliveries,
        )
        .admin()
        .about(
            "`pending`: not sent yet, or sent again at `next_at`. `delivered`: kept for a day. `failed`: not taken in ten \
             attempts, kept for thirty days.",
        )
        .paged()
        .query("state", "`pending` (default), `delivered` or `failed`", "failed")
        .answers_page::<DeliveryView>()
        .errors(&[Code::NotFound]),
        post(
            "/v1/admin/webhooks/{webhook}/deliveries/{id}/replay",
            "replay_delivery",
            "Send a notice again",
            super::replay,
        )
        .admin()
        .about(
            "The notice is due now, with ten attempts, whatever became of it before. Its `webhook-id` stays. It may come \
             after later notices about the same.\n\nA repeat is safe.",
        )
        .answers_bare(204, "Due now")
        .errors(&[Code::NotFound]),
        post("/v1/admin/webhooks/{webhook}/test", "test_webhook", "Send a test notice", super::test)
            .admin()
            .about(
                "Sends `stanchion.webhook.test.v1`. Its delivery shows what the endpoint answered. A paused webhook sends \
                 it when it is on again.\n\nA repeat sends another one.",
            )
            .answers::<TestView>(202, "The delivery was made")
            .errors(&[Code::NotFound]),
    ]
}
