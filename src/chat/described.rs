//! Holds JSON to `assets/answer.schema.json`: checks the part of JSON Schema that the file uses.
//!
//! A keyword that it does not know is a failure of the test: nothing is passed over.

use serde_json::Value;

const SCHEMA: &str = include_str!("../../assets/answer.schema.json");
const ANNOTATIONS: [&str; 5] = ["$schema", "$id", "title", "description", "$defs"];

/// What `value` has that the definition `name` does not allow, or lacks that it asks for; one line each.
pub(crate) fn objections(name: &str, value: &Value) -> Vec<String> {
    let root: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let mut found = Vec::new();
    Check { root: &root, found: &mut found }.check(&root["$defs"][name], value, name);
    found
}

struct Check<'a> {
    root: &'a Value,
    found: &'a mut Vec<String>,
}

impl Check<'_> {
    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        let schema = schema.as_object().unwrap_or_else(|| panic!("{at} is not described"));
        for (keyword, rule) in schema.iter().filter(|(keyword, _)| !ANNOTATIONS.contains(&keyword.as_str())) {
            match keyword.as_str() {
                "$ref" => self.check(self.root.pointer(&rule.as_str().expect("a text")[1..]).expect(at), value, at),
                "type" => self.expect(is_of_type(rule, value), at, value, rule),
                "const" => self.expect(rule == value, at, value, rule),
                "enum" => self.expect(items(rule).contains(value), at, value, rule),
                "minimum" => self.expect(value.as_f64().is_none_or(|it| Some(it) >= rule.as_f64()), at, value, rule),
                "maximum" => self.expect(value.as_f64().is_none_or(|it| Some(it) <= rule.as_f64()), at, value, rule),
                "required" => self.check_required(rule, value, at),
                "properties" => self.check_properties(rule, value, at),
                "items" => items(value).iter().for_each(|item| self.check(rule, item, &format!("{at}[]"))),
                "anyOf" => self.check_any(items(rule), value, at),
                keyword => panic!("{at}: the keyword {keyword} is not known here"),
            }
        }
    }

    fn expect(&mut self, holds: bool, at: &str, value: &Value, rule: &Value) {
        if !holds {
            self.found.push(format!("{at} is {value}, allowed is {rule}"));
        }
    }

    fn check_required(&mut self, names: &Value, value: &Value, at: &str) {
        for name in items(names).iter().filter_map(Value::as_str) {
            if value.get(name).is_none() {
                self.found.push(format!("{at} lacks {name}"));
            }
        }
    }

    /// New fields may come at any time, so the file allows others. Here they are to be described.
    fn check_properties(&mut self, rules: &Value, value: &Value, at: &str) {
        for (name, value) in value.as_object().into_iter().flatten() {
            match rules.get(name) {
                Some(rule) => self.check(rule, value, &format!("{at}.{name}")),
                None => self.found.push(format!("{at}.{name} is not described")),
            }
        }
    }

    fn check_any(&mut self, rules: &[Value], value: &Value, at: &str) {
        let mut all = Vec::new();
        for rule in rules {
            let mut found = Vec::new();
            Check { root: self.root, found: &mut found }.check(rule, value, at);
            if found.is_empty() {
                return;
            }
            all.push(found.join("; "));
        }
        self.found.push(format!("{at} fits none of: {}", all.join(" | ")));
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn is_of_type(types: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        name => panic!("no type is called {name}"),
    };
    types.as_str().map_or_else(|| items(types).iter().filter_map(Value::as_str).any(is), is)
}

#[test]
fn what_is_not_described_or_is_missing_is_told() {
    let error = serde_json::json!({ "error": { "message": "no", "hint": null, "exit_code": "four", "more": 1 } });
    let expected = ["error.error.more is not described", "error.error.exit_code is \"four\", allowed is \"integer\""];
    let mut found = objections("error", &error);
    found.sort();
    assert_eq!(found, {
        let mut all = expected.map(str::to_owned);
        all.sort();
        all
    });
    assert_eq!(objections("error", &serde_json::json!({})), ["error lacks error"]);
}
