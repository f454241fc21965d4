//! `openapi.json`: that every answer is as it says, and that what it describes is what is served.

use crate::http::{Answer, Request};
use crate::world::World;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../src/admin/openapi.json")).expect("JSON")
});

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];

/// Holds an answer against what the document says of it.
pub fn check(request: &Request, answer: &Answer) {
    let (method, path) = request.line();
    let body = match operation(method, path) {
        Some(operation) => {
            let status = answer.status.to_string();
            let described = resolved(&operation["responses"][&status]);
            assert!(described.is_object(), "{method} {path} has no response {status}: {answer:?}");
            if described["content"].is_null() {
                return;
            }
            let content = &described["content"][answer.kind()];
            assert!(!content.is_null(), "{method} {path} {status} is no {}", answer.kind());
            &content["schema"]
        }
        // Nothing is served there: a problem.
        None if answer.status >= 400 && method != "HEAD" => {
            assert_eq!(answer.kind(), "application/problem+json", "{method} {path}: {answer:?}");
            &json!({"$ref": "#/components/schemas/Problem"})
        }
        None => return,
    };
    if answer.kind().ends_with("json") {
        check_schema(body, &answer.json(), &format!("{method} {path} {}", answer.status));
    }
}

/// Holds a value against a schema of the document.
pub fn check_named(schema: &str, value: &Value) {
    check_schema(&json!({"$ref": format!("#/components/schemas/{schema}")}), value, schema);
}

fn check_schema(schema: &Value, value: &Value, what: &str) {
    // References start at the root, so the schema is tried from there.
    let mut root = schema.clone();
    root["components"] = DOCUMENT["components"].clone();
    let validator: Validator = jsonschema::draft202012::new(&root).expect("a schema");
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}:\n{}\n{value:#}", errors.join("\n"));
}

fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let operation = &DOCUMENT["paths"][path][method.to_ascii_lowercase()];
    operation.is_object().then_some(operation)
}

fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            DOCUMENT.pointer(reference.trim_start_matches('#')).expect("a place in the document")
        }
        None => value,
    }
}

#[test]
fn the_methods_described_are_those_served() {
    let world = World::start();
    let mut described: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (path, item) in DOCUMENT["paths"].as_object().expect("paths") {
        let methods = item.as_object().expect("methods").keys();
        described.insert(path, methods.map(|method| method.to_ascii_uppercase()).collect());
    }
    for (path, methods) in described.iter().filter(|(path, _)| !path.contains('{')) {
        let unserved = METHODS.iter().find(|method| !methods.contains(**method));
        let answer = Request::new(unserved.expect("one too many"), path).send(world.admin());
        assert_eq!(answer.status, 405, "{path}");
        let allowed: BTreeSet<String> = answer
            .header("allow")
            .split(',')
            .map(|method| method.trim().to_owned())
            .filter(|method| method != "HEAD")
            .collect();
        assert_eq!(&allowed, methods, "{path}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_one() {
    let schemas = DOCUMENT["components"]["schemas"].as_object().expect("schemas");
    for name in schemas.keys() {
        let mut root = json!({"$ref": format!("#/components/schemas/{name}")});
        root["components"] = DOCUMENT["components"].clone();
        jsonschema::draft202012::new(&root).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let mut used = BTreeSet::new();
    references(&DOCUMENT, &mut used);
    for reference in &used {
        assert!(DOCUMENT.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    for name in schemas.keys() {
        let reference = format!("#/components/schemas/{name}");
        // What a stream holds is described in words.
        assert!(used.contains(&reference) || name == "Event", "{name} is used nowhere");
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| references(element, found)),
        _ => {}
    }
}
