//! `core/schemas/*.json` say what the types say.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tandem_core::event::{AgentEvent, CallEvent, ConfigEvent};

const HOW: &str = "regenerate with `TANDEM_REGENERATE=1 cargo test -p tandem-core --test golden schemas` and read the difference: \
                   a schema only grows";

/// File name and content.
fn generated() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut kinds = Vec::new();
    let of_calls = CallEvent::schemas().into_iter().map(|schema| (schema, Some("call")));
    let of_agents = AgentEvent::schemas().into_iter().map(|schema| (schema, Some("agent")));
    let others = ConfigEvent::schemas().into_iter().map(|schema| (schema, None));
    for ((kind, version, schema), subject) in of_calls.chain(of_agents).chain(others) {
        let file = format!("{kind}.v{version}.json");
        let mut schema: Value = serde_json::to_value(schema).unwrap();
        schema["$id"] = json!(format!("urn:tandem:event:{kind}:{version}"));
        files.insert(file.clone(), text(&schema));
        kinds.push((kind, version, file, subject));
    }
    files.insert("envelope.json".to_owned(), text(&envelope(&kinds)));
    files
}

fn envelope(kinds: &[(&str, u32, String, Option<&str>)]) -> Value {
    let one_of: Vec<Value> = kinds
        .iter()
        .map(|(kind, version, file, subject)| {
            let required: Vec<&str> = subject.iter().copied().collect();
            json!({
                "properties": {"kind": {"const": kind}, "version": {"const": version}, "data": {"$ref": file}},
                "required": required,
            })
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:tandem:event:envelope",
        "title": "Envelope",
        "description": "One fact with its place in its tenant's history.",
        "type": "object",
        "required": ["tenant", "seq", "time", "kind", "version", "data"],
        "properties": {
            "tenant": {"type": "string", "pattern": "^[a-z0-9-]{1,32}$", "description": "Whose history."},
            "seq": {"type": "integer", "minimum": 1, "description": "Place in the tenant's history: 1, 2, 3, … without gaps."},
            "time": {"type": "string", "format": "date-time", "description": "When it was decided (RFC 3339, microseconds, UTC)."},
            "kind": {"type": "string", "description": "What happened."},
            "version": {"type": "integer", "minimum": 1, "description": "Version of the kind's schema."},
            "call": {"type": "string", "pattern": "^[0-9A-HJKMNP-TV-Z]{13}$", "description": "The call it is about."},
            "agent": {"type": "integer", "minimum": 101, "maximum": 999_999, "description": "The agent it is about."},
            "data": {"type": "object"},
        },
        "oneOf": one_of,
    })
}

fn text(schema: &Value) -> String {
    let mut text = serde_json::to_string_pretty(schema).unwrap();
    text.push('\n');
    text
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let generated = generated();
    if std::env::var_os("TANDEM_REGENERATE").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for (file, content) in &generated {
            fs::write(folder.join(file), content).unwrap();
        }
    }
    let mut committed = BTreeMap::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let file = entry.file_name().into_string().unwrap();
        committed.insert(file, fs::read_to_string(entry.path()).unwrap());
    }
    for (file, content) in &generated {
        assert!(committed.get(file) == Some(content), "core/schemas/{file} differs from its type: {HOW}");
    }
    for file in committed.keys() {
        assert!(generated.contains_key(file), "core/schemas/{file}: there is no such kind any more, but kinds are never taken away");
    }
}
