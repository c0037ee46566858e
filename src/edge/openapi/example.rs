//! An example of a schema, put together from the examples of its fields. A field without an example is a fault, so that
//! no example lacks a field of its schema.

use serde_json::{Map, Value, json};

/// `Err`: the path of a field that has no example.
pub fn of(schema: &Value, schemas: &Value) -> Result<Value, String> {
    if let Some(example) = schema.get("example").or(schema["examples"].get(0)) {
        return Ok(example.clone());
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|text| text.strip_prefix("#/components/schemas/")) {
        return of(&schemas[name], schemas).map_err(|path| format!("{name}{path}"));
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            if let Value::Object(fields) = of(part, schemas)? {
                whole.extend(fields);
            }
        }
        return Ok(Value::Object(whole));
    }
    let one_of = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
    if let Some(variant) = one_of.and_then(|variants| variants.iter().find(|variant| variant["type"] != "null")) {
        return of(variant, schemas);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return Ok(first.clone());
    }
    match kind(schema) {
        Some("object") => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let field = |(name, field): (&String, &Value)| match of(field, schemas) {
                Ok(example) => Ok((name.clone(), example)),
                Err(path) => Err(format!("/{name}{path}")),
            };
            fields.map(field).collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        Some("array") => Ok(json!([of(&schema["items"], schemas)?])),
        Some("boolean") => Ok(json!(false)),
        Some(_) | None => Err(String::new()),
    }
}

/// The type of a schema. For a nullable schema this is the type that is not `null`.
fn kind(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        kind => kind.as_str(),
    }
}
