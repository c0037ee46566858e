//! The body of `PUT /v1/admin/events/{event}` as the OpenAPI document describes it.

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::catalog::EventSpec;

/// An [`EventSpec`] without required fields, because a change names only what it changes. The fields that only `GET`
/// adds are allowed beside it.
pub struct EventBody;

impl PartialSchema for EventBody {
    fn schema() -> RefOr<Schema> {
        let RefOr::T(Schema::Object(mut whole)) = EventSpec::schema() else { unreachable!("a struct is an object") };
        whole.required.clear();
        let integer = || {
            let of = SchemaType::new(Type::Integer);
            ObjectBuilder::new().schema_type(of).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        };
        let id = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
        let told = "As `GET` answered it. A change ignores it.";
        let body = ObjectBuilder::from(whole)
            .property("id", id.description(Some("If it is there, the event of the path.")))
            .property("version", integer().description(Some(told)))
            .property("lane", integer().description(Some(told)))
            .description(Some(
                "To create an event: `name`, `starts_at`, `currency`, `organizer` and `sections` at least; the rest has \
                 defaults. To change one: only what changes.",
            ));
        let example = json!({
            "name": "Spring Concert", "category": "concert", "venue": "Spring Hall", "timezone": "Asia/Seoul",
            "starts_at": "2027-04-01T10:00:00Z", "opens_at": "2026-11-20T10:00:00Z", "currency": "KRW",
            "organizer": "hall-co", "seats_per_user": 4, "earn_bp": 100, "fee_bp": 500,
            "sections": [
                {"id": "a", "name": "Floor A", "price": 55000, "rows": [{"id": "1", "seats": 40}]},
                {"id": "ga", "name": "Standing", "price": 33000, "capacity": 500},
            ],
            "cancellation_fees": [{"days_before": 10, "fee_bp": 0}, {"days_before": 0, "fee_bp": 1000}],
            "refunds_close_at": "2027-03-31T15:00:00Z",
            "room": {"mode": "scheduled", "capacity": 500, "rate_per_min": 3000},
        });
        body.examples([example]).build().into()
    }
}

impl ToSchema for EventBody {
    fn name() -> Cow<'static, str> {
        EventSpec::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        EventSpec::schemas(schemas);
    }
}
